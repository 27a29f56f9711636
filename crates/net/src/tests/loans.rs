//! Deadlines of connections that JavaScript's thread reads, and which are not read while that thread is busy.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::paused::{Js, Peer, assert_took, run};
use crate::crossing::inbound::{CLOSED, HEAD, OPEN, TIMEOUT};
use crate::handoff::Batch;
use crate::id::ConnectionId;
use crate::server::guard::{GuardOptions, HealthOptions};
use crate::server::{ServerConfig, ServerOptions};

const KEEP_ALIVE: Duration = Duration::from_secs(5);
const HEADERS: Duration = Duration::from_secs(60);
/// The time that JavaScript has to answer before the I/O thread does.
const FALLBACK: Duration = Duration::from_millis(500);
/// Tolerance: the ticks of the timer wheel, and the read that precedes a deadline.
const LOOKS: Duration = Duration::from_millis(40);

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A connection that is on loan, with JavaScript's thread busy from now on.
async fn lent(js: &mut Js) -> (Peer, ConnectionId) {
    let (_, address) = js.listen(ServerConfig::default());
    let mut peer = Peer::connect(address).await;
    peer.send(GET).await;
    let id = js.open_with_head().await;
    exchange_until_lent(js, &mut peer, id).await;
    (peer, id)
}

/// Answers the request that JavaScript's thread has, and further ones.
async fn exchange_until_lent(js: &mut Js, peer: &mut Peer, id: ConnectionId) {
    loop {
        js.respond(id, b"ok");
        peer.expect(OK).await;
        if js.environment.is_on_loan(id) {
            return;
        }
        peer.send(GET).await;
        assert_eq!(js.expect(HEAD).await.id, id);
    }
}

#[test]
fn an_idle_connection_on_loan_times_out() {
    run(async |mut js| {
        let (mut peer, id) = lent(&mut js).await;
        let idle = Instant::now();
        assert_eq!(js.expect(TIMEOUT).await.id, id);
        let reported = idle.elapsed();
        assert!(
            reported >= KEEP_ALIVE && reported <= KEEP_ALIVE + LOOKS,
            "{reported:?}"
        );
        let reported = Instant::now();
        peer.expect_end().await;
        assert_took(reported, FALLBACK);
        assert_eq!(js.expect(CLOSED).await.id, id);
    });
}

#[test]
fn bytes_that_arrived_in_time_are_served_after_the_deadline() {
    run(async |mut js| {
        let (mut peer, id) = lent(&mut js).await;
        sleep(KEEP_ALIVE / 2).await;
        peer.send(GET).await;
        // The connection is not reported as idle.
        assert_eq!(js.expect(HEAD).await.id, id);
        js.respond(id, b"ok");
        peer.expect(OK).await;
        js.destroy(id);
        js.expect(CLOSED).await;
    });
}

#[test]
fn headers_timeout_applies_to_a_head_that_began_on_loan() {
    run(async |mut js| {
        let (mut peer, id) = lent(&mut js).await;
        let began = Instant::now();
        peer.send("GET / HT").await;
        js.environment.read_loans();
        assert_eq!(js.expect(TIMEOUT).await.id, id);
        assert_took(began, HEADERS);
        peer.expect("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
            .await;
        peer.expect_end().await;
        js.expect(CLOSED).await;
    });
}

#[test]
fn a_closed_connection_is_not_lent() {
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        let _peer = Peer::connect(address).await;
        let id = js.expect(OPEN).await.id;
        let connection = js.environment.connection(id).expect("open");
        connection.abandon(&mut Batch::default());
        let poller = js.environment.loans.poller().expect("a poller");
        assert!(!connection.lend(poller, 1));
        assert!(!connection.is_open(), "it is closed and stays so");
    });
}

#[test]
fn one_task_looks_at_a_loan_on_which_a_probe_may_arrive() {
    /// More than the time between two checks of a loan.
    const LOOK: Duration = Duration::from_millis(16);
    run(async |mut js| {
        let health = HealthOptions {
            live: Some(b"/livez".to_vec()),
            ready: None,
            max_delay: KEEP_ALIVE,
            failure: "503 Service Unavailable".to_owned(),
        };
        let options = ServerOptions {
            tls: None,
            guard: Some(GuardOptions {
                health: Some(health),
                overload: None,
            }),
        };
        let (_, address) = js.listen_with(ServerConfig::default(), options);
        let mut peer = Peer::connect(address).await;
        peer.send(GET).await;
        let id = js.open_with_head().await;
        exchange_until_lent(&mut js, &mut peer, id).await;
        let connection = js.environment.connection(id).expect("open");
        // Each of the tasks has a weak reference.
        let references = Arc::weak_count(&connection);
        for _ in 0..3 {
            connection.end_loan();
            peer.send(GET).await;
            assert_eq!(js.expect(HEAD).await.id, id);
            exchange_until_lent(&mut js, &mut peer, id).await;
        }
        js.environment.pulse().turned();
        sleep(LOOK).await;
        assert!(connection.is_on_loan());
        assert_eq!(Arc::weak_count(&connection), references);
    });
}
