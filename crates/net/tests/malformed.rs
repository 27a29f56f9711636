//! A flush that does not parse is a bug of ours: nothing of it is sent, and the connections that it names are closed.

mod support;

use ferrohttp_net::Batch;
use support::{Js, Out, Peer, config, flag};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn no_byte_of_a_malformed_flush_is_sent_and_only_its_connections_are_closed() {
    // Few enough writes to be carried out directly, and too many.
    for writes in [1, 5] {
        let mut js = Js::new();
        let (_, address) = js.listen(config());
        let mut named = Peer::connect(address);
        named.send(GET);
        let (broken, _) = js.open_with_head();
        let mut other = Peer::connect(address);
        other.send(GET);
        let (id, _) = js.open_with_head();

        let mut out = Out::new();
        for _ in 0..writes {
            out.raw(broken, b"of another peer", flag::ACKNOWLEDGE);
        }
        out.respond(broken, b"wrong");
        // The text is shorter than the records say, so the texts of later records would begin at a wrong place.
        out.text.pop();
        let mut acks = Batch::default();
        let refused = js
            .environment
            .flush(out.outbound(), false, &mut acks)
            .expect_err("it does not parse");
        assert_eq!(refused.connections, [broken]);

        js.closed(broken);
        named.expect_end();
        js.flush(Out::new().respond(id, b"ok"));
        other.expect(OK);
    }
}
