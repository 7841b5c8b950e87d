//! What can be wrong with a layer, from its file to its answer.

use crate::lens::{formula::FormulaError, kql::KqlError, time::TimeError};

/// Names the column, and the option, field or column that it is about.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    #[error("layer `{layer}` asks in ES|QL, which is not supported: only form-based layers are")]
    TextBased { layer: String },
    #[error("layer `{layer}`: `{what}` is missing or malformed")]
    Malformed { layer: String, what: &'static str },
    #[error("column `{column}`: operation `{operation}` is not supported")]
    UnknownOperation { column: String, operation: String },
    #[error("column `{column}`: option `{option}` is not supported")]
    UnknownOption { column: String, option: String },
    #[error("column `{column}`: `{option}` must be {expected}")]
    BadOption { column: String, option: String, expected: &'static str },
    #[error("column `{column}`: data view `{view}` has no field `{field}`")]
    MissingField { column: String, field: String, view: String },
    #[error("column `{column}` refers to `{reference}`, which {why}")]
    BadReference { column: String, reference: String, why: &'static str },
    #[error("column `{column}`: {what}")]
    Unsupported { column: String, what: &'static str },
    #[error("column `{column}`: {source}")]
    Formula { column: String, source: FormulaError },
    #[error("column `{column}`: {source}")]
    Time { column: String, source: TimeError },
    #[error(transparent)]
    Query(#[from] KqlError),
    /// Elasticsearch's own error, with its root reason.
    #[error("elasticsearch answered {status}: {reason}")]
    Elasticsearch { status: u64, kind: String, reason: String },
    #[error("elasticsearch's answer has no `{what}`")]
    Answer { what: &'static str },
    #[error("all searches of the layer are done: it takes no further answer")]
    Finished,
}

impl LayerError {
    pub(super) fn unsupported(column: &str, what: &'static str) -> Self {
        Self::Unsupported { column: column.to_owned(), what }
    }
}
