//! What can be wrong with an input, and where: file, line, column, field and value.

use std::{fmt, io, sync::Arc};

/// How much of a bad value an error shows, in characters.
const EXCERPT_CHARS_MAX: usize = 60;

/// Where in an input something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's path, or `standard input`.
    pub file: Arc<str>,
    /// From 1.
    pub line: u64,
    /// From 1, in characters.
    pub column: u64,
    /// The JSON field (`depth.buy[2].price`) or CSV column.
    pub field: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)?;
        match &self.field {
            Some(field) => write!(formatter, ": field `{field}`"),
            None => Ok(()),
        }
    }
}

/// What is wrong with one record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("is missing or null")]
    Missing,
    #[error("expected {expected}, found `{found}`")]
    WrongValue { expected: &'static str, found: String },
    #[error("not JSON: {0}")]
    Json(String),
    #[error("not UTF-8 text")]
    NotUtf8,
    #[error("expected a tick as a JSON object, found `{found}`")]
    NotAnObject { found: String },
    #[error("expected a tick as a JSON object, found nothing")]
    Nothing,
    #[error("the input ends inside a tick")]
    Truncated,
    #[error("longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("a quoted value is not closed, or text follows its closing quote")]
    Quoting,
    #[error("the row has {found} values, the header {expected} columns")]
    CellCount { found: usize, expected: usize },
    #[error("only blanks may follow the array's end, found `{found}`")]
    AfterArray { found: String },
}

/// Why an input can't be read, or one of its records not be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot open `{file}`")]
    Open {
        file: Arc<str>,
        #[source]
        source: io::Error,
    },
    #[error("cannot read `{file}` beyond line {line}: {source}")]
    Io {
        file: Arc<str>,
        line: u64,
        #[source]
        source: io::Error,
    },
    #[error("`{file}` is empty: no tick in it")]
    Empty { file: Arc<str> },
    #[error("`{file}` holds {found}; ticks are read from a JSON array, NDJSON or CSV, plain or gzip, in UTF-8")]
    Unrecognised { file: Arc<str>, found: String },
    #[error("{place}: {problem}")]
    Header { place: Place, problem: HeaderProblem },
    /// One record is bad; the next call reads the one after it.
    #[error("{place}: {problem}")]
    Record { place: Place, problem: Problem },
    #[error(transparent)]
    Simulator(#[from] super::simulator::SimulatorError),
}

/// What is wrong with a CSV header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderProblem {
    #[error("the header lacks the column `{column}`; name the one that holds it with `--map COLUMN={column}`")]
    MissingColumn { column: String },
    #[error(
        "the header has the unknown column `{column}`; `--map {column}=FIELD` names its field, `--map {column}=-` drops it"
    )]
    UnknownColumn { column: String },
    #[error("the header has the column `{column}` twice")]
    DuplicateColumn { column: String },
    #[error("the header is {0}")]
    Unreadable(Problem),
}

impl ReadError {
    /// Whether the input can be read on after this error: the bad record is skipped.
    pub fn is_recoverable(&self) -> bool {
        matches!(self, Self::Record { problem, .. } if !matches!(problem, Problem::AfterArray { .. }))
    }

    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Header { place, .. } | Self::Record { place, .. } => Some(place),
            Self::Open { .. }
            | Self::Io { .. }
            | Self::Empty { .. }
            | Self::Unrecognised { .. }
            | Self::Simulator(_) => None,
        }
    }
}

/// A bad value, short enough to print and without control characters.
pub(crate) fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..text.len().min(4 * EXCERPT_CHARS_MAX)).unwrap_or_default());
    let mut shown: String =
        text.trim().chars().take(EXCERPT_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.trim().chars().count() > EXCERPT_CHARS_MAX {
        shown.push('…');
    }
    shown
}
