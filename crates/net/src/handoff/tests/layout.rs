//! The numbers of the records are written twice, in Rust and in TypeScript: they are the same.

use std::collections::BTreeMap;

use crate::connect::Step;
use crate::handoff::inbound::{
    self, BODY_RAW, BODY_TAKE, BODY_TAP, END_LAST, HeadFlags, ResponseFlags, kind as incoming,
};
use crate::handoff::outbound::{flag, kind as outgoing};
use crate::handoff::{Chunk, CloseMode, Command, HEADER_BYTES, Records, Timeout};

/// Every `export const NAME = number`.
fn typescript() -> BTreeMap<String, u32> {
    let sources = [
        include_str!("../../../../../js/internal/records.ts"),
        include_str!("../../../../../js/internal/transport.ts"),
    ];
    sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.strip_prefix("export const ")?.split_once(" = "))
        .filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)))
        .collect()
}

/// The number by which a CLOSE record names `mode`.
fn close(mode: CloseMode) -> u32 {
    let names = |number: u32| {
        let words = [u32::from(outgoing::CLOSE), 20, 0, 0, number];
        let record: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Records::new(&record, b"").any(|record| record.command == Command::Close(mode))
    };
    (0..5)
        .find(|&number| names(number))
        .expect("every mode has a number")
}

#[test]
fn both_languages_name_the_same_numbers() {
    let own = [
        ("HEADER", HEADER_BYTES as u32),
        ("IN_OPEN", incoming::OPEN),
        ("IN_HEAD", incoming::HEAD),
        ("IN_BODY", incoming::BODY),
        ("IN_END", incoming::END),
        ("IN_ERROR", incoming::ERROR),
        ("IN_CLOSED", incoming::CLOSED),
        ("IN_ACK", incoming::ACK),
        ("IN_TIMEOUT", incoming::TIMEOUT),
        ("IN_EOF", incoming::EOF),
        ("IN_LISTENER_CLOSED", incoming::LISTENER_CLOSED),
        ("IN_DROPPED", incoming::DROPPED),
        ("IN_RESPONSE", incoming::RESPONSE),
        ("IN_CONNECTED", incoming::CONNECTED),
        ("IN_CONNECT_FAILED", incoming::CONNECT_FAILED),
        ("END_LAST", END_LAST),
        ("HEAD_KEEP_ALIVE", HeadFlags::KEEP_ALIVE),
        ("HEAD_UPGRADE", HeadFlags::UPGRADE),
        ("HEAD_COMPLETE", HeadFlags::COMPLETE),
        ("HEAD_EXPECT_CONTINUE", HeadFlags::EXPECT_CONTINUE),
        ("HEAD_EXPECT_OTHER", HeadFlags::EXPECT_OTHER),
        ("HEAD_HAS_HOST", HeadFlags::HAS_HOST),
        ("BODY_RAW", BODY_RAW),
        ("BODY_TAKE", BODY_TAKE),
        ("BODY_TAP", BODY_TAP),
        ("TIMEOUT_REQUEST", Timeout::Request as u32),
        ("TIMEOUT_SOCKET", Timeout::Socket as u32),
        ("TIMEOUT_KEEP_ALIVE", Timeout::KeepAlive as u32),
        ("FAILED_CONNECT", Step::Connect as u32),
        ("FAILED_BIND", Step::Bind as u32),
        ("RESPONSE_KEEP_ALIVE", ResponseFlags::KEEP_ALIVE),
        ("RESPONSE_UPGRADE", ResponseFlags::UPGRADE),
        ("RESPONSE_INFORMATION", ResponseFlags::INFORMATION),
        ("OUT_HEAD", outgoing::HEAD.into()),
        ("OUT_BODY", outgoing::BODY.into()),
        ("OUT_END", outgoing::END.into()),
        ("OUT_INTERIM", outgoing::INTERIM.into()),
        ("OUT_RAW", outgoing::RAW.into()),
        ("OUT_CREDIT", outgoing::CREDIT.into()),
        ("OUT_CLOSE", outgoing::CLOSE.into()),
        ("OUT_UPGRADE", outgoing::UPGRADE.into()),
        ("OUT_DECLINE_UPGRADE", outgoing::DECLINE_UPGRADE.into()),
        ("OUT_SOCKET_TIMEOUT", outgoing::SOCKET_TIMEOUT.into()),
        ("OUT_NO_DELAY", outgoing::NO_DELAY.into()),
        ("OUT_TCP_KEEP_ALIVE", outgoing::TCP_KEEP_ALIVE.into()),
        ("OUT_PAUSE", outgoing::PAUSE.into()),
        ("OUT_TAP", outgoing::TAP.into()),
        ("OUT_KEEP", outgoing::KEEP.into()),
        ("OUT_FEED", outgoing::FEED.into()),
        ("OUT_REQUEST", outgoing::REQUEST.into()),
        ("OUT_LIMITS", outgoing::LIMITS.into()),
        ("REQUEST_HEAD", flag::REQUEST_HEAD),
        ("REQUEST_CONNECT", flag::REQUEST_CONNECT),
        ("CHUNKED", flag::CHUNKED),
        ("END", flag::END),
        ("CLOSE", flag::CLOSE),
        ("ACKNOWLEDGE", flag::ACKNOWLEDGE),
        ("HELD", flag::HELD),
        ("TEXT", flag::TEXT),
        ("STATE_ONLY", flag::STATE_ONLY),
        ("CLOSE_DESTROY", close(CloseMode::Destroy)),
        ("CLOSE_AFTER_FLUSH", close(CloseMode::AfterFlush)),
        ("CLOSE_RESET", close(CloseMode::Reset)),
        ("CLOSE_HALF", close(CloseMode::HalfClose)),
        ("CLOSE_IF_IDLE", close(CloseMode::IfIdle)),
    ];
    let own: BTreeMap<_, _> = own
        .into_iter()
        .map(|(name, number)| (name.to_owned(), number))
        .collect();
    assert_eq!(own, typescript());
}

#[test]
fn a_chunk_is_what_javascript_would_take() {
    // `native.takeChunk` gets word 5, so the flag must mean what `BODY` records say.
    let id = crate::ConnectionId {
        slot: 1,
        generation: 2,
    };
    let mut batch = inbound::Batch::default();
    batch.body_chunk(id, Chunk::copy_of(&[7; 3]), true);
    let words: Vec<_> = batch
        .bytes
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().expect("a word")))
        .collect();
    assert_eq!(
        words,
        [
            incoming::BODY | (BODY_TAKE | BODY_RAW) << 8,
            28,
            1,
            2,
            3,
            0,
            0
        ]
    );
    assert_eq!(*batch.chunks[0], [7; 3]);
}
