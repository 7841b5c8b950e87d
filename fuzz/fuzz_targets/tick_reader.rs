//! Ticks as JSON array, NDJSON or CSV, plain or gzip: whatever the bytes look like.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockdev::tick::{ReadOptions, TickReader};

fuzz_target!(|data: &[u8]| {
    let bytes = std::io::Cursor::new(data.to_vec());
    if let Ok(reader) = TickReader::from_reader("fuzz", bytes, &ReadOptions::default()) {
        for record in reader {
            if record.is_err_and(|error| !error.is_recoverable()) {
                break;
            }
        }
    }
});
