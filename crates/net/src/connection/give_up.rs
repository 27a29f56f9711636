//! Gives up a connection's socket, because the program passes it on to another process, or to a stream of Node.

use std::io;

use super::input::Reading;
use super::{Connection, Lifecycle, State, Writing};
use crate::socket::descriptor::Descriptor;
use crate::socket::stream::Stream;

/// A socket that has been given up.
#[derive(Debug)]
pub struct GivenUp {
    /// The socket, by a descriptor of its own.
    pub descriptor: Descriptor,
    /// Bytes that were received and that neither the engine nor JavaScript has consumed.
    pub unread: Vec<u8>,
}

impl Connection {
    /// Gives up the socket. The I/O thread reads no more from it and sends what was written before. Then it closes our
    /// descriptor, without a FIN, and reports CLOSED as the connection's last record. Called on either thread.
    ///
    /// # Errors
    /// The connection is not open or is being closed. Or it uses TLS about which the program has decided: another owner of the
    /// socket would not have the keys. Or the process has no further descriptor, or the platform has none.
    pub(crate) fn give_up_socket(&self) -> io::Result<GivenUp> {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.take_back(self);
        let Lifecycle::Open(stream) = &state.lifecycle else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        if !state.can_be_given_up() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let descriptor = stream.duplicate()?;
        if let Lifecycle::Open(stream) = std::mem::replace(&mut state.lifecycle, Lifecycle::Lost) {
            state.lifecycle = Lifecycle::GivenUp(stream);
        }
        state.role.upgrade_decided();
        state.incoming.reading = Reading::Raw;
        state.incoming.tapped = false;
        state.deadlines.socket_timeout = None;
        state.deadlines.fallback_at = None;
        let unread = match state.give_up_tls() {
            Some(received) => received,
            None => std::mem::take(&mut state.incoming.buffer),
        };
        state.wake();
        Ok(GivenUp { descriptor, unread })
    }
}

impl State {
    fn can_be_given_up(&self) -> bool {
        self.secure
            .as_ref()
            .is_none_or(|secure| secure.awaits_answer())
            && self.write_failed.is_none()
            && !matches!(self.writing, Writing::Close | Writing::Destroy)
            && self.incoming.reading != Reading::Discard
    }
}

impl Stream {
    fn duplicate(&self) -> io::Result<Descriptor> {
        self.with_socket(Descriptor::duplicate)
    }
}
