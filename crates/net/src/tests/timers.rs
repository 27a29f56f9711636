//! Deadlines, with a paused clock.

use std::time::Duration;

use ferrohttp_proto::Timeouts;
use tokio::time::{Instant, sleep};

use super::paused::{Js, Peer, assert_took, run};
use crate::crossing::inbound::{BODY, CLOSED, HEAD, OPEN, TIMEOUT};
use crate::crossing::{outbound, timeout};
use crate::server::ServerConfig;

const HEADERS: Duration = Duration::from_secs(60);
const REQUEST: Duration = Duration::from_secs(300);
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// The time that JavaScript has to answer before the I/O thread does.
pub(super) const FALLBACK: Duration = Duration::from_millis(500);
const LINGER: Duration = Duration::from_secs(2);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const TOO_LATE: &str = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";

pub(super) fn config() -> ServerConfig {
    ServerConfig::default()
}

fn without_timeouts() -> ServerConfig {
    ServerConfig {
        timeouts: Timeouts {
            headers: None,
            request: None,
            keep_alive: None,
        },
        ..config()
    }
}

pub(super) async fn expect_timeout(js: &mut Js, of: u32) {
    assert_eq!(js.expect(TIMEOUT).await.word, of);
}

#[test]
fn the_defaults_are_the_ones_assumed_here() {
    let Timeouts {
        headers,
        request,
        keep_alive,
    } = config().timeouts;
    assert_eq!(
        (headers, request, keep_alive),
        (Some(HEADERS), Some(REQUEST), Some(KEEP_ALIVE))
    );
}

#[test]
fn a_late_head_is_answered_by_the_io_thread_when_javascript_does_not() {
    for beginning in ["", "GET / HTTP/1.1\r\nHos"] {
        run(async |mut js| {
            let (_, address) = js.listen(config());
            let start = Instant::now();
            let mut peer = Peer::connect(address).await;
            let id = js.expect(OPEN).await.id;
            sleep(HEADERS / 2).await;
            peer.send(beginning).await;
            expect_timeout(&mut js, timeout::REQUEST).await;
            assert_took(start, HEADERS);
            let reported = Instant::now();
            peer.expect(TOO_LATE).await;
            assert_took(reported, FALLBACK);
            peer.expect_end().await;
            // This peer does not close, which is not reported to JavaScript.
            assert_eq!(js.expect(CLOSED).await.id, id);
            assert_took(reported, FALLBACK);
            assert_eq!(js.environment.open_connections(), 0);
        });
    }
}

#[test]
fn without_a_listener_for_client_errors_a_late_head_is_answered_at_once() {
    for beginning in ["", "GET / HTTP/1.1\r\nHos"] {
        run(async |mut js| {
            let (_, address) = js.listen(ServerConfig {
                client_errors: false,
                ..config()
            });
            let start = Instant::now();
            let mut peer = Peer::connect(address).await;
            let id = js.expect(OPEN).await.id;
            peer.send(beginning).await;
            peer.expect(TOO_LATE).await;
            assert_took(start, HEADERS);
            peer.expect_end().await;
            expect_timeout(&mut js, timeout::ANSWERED).await;
            assert_eq!(js.expect(CLOSED).await.id, id);
            assert_took(start, HEADERS);
        });
    }
}

#[test]
fn javascript_answers_a_late_body_of_which_it_has_the_head() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig {
            client_errors: false,
            ..config()
        });
        let mut peer = Peer::connect(address).await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
            .await;
        js.open_with_head().await;
        expect_timeout(&mut js, timeout::REQUEST).await;
    });
}

#[test]
fn a_late_head_is_answered_once_when_javascript_does() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        let id = js.expect(OPEN).await.id;
        expect_timeout(&mut js, timeout::REQUEST).await;
        sleep(FALLBACK / 2).await;
        js.raw(id, b"mine");
        js.close_after_flush(id);
        peer.expect("mine").await;
        peer.expect_end().await;
        drop(peer);
        // CLOSED is reported, with or without EOF before it.
        while js.next().await.kind != CLOSED {}
    });
}

#[test]
fn headers_timeout_of_a_later_head_counts_from_its_first_byte() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        sleep(KEEP_ALIVE - Duration::from_millis(500)).await;
        let start = Instant::now();
        peer.send("G").await;
        expect_timeout(&mut js, timeout::REQUEST).await;
        assert_took(start, HEADERS);
    });
}

#[test]
fn request_timeout_applies_to_a_body() {
    for framing in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
        run(async |mut js| {
            let (_, address) = js.listen(config());
            let start = Instant::now();
            let mut peer = Peer::connect(address).await;
            peer.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"))
                .await;
            js.open_with_head().await;
            // The peer never pauses for long.
            while start.elapsed() < REQUEST - Duration::from_secs(10) {
                peer.send("1\r\nx\r\n").await;
                js.expect(BODY).await;
                sleep(Duration::from_secs(7)).await;
            }
            expect_timeout(&mut js, timeout::REQUEST).await;
            assert_took(start, REQUEST);
            let reported = Instant::now();
            peer.expect(TOO_LATE).await;
            assert_took(reported, FALLBACK);
            peer.expect_end().await;
        });
    }
}

#[test]
fn a_late_body_gets_no_second_response() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
            .await;
        let id = js.open_with_head().await;
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        js.command(
            id,
            (outbound::HEAD, 0),
            &[head.len() as u32, 2],
            (b"he", head),
        );
        peer.expect(&format!("{head}he")).await;
        expect_timeout(&mut js, timeout::REQUEST).await;
        peer.expect_end().await;
        js.expect(CLOSED).await;
    });
}

#[test]
fn a_peer_that_does_not_read_the_408_is_closed() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(&format!(
            "{GET}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
        ))
        .await;
        let start = Instant::now();
        let id = js.open_with_head().await;
        js.expect(HEAD).await;
        js.respond(id, &vec![b'x'; 32 << 20]);
        expect_timeout(&mut js, timeout::REQUEST).await;
        js.expect(CLOSED).await;
        assert_took(start, REQUEST + FALLBACK + LINGER);
    });
}

#[test]
fn inactivity_is_reported_once_until_bytes_move() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig {
            socket_timeout: Some(Duration::from_secs(20)),
            ..without_timeouts()
        });
        let start = Instant::now();
        let mut peer = Peer::connect(address).await;
        let id = js.expect(OPEN).await.id;
        expect_timeout(&mut js, timeout::SOCKET).await;
        assert_took(start, Duration::from_secs(20));
        js.expect_nothing(HOUR).await;
        peer.send(GET).await;
        js.expect(HEAD).await;
        let start = Instant::now();
        expect_timeout(&mut js, timeout::SOCKET).await;
        assert_took(start, Duration::from_secs(20));
        js.expect_nothing(HOUR).await;
        js.respond(id, b"ok");
        let start = Instant::now();
        expect_timeout(&mut js, timeout::SOCKET).await;
        assert_took(start, Duration::from_secs(20));
        // Changed by the program, which counts as activity.
        js.socket_timeout(id, Duration::from_secs(3));
        let start = Instant::now();
        expect_timeout(&mut js, timeout::SOCKET).await;
        assert_took(start, Duration::from_secs(3));
        js.socket_timeout(id, Duration::ZERO);
        peer.send(GET).await;
        js.expect(HEAD).await;
        js.expect_nothing(HOUR).await;
    });
}

#[test]
fn a_pipelined_request_does_not_reset_the_socket_timeout() {
    let limit = Duration::from_secs(3);
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.socket_timeout(id, limit);
        peer.send(GET).await;
        js.expect(HEAD).await;
        let start = Instant::now();
        expect_timeout(&mut js, timeout::SOCKET).await;
        assert_took(start, limit);
    });
}

#[test]
fn a_connection_that_begins_paused_is_read_after_resume() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig {
            paused: true,
            ..without_timeouts()
        });
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.expect(OPEN).await.id;
        js.expect_nothing(HOUR).await;
        js.resume(id);
        assert_eq!(js.expect(HEAD).await.id, id);
    });
}

#[test]
fn bytes_in_either_direction_restart_the_socket_timeout() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig {
            socket_timeout: Some(Duration::from_secs(20)),
            ..without_timeouts()
        });
        let mut peer = Peer::connect(address).await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            .await;
        let id = js.open_with_head().await;
        for _ in 0..5 {
            sleep(Duration::from_secs(15)).await;
            peer.send("x").await;
            js.expect(BODY).await;
            sleep(Duration::from_secs(15)).await;
            let interim = "HTTP/1.1 102 Processing\r\n\r\n";
            js.command(
                id,
                (outbound::INTERIM, 0),
                &[interim.len() as u32],
                (b"", interim),
            );
        }
    });
}

#[test]
fn no_timeout_means_none() {
    run(async |mut js| {
        let (_, address) = js.listen(without_timeouts());
        let mut peer = Peer::connect(address).await;
        js.expect(OPEN).await;
        js.expect_nothing(HOUR).await;
        peer.send("GET / HT").await;
        js.expect_nothing(HOUR).await;
        peer.send("TP/1.1\r\nHost: a\r\n\r\n").await;
        let id = js.expect(HEAD).await.id;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        js.expect_nothing(HOUR).await;
    });
}

#[test]
fn the_next_connection_of_a_slot_has_its_own_timeout() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let first = Peer::connect(address).await;
        let former = js.expect(OPEN).await.id;
        sleep(HEADERS / 2).await;
        drop(first);
        js.expect(CLOSED).await;
        let start = Instant::now();
        let _second = Peer::connect(address).await;
        let id = js.expect(OPEN).await.id;
        assert_eq!(
            (id.slot, id.generation),
            (former.slot, former.generation + 1)
        );
        js.socket_timeout(former, Duration::from_secs(1));
        let record = js.expect(TIMEOUT).await;
        assert_eq!((record.id, record.word), (id, timeout::REQUEST));
        assert_took(start, HEADERS);
    });
}

#[test]
fn each_of_many_connections_has_its_own_timeout() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peers = Vec::new();
        for index in 0..20_u32 {
            peers.push((Peer::connect(address).await, Instant::now()));
            assert_eq!(js.expect(OPEN).await.id.slot, index);
            sleep(Duration::from_millis(1234)).await;
        }
        for (index, (_, start)) in peers.iter().enumerate() {
            // The connections that were reported in the meantime are closed, too.
            loop {
                let record = js.next().await;
                if record.kind == TIMEOUT {
                    assert_eq!(record.id.slot as usize, index);
                    assert_took(*start, HEADERS);
                    break;
                }
            }
        }
    });
}

#[test]
fn lingering_ends_after_its_time_with_a_peer_that_keeps_sending() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send("nonsense\r\n\r\n").await;
        let id = js.expect(OPEN).await.id;
        js.next().await;
        js.raw(id, b"bye");
        js.close_after_flush(id);
        // JavaScript is not notified.
        js.expect(CLOSED).await;
        assert_eq!(js.environment.open_connections(), 0);
        peer.expect("bye").await;
        peer.expect_end().await;
        for _ in 0..3 {
            sleep(LINGER / 4).await;
            peer.send("more").await;
        }
        sleep(LINGER / 2).await;
        peer.expect_refusal().await;
    });
}

#[test]
fn a_half_closed_connection_is_read_until_a_time_limit() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\none")
            .await;
        let id = js.expect(OPEN).await.id;
        js.expect(HEAD).await;
        js.expect(BODY).await;
        js.raw(id, b"bye");
        js.half_close(id);
        peer.expect("bye").await;
        peer.expect_end().await;
        sleep(LINGER / 2).await;
        peer.send("two").await;
        js.expect(BODY).await;
        js.expect_nothing(LINGER / 4).await;
        js.expect(CLOSED).await;
        assert_eq!(js.environment.open_connections(), 0);
        peer.expect_refusal().await;
    });
}
