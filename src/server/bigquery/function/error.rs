//! What goes wrong inside a function, and its way through SQLite: SQLite carries only a text.

use crate::server::bigquery::error::{QueryError, Reason};

/// Stands before our messages, so that they can be told from SQLite's own.
const MARK: &str = "bigquery: ";

/// A function's error: BigQuery's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{mark}{0}", mark = MARK)]
pub struct FunctionError(pub(crate) String);

impl FunctionError {
    /// From BigQuery's message, without position.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// The way out of a function: SQLite's error texts end at a NUL.
impl From<FunctionError> for rusqlite::Error {
    fn from(error: FunctionError) -> Self {
        Self::UserFunctionError(Box::new(FunctionError(error.0.replace('\0', "\\0"))))
    }
}

/// What SQLite reports for a statement, as BigQuery would: the function's own message (`invalidQuery`), or `None` when no function made the error.
pub(crate) fn query_error(error: &rusqlite::Error) -> Option<QueryError> {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::UserFunctionError(error) => error.to_string(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        _ => return None,
    };
    text.strip_prefix(MARK).map(|message| QueryError::new(Reason::InvalidQuery, message))
}

/// The result of a function.
pub(super) type Outcome<T> = Result<T, FunctionError>;

/// An error from a message.
pub(super) fn fail<T>(message: impl Into<String>) -> Outcome<T> {
    Err(FunctionError::new(message))
}
