//! Ticks as NDJSON: what `convert` and `generate` print. A reader that went away is no error.

use std::{
    io::{self, BufWriter, Write},
    time::{Duration, Instant},
};

use super::{
    error::ReadError,
    reader::ReadOptions,
    simulator::{Simulator, SimulatorError, SimulatorOptions},
    source::TickSource,
};

const BUFFER_BYTES: usize = 64 << 10;
/// How long a paced `generate` sleeps before it looks whether it is to stop.
const NAP: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
    #[error("cannot encode a tick: {0}")]
    Encode(#[from] serde_json::Error),
}

/// What `convert` did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConvertReport {
    pub ticks: u64,
    /// Bad records passed over.
    pub invalid: u64,
    /// What was wrong with the first of those.
    pub first_problem: Option<String>,
}

/// Writes a source's ticks, one a line, as they were read (timestamps too).
pub fn convert(
    source: &TickSource,
    options: &ReadOptions,
    skip_invalid: bool,
    sink: &mut dyn Write,
) -> Result<ConvertReport, WriteError> {
    let mut sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
    let mut report = ConvertReport::default();
    for record in source.open(options)? {
        let record = match record {
            Ok(record) => record,
            Err(error) if skip_invalid && error.is_recoverable() => {
                report.invalid += 1;
                report.first_problem.get_or_insert_with(|| error.to_string());
                continue;
            }
            Err(error) => {
                // What was good before it is not held back.
                unless_broken(sink.flush())?;
                return Err(error.into());
            }
        };
        if !unless_broken(write_line(&mut sink, &record.json))? {
            return Ok(report);
        }
        report.ticks += 1;
    }
    unless_broken(sink.flush())?;
    Ok(report)
}

/// Writes simulated ticks, one a line; with `pace`, that many a second of real time. `stop` is asked now and then.
/// Gives the number of ticks written.
pub fn generate(
    options: &SimulatorOptions,
    sink: &mut dyn Write,
    pace: Option<f64>,
    stop: &dyn Fn() -> bool,
) -> Result<u64, WriteError> {
    let mut sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
    let mut line = Vec::with_capacity(1024);
    let started = Instant::now();
    let mut written = 0;
    for tick in Simulator::new(options.clone())? {
        if let Some(rate) = pace {
            let due = started + due_after(written, rate);
            if due > Instant::now() && (!unless_broken(sink.flush())? || !sleep_until(due, stop)) {
                break;
            }
        } else if written.is_multiple_of(1024) && stop() {
            break;
        }
        line.clear();
        tick.tick.write_json(&mut line)?;
        if !unless_broken(write_line(&mut sink, &line))? {
            break;
        }
        written += 1;
    }
    unless_broken(sink.flush())?;
    Ok(written)
}

/// When the tick number `index` (from 0) is due.
fn due_after(index: u64, rate: f64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are more than any run writes")]
    let seconds = index as f64 / rate;
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX / 4)
}

/// `false` when told to stop.
fn sleep_until(due: Instant, stop: &dyn Fn() -> bool) -> bool {
    loop {
        if stop() {
            return false;
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(NAP));
    }
}

/// Writes a record as one line: line ends inside it are blanks between JSON tokens, for JSON strings hold none.
pub(crate) fn write_line(sink: &mut (impl Write + ?Sized), json: &[u8]) -> io::Result<()> {
    for (place, part) in json.split(|byte| matches!(byte, b'\n' | b'\r')).enumerate() {
        if place > 0 {
            sink.write_all(b" ")?;
        }
        sink.write_all(part)?;
    }
    sink.write_all(b"\n")
}

/// `false` when the reader went away.
fn unless_broken(outcome: io::Result<()>) -> Result<bool, WriteError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(WriteError::Write(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_blanks_it_has() {
        let mut line = Vec::new();
        write_line(&mut line, b"{\n  \"a\": 1\r\n}").unwrap();
        assert_eq!(line, b"{   \"a\": 1  }\n");
    }
}
