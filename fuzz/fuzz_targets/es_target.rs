//! A request target: path, parameters, percent signs.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::request_target(data);
});
