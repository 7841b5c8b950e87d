//! The body of an index template.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::index_template(data);
});
