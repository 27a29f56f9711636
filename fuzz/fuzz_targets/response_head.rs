//! The fast reader of response heads accepts no head that the general one refuses, and reads each in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| ferrohttp_proto::fuzz::check_response_paths(input));
