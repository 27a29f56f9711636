//! What needs the inside: a paused clock, sizes, the sockets themselves.

mod paused;
mod size;
mod socket_options;
mod timers;
