//! A script's text to statements.
//!
//! One pass of tokens over the whole script, then a recursive-descent parser for GoogleSQL: queries, DML, DDL, BigQuery ML's statements
//! and the procedural language. Each node keeps the place in the *script* where it starts, so that every later error can name line and column.
//! Grammar: <https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax> and its neighbours.
//!
//! The parser is our own: `sqlparser` knows neither models nor loops, its tree has no positions for many nodes, and its tokenizer does not read
//! GoogleSQL's escapes (`\x41`, `\u00e9`, `\101`) and prefixes (`rb''`). Depth is bounded: nested text never exhausts the stack.

pub(crate) mod ast;
mod cursor;
mod ddl;
mod dml;
mod expression;
mod from;
mod keyword;
mod literal;
mod query;
mod script;
pub(crate) mod statement;
mod token;
mod types;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(in crate::server::bigquery) use tests::WORDS;

pub(crate) use statement::{
    Action, Column, Declare, ForIn, FunctionOption, If, Insert, Merge, MergeAction, MergeClause, MergeWhen, ObjectKind,
    Statement, StatementKind, Update,
};

use crate::server::bigquery::error::QueryError;

/// Text longer than this is refused; BigQuery's own bound is 1 MB unresolved.
pub(crate) const SCRIPT_BYTES_MAX: usize = 1024 * 1024;

/// The statements of a script, in order. Bodies of `IF`, `LOOP` and so on are inside their statement.
///
/// The whole text is parsed before anything runs: the first syntax error, with its place, is the answer.
pub(crate) fn parse_script(text: &str) -> Result<Vec<Statement>, QueryError> {
    if text.len() > SCRIPT_BYTES_MAX {
        return Err(QueryError::invalid_query(format!(
            "The query is too large. The maximum standard SQL query length is {}K characters",
            SCRIPT_BYTES_MAX / 1024
        )));
    }
    script::parse(cursor::Cursor::new(token::tokens(text)?, text.len()))
}

/// One expression and nothing else, as in a column's default or a row filter.
#[cfg(test)]
pub(crate) fn parse_expression(text: &str) -> Result<ast::Expression, QueryError> {
    let mut cursor = cursor::Cursor::new(token::tokens(text)?, text.len());
    let expression = expression::expression(&mut cursor)?;
    cursor.expect_end()?;
    Ok(expression)
}

/// A type's text, as in `ARRAY<STRUCT<price FLOAT64>>`.
#[cfg(test)]
pub(crate) fn parse_type(text: &str) -> Result<crate::server::bigquery::value::Type, QueryError> {
    let mut cursor = cursor::Cursor::new(token::tokens(text)?, text.len());
    let kind = types::data_type(&mut cursor)?;
    cursor.expect_end()?;
    Ok(kind)
}
