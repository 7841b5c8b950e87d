//! Kibana's query language: its text to an [`Ast`], and that to Elasticsearch's DSL.
//!
//! ```text
//! text -> parser (with literal) -> Ast -> dsl (with fields) -> JSON
//! ```
//!
//! The parser takes the alternatives in the order in which Kibana's grammar has them, so that a text means here what it
//! means there, odd corners included (`k:a or` is the value `a or`), and an error names the same expectations.

mod ast;
mod dsl;
mod error;
pub(crate) mod fields;
mod literal;
mod parser;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::{
    ast::{Ast, Literal, RangeOperator},
    error::KqlError,
};
use crate::lens::view::DataView;

/// Longest text that is read, in characters.
pub(crate) const TEXT_CHARS_MAX: usize = 32_768;
/// Parentheses, lists and nested groups inside each other.
pub(crate) const DEPTH_MAX: usize = 100;
/// Clauses on single fields that one text may come to: `*` as a field name multiplies.
pub(crate) const CLAUSES_MAX: usize = 65_536;

/// The text's tree; `None` for an empty one, which matches everything.
pub fn parse(text: &str) -> Result<Option<Ast>, KqlError> {
    parser::parse(text)
}

/// The text as a query of Elasticsearch over `view`; `None` for an empty one.
///
/// `zone` is an IANA name: dates in the text without an offset are in it.
pub fn compile(text: &str, view: &DataView, zone: &str) -> Result<Option<Value>, KqlError> {
    match parse(text)? {
        Some(ast) => dsl::compile(&ast, view, zone).map(Some),
        None => Ok(None),
    }
}
