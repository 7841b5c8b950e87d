//! One request frame of the Kafka protocol, as a client would send it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _served = stockdev::server::kafka::fuzzing::decode_request(bytes);
});
