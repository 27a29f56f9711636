//! The fast reader of response heads takes nothing that the general one refuses, and reads nothing
//! otherwise.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| ferrohttp_proto::fuzz::check_response_paths(input));
