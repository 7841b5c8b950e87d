//! What came of a request: of each statement of a script, of a load, a page of rows.

use super::resource::{DatasetReference, TableReference};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::value::{Field, Value};

/// A script that ran to its end, or to the first statement that failed.
#[derive(Debug, Clone, Default)]
pub struct ScriptOutcome {
    /// In the order in which they ran; the last one has the error, if one failed.
    pub statements: Vec<StatementOutcome>,
    /// More than one statement, or any of procedural language: `statementType` is `SCRIPT`, each statement a child job.
    pub script: bool,
    /// Why it stopped; positions are those of the whole script.
    pub error: Option<QueryError>,
}

impl ScriptOutcome {
    /// The rows of the last statement that gave any.
    pub fn result(&self) -> Option<&ResultTable> {
        self.statements.iter().rev().find_map(|statement| statement.result.as_ref())
    }
}

/// One statement that ran.
#[derive(Debug, Clone)]
pub struct StatementOutcome {
    /// `SELECT`, `CREATE_TABLE_AS_SELECT`, `CREATE_MODEL` ... as in `query.statementType`.
    pub statement_type: &'static str,
    /// A statement, or only an expression of `DECLARE`, `SET`, `IF` ...
    pub evaluation: Evaluation,
    pub start: Position,
    /// Just behind its last character.
    pub end: Position,
    pub text: String,
    pub started_ms: i64,
    pub ended_ms: i64,
    pub ddl: Option<Ddl>,
    pub dml: Option<DmlStatistics>,
    pub bytes_processed: u64,
    /// Never less than 10 MB a table, whole megabytes.
    pub bytes_billed: u64,
    pub referenced_tables: Vec<TableReference>,
    /// Of its rows: also in a dry run.
    pub fields: Option<Vec<Field>>,
    pub result: Option<ResultTable>,
    pub ml: Option<MlStatistics>,
    /// What a person should know: what was averaged, cut or approximated.
    pub notes: Vec<String>,
    pub error: Option<QueryError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    Statement,
    Expression,
}

impl Evaluation {
    /// `evaluationKind`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Statement => "STATEMENT",
            Self::Expression => "EXPRESSION",
        }
    }
}

/// What a statement of data definition did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ddl {
    pub operation: DdlOperation,
    pub target: DdlTarget,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DdlOperation {
    Create,
    Replace,
    Skip,
    Drop,
}

impl DdlOperation {
    /// `ddlOperationPerformed`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Replace => "REPLACE",
            Self::Skip => "SKIP",
            Self::Drop => "DROP",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DdlTarget {
    /// Also a view or an external table: `ddlTargetTable`.
    Table(TableReference),
    Model(TableReference),
    /// `ddlTargetDataset`.
    Dataset(DatasetReference),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DmlStatistics {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
}

impl DmlStatistics {
    /// `numDmlAffectedRows`.
    pub fn affected(self) -> u64 {
        self.inserted.saturating_add(self.updated).saturating_add(self.deleted)
    }
}

/// `mlStatistics` of a model's training.
#[derive(Debug, Clone, PartialEq)]
pub struct MlStatistics {
    pub model_type: String,
    pub max_iterations: i64,
    /// `iterationResults`, as the API has them.
    pub iterations: Vec<serde_json::Value>,
}

/// Rows that a query gave, kept for a while as an anonymous table (or the destination table itself).
#[derive(Debug, Clone)]
pub struct ResultTable {
    /// For [`super::Engine::rows`], and `configuration.query.destinationTable`.
    pub table: TableReference,
    pub fields: Vec<Field>,
    pub rows: u64,
}

/// Some rows of a table.
#[derive(Debug, Clone)]
pub struct Page {
    pub fields: Vec<Field>,
    pub rows: Vec<Vec<Value>>,
    /// Of the whole table.
    pub total: u64,
}

/// What a load job read and wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadOutcome {
    pub input_files: u64,
    pub input_bytes: u64,
    pub output_rows: u64,
    pub output_bytes: u64,
    pub bad_records: u64,
}

/// Why a row of `insertAll` was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// In the request.
    pub index: usize,
    /// `invalid`, or `stopped` for good rows that were refused because of others.
    pub reason: &'static str,
    /// The field.
    pub location: String,
    pub message: String,
}
