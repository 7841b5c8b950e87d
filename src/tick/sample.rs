//! The sample inside the binary: one whole session, 09:15 to 15:30, of five instruments.

use super::simulator::SimulatorOptions;

/// `fixtures/stock_data_sample.json`: NDJSON, as [`sample_options`] makes it.
pub const SAMPLE: &[u8] = include_bytes!("../../fixtures/stock_data_sample.json");
/// What the sample is called in messages.
pub const SAMPLE_NAME: &str = "stock_data_sample.json";
/// Ticks in the sample.
pub const SAMPLE_TICKS: u64 = 2_000;

/// From the opening to the closing bell: the first and the last of 2,000 ticks are a session apart.
const SESSION_SECONDS: f64 = 22_500.0;

/// What the sample was made with: `stockdev generate --ticks 2000 --seed 20240102` at this rate.
pub fn sample_options() -> SimulatorOptions {
    SimulatorOptions {
        ticks: Some(SAMPLE_TICKS),
        rate: 1_999.0 / SESSION_SECONDS,
        seed: 20_240_102,
        ..SimulatorOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::tick::{
        ReadOptions, TickSource, generate,
        model::column_names,
        simulator::{SimulatedTick, Simulator},
    };

    fn fixture(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
    }

    /// Compares with the file, or makes it anew when `STOCKDEV_WRITE_FIXTURES` is set.
    fn assert_fixture(name: &str, made: &[u8]) {
        if std::env::var_os("STOCKDEV_WRITE_FIXTURES").is_some() {
            std::fs::write(fixture(name), made).unwrap();
        }
        let kept = std::fs::read(fixture(name)).unwrap();
        assert!(kept == made, "{name} is not what its seed makes; STOCKDEV_WRITE_FIXTURES=1 makes it anew");
    }

    #[test]
    fn the_sample_is_what_its_seed_makes() {
        let mut made = Vec::new();
        generate(&sample_options(), &mut made, None, &|| false).unwrap();
        assert_fixture(SAMPLE_NAME, &made);
    }

    #[test]
    fn the_sample_is_one_whole_session_of_five_instruments() {
        let records: Vec<_> =
            TickSource::Sample.open(&ReadOptions::default()).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(records.len(), 2_000);
        assert_eq!(u64::try_from(records.len()).unwrap(), SAMPLE_TICKS);
        let keys: std::collections::BTreeSet<u64> = records.iter().map(|record| record.key).collect();
        assert_eq!(keys.len(), 5);
        assert!(records[0].timestamp.to_string().starts_with("2024-01-02T03:45:0"));
        assert!(records[1_999].timestamp.to_string().starts_with("2024-01-02T10:00:00"));
    }

    #[test]
    fn the_csv_sample_is_what_its_seed_makes_and_its_header_has_stray_blanks() {
        let mut header = column_names();
        for (index, name) in header.iter_mut().enumerate() {
            match index % 7 {
                2 => name.insert(0, ' '),
                5 => name.push(' '),
                _ => {}
            }
        }
        let mut text = header.join(",") + "\n";
        for SimulatedTick { tick, .. } in Simulator::new(sample_options()).unwrap().take(200) {
            text += &(tick.csv_cells().join(",") + "\n");
        }
        assert_fixture("log_inf_sample.csv", text.as_bytes());
    }

    #[test]
    fn the_csv_sample_and_the_json_sample_hold_the_same_ticks() {
        let csv = TickSource::File(fixture("log_inf_sample.csv")).open(&ReadOptions::default()).unwrap();
        let json = TickSource::Sample.open(&ReadOptions::default()).unwrap();
        let mut count = 0;
        for (csv, json) in csv.zip(json) {
            assert_eq!(csv.unwrap().json, json.unwrap().json);
            count += 1;
        }
        assert_eq!(count, 200);
    }
}
