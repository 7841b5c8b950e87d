//! Ticks one after the other, whatever they are read from. Constant memory whatever the input's size.

use std::{io::BufRead, ops::Range, path::Path, sync::Arc};

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    csv::{ColumnMap, Header},
    error::{HeaderProblem, Place, Problem, ReadError, excerpt},
    input::{self, InputFormat, RECORD_BYTES_MAX, Source},
    json::{Elements, Ending, Lines, RawRecord},
    simulator::Simulator,
    time::{TimeShift, default_zone, format_timestamp},
    validate,
};

/// How inputs are read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Of timestamps that name none, and of those that are sent.
    pub zone: TimeZone,
    pub columns: ColumnMap,
    /// Found out by content when `None`.
    pub format: Option<InputFormat>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { zone: default_zone(), columns: ColumnMap::default(), format: None }
    }
}

/// One tick, valid.
#[derive(Debug, Clone)]
pub struct TickRecord {
    /// As it was read; encoded only where the source is not JSON.
    pub json: Bytes,
    /// The instrument's token: the message key.
    pub key: u64,
    pub timestamp: Timestamp,
    /// The line it starts at, from 1.
    pub line: u64,
    has_offset: bool,
    timestamp_span: Range<usize>,
}

impl TickRecord {
    /// The tick as it is sent: moved by `shift`, its timestamp with the offset of `zone`. Bytes stay as they are where
    /// they say that already; else only the timestamp's are replaced.
    pub fn sent(&self, shift: TimeShift, zone: &TimeZone) -> Bytes {
        if shift.is_none() && self.has_offset {
            return self.json.clone();
        }
        let stamp = format_timestamp(shift.apply(self.timestamp), zone);
        let before = self.json.get(..self.timestamp_span.start).unwrap_or_default();
        let after = self.json.get(self.timestamp_span.end..).unwrap_or_default();
        let mut json = Vec::with_capacity(before.len() + stamp.len() + 2 + after.len());
        for part in [before, b"\"", stamp.as_bytes(), b"\"", after] {
            json.extend_from_slice(part);
        }
        json.into()
    }
}

/// Reads ticks from a file, standard input, bytes or the simulator.
///
/// After an error that [`ReadError::is_recoverable`], reading goes on behind the bad record; after any other it ends.
pub struct TickReader {
    file: Arc<str>,
    zone: TimeZone,
    records: Records,
    ended: bool,
}

enum Records {
    Lines(Lines<Box<dyn BufRead + Send>>),
    Elements(Elements<Box<dyn BufRead + Send>>),
    Rows { lines: Lines<Box<dyn BufRead + Send>>, header: Header },
    Simulated(Box<Simulator>),
}

impl TickReader {
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let (file, source) = input::open_file(path)?;
        Self::from_source(file, source, options)
    }

    pub fn stdin(options: &ReadOptions) -> Result<Self, ReadError> {
        Self::from_source("standard input".into(), Box::new(std::io::stdin()), options)
    }

    /// Reads from anything; `name` stands for it in errors.
    pub fn from_reader(
        name: &str,
        source: impl std::io::Read + Send + 'static,
        options: &ReadOptions,
    ) -> Result<Self, ReadError> {
        Self::from_source(name.into(), Box::new(source), options)
    }

    pub fn simulated(simulator: Simulator) -> Self {
        let zone = simulator.options().zone.clone();
        Self { file: "simulator".into(), zone, records: Records::Simulated(Box::new(simulator)), ended: false }
    }

    fn from_source(file: Arc<str>, source: Source, options: &ReadOptions) -> Result<Self, ReadError> {
        let input = input::open(file, source, options.format)?;
        let records = match input.format {
            InputFormat::JsonArray => Records::Elements(Elements::new(input.text)),
            InputFormat::Ndjson => Records::Lines(Lines::new(input.text)),
            InputFormat::Csv => {
                let mut lines = Lines::new(input.text);
                let header = read_header(&input.file, &mut lines, &options.columns)?;
                Records::Rows { lines, header }
            }
        };
        Ok(Self { file: input.file, zone: options.zone.clone(), records, ended: false })
    }

    /// The zone of what this reader's ticks say without an offset.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn read(&mut self) -> Result<Option<TickRecord>, ReadError> {
        let (raw, line) = match &mut self.records {
            Records::Simulated(simulator) => return simulated(simulator.as_mut()).transpose(),
            Records::Lines(lines) => (lines.next(), lines.line()),
            Records::Elements(elements) => (elements.next(), elements.line()),
            Records::Rows { lines, .. } => (lines.next(), lines.line()),
        };
        let raw = raw.map_err(|source| ReadError::Io { file: self.file.clone(), line, source })?;
        let Some(raw) = raw else { return Ok(None) };
        match &self.records {
            Records::Rows { header, .. } => self.row(header, raw).map(Some),
            _ => self.json(raw).map(Some),
        }
    }

    fn json(&self, raw: RawRecord) -> Result<TickRecord, ReadError> {
        self.check_ending(&raw)?;
        let facts = validate::check(&raw.text, &self.zone)
            .map_err(|flaw| self.bad(&raw, flaw.offset, flaw.field, flaw.problem))?;
        Ok(TickRecord {
            line: raw.line,
            json: raw.text.into(),
            key: facts.token,
            timestamp: facts.instant,
            has_offset: facts.has_offset,
            timestamp_span: facts.timestamp_span,
        })
    }

    fn row(&self, header: &Header, raw: RawRecord) -> Result<TickRecord, ReadError> {
        self.check_ending(&raw)?;
        let tick = header.tick(&raw.text).map_err(|flaw| self.bad(&raw, flaw.offset, flaw.field, flaw.problem))?;
        let mut json = Vec::with_capacity(1024);
        tick.write_json(&mut json).map_err(|error| self.bad(&raw, 0, None, Problem::Json(error.to_string())))?;
        let facts = validate::check(&json, &self.zone).map_err(|flaw| {
            // Only the timestamp is checked late: its cell is what the flaw is about.
            self.bad(&raw, header.timestamp_offset(&raw.text), flaw.field, flaw.problem)
        })?;
        Ok(TickRecord {
            line: raw.line,
            json: json.into(),
            key: facts.token,
            timestamp: facts.instant,
            has_offset: facts.has_offset,
            timestamp_span: facts.timestamp_span,
        })
    }

    fn check_ending(&self, raw: &RawRecord) -> Result<(), ReadError> {
        let problem = match raw.ending {
            Ending::Whole => return Ok(()),
            Ending::TooLong => Problem::TooLong { limit: RECORD_BYTES_MAX },
            Ending::Truncated => Problem::Truncated,
            Ending::AfterArray => Problem::AfterArray { found: excerpt(&raw.text) },
        };
        let offset = if raw.ending == Ending::Truncated { raw.text.len() } else { 0 };
        Err(self.bad(raw, offset, None, problem))
    }

    fn bad(&self, raw: &RawRecord, offset: usize, field: Option<String>, problem: Problem) -> ReadError {
        ReadError::Record { place: place(&self.file, raw, offset, field), problem }
    }
}

fn simulated(simulator: &mut Simulator) -> Option<Result<TickRecord, ReadError>> {
    let tick = simulator.next()?;
    let mut json = Vec::with_capacity(1024);
    if let Err(error) = tick.tick.write_json(&mut json) {
        // Not reached: the simulator's numbers are finite. Said rather than panicked.
        let place = Place { file: "simulator".into(), line: tick.number, column: 1, field: None };
        return Some(Err(ReadError::Record { place, problem: Problem::Json(error.to_string()) }));
    }
    // The simulator writes the timestamp first.
    let start = br#"{"timestamp":"#.len();
    let end = start + tick.tick.timestamp.len() + 2;
    Some(Ok(TickRecord {
        json: json.into(),
        key: tick.tick.instrument_token,
        timestamp: tick.instant,
        line: tick.number,
        has_offset: false,
        timestamp_span: start..end,
    }))
}

fn read_header<R: BufRead>(file: &Arc<str>, lines: &mut Lines<R>, map: &ColumnMap) -> Result<Header, ReadError> {
    let raw = lines.next().map_err(|source| ReadError::Io { file: file.clone(), line: 0, source })?;
    let Some(raw) = raw else { return Err(ReadError::Empty { file: file.clone() }) };
    if raw.ending == Ending::TooLong {
        let problem = HeaderProblem::Unreadable(Problem::TooLong { limit: RECORD_BYTES_MAX });
        return Err(ReadError::Header { place: place(file, &raw, 0, None), problem });
    }
    Header::parse(&raw.text, map)
        .map_err(|flaw| ReadError::Header { place: place(file, &raw, flaw.offset, None), problem: flaw.problem })
}

/// Line and column of a byte of a record.
fn place(file: &Arc<str>, raw: &RawRecord, offset: usize, field: Option<String>) -> Place {
    let before = raw.text.get(..offset.min(raw.text.len())).unwrap_or_default();
    let (mut line, mut column) = (raw.line, raw.column);
    for byte in before {
        if *byte == b'\n' {
            line += 1;
            column = 1;
        } else if byte & 0xc0 != 0x80 {
            column += 1;
        }
    }
    Place { file: file.clone(), line, column, field }
}

impl Iterator for TickReader {
    type Item = Result<TickRecord, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended = match &item {
            None => true,
            Some(Ok(_)) => false,
            Some(Err(error)) => !error.is_recoverable(),
        };
        item
    }
}

impl std::fmt::Debug for TickReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TickReader").field("file", &self.file).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, path::PathBuf};

    use proptest::prelude::*;

    use super::*;
    use crate::tick::{
        sample::SAMPLE,
        time::{TimePolicy, TimeShift},
    };

    fn lines(count: usize) -> String {
        std::str::from_utf8(SAMPLE).unwrap().lines().take(count).collect::<Vec<_>>().join("\n") + "\n"
    }

    fn read(text: impl Into<Vec<u8>>) -> Vec<Result<TickRecord, ReadError>> {
        let source = std::io::Cursor::new(text.into());
        match TickReader::from_reader("test.json", source, &ReadOptions::default()) {
            Ok(reader) => reader.collect(),
            Err(error) => vec![Err(error)],
        }
    }

    fn jsons(records: Vec<Result<TickRecord, ReadError>>) -> Vec<Bytes> {
        records.into_iter().map(|record| record.unwrap().json).collect()
    }

    fn array_of(text: &str) -> String {
        format!("[\n  {}\n]\n", text.trim_end().replace('\n', ",\n  "))
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn an_array_ndjson_and_gzip_give_the_same_bytes() {
        let text = lines(50);
        let expected: Vec<Bytes> = text.lines().map(|line| Bytes::from(line.to_owned())).collect();
        assert_eq!(jsons(read(text.clone())), expected);
        assert_eq!(jsons(read(array_of(&text))), expected);
        assert_eq!(jsons(read(gzip(text.as_bytes()))), expected);
        assert_eq!(
            jsons(read([gzip(lines(20).as_bytes()), gzip(&text.as_bytes()[lines(20).len()..])].concat())),
            expected
        );
        assert_eq!(jsons(read(format!("\u{feff}{text}"))), expected);
    }

    #[test]
    fn bytes_pass_through_and_only_the_timestamp_is_replaced() {
        let odd = lines(1)
            .replace("\"volume\":", "\"volume\"  :   ")
            .replace("{\"timestamp\"", "{ \"x\": [1, \"é\"], \"timestamp\"");
        let record = read(odd.clone()).remove(0).unwrap();
        assert_eq!(record.json, odd.trim_end());
        let sent = record.sent(TimeShift::NONE, &default_zone());
        let stamp = |text: &str| text.split("timestamp\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let (before, after) = (stamp(&odd), stamp(std::str::from_utf8(&sent).unwrap()));
        assert_eq!(before.replace(' ', "T") + "+05:30", after);
        assert_eq!(odd.trim_end().replace(&before, &after).as_bytes(), sent);
    }

    #[test]
    fn a_tick_that_names_its_offset_is_sent_as_it_came() {
        let text = lines(1).replacen("2024-01-02 09", "2024-01-02T09", 1).replacen("\",", "+02:00\",", 1);
        let record = read(text.clone()).remove(0).unwrap();
        assert_eq!(record.sent(TimeShift::NONE, &default_zone()), text.trim_end());
        let moved = record.sent(TimeShift::from_micros(1_000_000), &default_zone());
        assert_ne!(moved, text.trim_end());
        let again = read(moved.to_vec()).remove(0).unwrap();
        assert_eq!(again.timestamp.duration_since(record.timestamp), jiff::SignedDuration::from_secs(1));
    }

    #[test]
    fn a_bad_record_is_named_and_the_next_one_read() {
        let text = lines(3);
        let second = text.lines().nth(1).unwrap();
        let bad = second.replace("\"low\":", "\"low\":\"x\",\"lower\":");
        for (text, line) in [(text.replace(second, &bad), 2), (array_of(&text.replace(second, &bad)), 3)] {
            let records = read(text);
            assert_eq!(records.len(), 3);
            let error = records[1].as_ref().unwrap_err();
            let place = error.place().unwrap();
            assert_eq!((place.line, place.field.as_deref(), &*place.file), (line, Some("low"), "test.json"));
            assert!(error.to_string().contains("expected a number, found `\"x\"`"), "{error}");
            assert!(error.is_recoverable());
            assert!(records[2].is_ok());
        }
    }

    #[test]
    fn columns_point_at_the_value() {
        let text = lines(1).replace("\"last_price\":", "\"é\":1,\"last_price\":\"no\",\"y\":");
        let error = read(text.clone()).remove(0).unwrap_err();
        let expected = text.chars().collect::<String>().find("\"no\"").unwrap();
        // One character of the line has two bytes.
        assert_eq!(error.place().unwrap().column, u64::try_from(expected - 1).unwrap() + 1);
    }

    /// What each broken fixture is refused for: the last error, or the only one.
    const BROKEN: [(&str, &str); 24] = [
        ("array_stray_comma.json", "expected a tick as a JSON object, found nothing"),
        ("array_text_after.json", "only blanks may follow the array's end, found `{`"),
        ("array_truncated.json", "the input ends inside a tick"),
        ("array_unclosed.json", "the input ends inside a tick"),
        ("bad_json_line.ndjson", "bad_json_line.ndjson:3:35: not JSON: expected `,` or `}`"),
        ("bad_timestamp.ndjson", "field `timestamp`: expected a time as `YYYY-MM-DD HH:MM:SS.ffffff` or ISO 8601"),
        ("binary.dat", "holds binary data"),
        ("bom_and_wrong_type.ndjson", "field `volume`: expected a whole number from 0"),
        ("csv_bad_number.csv", "field `last_price`: expected a number, found `NaN`"),
        ("csv_bad_quoting.csv", "a quoted value is not closed"),
        ("csv_bad_timestamp.csv", "field `timestamp`: expected a time"),
        ("csv_empty_cell.csv", "field `volume`: is missing or null"),
        ("csv_extra_cell.csv", "the row has 43 values, the header 42 columns"),
        ("csv_missing_column.csv", "the header lacks the column `high`"),
        ("csv_unknown_column.csv", "the header has the unknown column `open_interest`"),
        ("depth_is_text.ndjson", "field `depth`: expected an object with the arrays `buy` and `sell`"),
        ("depth_level_lacks_price.ndjson", "field `depth.sell[4].price`: is missing or null"),
        ("empty.json", "is empty: no tick in it"),
        ("huge_line.ndjson.gz", "longer than 1048576 bytes"),
        ("missing_field.ndjson", "field `last_price`: is missing or null"),
        ("nan.ndjson", "not JSON: expected value"),
        ("not_utf8.ndjson", "not UTF-8 text"),
        ("truncated.ndjson.gz", "cannot read"),
        ("wrong_type.ndjson", "field `last_price`: expected a number, found `\"1540.00\"`"),
    ];

    fn broken() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/broken")
    }

    #[test]
    fn every_broken_fixture_is_refused_with_its_reason() {
        for (name, expected) in BROKEN {
            let errors: Vec<String> = match TickReader::open(&broken().join(name), &ReadOptions::default()) {
                Ok(reader) => reader.filter_map(Result::err).map(|error| error.to_string()).collect(),
                Err(error) => vec![error.to_string()],
            };
            assert!(!errors.is_empty(), "{name} was taken");
            assert!(errors.iter().any(|error| error.contains(expected) && error.contains(name)), "{name}: {errors:?}");
        }
    }

    #[test]
    fn no_broken_fixture_is_forgotten() {
        let mut names: Vec<String> = std::fs::read_dir(broken())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, BROKEN.map(|(name, _)| name.to_owned()));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = TickReader::open(std::path::Path::new("no/such.json"), &ReadOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "cannot open `no/such.json`");
        let error = TickReader::open(&broken(), &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, ReadError::Open { .. }));
    }

    #[test]
    fn all_ticks_move_by_the_same_shift() {
        let records: Vec<TickRecord> = read(lines(10)).into_iter().map(Result::unwrap).collect();
        let now = Timestamp::now();
        let shift = TimePolicy::Now.resolve(records.last().map(|last| last.timestamp), None, now);
        let moved: Vec<Timestamp> = records
            .iter()
            .map(|record| read(record.sent(shift, &default_zone()).to_vec()).remove(0).unwrap().timestamp)
            .collect();
        assert_eq!(moved[9].as_microsecond(), now.as_microsecond());
        for (before, after) in records.windows(2).zip(moved.windows(2)) {
            assert_eq!(before[1].timestamp.duration_since(before[0].timestamp), after[1].duration_since(after[0]));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn damaged_input_never_panics_and_always_ends(at in 0usize..3000, byte: u8, cut in 0usize..3000, kind in 0..3) {
            let text = match kind {
                0 => lines(3).into_bytes(),
                1 => array_of(&lines(3)).into_bytes(),
                _ => std::fs::read(broken().join("../log_inf_sample.csv")).unwrap()[..2500].to_vec(),
            };
            let mut text = text;
            let at = at.min(text.len() - 1);
            text[at] = byte;
            text.truncate(cut);
            prop_assert!(read(text).len() <= 3000);
        }
    }
}
