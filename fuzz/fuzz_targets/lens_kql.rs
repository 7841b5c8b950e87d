//! A text of Kibana's query language.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    stockdev::lens::fuzzing::kql(data);
});
