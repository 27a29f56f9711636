//! Peers that send an unlimited number of TLS messages, or garbage in the middle of a handshake: at most their own connection ends,
//! and others are served meanwhile.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ferrohttp_proto::Timeouts;
use rustls::{ClientConnection, ConnectionTrafficSecrets};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::paused::{Js, run};
use crate::crossing::inbound::{BODY, CLOSED, HEAD, OPEN, SECURED, TLS_FAILED};
use crate::id::ConnectionId;
use crate::server::{ServerConfig, ServerOptions, ServerTls};
use crate::tls::testing;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
/// OpenSSL's numbers of its reasons.
const TOO_MANY_KEY_UPDATES: u32 = 132;
const RECORD_TOO_SMALL: u32 = 298;
/// Number of key updates that OpenSSL accepts without application data in between.
const ACCEPTED: usize = 32;

fn listen(js: &Js) -> SocketAddr {
    let tls = ServerTls {
        config: testing::server(),
        handshake_timeout: Some(Duration::from_secs(120)),
    };
    let options = ServerOptions {
        tls: Some(tls),
        guard: None,
    };
    let mut config = ServerConfig::default();
    // The paused clock advances to the next timer whenever the runtime polls the sockets. A timer each second keeps these steps
    // short, and there are no time limits that could pass in the meantime.
    tokio::spawn(async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    config.timeouts = Timeouts {
        headers: None,
        request: None,
        keep_alive: None,
    };
    js.listen_with(config, options).1
}

/// A client whose handshake is complete.
async fn connect(js: &mut Js, address: SocketAddr) -> (TcpStream, ClientConnection, ConnectionId) {
    let mut socket = TcpStream::connect(address).await.expect("connect");
    let mut config = testing::client_config();
    config.enable_secret_extraction = true;
    let mut tls = testing::client_with(config);
    while tls.is_handshaking() || tls.wants_write() {
        flush(&mut socket, &mut tls).await;
        if tls.is_handshaking() {
            receive(&mut socket, &mut tls).await;
        }
    }
    let id = js.expect(OPEN).await.id;
    js.expect(SECURED).await;
    (socket, tls, id)
}

async fn flush(socket: &mut TcpStream, tls: &mut ClientConnection) {
    let mut sent = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut sent).expect("room");
    }
    socket.write_all(&sent).await.expect("write");
}

/// Reads once, and returns the plaintext of what has arrived.
async fn receive(socket: &mut TcpStream, tls: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = vec![0; 16 * 1024];
    let count = socket.read(&mut bytes).await.expect("read");
    assert!(count > 0, "an early end");
    let (mut received, mut plaintext) = (&bytes[..count], Vec::new());
    while !received.is_empty() {
        tls.read_tls(&mut received).expect("room");
        tls.process_new_packets().expect("records");
        // An error says that there is no more plaintext.
        drop(tls.reader().read_to_end(&mut plaintext));
    }
    plaintext
}

/// Serves one request of another connection.
async fn serve(js: &mut Js, other: &mut (TcpStream, ClientConnection, ConnectionId)) {
    let (socket, tls, id) = other;
    tls.writer().write_all(GET).expect("room");
    flush(socket, tls).await;
    assert_eq!(js.expect(HEAD).await.id, *id);
    js.respond(*id, b"ok");
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nok") {
        text.extend(receive(socket, tls).await);
    }
}

#[test]
fn key_updates_without_data_are_limited() {
    run(async |mut js| {
        let address = listen(&js);
        let mut other = connect(&mut js, address).await;
        let (mut socket, mut tls, id) = connect(&mut js, address).await;
        for _ in 0..ACCEPTED {
            tls.refresh_traffic_keys().expect("TLS 1.3");
        }
        flush(&mut socket, &mut tls).await;
        serve(&mut js, &mut other).await;
        tls.refresh_traffic_keys().expect("TLS 1.3");
        flush(&mut socket, &mut tls).await;
        let failed = js.expect(TLS_FAILED).await;
        assert_eq!((failed.id, failed.word), (id, TOO_MANY_KEY_UPDATES));
        assert_eq!(js.expect(CLOSED).await.id, id);
        serve(&mut js, &mut other).await;
    });
}

/// Makes TLS records of a client that rustls does not make, such as empty ones, with the keys of its session.
struct Sealer {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

impl Sealer {
    fn new(tls: ClientConnection) -> Self {
        #[allow(deprecated, reason = "keys are not updated here")]
        let (sequence, secrets) = tls.dangerous_extract_secrets().expect("secrets").tx;
        let ConnectionTrafficSecrets::Aes256Gcm { key, iv } = secrets else {
            panic!("another suite");
        };
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("a key");
        Self {
            key: LessSafeKey::new(key),
            iv: iv.as_ref().try_into().expect("12 bytes"),
            sequence,
        }
    }

    fn seal(&mut self, kind: u8, plaintext: &[u8]) -> Vec<u8> {
        let mut nonce = self.iv;
        for (byte, counted) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= counted;
        }
        self.sequence += 1;
        let mut sealed = [plaintext, &[kind]].concat();
        let length = u16::try_from(sealed.len() + 16).expect("a record");
        let header = [&[DATA, 3, 3][..], &length.to_be_bytes()].concat();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(&header), &mut sealed)
            .expect("sealed");
        [header, sealed].concat()
    }
}

#[test]
fn empty_records_cost_nothing_but_their_connection() {
    run(async |mut js| {
        let address = listen(&js);
        let mut other = connect(&mut js, address).await;
        let (mut socket, tls, id) = connect(&mut js, address).await;
        let mut sealer = Sealer::new(tls);
        for _ in 0..4 {
            let mut records = Vec::new();
            for _ in 0..ACCEPTED {
                records.extend(sealer.seal(DATA, b""));
            }
            records.extend(sealer.seal(DATA, b"GET / "));
            socket.write_all(&records).await.expect("write");
            serve(&mut js, &mut other).await;
            socket
                .write_all(&sealer.seal(DATA, b"HTTP/1.1\r\nHost: a\r\n\r\n"))
                .await
                .expect("write");
            assert_eq!(js.expect(HEAD).await.id, id);
            js.respond(id, b"ok");
        }
        let flood: Vec<u8> = (0..10_000).flat_map(|_| sealer.seal(DATA, b"")).collect();
        // The server may close before it has read all.
        drop(socket.write_all(&flood).await);
        let failed = js.expect(TLS_FAILED).await;
        assert_eq!((failed.id, failed.word), (id, RECORD_TOO_SMALL));
        assert_eq!(js.expect(CLOSED).await.id, id);
        serve(&mut js, &mut other).await;
    });
}

#[test]
fn bodies_of_one_byte_in_each_record_arrive_and_leave_room_for_others() {
    run(async |mut js| {
        let address = listen(&js);
        let mut other = connect(&mut js, address).await;
        let (mut socket, tls, id) = connect(&mut js, address).await;
        let mut sealer = Sealer::new(tls);
        let mut records = sealer.seal(DATA, POST);
        for _ in 0..500 {
            for byte in b"1\r\nx\r\n" {
                records.extend(sealer.seal(DATA, &[*byte]));
            }
        }
        socket.write_all(&records).await.expect("write");
        assert_eq!(js.expect(HEAD).await.id, id);
        let mut bytes = 0;
        while bytes < 500 {
            let body = js.expect(BODY).await;
            assert_eq!(body.id, id);
            bytes += body.word;
        }
        serve(&mut js, &mut other).await;
    });
}

#[test]
fn handshake_messages_after_the_handshake_end_the_connection() {
    // A hello, a Finished, a certificate, and an unfinished message.
    for message in [
        &[1, 0, 0, 0][..],
        &[20, 0, 0, 0],
        &[11, 0, 0, 0],
        &[99, 0, 0, 0],
    ] {
        run(async |mut js| {
            let address = listen(&js);
            let mut other = connect(&mut js, address).await;
            let (mut socket, tls, id) = connect(&mut js, address).await;
            let record = Sealer::new(tls).seal(HANDSHAKE, message);
            socket.write_all(&record).await.expect("write");
            assert_eq!(js.expect(TLS_FAILED).await.id, id, "{message:?}");
            assert_eq!(js.expect(CLOSED).await.id, id);
            serve(&mut js, &mut other).await;
        });
    }
}

#[test]
fn garbage_in_the_middle_of_a_handshake_ends_its_connection() {
    run(async |mut js| {
        let address = listen(&js);
        let mut other = connect(&mut js, address).await;
        // Complete records of each kind, truncated ones, and bytes that are not a record.
        let garbage: [&[u8]; 8] = [
            &[22, 3, 3, 0, 4, 20, 0, 0, 0],
            &[22, 3, 3, 0, 1, 0],
            &[21, 3, 3, 0, 2, 2, 40],
            &[23, 3, 3, 0, 1, 0],
            &[20, 3, 3, 0, 1, 2],
            &[22, 3, 3, 0xff, 0xff],
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            &[0; 64],
        ];
        for bytes in garbage {
            let mut socket = TcpStream::connect(address).await.expect("connect");
            let mut tls = testing::client();
            flush(&mut socket, &mut tls).await;
            // The server has answered, so the client's next message is due.
            receive(&mut socket, &mut tls).await;
            socket.write_all(bytes).await.expect("write");
            drop(socket);
            let id = js.expect(OPEN).await.id;
            assert_eq!(js.expect(TLS_FAILED).await.id, id, "{bytes:?}");
            assert_eq!(js.expect(CLOSED).await.id, id);
            serve(&mut js, &mut other).await;
        }
    });
}

/// Of each client one byte is changed in what it sends after the server's answer.
#[test]
fn a_second_message_with_a_changed_byte_is_no_plaintext() {
    run(async |mut js| {
        let address = listen(&js);
        let mut at = 0;
        loop {
            let mut socket = TcpStream::connect(address).await.expect("connect");
            let mut tls = testing::client();
            flush(&mut socket, &mut tls).await;
            while tls.is_handshaking() {
                receive(&mut socket, &mut tls).await;
            }
            tls.writer().write_all(GET).expect("room");
            let mut sent = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut sent).expect("room");
            }
            let Some(byte) = sent.get_mut(at) else {
                break;
            };
            *byte ^= 0x40;
            socket.write_all(&sent).await.expect("write");
            drop(socket);
            let id = js.expect(OPEN).await.id;
            js.until_closed(id, |_, record| {
                // The handshake may have been complete before the changed byte.
                let known = [SECURED, TLS_FAILED].contains(&record.kind);
                assert!(known, "{record:?} at {at}");
            })
            .await;
            at += 5;
        }
        assert!(at > 0);
    });
}
