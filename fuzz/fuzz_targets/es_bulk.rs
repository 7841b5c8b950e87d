//! A `_bulk` body.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::bulk_body(data);
});
