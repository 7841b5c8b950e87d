//! What can be wrong with a formula. Each variant tells the place: `at` is the character, counted from 1.

use crate::lens::time::TimeError;

/// Why a formula cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormulaError {
    #[error("the formula is empty")]
    Empty,
    #[error("the formula is longer than {bytes_max} bytes")]
    TooLong { bytes_max: usize },
    #[error("expected {expected} at character {at}, found {found}")]
    Syntax { at: usize, expected: &'static str, found: String },
    #[error("the formula is nested too deeply at character {at}")]
    TooDeep { at: usize },
    #[error(
        "the query of `{name}=` at character {at} must stand in single quotes; quotes inside it must be double ones"
    )]
    QueryQuotes { at: usize, name: String },
    #[error("`{name}` at character {at}: a minus cannot stand before a name, write `0 - ...`")]
    UnaryMinus { at: usize, name: String },
    #[error("there is no function `{name}` (at character {at})")]
    UnknownFunction { at: usize, name: String },
    #[error("there is no field `{name}` in the data view (at character {at})")]
    UnknownField { at: usize, name: String },
    #[error("the field `{name}` at character {at} needs a function round it, such as `average({name})`")]
    BareField { at: usize, name: String },
    #[error("`{function}` at character {at} takes numbers, not the field `{field}`: write, say, `average({field})`")]
    FieldInMath { at: usize, function: String, field: String },
    #[error("the comparison at character {at} is no number: compare inside `ifelse(condition, left, right)`")]
    Comparison { at: usize },
    #[error("argument `{argument}` of `{function}` at character {at} must be a {expected}")]
    WrongType { at: usize, function: String, argument: &'static str, expected: &'static str },
    #[error("`{function}` at character {at} lacks its argument `{argument}`")]
    MissingArgument { at: usize, function: String, argument: &'static str },
    #[error("`{function}` at character {at} has too many arguments")]
    TooManyArguments { at: usize, function: String },
    #[error("the first argument of `{function}` at character {at} must be a field")]
    NotAField { at: usize, function: String },
    #[error("the first argument of `{function}` at character {at} must be a function such as `max(...)`")]
    NotAMetric { at: usize, function: String },
    #[error("`{function}` has no argument `{name}` (at character {at})")]
    UnknownArgument { at: usize, function: String, name: String },
    #[error("`{function}` is given `{name}` twice (at character {at})")]
    DuplicateArgument { at: usize, function: String, name: String },
    #[error("`{name}` of `{function}` at character {at} must be {expected}")]
    WrongArgument { at: usize, function: String, name: String, expected: &'static str },
    #[error("`{name}` at character {at}: {reason}")]
    Time { at: usize, name: String, reason: TimeError },
    #[error("`{function}` at character {at} takes `kql=` or `lucene=`, not both")]
    TwoQueries { at: usize, function: String },
    #[error(
        "the query of `{function}` at character {at} is {inner}, the formula's filter {outer}: they cannot be joined"
    )]
    FilterConflict { at: usize, function: String, inner: &'static str, outer: &'static str },
    #[error("`{function}` at character {at} cannot be computed over the field `{field}`, which is {kind}")]
    FieldKind { at: usize, function: String, field: String, kind: &'static str },
    #[error("`last_value` of `{field}` at character {at} is no number")]
    NotANumber { at: usize, field: String },
    #[error("`{function}` at character {at} needs a data view with a time field")]
    NoTimeField { at: usize, function: String },
}
