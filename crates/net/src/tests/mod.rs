//! What needs the inside: a paused clock, sizes, the sockets themselves.

mod connecting;
mod direct_writes;
mod paused;
mod size;
mod socket_options;
mod timers;
