//! Writes by JavaScript's thread itself.

use super::paused::{Peer, run};
use crate::crossing::inbound::{BODY, CLOSED, END};
use crate::server::ServerConfig;

#[test]
fn the_first_error_of_a_failed_write_is_reported() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        let mut peer = Peer::connect(address).await;
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let id = js.open_with_head().await;
        // The I/O thread is this thread, so it cannot notice the close before the write does.
        peer.reset();
        js.respond(id, b"ok");
        assert_eq!(js.expect(CLOSED).await.word, libc::ECONNRESET as u32);
    });
}

#[test]
fn the_rest_of_a_body_is_read_after_a_failed_write() {
    const REST: &[u8] = &[b'x'; 20_000];
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        let mut peer = Peer::connect(address).await;
        let length = REST.len();
        peer.send(&format!(
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ))
        .await;
        let id = js.open_with_head().await;
        // The I/O thread is this thread, so it cannot read before the writes.
        peer.send_now(REST);
        drop(peer);
        js.raw(id, b"the kernel answers this with RST");
        js.raw(id, b"and refuses this");
        let mut received = 0;
        while received < REST.len() {
            received += js.expect(BODY).await.word as usize;
        }
        js.expect(END).await;
        assert_eq!(js.expect(CLOSED).await.word, libc::EPIPE as u32);
    });
}
