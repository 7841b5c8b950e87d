//! JSON with places, the base of all requests.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::json(data);
});
