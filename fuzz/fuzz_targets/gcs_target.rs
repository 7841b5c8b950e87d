//! A request's target at the storage server: path, parameters, patterns, masks.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::gcs::fuzzing::request_target(data);
});
