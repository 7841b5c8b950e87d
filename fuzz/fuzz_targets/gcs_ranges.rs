//! Ranges of resumable uploads and of downloads.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::gcs::fuzzing::ranges(data);
});
