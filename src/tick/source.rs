//! Where ticks come from, before anything is opened.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    error::ReadError,
    reader::{ReadOptions, TickReader},
    sample::{SAMPLE, SAMPLE_NAME, SAMPLE_TICKS},
    simulator::{Simulator, SimulatorOptions},
};

/// A source of ticks.
#[derive(Debug, Clone)]
pub enum TickSource {
    /// The sample inside the binary.
    Sample,
    File(PathBuf),
    Stdin,
    Simulated(SimulatorOptions),
}

/// What one pass over a source tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Survey {
    pub ticks: u64,
    /// Bad records passed over.
    pub invalid: u64,
    /// Of the first tick.
    pub first: Option<Timestamp>,
    /// The latest of all.
    pub last: Option<Timestamp>,
}

impl TickSource {
    /// `-` is standard input, anything else a file.
    pub fn from_arg(arg: &str) -> Self {
        if arg == "-" { Self::Stdin } else { Self::File(arg.into()) }
    }

    pub fn open(&self, options: &ReadOptions) -> Result<TickReader, ReadError> {
        match self {
            Self::Sample => TickReader::from_reader(SAMPLE_NAME, SAMPLE, options),
            Self::File(path) => TickReader::open(path, options),
            Self::Stdin => TickReader::stdin(options),
            Self::Simulated(simulation) => Ok(TickReader::simulated(Simulator::new(simulation.clone())?)),
        }
    }

    /// Reads the source once to count its ticks and find its last: `None` when that can't be done, because it can be
    /// read only once (standard input, a pipe) or has no end. Blocks: a big file takes its time.
    pub fn survey(&self, options: &ReadOptions, skip_invalid: bool) -> Result<Option<Survey>, ReadError> {
        match self {
            Self::Stdin => Ok(None),
            Self::File(path) if !is_regular(path) => Ok(None),
            Self::Simulated(simulation) => Ok(Simulator::span(simulation)?
                .zip(simulation.ticks)
                .map(|((first, last), ticks)| Survey { ticks, invalid: 0, first: Some(first), last: Some(last) })),
            Self::Sample => sample_survey(options).map(Some),
            Self::File(_) => survey(self.open(options)?, skip_invalid).map(Some),
        }
    }
}

fn survey(reader: TickReader, skip_invalid: bool) -> Result<Survey, ReadError> {
    let mut survey = Survey::default();
    for record in reader {
        match record {
            Ok(record) => {
                survey.ticks += 1;
                survey.first.get_or_insert(record.timestamp);
                survey.last = survey.last.max(Some(record.timestamp));
            }
            Err(error) if skip_invalid && error.is_recoverable() => survey.invalid += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(survey)
}

/// The sample is known to be good and in order: its ends are all there is to look at.
fn sample_survey(options: &ReadOptions) -> Result<Survey, ReadError> {
    let mut lines = SAMPLE.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let ends = [lines.next(), lines.next_back()].into_iter().flatten().collect::<Vec<_>>().join(&b'\n');
    let ends = survey(TickReader::from_reader(SAMPLE_NAME, std::io::Cursor::new(ends), options)?, false)?;
    Ok(Survey { ticks: SAMPLE_TICKS, ..ends })
}

/// A file that is not there is left for `open` to complain about.
fn is_regular(path: &Path) -> bool {
    path.metadata().map_or(true, |metadata| metadata.is_file() || metadata.is_dir())
}

impl fmt::Display for TickSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample => formatter.write_str(SAMPLE_NAME),
            Self::File(path) => path.display().fmt(formatter),
            Self::Stdin => formatter.write_str("standard input"),
            Self::Simulated(_) => formatter.write_str("simulator"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::sample::sample_options;

    #[test]
    fn a_survey_of_the_sample_is_what_reading_it_through_gives() {
        let options = ReadOptions::default();
        let read = survey(TickSource::Sample.open(&options).unwrap(), false).unwrap();
        assert_eq!(TickSource::Sample.survey(&options, false).unwrap(), Some(read));
        let simulated = TickSource::Simulated(sample_options()).survey(&options, false).unwrap();
        assert_eq!(simulated, Some(read));
    }

    #[test]
    fn what_can_be_read_only_once_is_not_surveyed() {
        let options = ReadOptions::default();
        assert_eq!(TickSource::from_arg("-").survey(&options, false).unwrap(), None);
        let endless = TickSource::Simulated(SimulatorOptions { ticks: None, ..SimulatorOptions::default() });
        assert_eq!(endless.survey(&options, false).unwrap(), None);
        assert!(TickSource::from_arg("no/such/file").survey(&options, false).is_err());
    }
}
