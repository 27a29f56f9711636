//! Options that only the server's own end can be asked for.

use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use crate::socket::stream::Stream;

#[tokio::test]
async fn options_are_applied_to_the_socket() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind");
    let _peer = TcpStream::connect(listener.local_addr().expect("address"))
        .await
        .expect("connect");
    let (socket, _) = listener.accept().await.expect("accept");
    let stream = Stream::Tcp(socket);
    let Stream::Tcp(socket) = &stream else {
        unreachable!("it is TCP")
    };
    let options = SockRef::from(socket);
    for on in [true, false] {
        stream.set_nodelay(on).expect("TCP_NODELAY");
        assert_eq!(options.tcp_nodelay().expect("TCP_NODELAY"), on);
        stream
            .set_tcp_keepalive(on, Duration::from_secs(7))
            .expect("SO_KEEPALIVE");
        assert_eq!(options.keepalive().expect("SO_KEEPALIVE"), on);
    }
    assert_eq!(
        options.tcp_keepalive_time().expect("TCP_KEEPIDLE"),
        Duration::from_secs(7)
    );
    // Below a second, as 0 does, it leaves the system's delay.
    stream
        .set_tcp_keepalive(true, Duration::from_millis(500))
        .expect("SO_KEEPALIVE");
    assert_eq!(
        options.tcp_keepalive_time().expect("TCP_KEEPIDLE"),
        Duration::from_secs(7)
    );
    stream.reset_on_close().expect("SO_LINGER");
    assert_eq!(options.linger().expect("SO_LINGER"), Some(Duration::ZERO));
}
