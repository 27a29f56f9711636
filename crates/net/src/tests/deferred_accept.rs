//! The accepting task follows `deferred_accept`. Only the order in which connections are reported shows what the kernel keeps.

use std::net::SocketAddr;

use tokio::time::sleep;

use super::paused::{Js, Peer, run};
use crate::crossing::inbound::{CLOSED, HEAD, OPEN};
use crate::listen::deferred_accept::{BEGIN, PERIOD};
use crate::server::ServerConfig;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Makes connections that bring one request each, until accepting is deferred.
async fn make_busy(js: &mut Js, address: SocketAddr) {
    for last in 0..=BEGIN {
        if last == BEGIN {
            sleep(PERIOD).await;
        }
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.expect(OPEN).await.id;
        // If the program listens for 'connection', nothing is read before its listener has run.
        js.resume(id);
        assert_eq!(js.expect(HEAD).await.id, id);
        js.destroy(id);
        assert_eq!(js.expect(CLOSED).await.id, id);
    }
}

#[test]
fn a_peer_that_sends_nothing_is_not_accepted_at_once() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        make_busy(&mut js, address).await;
        let mut silent = Peer::connect(address).await;
        let mut speaking = Peer::connect(address).await;
        speaking.send(GET).await;
        // The connection that has sent nothing is not reported before these.
        let first = js.open_with_head().await;
        silent.send(GET).await;
        assert_ne!(js.open_with_head().await, first);
        // After the load is over, it is accepted like any other.
        sleep(PERIOD * 2).await;
        let _silent = Peer::connect(address).await;
        js.expect(OPEN).await;
    });
}

#[test]
fn accepting_is_not_deferred_where_connections_are_watched() {
    run(async |mut js| {
        let looked_at = ServerConfig {
            paused: true,
            ..ServerConfig::default()
        };
        let (_, address) = js.listen(looked_at);
        make_busy(&mut js, address).await;
        let _silent = Peer::connect(address).await;
        js.expect(OPEN).await;
    });
}
