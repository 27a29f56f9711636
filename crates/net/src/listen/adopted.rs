//! Connections that libuv or another process has accepted, and that an I/O thread serves from their first byte on.

use std::io;
use std::sync::Arc;

use crate::connection;
use crate::handoff;
use crate::id::ConnectionId;
use crate::listen::listener;
use crate::registry::Registry;
use crate::server::Server;
use crate::socket::descriptor::Descriptor;
use crate::socket::stream::Stream;
use crate::threads::io_thread::IoThread;

/// A connection that was not accepted by an I/O thread.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// The connection's id.
    pub id: ConnectionId,
    /// The addresses of both ends, as in OPEN records.
    pub addresses: String,
}

/// Has `thread` serve a connected socket of which nothing has been read. Called on JavaScript's thread.
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
    // JavaScript has checked the number of connections.
    server.admit(None);
    server.make_room(config.max_connections);
    registry.count_accepted();
    let connection = listener::begin(
        stream,
        Arc::clone(thread),
        registry,
        (server, &config),
        (true, None),
    );
    let id = connection.id();
    thread.handle.spawn(connection::serve(connection));
    Ok(Adopted {
        id,
        addresses: String::from_utf8(addresses).unwrap_or_default(),
    })
}
