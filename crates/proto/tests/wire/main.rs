//! Received bytes and the events that they become: the vectors of `tests/vectors/*.md`, and mutants
//! of them.

mod checks;
mod log;
mod mutations;
mod response_transcript;
mod response_vectors;
mod transcript;
mod vector;
mod vectors;
