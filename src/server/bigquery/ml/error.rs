//! What can be wrong with a model's options, its data, or a function called on it; in BigQuery's words where they are known.

use crate::server::bigquery::error::QueryError;

/// Why a model can't be made or a function can't be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MlError {
    #[error("Unknown option: {option}")]
    UnknownOption { option: String },
    #[error("Duplicate option: {option}")]
    DuplicateOption { option: String },
    #[error("Invalid value {value} for option {option}: {reason}")]
    InvalidOption { option: String, value: String, reason: String },
    #[error("Option {option} with value {value} is not supported")]
    UnsupportedOption { option: String, value: String },
    #[error("Option {option} is required for model type {model_type}")]
    MissingOption { option: String, model_type: String },
    #[error(
        "Unable to identify the label column in query statement. Either specify the label column using \
         OPTIONS(input_label_cols=['your_label_col']) or name the label column in the data as 'label'."
    )]
    NoLabel,
    /// `place` is the option's name, or `training data`.
    #[error("Column {column} specified in option {option} is not found in the query statement")]
    NoColumn { column: String, option: String },
    #[error("Column {column} is not found in the input data to the {function} function.")]
    NoInput { column: String, function: &'static str },
    #[error("Column {column} of type {found} can't be used {role}")]
    ColumnType { column: String, found: String, role: &'static str },
    #[error("{0}")]
    Data(String),
    /// A function on a model that has none of it.
    #[error("{0}")]
    Misuse(String),
}

impl MlError {
    /// The option that is to blame, as it was written: its place in the statement is the error's place.
    pub fn option(&self) -> Option<&str> {
        match self {
            Self::UnknownOption { option }
            | Self::DuplicateOption { option }
            | Self::InvalidOption { option, .. }
            | Self::UnsupportedOption { option, .. }
            | Self::NoColumn { option, .. } => Some(option),
            Self::MissingOption { .. }
            | Self::NoLabel
            | Self::NoInput { .. }
            | Self::ColumnType { .. }
            | Self::Data(_)
            | Self::Misuse(_) => None,
        }
    }

    /// As BigQuery words what goes wrong in a call of `function`, such as `ML.PREDICT`. Without position.
    pub fn in_function(&self, function: &str) -> QueryError {
        QueryError::invalid_query(format!("Invalid table-valued function {function} {self}"))
    }
}

impl From<MlError> for QueryError {
    fn from(error: MlError) -> Self {
        Self::invalid_query(error.to_string())
    }
}
