//! The Node-API border: converts, calls, converts back. Protocol and sockets are below, Node's classes above.

// Node-API calls these items by registration, so nothing in Rust reaches them.
#![allow(unreachable_pub)]
// Under `cfg(test)` napi registers nothing, so that nothing reaches them at all.
#![cfg_attr(test, allow(dead_code))]

mod agent;
mod connect;
mod crossing;
mod descriptors;
mod environment;
mod guard;
mod held;
mod libuv;
mod options;
mod phases;
mod pinned;
mod session;
mod statistics;
mod tables;
mod tls;
mod wake;
