//! Why a query was refused, in words for the person who typed it.

use thiserror::Error;

use super::{CLAUSES_MAX, DEPTH_MAX, TEXT_CHARS_MAX};

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KqlError {
    /// `expected` is in Kibana's words and order; `column` counts characters from 1.
    #[error("expected {} but {found} found at column {column}", .expected.join(", "))]
    Syntax { expected: Vec<&'static str>, found: String, column: usize, text: String },
    #[error("the query is longer than {TEXT_CHARS_MAX} characters")]
    TooLong,
    #[error("the query nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("the query comes to more than {CLAUSES_MAX} conditions: name fewer fields")]
    TooManyClauses,
    #[error("`{field}` is inside the nested field `{path}`: write `{path}:{{ ... }}` round it")]
    OutsideNested { field: String, path: String },
    #[error("`{field}` is not inside the nested field `{path}`")]
    NotNested { field: String, path: String },
    /// `number` counts from 1 in the list of filters; members of a combined one follow after a dot.
    #[error("saved filter {number}: {reason}")]
    Filter { number: String, reason: String },
}

impl KqlError {
    /// The text with a pointer under the column, on two lines; `None` when no place is to blame.
    pub fn pointer(&self) -> Option<String> {
        match self {
            Self::Syntax { text, column, .. } => Some(format!("{text}\n{}^", "-".repeat(column.saturating_sub(1)))),
            _ => None,
        }
    }
}
