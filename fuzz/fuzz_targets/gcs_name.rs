//! A name of a bucket or an object.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::gcs::fuzzing::name(data);
});
