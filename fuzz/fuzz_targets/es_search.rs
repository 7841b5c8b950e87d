//! The body of `_search`: queries, sorting, aggregations.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    stockdev::server::elasticsearch::fuzzing::search_body(bytes);
});
