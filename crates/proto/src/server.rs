//! The server's side of one connection.

use std::time::Instant;

use crate::close_reason::CloseReason;
use crate::config::{Limits, TimeoutKind, Timeouts};
use crate::error::{MisuseError, ParseError};
use crate::event::{Scratch, Step};

/// The server's side of one connection.
#[derive(Debug)]
pub struct ServerConnection {
    unanswered: u16,
}

#[allow(unused_variables, missing_docs)]
impl ServerConnection {
    pub fn new(now: Instant) -> Self {
        Self { unanswered: 0 }
    }
    pub fn handle_data<'b>(
        &mut self,
        now: Instant,
        limits: &Limits,
        input: &'b [u8],
        scratch: &'b mut Scratch,
    ) -> Result<Step<'b>, ParseError> {
        Ok(Step {
            consumed: 0,
            event: None,
        })
    }
    pub fn handle_eof(&mut self, remaining: &[u8]) -> Result<(), ParseError> {
        Ok(())
    }
    pub fn may_read(&self, limits: &Limits) -> bool {
        true
    }
    pub fn send_interim(&mut self, head: &[u8], out: &mut Vec<u8>) -> Result<(), MisuseError> {
        Ok(())
    }
    pub fn send_head(
        &mut self,
        head: &[u8],
        chunked: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        Ok(())
    }
    pub fn begin_data(&mut self, len: usize, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        Ok(())
    }
    pub fn finish_data(&mut self, len: usize, out: &mut Vec<u8>) {}
    pub fn send_end(
        &mut self,
        now: Instant,
        trailers: &[u8],
        close: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        Ok(())
    }
    pub fn upgrade(&mut self) {}
    pub fn decline_upgrade(&mut self) {}
    pub fn close_reason(&self) -> Option<CloseReason> {
        None
    }
    pub fn is_idle(&self) -> bool {
        false
    }
    /// A request's head has been delivered and its `End` has not.
    pub fn is_receiving(&self) -> bool {
        false
    }
    pub fn unanswered(&self) -> u16 {
        self.unanswered
    }
    pub fn poll_timeout(&self, timeouts: &Timeouts) -> Option<(Instant, TimeoutKind)> {
        None
    }
}
