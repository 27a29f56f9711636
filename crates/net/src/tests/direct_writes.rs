//! Writes by JavaScript's thread itself.

use super::paused::{Peer, run};
use crate::crossing::inbound::CLOSED;
use crate::server::ServerConfig;

#[test]
fn the_first_error_of_a_failed_write_is_reported() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        let mut peer = Peer::connect(address).await;
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let id = js.open_with_head().await;
        // The I/O thread, which is this one, has no time to find out before the write does.
        peer.reset();
        js.respond(id, b"ok");
        assert_eq!(js.expect(CLOSED).await.word, libc::ECONNRESET as u32);
    });
}
