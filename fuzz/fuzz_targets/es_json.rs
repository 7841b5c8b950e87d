//! A JSON text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::json(bytes);
});
