#[cfg(not(ferrohttp_loom))]
mod batch;
// Loom's mutexes work inside its models only.
#[cfg(not(ferrohttp_loom))]
mod inbox;
#[cfg(ferrohttp_loom)]
mod interleavings;
