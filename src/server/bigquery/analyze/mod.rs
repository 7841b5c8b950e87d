//! A statement to typed SQLite text.
//!
//! Names are resolved, every expression gets a GoogleSQL type and the coercions that go with it, and what is wrong is said in BigQuery's words with
//! its place in the script. What comes out is text that SQLite runs on a connection where `function::register` and [`register`] were called.
//! Identifiers in that text are all made here (`t3`, `c0`, `w1`), strings are quoted: nothing from outside is pasted into it.
//!
//! How rows look in SQLite: column n of a table, of a subquery and of a result is `c<n>`; the types' forms are those of `value`.

mod aggregate;
mod call;
mod change;
mod coerce;
mod constant;
mod expression;
mod from;
mod join;
mod name;
mod query;
mod runtime;
mod scope;
mod select;
mod setop;
mod subquery;
mod table_function;
mod text;
mod window;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::value::{Field, Type, Value};

pub(crate) use change::{Change, ChangeKind, change};
pub(crate) use constant::constant;
pub(crate) use query::{expression, query};
pub(crate) use runtime::register;

/// What the analyzer asks of the world: tables, table functions, variables.
pub(crate) trait Catalog {
    /// A table, view or external table by its path of one to three parts, as written (CTEs are not asked for). `wanted`: the words that the
    /// statement uses as names, upper case, or `None` when it uses whole rows: columns beyond them need not be there in `Source::from`'s
    /// reading, but they must be in its fields.
    fn table(&mut self, path: &[String], at: Position, wanted: Option<&HashSet<String>>) -> Result<Source, QueryError>;

    /// `ML.X(MODEL path, {TABLE path | (query)}, STRUCT(..))`: the engine runs it and keeps the rows in a temporary table.
    fn table_function(&mut self, call: &TableFunction) -> Result<Source, QueryError>;

    /// A variable or parameter: `x` as DECLAREd (any letter case), `@name`, `?1` the first positional one, `@@error.message`.
    fn variable(&self, name: &str) -> Option<(Type, Value)>;
}

/// Rows to select from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    /// SQLite text for a FROM, as `"main"."t17"` or `(SELECT ..)`, without an alias.
    pub from: String,
    /// The nth field is the column `c<n>`.
    pub fields: Vec<Field>,
}

/// A call of a table function with its input analyzed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableFunction {
    /// Upper case, as in `ML.PREDICT`.
    pub name: String,
    pub model: Option<Vec<String>>,
    pub model_at: Option<Position>,
    /// A whole query: it sees no outer columns, and brings the CTEs that it uses along.
    pub input: Option<Query>,
    /// The fields of the `STRUCT(.. AS ..)` argument, and named arguments; names as written.
    pub options: Vec<(String, Type, Value)>,
    pub at: Position,
}

/// A query in SQLite's words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub sql: String,
    /// Of the result; the nth column of the SQLite statement is the nth field, and has the name `c<n>`.
    /// Names are unique but for letter case; unnamed ones are `f0_`, doubled ones `x_1`.
    pub fields: Vec<Field>,
    /// Names that came more than once before they were made unique: an error where a destination table is named.
    pub duplicates: Vec<String>,
    /// The paths of the tables that were asked of the catalog, in order, each once.
    pub tables: Vec<Vec<String>>,
}
