//! A request frame, as it comes from a socket.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::server::kafka::fuzzing::decode_request(data);
});
