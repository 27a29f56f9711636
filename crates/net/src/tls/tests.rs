//! A session against rustls's own client, byte by byte and in one piece, and against peers that speak something else.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::failure::Failure;
use super::provider::provider;
use super::server::{Asks, Identity, TlsServer, TlsServerOptions};
use super::session::Session;
use super::testing::{self, client, client_config, client_with, identity, options};

/// The bytes that a session has to send.
fn output(session: &mut Session) -> Vec<u8> {
    let mut sent = Vec::new();
    session
        .send(|slices| {
            let count = slices.iter().map(|slice| slice.len()).sum();
            slices
                .iter()
                .for_each(|slice| sent.extend_from_slice(slice));
            Ok(count)
        })
        .expect("room");
    sent
}

/// The bytes that each side has read.
#[derive(Debug, Default)]
struct Exchanged {
    by_server: Vec<u8>,
    by_client: Vec<u8>,
}

/// Passes bytes between client and server, to the server in pieces of `piece`, until neither has bytes to send.
fn exchange(
    client: &mut ClientConnection,
    server: &mut Session,
    piece: usize,
) -> Result<Exchanged, Failure> {
    let mut read = Exchanged::default();
    loop {
        let mut sent = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut sent).expect("room");
        }
        for part in sent.chunks(piece) {
            server.receive(part, &mut read.by_server)?;
        }
        let answer = output(server);
        if sent.is_empty() && answer.is_empty() {
            return Ok(read);
        }
        let mut answer = &answer[..];
        while !answer.is_empty() {
            client.read_tls(&mut answer).expect("room");
            drop(client.process_new_packets());
            // At the end of the buffered bytes.
            drop(client.reader().read_to_end(&mut read.by_client));
        }
    }
}

fn connected(config: ClientConfig, options: TlsServerOptions) -> (ClientConnection, Session) {
    let mut client = client_with(config);
    let mut server = TlsServer::new(options)
        .expect("options")
        .accept()
        .expect("a session");
    exchange(&mut client, &mut server, usize::MAX).expect("a handshake");
    (client, server)
}

#[test]
fn bytes_in_pieces_of_any_size() {
    for piece in [1, 2, 3, 5, 7, 64, 1000, 16_384, 100_000] {
        let mut client = client();
        let mut server = TlsServer::new(options()).unwrap().accept().unwrap();
        assert!(server.is_handshaking());
        let body: Vec<u8> = (0..40_000u32).map(|i| i as u8).collect();
        client.writer().write_all(&body).unwrap();
        let read = exchange(&mut client, &mut server, piece).unwrap();
        assert_eq!(read.by_server, body, "{piece}");

        server.write(&body);
        let read = exchange(&mut client, &mut server, piece).unwrap();
        assert_eq!(read.by_client, body, "{piece}");

        client.send_close_notify();
        assert!(!server.is_closed_by_peer());
        exchange(&mut client, &mut server, piece).unwrap();
        assert!(server.is_closed_by_peer());
    }
}

#[test]
fn the_result_of_a_handshake() {
    let (_client, server) = connected(client_config(), options());
    let handshake = server.handshake_result().unwrap();
    assert_eq!(handshake.protocol, "TLSv1.3");
    assert_eq!(handshake.cipher, "TLS_AES_256_GCM_SHA384");
    assert_eq!(handshake.alpn.as_deref(), Some(&b"http/1.1"[..]));
    assert_eq!(handshake.server_name.as_deref(), Some("localhost"));
    assert!(!handshake.is_resumed);

    let old = TlsServerOptions {
        versions: (0x0303, 0x0303),
        ciphers: ("ECDHE-ECDSA-AES128-GCM-SHA256".into(), false),
        curves: "P-384:P-256".into(),
        ..options()
    };
    let (_client, server) = connected(client_config(), old);
    let handshake = server.handshake_result().unwrap();
    assert_eq!(
        (handshake.protocol, handshake.cipher),
        ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")
    );
}

#[test]
fn a_session_is_resumed() {
    let config = Arc::new(client_config());
    let server = TlsServer::new(options()).unwrap();
    let mut resumed = Vec::new();
    for _ in 0..2 {
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let mut session = server.accept().unwrap();
        exchange(&mut client, &mut session, usize::MAX).unwrap();
        resumed.push(session.handshake_result().unwrap().is_resumed);
    }
    assert_eq!(resumed, [false, true]);
}

#[test]
fn a_close_notify_announces_the_end() {
    let (mut client, mut server) = connected(client_config(), options());
    server.write(b"last words");
    server.close();
    let mut sent = &output(&mut server)[..];
    client.read_tls(&mut sent).unwrap();
    assert!(client.process_new_packets().unwrap().peer_has_closed());
    let mut text = String::new();
    client.reader().read_to_string(&mut text).unwrap();
    assert_eq!(text, "last words");
}

#[test]
fn peers_that_speak_something_else() {
    let cases: [(&[u8], Failure); 7] = [
        (b"GET / HTTP/1.1\r\n\r\n", Failure::HTTP_REQUEST),
        (b"POST / HTTP/1.1\r\n\r\n", Failure::HTTP_REQUEST),
        (
            b"CONNECT a:1 HTTP/1.1\r\n\r\n",
            Failure::HTTPS_PROXY_REQUEST,
        ),
        (b"SSH-2.0-x\r\n", Failure::WRONG_VERSION_NUMBER),
        (&[0; 100], Failure::WRONG_VERSION_NUMBER),
        // Data, or an alert, instead of a hello.
        (&[23, 3, 3, 0, 1, 0], Failure::UNEXPECTED_MESSAGE),
        (&[21, 3, 3, 0, 2, 2, 40], Failure::UNEXPECTED_MESSAGE),
    ];
    for (bytes, expected) in cases {
        for piece in [1, 3, bytes.len()] {
            let mut server = TlsServer::new(options()).unwrap().accept().unwrap();
            let mut read = Vec::new();
            let failed = bytes
                .chunks(piece)
                .find_map(|part| server.receive(part, &mut read).err());
            assert_eq!(failed, Some(expected));
            assert_eq!(server.receive(b"more", &mut read), Err(expected));
            assert!(read.is_empty());
        }
    }
}

#[test]
fn clients_before_tls_1_2() {
    // TLS 1.1, without extensions.
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let mut hello = vec![22, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    hello.extend(body);
    let mut server = TlsServer::new(options()).unwrap().accept().unwrap();
    assert_eq!(server.receive(&hello, &mut Vec::new()), Err(Failure(258)));
    assert!(server.has_output());
}

#[test]
fn a_handshake_without_a_common_option_fails() {
    let failed = |config: ClientConfig, options: TlsServerOptions| {
        let mut client = client_with(config);
        let mut server = TlsServer::new(options).unwrap().accept().unwrap();
        let failure = exchange(&mut client, &mut server, usize::MAX).unwrap_err();
        // The peer is sent an alert.
        assert!(server.has_output());
        failure
    };
    let mut config = client_config();
    config.alpn_protocols = vec![b"spdy/9".to_vec()];
    assert_eq!(failed(config, options()), Failure(235));

    let only13 = TlsServerOptions {
        versions: (0x0304, 0x0304),
        ..options()
    };
    let config = ClientConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    assert_eq!(failed(config, only13), Failure(258));
    // A client that does not trust the certificate: the alert unknown_ca.
    let mut distrusting = client_config();
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
        Arc::new(other_root()),
        Arc::clone(provider()),
    );
    distrusting
        .dangerous()
        .set_certificate_verifier(verifier.build().unwrap());
    let mut client = client_with(distrusting);
    let mut server = TlsServer::new(options()).unwrap().accept().unwrap();
    let failure = exchange(&mut client, &mut server, usize::MAX).unwrap_err();
    assert!((1000..1256).contains(&failure.0), "{failure:?}");
}

/// A ClientHello of TLS 1.2 with the suite ECDHE-ECDSA-AES128-CBC-SHA, which rustls does not have.
fn hello_without_a_common_suite() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x09, 1, 0]);
    // The groups and signatures of the extensions are P-256 and ecdsa_secp256r1_sha256.
    let extensions = [0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3];
    body.extend([0, extensions.len() as u8]);
    body.extend(extensions);
    let mut hello = vec![22, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    hello.extend(body);
    hello
}

#[test]
fn a_hello_that_openssl_may_serve_is_kept_for_it() {
    let hello = hello_without_a_common_suite();
    let asks = Asks {
        names: true,
        protocols: true,
    };
    for asks in [Asks::default(), asks] {
        let tls = TlsServer::new(TlsServerOptions { asks, ..options() }).unwrap();
        for piece in [1, 7, hello.len()] {
            let mut server = tls.accept().unwrap();
            for part in hello.chunks(piece) {
                assert_eq!(server.take_question(), None);
                assert_eq!(server.receive(part, &mut Vec::new()), Ok(()));
            }
            let question = server.take_question().expect("a report");
            assert!(question.is_refused);
            assert_eq!(server.take_question(), None);
            assert!(!server.has_output());
            assert!(server.is_handshaking());
            assert_eq!(server.receive(b"more", &mut Vec::new()), Ok(()));
            assert_eq!(server.give_up(), Some([&hello[..], b"more"].concat()));
        }
        // A client that does not wait.
        let mut server = tls.accept().unwrap();
        assert_eq!(server.receive(&hello, &mut Vec::new()), Ok(()));
        let failure = server.receive(&[0; 20_000], &mut Vec::new());
        assert_eq!(failure, Err(Failure(244)));
    }
}

/// A root that has signed nothing here.
fn other_root() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_slice(include_bytes!(
            "testdata/other.der"
        )))
        .unwrap();
    roots
}

#[test]
fn garbage_at_any_place_ends_the_connection_and_nothing_else() {
    let (mut client, _) = connected(client_config(), options());
    client
        .writer()
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut hello = Vec::new();
    testing::client().write_tls(&mut hello).unwrap();
    for at in 0..hello.len() {
        for change in [1, 0x80] {
            let mut bad = hello.clone();
            bad[at] ^= change;
            let mut server = TlsServer::new(options()).unwrap().accept().unwrap();
            let mut read = Vec::new();
            // Whether it is an error depends on the place; that it is no plaintext does not.
            let _ = server.receive(&bad, &mut read);
            assert!(read.is_empty());
            assert!(server.is_handshaking());
        }
        // A hello that ends early is waited for.
        let mut server = TlsServer::new(options()).unwrap().accept().unwrap();
        assert_eq!(server.receive(&hello[..at], &mut Vec::new()), Ok(()));
    }
}

#[test]
fn a_changed_record_is_no_plaintext() {
    let (mut client, mut server) = connected(client_config(), options());
    client
        .writer()
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut record = Vec::new();
    client.write_tls(&mut record).unwrap();
    let last = record.len() - 1;
    record[last] ^= 1;
    let mut read = Vec::new();
    assert_eq!(server.receive(&record, &mut read), Err(Failure(281)));
    assert!(read.is_empty());
    assert!(server.has_output());
}

/// The bytes that the client has to send.
fn records(client: &mut ClientConnection) -> Vec<u8> {
    let mut records = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut records).unwrap();
    }
    records
}

#[test]
fn data_ahead_of_a_changed_record_is_received() {
    let (mut client, mut server) = connected(client_config(), options());
    let body = [7; 40_000];
    client.writer().write_all(&body).unwrap();
    let mut sent = records(&mut client);
    client.writer().write_all(b"more").unwrap();
    sent.extend(records(&mut client));
    *sent.last_mut().unwrap() ^= 1;
    client.writer().write_all(b"nothing of this").unwrap();
    sent.extend(records(&mut client));
    let mut read = Vec::new();
    assert_eq!(server.receive(&sent, &mut read), Err(Failure(281)));
    assert!(read == body);
}

#[test]
fn nothing_is_received_after_a_close_notify() {
    let (mut client, mut server) = connected(client_config(), options());
    client.writer().write_all(b"last words").unwrap();
    client.send_close_notify();
    let mut sent = records(&mut client);
    sent.extend([23, 3, 3, 0, 20]);
    sent.extend([0; 20]);
    let mut read = Vec::new();
    assert_eq!(server.receive(&sent, &mut read), Ok(()));
    assert_eq!(read, b"last words");
    assert!(server.is_closed_by_peer());
}

#[test]
fn keys_are_updated_and_empty_records_are_nothing() {
    let (mut client, mut server) = connected(client_config(), options());
    for round in 0..3 {
        client.refresh_traffic_keys().unwrap();
        client.writer().write_all(&[]).unwrap();
        client.writer().write_all(&[round]).unwrap();
        let read = exchange(&mut client, &mut server, 7).unwrap();
        assert_eq!(read.by_server, [round]);
        server.write(&[round]);
        let read = exchange(&mut client, &mut server, 7).unwrap();
        assert_eq!(read.by_client, [round]);
    }
}

#[test]
fn the_certificate_follows_the_name() {
    let other = Identity {
        chain: vec![include_bytes!("testdata/other.der").to_vec()],
        key: include_bytes!("testdata/other-key.der").to_vec(),
    };
    let with_names = TlsServerOptions {
        contexts: vec![
            ("*.a.test".into(), vec![other.clone()]),
            ("b.test".into(), vec![other]),
        ],
        ..options()
    };
    let server = TlsServer::new(with_names).unwrap();
    for (name, is_other) in [
        ("x.a.test", true),
        ("b.test", true),
        ("a.test", false),
        ("x.b.test", false),
    ] {
        let mut config = client_config();
        config.enable_sni = true;
        let mut client =
            ClientConnection::new(Arc::new(config), ServerName::try_from(name).unwrap()).unwrap();
        let mut session = server.accept().unwrap();
        drop(exchange(&mut client, &mut session, usize::MAX));
        let shown = client
            .peer_certificates()
            .map(|certificates| certificates[0].to_vec());
        let expected: &[u8] = if is_other {
            include_bytes!("testdata/other.der")
        } else {
            include_bytes!("testdata/cert.der")
        };
        assert_eq!(shown.as_deref(), Some(expected), "{name}");
    }
}

#[test]
fn options_that_rustls_cannot_do() {
    let unsupported = |options: TlsServerOptions| TlsServer::new(options).unwrap_err().0;
    let base = options;
    assert!(
        unsupported(TlsServerOptions {
            versions: (0x0301, 0x0304),
            ..base()
        })
        .starts_with("minVersion")
    );
    assert!(
        unsupported(TlsServerOptions {
            curves: "P-521".into(),
            ..base()
        })
        .starts_with("ecdhCurve")
    );
    assert!(
        unsupported(TlsServerOptions {
            ciphers: ("AES128-SHA".into(), false),
            ..base()
        })
        .starts_with("ciphers")
    );
    let broken = Identity {
        key: vec![1, 2, 3],
        ..identity()
    };
    assert!(
        unsupported(TlsServerOptions {
            identities: vec![broken],
            ..base()
        })
        .starts_with("key")
    );
    let mismatch = Identity {
        key: include_bytes!("testdata/other-key.der").to_vec(),
        ..identity()
    };
    assert!(
        unsupported(TlsServerOptions {
            identities: vec![mismatch],
            ..base()
        })
        .starts_with("key")
    );
}
