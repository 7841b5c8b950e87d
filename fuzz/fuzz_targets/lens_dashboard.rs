//! A saved dashboard, its panels and their searches.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::lens::fuzzing::dashboard(data);
});
