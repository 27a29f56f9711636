//! The sizes of an idle connection's allocations.

use std::mem::{size_of, size_of_val};
use std::sync::Arc;

use super::paused::{Peer, run};
use crate::connection::{Connection, serve};
use crate::crossing::inbound::OPEN;
use crate::server::ServerConfig;

/// A connection is one allocation of this size (and the counts of its Arc) …
const CONNECTION: usize = 528;
/// … and its task is another one, of this size and what tokio puts around it.
const TASK: usize = 64;

#[test]
fn an_idle_connection_stays_small() {
    assert!(
        size_of::<Connection>() <= CONNECTION,
        "{} bytes a connection",
        size_of::<Connection>()
    );
    run(async |mut js| {
        let (_, address) = js.listen(ServerConfig::default());
        let _peer = Peer::connect(address).await;
        let id = js.expect(OPEN).await.id;
        let connection = js.environment.connection(id).expect("open");
        let task = serve(Arc::clone(&connection));
        assert!(
            size_of_val(&task) <= TASK,
            "{} bytes a task",
            size_of_val(&task)
        );
    });
}
