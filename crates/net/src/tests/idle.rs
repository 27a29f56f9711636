//! keepAliveTimeout, with a paused clock.

use std::time::Duration;

use ferrohttp_proto::Timeouts;
use tokio::time::{Instant, sleep};

use super::paused::{Peer, assert_took, run};
use super::timers::{FALLBACK, GET, HOUR, KEEP_ALIVE, OK, config, expect_timeout};
use crate::crossing::inbound::{CLOSED, HEAD, OPEN};
use crate::crossing::timeout;
use crate::server::ServerConfig;

#[test]
fn an_idle_connection_closes_without_a_response() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        let start = Instant::now();
        expect_timeout(&mut js, timeout::KEEP_ALIVE).await;
        assert_took(start, KEEP_ALIVE);
        // JavaScript does not react.
        peer.expect_end().await;
        assert_took(start, KEEP_ALIVE + FALLBACK);
        let closed = js.expect(CLOSED).await;
        assert_eq!((closed.id, closed.word), (id, 0));
    });
}

#[test]
fn without_a_listener_for_timeout_an_idle_connection_is_closed_at_once() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig {
            timeout_events: false,
            ..config()
        });
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        let start = Instant::now();
        peer.expect_end().await;
        assert_took(start, KEEP_ALIVE);
        expect_timeout(&mut js, timeout::CLOSED_IDLE).await;
        let closed = js.expect(CLOSED).await;
        assert_eq!((closed.id, closed.word), (id, 0));
        assert_took(start, KEEP_ALIVE);
    });
}

#[test]
fn an_idle_connection_stays_when_javascript_keeps_it() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        expect_timeout(&mut js, timeout::KEEP_ALIVE).await;
        js.keep(id);
        js.expect_nothing(HOUR).await;
        peer.send(GET).await;
        js.expect(HEAD).await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        let start = Instant::now();
        expect_timeout(&mut js, timeout::KEEP_ALIVE).await;
        assert_took(start, KEEP_ALIVE);
    });
}

#[test]
fn a_request_just_before_the_timeout_is_served() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        expect_timeout(&mut js, timeout::KEEP_ALIVE).await;
        sleep(FALLBACK / 2).await;
        peer.send(GET).await;
        js.expect(HEAD).await;
        js.expect_nothing(HOUR).await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
    });
}

#[test]
fn a_request_restarts_keep_alive_timeout() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        js.expect(OPEN).await;
        for _ in 0..4 {
            peer.send(GET).await;
            let id = js.expect(HEAD).await.id;
            sleep(KEEP_ALIVE * 2).await;
            js.respond(id, b"ok");
            peer.expect(OK).await;
            sleep(KEEP_ALIVE - Duration::from_millis(100)).await;
        }
    });
}

#[test]
fn no_timeout_runs_while_a_handler_works() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.expect_nothing(HOUR).await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        let start = Instant::now();
        expect_timeout(&mut js, timeout::KEEP_ALIVE).await;
        assert_took(start, KEEP_ALIVE);
    });
}

#[test]
fn a_slow_reader_keeps_its_connection() {
    run(async |mut js| {
        let (_, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        let body = vec![b'x'; 32 << 20];
        js.respond(id, &body);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        peer.expect(&head).await;
        js.expect_nothing(HOUR).await;
        peer.skip(body.len()).await;
        let start = Instant::now();
        expect_timeout(&mut js, timeout::KEEP_ALIVE).await;
        assert_took(start, KEEP_ALIVE);
    });
}

#[test]
fn changed_timeouts_apply_to_idle_connections() {
    let shorter = |headers, keep_alive| ServerConfig {
        timeouts: Timeouts {
            headers: Some(headers),
            keep_alive: Some(keep_alive),
            ..config().timeouts
        },
        ..config()
    };
    let second = Duration::from_secs(1);
    run(async |mut js| {
        let (server, address) = js.listen(config());
        let start = Instant::now();
        let _peer = Peer::connect(address).await;
        js.expect(OPEN).await;
        js.expect_nothing(second * 2).await;
        js.environment
            .configure(server, shorter(second * 3, second));
        expect_timeout(&mut js, timeout::REQUEST).await;
        assert_took(start, second * 3);
    });
    run(async |mut js| {
        let (server, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        let start = Instant::now();
        js.expect_nothing(second / 2).await;
        js.environment.configure(server, shorter(second, second));
        expect_timeout(&mut js, timeout::KEEP_ALIVE).await;
        assert_took(start, second);
    });
    // The same with longer timeouts.
    run(async |mut js| {
        let (server, address) = js.listen(config());
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        js.respond(id, b"ok");
        peer.expect(OK).await;
        let start = Instant::now();
        js.environment.configure(server, shorter(second, HOUR));
        expect_timeout(&mut js, timeout::KEEP_ALIVE).await;
        assert_took(start, HOUR);
    });
}
