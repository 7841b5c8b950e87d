//! Date patterns and dates.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::date(data);
});
