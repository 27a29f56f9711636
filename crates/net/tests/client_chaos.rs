//! Many requests to a server that answers, truncates responses, sends too much, resets and closes, over several I/O threads.

mod support;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use ferrohttp_net::ConnectionId;
use support::{Close, Event, Js, Out, Peer, flag, response_flag};

const REQUESTS: u32 = 4000;
const LANES: usize = 32;

/// Answers request `n`, or does something else instead. Returns false when the connection has ended.
fn answer(stream: &mut TcpStream, n: u32) -> std::io::Result<bool> {
    let body = format!("{n}:{}", "x".repeat((n % 7) as usize * 3000));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
    let whole = format!("{head}\r\n{body}");
    match n.wrapping_mul(0x9e37_79b9) >> 28 {
        0 => stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())?,
        // Answers, and closes the idle connection without announcing it.
        1 => stream.write_all(whole.as_bytes())?,
        // Closes within the response, and before it.
        2 => stream.write_all(&whole.as_bytes()[..whole.len() - 1])?,
        3 => {}
        // Sends a second response at once. Sent later, it could not be distinguished from the response to the next request.
        4 => {
            stream.write_all(
                format!("{whole}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong").as_bytes(),
            )?;
            return Ok(true);
        }
        5 => {
            let (first, second) = whole.split_at(whole.len() / 3);
            stream.write_all(first.as_bytes())?;
            stream.write_all(second.as_bytes())?;
            return Ok(true);
        }
        6 => {
            stream.write_all(&whole.as_bytes()[..whole.len() / 2])?;
            Peer::over(stream.try_clone()?).reset();
        }
        7 => stream.write_all(format!("HTTP/1.1 200 OK\r\n\r\n{body}").as_bytes())?,
        _ => {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            stream.write_all(whole.as_bytes())?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn converse(mut stream: TcpStream) -> std::io::Result<()> {
    let mut input = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = input.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                count => input.extend_from_slice(&buffer[..count]),
            }
        };
        let head = String::from_utf8_lossy(&input[..end]).into_owned();
        input.drain(..end);
        let n = head.split([' ', '/']).nth(2).and_then(|n| n.parse().ok());
        if !answer(&mut stream, n.expect("a number"))? {
            return Ok(());
        }
    }
}

fn server() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
    let address = listener.local_addr().expect("address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("accept");
            // The result of the conversation does not matter.
            std::thread::spawn(move || drop(converse(stream)));
        }
    });
    address
}

/// A connection's request, and the part of its response that has arrived.
#[derive(Default)]
struct Exchange {
    request: Option<u32>,
    body: Vec<u8>,
    keep_alive: bool,
}

#[test]
fn every_request_ends_once_and_with_its_own_response() {
    assert!(ferrohttp_net::request_threads(2));
    let mut js = Js::new();
    let address = server();
    let (mut begun, mut answered, mut failed) = (0, 0, 0);
    let mut lanes: HashMap<ConnectionId, Exchange> = HashMap::new();
    let mut next = |out: &mut Out, id, exchange: &mut Exchange| {
        if begun < REQUESTS {
            let head = format!("GET /{begun} HTTP/1.1\r\nHost: a\r\n\r\n");
            out.request(id, &head, b"", flag::END);
            *exchange = Exchange {
                request: Some(begun),
                ..Exchange::default()
            };
            begun += 1;
            true
        } else {
            false
        }
    };
    for _ in 0..LANES {
        let id = js.connect(address);
        let mut exchange = Exchange::default();
        let mut out = Out::new();
        next(&mut out, id, &mut exchange);
        js.flush(&mut out);
        lanes.insert(id, exchange);
    }
    while answered + failed < REQUESTS {
        let event = js.next();
        let id = event.id().expect("a connection's");
        let mut out = Out::new();
        let exchange = lanes.get_mut(&id).expect("a connection that is open");
        match event {
            Event::Connected { .. } | Event::Error { .. } => {}
            Event::Response { head, .. } => {
                assert!(exchange.request.is_some() && exchange.body.is_empty());
                exchange.keep_alive = head.flags & response_flag::KEEP_ALIVE != 0;
            }
            Event::Body { bytes, .. } => {
                out.credit(id, bytes.len() as u32);
                exchange.body.extend(bytes);
            }
            Event::End { .. } => {
                let n = exchange.request.take().expect("a request");
                let (its, rest) = exchange.body.split_at(n.to_string().len());
                assert_eq!(
                    its,
                    n.to_string().as_bytes(),
                    "the answer to another request"
                );
                assert_eq!(rest.len(), 1 + (n % 7) as usize * 3000);
                answered += 1;
                if exchange.keep_alive && !next(&mut out, id, exchange) {
                    out.close(id, Close::Destroy);
                }
            }
            Event::Closed { .. } => {
                failed += u32::from(exchange.request.is_some());
                lanes.remove(&id);
                let id = js.connect(address);
                let mut exchange = Exchange::default();
                if !next(&mut out, id, &mut exchange) {
                    out.close(id, Close::Destroy);
                }
                lanes.insert(id, exchange);
            }
            other => panic!("unexpected {other:?}"),
        }
        js.flush(&mut out);
    }
    assert!(
        answered > REQUESTS / 2,
        "{answered} answered, {failed} failed"
    );
    assert!(
        failed > REQUESTS / 10,
        "{answered} answered, {failed} failed"
    );
}
