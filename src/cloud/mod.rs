//! The cloud half: ticks into Google Cloud Storage, scripts on BigQuery.
//!
//! ```text
//! tick::TickReader, or a topic -> gcs -> [bucket] <- external table <- bigquery (sql/*.sql)
//! ```
//!
//! The same code asks Google and servers that stand in for it: an address is all it knows.

mod bigquery;
mod gcs;
mod names;

pub use bigquery::{
    BigQuery, BigQueryError, Cell, Column, DatasetOutcome, Estimate, PlaceholderProblem, ResultTable, RunOptions,
    SHIPPED_SCRIPTS, Script, ScriptError, ScriptNames, ScriptProgress, ScriptRun, ShippedScript, SqlPlace,
    StatementRun,
};
pub use gcs::{
    BATCH_TICKS, BucketOutcome, Gcs, GcsError, OBJECT, PushOptions, PushProgress, PushReport, StoredObject,
    TopicPushOptions, TopicPushReport,
};
pub use names::{BucketName, DatasetName, NameError, ObjectName, ProjectId};
