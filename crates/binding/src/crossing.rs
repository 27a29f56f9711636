//! Records on their way between JavaScript and Rust, in memory that both see.
//!
//! `drain` and `flush` are called for each batch of requests. They are functions that know their data, and not methods of a class:
//! for a method Node-API looks its object up by two private properties, which costs more than the rest of the call.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ferrohttp_net::{Batch, Chunk, Environment, Held, Outbound, phase_word};
use napi::Env;
use napi::bindgen_prelude::{FunctionCallContext, JsObjectValue, JsValue, Object, Result};

use crate::held::Released;
use crate::pinned::Pinned;
use crate::wake::misuse;

/// The memory that JavaScript shares with this thread's Rust.
pub(crate) struct Memory {
    /// Words that JavaScript and the waker share.
    pub(crate) phase: Pinned,
    /// Records to JavaScript.
    pub(crate) inbound: Pinned,
    /// Records of JavaScript, and their text.
    pub(crate) outbound: Pinned,
}

impl Memory {
    /// `memory` has a Uint8Array for each field.
    pub(crate) fn new(env: Env, memory: &Object<'static>) -> Result<Self> {
        let pin = |name| Pinned::new(env, &memory.get_named_property::<Object<'static>>(name)?);
        Ok(Self {
            phase: pin("phase")?,
            inbound: pin("inbound")?,
            outbound: pin("outbound")?,
        })
    }
}

/// The crossing of one JavaScript thread.
pub(crate) struct Crossing {
    environment: Arc<Environment>,
    memory: Memory,
    released: Released,
    /// A batch that is not completely copied to JavaScript yet.
    batch: Option<Batch>,
    copied: usize,
    /// The buffers that records of the next flush may name.
    holding: Vec<Held>,
    /// The acknowledgements of the last flush.
    acks: Batch,
}

impl Crossing {
    pub(crate) fn new(environment: Arc<Environment>, memory: Memory) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            environment,
            memory,
            released: Released::default(),
            batch: None,
            copied: 0,
            holding: Vec::new(),
            acks: Batch::default(),
        }))
    }

    /// Replaces the inbound buffer by a larger one.
    pub(crate) fn set_inbound(&mut self, env: Env, inbound: &Object<'static>) -> Result<()> {
        let new = Pinned::new(env, inbound)?;
        std::mem::replace(&mut self.memory.inbound, new).release(env);
        Ok(())
    }

    /// Replaces the outbound buffer by a larger one.
    pub(crate) fn set_outbound(&mut self, env: Env, outbound: &Object<'static>) -> Result<()> {
        let new = Pinned::new(env, outbound)?;
        std::mem::replace(&mut self.memory.outbound, new).release(env);
        Ok(())
    }

    /// Takes a large body part of the records that were drained last.
    pub(crate) fn take_chunk(&mut self, index: u32) -> Result<Chunk> {
        self.batch
            .as_mut()
            .and_then(|batch| batch.chunks.get_mut(index as usize))
            .map(std::mem::take)
            .ok_or_else(|| misuse("no such chunk"))
    }

    /// Keeps a Uint8Array alive until the next flush has written it. Returns the number by which that flush's records name it.
    pub(crate) fn hold(&mut self, env: Env, bytes: &Object<'static>) -> Result<u32> {
        let held = self.released.hold(env, bytes.value().value)?;
        self.holding.push(held);
        Ok((self.holding.len() - 1) as u32)
    }

    /// Reports how many requests JavaScript has passed to handlers so far.
    fn note_served(&self) {
        let at = phase_word::SERVED as usize * size_of::<u32>();
        let word = self.memory.phase.as_slice().get(at..at + size_of::<u32>());
        if let Some(Ok(word)) = word.map(TryInto::try_into) {
            self.environment.note_served(u32::from_ne_bytes(word));
        }
    }

    /// Copies complete records into the inbound buffer. Returns their number of bytes, 0 when there is no record, and `-n` when
    /// the next record needs a buffer of `n` bytes. The chunks of the previous call's records must have been taken.
    fn drain(&mut self, env: Env) -> i32 {
        self.released.collect(env);
        self.note_served();
        if self
            .batch
            .as_ref()
            .is_none_or(|batch| self.copied == batch.records().len())
        {
            let used = self.batch.take();
            self.batch = self.environment.take(used);
            self.copied = 0;
        }
        let Some(batch) = &self.batch else {
            return 0;
        };
        let rest = &batch.records()[self.copied..];
        let into = self.memory.inbound.as_mut_slice();
        let len = whole_records(rest, into.len());
        if len == 0 {
            return -(record_length(rest).unwrap_or(0) as i32);
        }
        into[..len].copy_from_slice(&rest[..len]);
        self.copied += len;
        len as i32
    }

    /// Carries out the records in the first `records` bytes of the outbound buffer. The text of the records is in the `text`
    /// bytes that follow.
    /// `at_once`: this thread writes everything itself. Returns the number of bytes of ACK records that are in the buffer now, plus
    /// one. The result is negative when the flush did not parse, see `ferrohttp_net::Malformed`.
    fn flush(&mut self, records: u32, text: u32, at_once: bool) -> Result<i32> {
        self.note_served();
        let held = std::mem::take(&mut self.holding);
        let (records, text) = self
            .memory
            .outbound
            .as_slice()
            .split_at_checked(records as usize)
            .and_then(|(records, rest)| Some((records, rest.get(..text as usize)?)))
            .ok_or_else(|| misuse("more than there is"))?;
        self.acks.reset();
        let out = Outbound {
            records,
            text,
            held,
        };
        let flushed = self.environment.flush(out, at_once, &mut self.acks);
        // Nothing fails from here on, because after an error JavaScript sends the records again.
        let acks = self.acks.records();
        let length = acks.len() as i32 + 1;
        if let Some(into) = self.memory.outbound.as_mut_slice().get_mut(..acks.len()) {
            into.copy_from_slice(acks);
        } else {
            self.environment.acknowledge_later(&mut self.acks);
        }
        Ok(if flushed.is_ok() { length } else { -length })
    }
}

/// An object with `drain` and `flush`, see `Crossing`.
pub(crate) fn functions<'env>(
    env: &'env Env,
    crossing: &Rc<RefCell<Crossing>>,
) -> Result<Object<'env>> {
    let mut functions = Object::new(env)?;
    let its = Rc::clone(crossing);
    let drain = move |call: FunctionCallContext<'_>| Ok(its.borrow_mut().drain(*call.env));
    functions.set(
        "drain",
        env.create_function_from_closure::<(), i32, _>("drain", drain)?,
    )?;
    let its = Rc::clone(crossing);
    let flush = move |call: FunctionCallContext<'_>| {
        let mut crossing = its.borrow_mut();
        crossing.flush(call.get(0)?, call.get(1)?, call.get(2)?)
    };
    let flush = env.create_function_from_closure::<(u32, u32, bool), i32, _>("flush", flush)?;
    functions.set("flush", flush)?;
    Ok(functions)
}

fn record_length(records: &[u8]) -> Option<usize> {
    let word = records.get(4..8)?.try_into().ok()?;
    Some(u32::from_le_bytes(word) as usize)
}

/// Length of the longest run of complete records within `limit`.
fn whole_records(records: &[u8], limit: usize) -> usize {
    if records.len() <= limit {
        return records.len();
    }
    let mut len = 0;
    while let Some(next) = record_length(&records[len..]) {
        if len + next > limit {
            break;
        }
        len += next;
    }
    len
}
