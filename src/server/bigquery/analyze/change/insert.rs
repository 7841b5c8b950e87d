//! INSERT.

use super::super::coerce::{assignable, coerced};
use super::super::scope::{Analyzer, Clause, Scope, Typed};
use super::super::text::type_name;
use super::assign::{Target, column};
use super::{Change, ChangeAction, ChangeKind};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::sql::Insert;
use crate::server::bigquery::sql::ast::{Expression, Name, Query};
use crate::server::bigquery::sql::statement::InsertRows;

impl Analyzer<'_> {
    pub(super) fn insert(&mut self, insert: &Insert) -> Result<Change, QueryError> {
        let target = self.target(&insert.target, None)?;
        let columns = insert_columns(&target, insert.columns.as_deref())?;
        // The new rows see no columns of the target.
        self.scopes.clear();
        self.scopes.push(Scope::new(Clause::Statement));
        let (columns, rows) = match &insert.rows {
            InsertRows::Query(query) => {
                let rows = self.insert_query(query, &target, &columns)?;
                (columns, rows)
            }
            InsertRows::Values(rows) => self.insert_values(rows, &target, &columns)?,
        };
        let count = columns.len();
        Ok(target.change(rows, vec![ChangeAction { kind: ChangeKind::Insert, columns }], count, self.tables.clone()))
    }

    fn insert_query(&mut self, query: &Query, target: &Target, columns: &[usize]) -> Result<String, QueryError> {
        let mut rows = self.query(query)?;
        if rows.columns.len() != columns.len() {
            return Err(wrong_count(rows.columns.len(), columns.len(), query.at));
        }
        let mut kinds = Vec::with_capacity(columns.len());
        for (output, column) in rows.columns.iter().zip(columns) {
            let Some(field) = target.source.fields.get(*column) else { continue };
            let typed = Typed { kind: output.kind.clone(), literal: output.literal, ..Typed::null(query.at) };
            check(&typed, *column, target)?;
            kinds.push(field.kind.clone());
        }
        rows.coerce(self, &kinds)?;
        let table = self.fresh('t');
        let values: Vec<String> = (0..columns.len()).map(|index| format!(", {table}.c{index} AS v{index}")).collect();
        Ok(format!("SELECT NULL AS r, 0 AS a{} FROM ({}) AS {table}", values.concat(), rows.sql()))
    }

    /// The columns that get values, and the rows. A column that is DEFAULT in all rows is left out.
    fn insert_values(
        &mut self,
        rows: &[(Vec<Option<Expression>>, Position)],
        target: &Target,
        columns: &[usize],
    ) -> Result<(Vec<usize>, String), QueryError> {
        let defaulted = |index: usize| rows.iter().all(|(values, _)| matches!(values.get(index), Some(None)));
        let kept: Vec<usize> = (0..columns.len()).filter(|index| !defaulted(*index)).collect();
        let mut texts = Vec::with_capacity(rows.len());
        for (values, at) in rows {
            if values.len() != columns.len() {
                return Err(wrong_count(values.len(), columns.len(), *at));
            }
            let mut row = vec!["NULL".to_owned(), "0".to_owned()];
            for index in &kept {
                let (Some(value), Some(column)) = (values.get(*index), columns.get(*index)) else { continue };
                row.push(self.insert_value(value.as_ref(), *column, target, *at)?);
            }
            texts.push(format!("({})", row.join(", ")));
        }
        let names: Vec<String> = (0..kept.len()).map(|index| format!(", column{} AS v{index}", index + 3)).collect();
        let rows = format!("SELECT column1 AS r, column2 AS a{} FROM (VALUES {})", names.concat(), texts.join(", "));
        Ok((kept.iter().filter_map(|index| columns.get(*index).copied()).collect(), rows))
    }

    /// The text of one value for a column.
    pub(super) fn insert_value(
        &mut self,
        value: Option<&Expression>,
        column: usize,
        target: &Target,
        at: Position,
    ) -> Result<String, QueryError> {
        let Some(value) = value else {
            return Err(QueryError::invalid_query("DEFAULT in only some rows of an INSERT is not supported").at(at));
        };
        let typed = self.in_clause(Clause::Statement, |analyzer| analyzer.expression(value))?;
        check(&typed, column, target)?;
        match target.source.fields.get(column) {
            Some(field) => coerced(&typed, &field.kind),
            None => Ok(typed.sql),
        }
    }
}

/// The positions of the columns of an INSERT: all when none are named.
pub(super) fn insert_columns(target: &Target, names: Option<&[Name]>) -> Result<Vec<usize>, QueryError> {
    let Some(names) = names else { return Ok((0..target.source.fields.len()).collect()) };
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let (index, _) = column(&target.source.fields, name, target)?;
        if columns.contains(&index) {
            let message = format!("INSERT has columns with duplicate name: {}", name.text);
            return Err(QueryError::invalid_query(message).at(name.at));
        }
        columns.push(index);
    }
    Ok(columns)
}

pub(super) fn wrong_count(found: usize, expected: usize, at: Position) -> QueryError {
    QueryError::invalid_query(format!("Inserted row has wrong column count; Has {found}, expected {expected}")).at(at)
}

pub(super) fn check(typed: &Typed, column: usize, target: &Target) -> Result<(), QueryError> {
    let Some(field) = target.source.fields.get(column) else { return Ok(()) };
    if assignable(typed, &field.kind) {
        return Ok(());
    }
    let message = format!(
        "Value has type {} which cannot be inserted into column {}, which has type {}",
        type_name(typed.kind.as_ref()),
        field.name,
        field.kind.name()
    );
    Err(QueryError::invalid_query(message).at(typed.at))
}
