//! A Lens layer's state, the answer to its searches, and the charts of its table.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::lens::fuzzing::layer(data);
});
