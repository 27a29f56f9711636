//! Connections that libuv has accepted, or another process: an I/O thread takes them over before their first byte is read.

use std::io;
use std::sync::Arc;

use crate::connection;
use crate::descriptor::Descriptor;
use crate::handoff;
use crate::id::ConnectionId;
use crate::io_thread::IoThread;
use crate::listener;
use crate::registry::Registry;
use crate::server::Server;
use crate::stream::Stream;

/// A connection that was accepted by somebody else.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// The connection's id.
    pub id: ConnectionId,
    /// Both its ends, as OPEN records have them.
    pub addresses: String,
}

/// Gives `thread` a connected socket of which nothing has been read. Called on JavaScript's thread.
pub(crate) fn adopt(
    descriptor: Descriptor,
    thread: &Arc<IoThread>,
    registry: &Arc<Registry>,
    server: &Arc<Server>,
) -> io::Result<Adopted> {
    let stream = {
        let _runtime = thread.handle.enter();
        Stream::adopt(descriptor.into_socket())?
    };
    let mut addresses = Vec::new();
    handoff::write_addresses(
        (stream.local_address(), stream.peer_address()),
        &mut addresses,
    );
    let config = server.config();
    if config.no_delay {
        drop(stream.set_nodelay(true));
    }
    // JavaScript has compared the number of connections with the limit.
    server.admit(None);
    server.make_room(config.max_connections);
    registry.count_accepted();
    let connection = listener::begin(
        stream,
        Arc::clone(thread),
        registry,
        (server, &config),
        true,
    );
    let id = connection.id();
    thread.handle.spawn(connection::serve(connection));
    Ok(Adopted {
        id,
        addresses: String::from_utf8(addresses).unwrap_or_default(),
    })
}
