//! A formula of a Lens column.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::lens::fuzzing::formula(data);
});
