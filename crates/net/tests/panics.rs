//! A panic of ours while a flush is carried out closes the connection whose command was applied, and no other.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use ferrohttp_net::{Held, HeldBytes};
use support::{Js, Out, Peer, config, flag};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A held buffer that panics after its bytes have been read a number of times.
struct Panicking(AtomicUsize);

impl HeldBytes for Panicking {
    fn bytes(&self) -> &[u8] {
        let left = self.0.fetch_sub(1, Ordering::Relaxed);
        assert!((1..100).contains(&left), "on purpose");
        b"never"
    }
}

/// The check of the flush reads it once.
fn after(looks: usize) -> Held {
    Box::new(Panicking(AtomicUsize::new(looks)))
}

#[test]
fn other_connections_of_the_flush_get_their_responses() {
    // Few enough writes to be carried out directly, and too many.
    for others in [1, 4] {
        for looks in 1..4 {
            let mut js = Js::new();
            let (_, address) = js.listen(config());
            let asked = |js: &mut Js| {
                let mut peer = Peer::connect(address);
                peer.send(GET);
                (peer, js.open_with_head().0)
            };
            let (mut broken, id) = asked(&mut js);
            let mut peers: Vec<_> = (0..others).map(|_| asked(&mut js)).collect();

            let mut out = Out::new();
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
            // `Out` itself reads it once, for its length.
            out.head_held(id, head, after(looks + 1), flag::END);
            for (_, id) in &peers {
                out.respond(*id, b"ok");
            }
            js.flush(&mut out);

            js.closed(id);
            assert_eq!(broken.rest(), b"", "after {looks} looks");
            for (peer, _) in &mut peers {
                peer.expect(OK);
            }
        }
    }
}
