//! A document, against a dynamic mapping.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::document(bytes);
});
