//! Calls in any order: the engine refuses those that its state does not allow, and its counts remain right.
#![no_main]

use std::time::{Duration, Instant};

use ferrohttp_proto::{
    CloseReason, Event, Limits, Scratch, ServerConnection, TimeoutKind, Timeouts,
};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};

#[derive(Debug, Arbitrary)]
enum Operation<'a> {
    Receive(&'a [u8]),
    ReceiveGet,
    ReceivePost,
    ReceiveUpgrade,
    Eof,
    Wait(u16),
    Interim,
    Head { chunked: bool },
    Body(u8),
    End { close: bool },
    Upgrade,
    Decline,
}

fuzz_target!(|operations: Vec<Operation<'_>>| {
    let limits = Limits {
        max_pipelined: 3,
        ..Limits::default()
    };
    let (mut now, mut scratch, mut out) = (Instant::now(), Scratch::new(), Vec::new());
    let mut connection = ServerConnection::new(now);
    let (mut unread, mut requests, mut ends, mut answered) = (Vec::new(), 0u32, 0u32, 0u32);
    for operation in operations {
        match operation {
            Operation::Receive(bytes) => unread.extend_from_slice(bytes),
            Operation::ReceiveGet => unread.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n"),
            Operation::ReceivePost => {
                unread.extend_from_slice(
                    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
                );
            }
            Operation::ReceiveUpgrade => {
                unread.extend_from_slice(
                    b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
                );
            }
            Operation::Eof => {
                let _ = connection.handle_eof(&unread);
            }
            Operation::Wait(seconds) => now += Duration::from_secs(seconds.into()),
            Operation::Interim => {
                let _ = connection.send_interim(b"HTTP/1.1 103 \r\n\r\n", &mut out);
            }
            Operation::Head { chunked } => {
                let _ = connection.send_head(b"HTTP/1.1 200 \r\n\r\n", chunked, &mut out);
            }
            Operation::Body(len) => {
                if connection.begin_data(len.into(), &mut out).is_ok() {
                    connection.finish_data(len.into(), &mut out);
                }
            }
            Operation::End { close } => {
                answered += u32::from(connection.send_end(now, b"", close, &mut out).is_ok())
            }
            Operation::Upgrade => connection.upgrade(),
            Operation::Decline => connection.decline_upgrade(),
        }
        while let Ok(step) = connection.handle_data(now, &limits, &unread, &mut scratch) {
            let more = step.event.is_some();
            match step.event {
                Some(Event::Head(_)) => requests += 1,
                Some(Event::End(_)) => ends += 1,
                _ => {}
            }
            unread.drain(..step.consumed);
            if !more {
                break;
            }
        }
        assert!(connection.unanswered() <= limits.max_pipelined);
        assert!(ends <= requests && requests - ends <= 1 && answered <= requests);
        assert!(!connection.is_idle() || connection.unanswered() == 0);
        if let Some(reason) = connection.close_reason() {
            assert!(!connection.may_read(&limits));
            let due = connection
                .poll_timeout(&Timeouts::default())
                .map(|(_, kind)| kind);
            // The response to the peer's last request has not announced the close: as in Node keepAliveTimeout ends the connection.
            let expected = (reason == CloseReason::PeerClose).then_some(TimeoutKind::KeepAlive);
            assert_eq!(due, expected);
        }
    }
});
