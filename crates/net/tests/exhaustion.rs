//! No descriptors are left. The limit applies to the process, so this test has a process of its own.

mod support;

use std::fs::File;
use std::net::TcpStream;
use std::time::Duration;

use support::{Js, Out, Peer, config};

/// Lowers the limit on open files, or raises it again.
fn limit_files(limit: u64) {
    let limit = libc::rlimit {
        rlim_cur: limit,
        rlim_max: hard_limit(),
    };
    // SAFETY: `limit` is a valid rlimit for the time of the call.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!(result, 0);
}

fn hard_limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place for an rlimit.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    assert_eq!(result, 0);
    limit.rlim_max
}

#[test]
fn accepting_continues_when_descriptors_are_available() {
    let mut js = Js::new();
    let (_, address) = js.listen(config());
    let first = Peer::connect(address);
    let id = js.open();
    limit_files(hard_limit().min(256));
    // One descriptor is left for the peer's end of the connection, and none for the server's.
    let mut waiting: Option<TcpStream> = None;
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                if waiting.is_some() {
                    break;
                }
                files.pop();
                waiting = Some(TcpStream::connect(address).expect("the backlog takes it"));
            }
        }
    }
    assert_eq!(js.next_within(Duration::from_millis(200)), None);
    assert_eq!(js.environment.open_connections(), 1);
    files.clear();
    let second = js.open();
    assert_ne!(second, id);
    let mut peer = Peer(waiting.expect("connected"));
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    js.head();
    js.flush(Out::new().respond(second, b"ok"));
    peer.expect("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    drop(first);
    js.closed(id);
}
