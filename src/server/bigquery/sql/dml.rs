//! INSERT, UPDATE, DELETE, MERGE, TRUNCATE: <https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax>.

use super::ast::{Expression, Name, Path};
use super::cursor::Cursor;
use super::expression::expression;
use super::statement::{
    Assignment, Insert, InsertRows, Merge, MergeAction, MergeClause, MergeWhen, StatementKind, Update,
};
use super::{from, query};
use crate::server::bigquery::error::QueryError;

pub(super) fn insert(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    cursor.eat("INTO");
    let target = cursor.table_path()?;
    let columns = column_list(cursor)?;
    let rows = if cursor.eat("VALUES") {
        InsertRows::Values(cursor.list(|cursor| {
            let at = cursor.at();
            Ok((cursor.parenthesized(value)?, at))
        })?)
    } else if query::starts(cursor) {
        InsertRows::Query(Box::new(query::query(cursor)?))
    } else {
        return Err(cursor.unexpected());
    };
    Ok(StatementKind::Insert(Box::new(Insert { target, columns, rows })))
}

fn column_list(cursor: &mut Cursor) -> Result<Option<Vec<Name>>, QueryError> {
    if cursor.is_symbol("(") && !query::starts(cursor) {
        cursor.parenthesized(Cursor::name).map(Some)
    } else {
        Ok(None)
    }
}

/// An expression, or `None` for DEFAULT.
fn value(cursor: &mut Cursor) -> Result<Option<Expression>, QueryError> {
    if cursor.eat("DEFAULT") { Ok(None) } else { expression(cursor).map(Some) }
}

fn alias(cursor: &mut Cursor, ends: &[&str]) -> Result<Option<Name>, QueryError> {
    if cursor.is_any_word(ends) { Ok(None) } else { query::alias(cursor) }
}

fn filter(
    cursor: &mut Cursor,
    statement: &str,
    start: crate::server::bigquery::error::Position,
) -> Result<Expression, QueryError> {
    if !cursor.eat("WHERE") {
        let finished = cursor.is_end() || cursor.is_symbol(";");
        let missing = QueryError::invalid_query(format!("{statement} must have a WHERE clause")).at(start);
        return Err(if finished { missing } else { cursor.unexpected() });
    }
    expression(cursor)
}

fn assignments(cursor: &mut Cursor) -> Result<Vec<Assignment>, QueryError> {
    cursor.list(|cursor| {
        let at = cursor.at();
        let mut parts = vec![cursor.name()?];
        while cursor.eat_symbol(".") {
            parts.push(cursor.name_after_dot()?);
        }
        cursor.expect_symbol("=")?;
        Ok((Path { parts, at }, value(cursor)?))
    })
}

pub(super) fn update(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    let start = cursor.at();
    cursor.next();
    let target = cursor.table_path()?;
    let alias = alias(cursor, &["SET"])?;
    cursor.expect("SET")?;
    let assignments = assignments(cursor)?;
    let from = if cursor.eat("FROM") { Some(from::from(cursor)?) } else { None };
    let filter = filter(cursor, "UPDATE", start)?;
    Ok(StatementKind::Update(Box::new(Update { target, alias, assignments, from, filter })))
}

pub(super) fn delete(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    let start = cursor.at();
    cursor.next();
    cursor.eat("FROM");
    let target = cursor.table_path()?;
    let alias = alias(cursor, &["WHERE"])?;
    let filter = Box::new(filter(cursor, "DELETE", start)?);
    Ok(StatementKind::Delete { target, alias, filter })
}

pub(super) fn truncate(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    cursor.expect("TABLE")?;
    Ok(StatementKind::Truncate { target: cursor.table_path()? })
}

pub(super) fn merge(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    cursor.eat("INTO");
    let target = cursor.table_path()?;
    let alias = alias(cursor, &["USING"])?;
    cursor.expect("USING")?;
    let source = from::from(cursor)?;
    cursor.expect("ON")?;
    let condition = expression(cursor)?;
    let mut clauses = Vec::new();
    while cursor.is_word("WHEN") {
        clauses.push(clause(cursor)?);
    }
    if clauses.is_empty() {
        return Err(cursor.expected("keyword WHEN"));
    }
    Ok(StatementKind::Merge(Box::new(Merge { target, alias, source, condition, clauses })))
}

fn clause(cursor: &mut Cursor) -> Result<MergeClause, QueryError> {
    let at = cursor.expect("WHEN")?;
    let when = when(cursor)?;
    let condition = if cursor.eat("AND") { Some(expression(cursor)?) } else { None };
    cursor.expect("THEN")?;
    let action = action(cursor, when)?;
    Ok(MergeClause { when, condition, action, at })
}

fn when(cursor: &mut Cursor) -> Result<MergeWhen, QueryError> {
    let negated = cursor.eat("NOT");
    cursor.expect("MATCHED")?;
    if !negated {
        return Ok(MergeWhen::Matched);
    }
    if cursor.eat_all(&["BY", "SOURCE"]) {
        return Ok(MergeWhen::NotMatchedBySource);
    }
    cursor.eat_all(&["BY", "TARGET"]);
    Ok(MergeWhen::NotMatchedByTarget)
}

fn action(cursor: &mut Cursor, when: MergeWhen) -> Result<MergeAction, QueryError> {
    if when != MergeWhen::NotMatchedByTarget {
        if cursor.eat("DELETE") {
            return Ok(MergeAction::Delete);
        }
        cursor.expect("UPDATE")?;
        cursor.expect("SET")?;
        return assignments(cursor).map(MergeAction::Update);
    }
    cursor.expect("INSERT")?;
    let columns = column_list(cursor)?;
    if cursor.eat("ROW") {
        cursor.star = true;
        return Ok(MergeAction::InsertRow { columns });
    }
    cursor.expect("VALUES")?;
    Ok(MergeAction::Insert { columns, values: cursor.parenthesized(value)? })
}
