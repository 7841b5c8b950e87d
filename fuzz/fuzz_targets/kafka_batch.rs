//! One record batch, compressed or not.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _whole = stockdev::server::kafka::fuzzing::parse_batch(bytes);
});
