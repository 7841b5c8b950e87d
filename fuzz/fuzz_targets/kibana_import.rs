//! A file of saved objects.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::kibana::fuzzing::import(data);
});
