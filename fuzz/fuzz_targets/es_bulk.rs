//! The body of `_bulk`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::bulk_body(bytes);
});
