//! Why a saved object can't be read.

/// The object as a whole is of no use; the text names the attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    #[error("a saved object of type `{expected}` is needed, this is {found}")]
    Kind { expected: &'static str, found: String },
    #[error("`{path}` is missing")]
    Missing { path: String },
    #[error("`{path}` should be {expected}, but is {found}")]
    Shape { path: String, expected: &'static str, found: &'static str },
    /// Of a string that holds JSON.
    #[error("the JSON text in `{path}` is broken: {reason}")]
    Json { path: String, reason: String },
}
