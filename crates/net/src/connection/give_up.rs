//! A connection's socket leaves us: the program passes it on to another process, or to a stream of Node's.

use std::io;

use super::{Connection, Reading, Socket, State, Writing};
use crate::descriptor::Descriptor;
use crate::stream::Stream;

/// A socket that has been given up.
#[derive(Debug)]
pub struct GivenUp {
    /// The socket, by a descriptor of its own.
    pub descriptor: Descriptor,
    /// Bytes that were received and that neither the engine nor JavaScript has consumed.
    pub unread: Vec<u8>,
}

impl Connection {
    /// Gives up the socket. The I/O thread reads no more from it and sends what was written before; then it closes our
    /// descriptor, without a FIN, and reports CLOSED as the connection's last record. Called on either thread.
    ///
    /// # Errors
    /// The connection does not stand, or is being closed; there is no further descriptor, or none on this platform.
    pub(crate) fn give_up_socket(&self) -> io::Result<GivenUp> {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.take_back(self);
        if !state.can_be_given_up() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let Socket::Open(stream) = &state.socket else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let descriptor = stream.duplicate()?;
        state.given_up = true;
        state.reading = Reading::Raw;
        state.upgrade_pending = false;
        state.tapped = false;
        state.socket_timeout = None;
        state.fallback_at = None;
        let unread = std::mem::take(&mut state.input);
        state.wake();
        Ok(GivenUp { descriptor, unread })
    }
}

impl State {
    fn can_be_given_up(&self) -> bool {
        !self.given_up
            && !self.destroying
            && !self.parted
            && self.write_failed.is_none()
            && self.writing != Writing::Close
            && self.reading != Reading::Discard
    }
}

impl Stream {
    fn duplicate(&self) -> io::Result<Descriptor> {
        self.with_socket(Descriptor::duplicate)
    }
}
