//! The body of `PUT _mapping`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::mapping(bytes);
});
