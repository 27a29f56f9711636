//! The messages of one connection, whatever carries its bytes: the engine of either role, and the records of its events.
//! Connections on sockets and sessions over streams use the same functions, for requests and responses alike.

mod engine;
mod translator;

pub(crate) use self::engine::Engine;
pub(crate) use self::translator::{Input, Reported, Translator};
