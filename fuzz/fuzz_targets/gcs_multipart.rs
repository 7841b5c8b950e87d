//! An upload in parts.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::gcs::fuzzing::multipart(data);
});
