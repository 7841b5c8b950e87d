//! Ticks in any of the three formats, plain or gzip: the format is guessed, then each is forced.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    use stockdev::tick::{InputFormat, ReadOptions, TickReader};
    for format in [None, Some(InputFormat::JsonArray), Some(InputFormat::Ndjson), Some(InputFormat::Csv)] {
        let options = ReadOptions { format, ..ReadOptions::default() };
        let Ok(reader) = TickReader::from_reader("fuzz", std::io::Cursor::new(bytes.to_vec()), &options) else { continue };
        for record in reader {
            if record.is_err_and(|error| !error.is_recoverable()) {
                break;
            }
        }
    }
});
