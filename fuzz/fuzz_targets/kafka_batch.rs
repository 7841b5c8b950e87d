//! A record batch and its records, compressed or not.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::kafka::fuzzing::parse_batch(data);
});
