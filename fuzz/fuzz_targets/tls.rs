//! Bytes of a TLS peer: hellos and records with changes, truncated and split anywhere. Only bytes that the peer has encrypted become
//! plaintext, and splitting makes no difference.
#![no_main]

use ferrohttp_net::fuzz::{TlsReceiver, TlsSender};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};

#[derive(Debug, Arbitrary)]
struct Change {
    at: u16,
    by: u8,
}

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// To a server, or to a client that has sent its hello.
    Bytes(bool, &'a [u8]),
    /// A client's hello with changes, and the bytes that follow it.
    Hello(Vec<Change>, &'a [u8]),
    /// Records of a connection after its handshake, with changes.
    Records(Vec<&'a [u8]>, Vec<Change>),
}

fn change(bytes: &mut [u8], changes: &[Change]) -> bool {
    let mut changed = false;
    for &Change { at, by } in changes {
        if let Some(byte) = bytes.get_mut(usize::from(at)) {
            *byte ^= by;
            changed |= by != 0;
        }
    }
    changed
}

/// Receives bytes in parts of these sizes, which are repeated. Returns the failure.
fn receive(receiver: &mut TlsReceiver, bytes: &[u8], sizes: &[u8]) -> Option<u16> {
    let mut sizes = sizes.iter().cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let size = sizes
            .next()
            .map_or(rest.len(), |&size| usize::from(size) + 1);
        let (part, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        if let Some(failure) = receiver.receive(part) {
            assert_eq!(receiver.receive(b"more"), Some(failure));
            return Some(failure);
        }
    }
    None
}

/// Bytes that are no complete handshake.
fn handshaking(make: fn() -> TlsReceiver, bytes: &[u8], sizes: &[u8]) {
    let mut whole = make();
    let mut split = make();
    let failure = receive(&mut whole, bytes, &[]);
    assert_eq!(receive(&mut split, bytes, sizes), failure);
    for receiver in [whole, split] {
        assert!(receiver.is_handshaking() && receiver.plaintext.is_empty());
    }
}

fuzz_target!(|given: (Input<'_>, Vec<u8>)| {
    let (input, sizes) = given;
    match input {
        Input::Bytes(true, bytes) => {
            handshaking(TlsReceiver::server, bytes, &sizes);
            handshaking(TlsReceiver::asking, bytes, &sizes);
        }
        Input::Bytes(false, bytes) => handshaking(TlsReceiver::client, bytes, &sizes),
        Input::Hello(changes, rest) => {
            let mut hello = TlsSender::hello();
            change(&mut hello, &changes);
            hello.extend_from_slice(rest);
            handshaking(TlsReceiver::server, &hello, &sizes);
            handshaking(TlsReceiver::asking, &hello, &sizes);
        }
        Input::Records(parts, changes) => {
            let (mut sender, mut server) = TlsSender::connected();
            let mut records: Vec<u8> = Vec::new();
            for part in &parts {
                records.extend(sender.encrypt(part));
            }
            let changed = change(&mut records, &changes);
            let failure = receive(&mut server, &records, &sizes);
            let sent = parts.concat();
            assert!(sent.starts_with(&server.plaintext));
            assert!(changed || (failure.is_none() && server.plaintext == sent));
        }
    }
});
