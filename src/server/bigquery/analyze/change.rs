//! DML: rows with what is to be done with each.
//!
//! All DML has one form: a SELECT gives, for each row of the target that changes and each new row, an action and its values. They are kept in a
//! temporary table first and applied then, so no statement sees its own changes, and a target row that two source rows match is found before
//! anything changed. [`Change::statements`] has the SQLite text for both steps.

use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::sql::{Statement, StatementKind};

use super::Catalog;
use super::scope::{Analyzer, Clause, Scope};

mod assign;
mod insert;
mod merge;

/// An analyzed INSERT, UPDATE, DELETE, MERGE or TRUNCATE.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// The table that changes, as written.
    pub target: Vec<String>,
    pub target_at: Position,
    /// `Source::from` of the target: it must be a table with a rowid.
    pub target_from: String,
    /// A SELECT with the columns `r` (the target's rowid, NULL for a new row), `a` (index into `actions`) and `v0`, `v1`, ...
    pub rows: String,
    pub actions: Vec<ChangeAction>,
    /// How many `v<n>` there are.
    pub values: usize,
    /// The paths of the tables that were asked of the catalog, the target first.
    pub tables: Vec<Vec<String>>,
}

/// What is done with the rows whose `a` is this action's index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChangeAction {
    pub kind: ChangeKind,
    /// For an insert or update: `v<n>` goes to the column `c<columns[n]>`. Columns that an insert has not get their default, or NULL.
    pub columns: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Insert,
    Update,
    Delete,
}

/// The SQLite statements of a change, to run in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChangeStatements {
    /// Makes the temporary table.
    pub gather: String,
    /// Gives a row when a target row is to be changed twice: the error is then
    /// `UPDATE/MERGE must match at most one source row for each target row`.
    pub twice: String,
    /// One for each action, in an order in which they don't disturb each other. Changed rows count by kind.
    pub apply: Vec<(ChangeKind, String)>,
    /// Removes the temporary table.
    pub discard: String,
}

impl Change {
    /// The text; `temporary` is a free table name that the caller made (letters and digits).
    pub(crate) fn statements(&self, temporary: &str) -> ChangeStatements {
        let target = &self.target_from;
        let mut apply = Vec::with_capacity(self.actions.len());
        for kind in [ChangeKind::Delete, ChangeKind::Update, ChangeKind::Insert] {
            for (index, action) in self.actions.iter().enumerate().filter(|(_, action)| action.kind == kind) {
                let text = match kind {
                    ChangeKind::Delete => format!(
                        "DELETE FROM {target} WHERE rowid IN (SELECT r FROM temp.{temporary} WHERE a = {index})"
                    ),
                    ChangeKind::Update => {
                        let sets = action
                            .columns
                            .iter()
                            .enumerate()
                            .map(|(value, column)| format!("c{column} = {temporary}.v{value}"));
                        let sets: Vec<String> = sets.collect();
                        format!(
                            "UPDATE {target} AS target SET {} FROM temp.{temporary} AS {temporary} WHERE target.rowid = {temporary}.r AND {temporary}.a = {index}",
                            sets.join(", ")
                        )
                    }
                    ChangeKind::Insert => {
                        let columns: Vec<String> = action.columns.iter().map(|column| format!("c{column}")).collect();
                        let values: Vec<String> = (0..action.columns.len()).map(|value| format!("v{value}")).collect();
                        format!(
                            "INSERT INTO {target} ({}) SELECT {} FROM temp.{temporary} WHERE a = {index} ORDER BY rowid",
                            columns.join(", "),
                            values.join(", ")
                        )
                    }
                };
                apply.push((kind, text));
            }
        }
        ChangeStatements {
            gather: format!("CREATE TEMP TABLE {temporary} AS {}", self.rows),
            twice: format!("SELECT 1 FROM temp.{temporary} WHERE r IS NOT NULL GROUP BY r HAVING count(*) > 1 LIMIT 1"),
            apply,
            discard: format!("DROP TABLE temp.{temporary}"),
        }
    }
}

/// Analyzes a DML statement; other statements are an error.
pub(crate) fn change(statement: &Statement, catalog: &mut dyn Catalog) -> Result<Change, QueryError> {
    let mut analyzer = Analyzer::for_statement(statement, catalog);
    analyzer.in_scope(Scope::new(Clause::Statement), |analyzer| match &statement.kind {
        StatementKind::Insert(insert) => analyzer.insert(insert),
        StatementKind::Update(update) => analyzer.update(update),
        StatementKind::Delete { target, alias, filter } => analyzer.delete(target, alias.as_ref(), filter),
        StatementKind::Merge(merge) => analyzer.merge(merge),
        StatementKind::Truncate { target } => analyzer.truncate(target),
        _ => Err(QueryError::invalid_query("The statement is not a DML statement").at(statement.start)),
    })
}
