//! What the engine is asked to do, and how it tells how far it is.

use super::outcome::StatementOutcome;
use super::resource::{DatasetReference, ExternalDefinition, Format, Settings, TableReference};
use crate::server::bigquery::error::Position;
use crate::server::bigquery::value::{Field, Type, Value};

/// A script of one or more statements.
#[derive(Debug, Clone, Default)]
pub struct QueryRequest {
    /// The project that runs it: paths without a project are in it.
    pub project: String,
    pub text: String,
    /// Where the job runs, when it says so: datasets elsewhere are not found.
    pub location: Option<String>,
    /// Where paths of one part are.
    pub default_dataset: Option<DatasetReference>,
    pub parameters: Parameters,
    /// Only for a single query.
    pub destination: Option<Destination>,
    /// Checked, not run: schema, bytes, referenced tables.
    pub dry_run: bool,
    /// A statement that would be billed more fails before it runs.
    pub bytes_billed_max: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub enum Parameters {
    #[default]
    None,
    /// `@name`.
    Named(Vec<(String, Type, Value)>),
    /// `?`.
    Positional(Vec<(Type, Value)>),
}

/// A table that rows go into.
#[derive(Debug, Clone)]
pub struct Destination {
    pub table: TableReference,
    /// Of the table, when it is made: one that is there keeps its own.
    pub settings: Settings,
    pub create: CreateDisposition,
    pub write: WriteDisposition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CreateDisposition {
    #[default]
    IfNeeded,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteDisposition {
    /// The default of load jobs.
    #[default]
    Append,
    Truncate,
    /// The default of query and copy jobs.
    Empty,
}

/// Rows from objects or an uploaded file into a table.
pub struct LoadRequest {
    pub project: String,
    pub destination: Destination,
    /// Without `uris` when the rows are uploaded.
    pub source: ExternalDefinition,
    /// The uploaded file; `None`: read `source.uris`.
    pub upload: Option<Box<dyn std::io::Read + Send>>,
    /// `None`: the destination's own, or found by looking when `source.autodetect`.
    pub fields: Option<Vec<Field>>,
    /// `schemaUpdateOptions` with `ALLOW_FIELD_ADDITION`.
    pub add_fields: bool,
}

/// Rows of tables into another.
#[derive(Debug, Clone)]
pub struct CopyRequest {
    pub sources: Vec<TableReference>,
    pub destination: Destination,
}

/// Rows of a table into an object.
#[derive(Debug, Clone)]
pub struct ExtractRequest {
    pub source: TableReference,
    /// `gs://bucket/name`; one `*` becomes twelve zeros.
    pub uris: Vec<String>,
    pub format: Format,
    pub gzip: bool,
    pub field_delimiter: char,
    pub print_header: bool,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct InsertOptions {
    /// Good rows are kept though others are bad.
    pub skip_invalid_rows: bool,
    pub ignore_unknown_values: bool,
}

/// Told while a script or a load runs; from the thread that runs it. Must return soon.
pub trait Progress: Send + Sync {
    /// A statement begins. `number` counts the statements that run (not those written): loops give one more each time.
    fn statement_started(&self, number: usize, start: Position, text: &str) {
        let _unused = (number, start, text);
    }

    /// It ended, well or not.
    fn statement_ended(&self, number: usize, outcome: &StatementOutcome) {
        let _unused = (number, outcome);
    }

    /// So many rows and bytes of the present statement's input were read.
    fn read(&self, rows: u64, bytes: u64) {
        let _unused = (rows, bytes);
    }
}

/// Nobody looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
