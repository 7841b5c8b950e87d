//! SELECT: rows into an anonymous table, or into the destination that the request names.

use super::Script;
use crate::server::bigquery::analyze;
use crate::server::bigquery::engine::outcome::{ResultTable, StatementOutcome};
use crate::server::bigquery::engine::request::Destination;
use crate::server::bigquery::engine::session::{Access, Rows, Session};
use crate::server::bigquery::engine::store::{Outcome, decode};
use crate::server::bigquery::engine::write;
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::sql::{Statement, StatementKind, ast};
use crate::server::bigquery::value::{Type, Value};

impl Script<'_> {
    pub(super) fn select(&mut self, statement: &Statement, outcome: &mut StatementOutcome) -> Outcome<()> {
        let destination = self.destination.clone();
        let rows = self.session.atomically(Access::Read, |session| {
            let StatementKind::Query(query) = &statement.kind else {
                return Err(QueryError::invalid_query("Expected a query"));
            };
            let query = analyze::query(query, statement, session)?;
            if destination.is_some() {
                refuse_duplicates(&query)?;
            }
            session.collect(session.place_of_results(), &query.sql, &query.fields)
        })?;
        outcome.fields = Some(rows.fields.clone());
        if self.session.dry_run {
            return Ok(());
        }
        outcome.result = Some(match destination {
            Some(destination) => self.deliver(&destination, &rows)?,
            None => self.session.publish(&rows)?,
        });
        Ok(())
    }

    fn deliver(&mut self, destination: &Destination, rows: &Rows) -> Outcome<ResultTable> {
        let stored = self.session.atomically(Access::Write, |session| {
            write::write_rows(&session.connection, destination, &rows.fields, &rows.from, false)
        })?;
        self.session.execute(&format!("DROP TABLE {}", rows.from))?;
        let table = stored.table;
        Ok(ResultTable { table: table.reference, fields: table.fields, rows: table.rows })
    }
}

/// A table can't have two columns of one name.
pub(super) fn refuse_duplicates(query: &analyze::Query) -> Outcome<()> {
    if query.duplicates.is_empty() {
        return Ok(());
    }
    Err(QueryError::new(
        Reason::InvalidQuery,
        format!(
            "Duplicate column names in the result are not supported when a destination table is present. Found duplicate(s): {}",
            query.duplicates.join(", ")
        ),
    ))
}

/// A query that is a part of a statement.
pub(super) fn analyzed(
    session: &mut Session<'_>,
    statement: &Statement,
    query: &ast::Query,
) -> Outcome<analyze::Query> {
    analyze::query(query, statement, session)
}

/// An expression's value, as the type `to` if one is given.
pub(super) fn value_of(
    session: &mut Session<'_>,
    statement: &Statement,
    expression: &ast::Expression,
    to: Option<&Type>,
) -> Outcome<(Type, Value)> {
    let query = analyze::expression(expression, to, statement, session)?;
    let kind = query.fields.first().map_or(Type::Int64, |field| field.kind.clone());
    let read = session.connection.query_row(&query.sql, [], |row| Ok(decode(row.get_ref(0)?, &kind)));
    let value = read.map_err(|error| session.failed(&error))?.map_err(|error| error.at(expression.at))?;
    Ok((kind, value))
}

/// Whether an expression may read tables. Those that don't are no child jobs.
pub(super) fn has_subquery(expression: &ast::Expression) -> bool {
    use ast::ExpressionKind as Kind;
    let any = |items: &[&ast::Expression]| items.iter().any(|item| has_subquery(item));
    match &expression.kind {
        Kind::ArraySubquery(_) | Kind::Subquery(_) | Kind::Exists(_) => true,
        Kind::In { operand, set, .. } => matches!(set, ast::InSet::Subquery(_)) || has_subquery(operand),
        Kind::Unary { operand, .. } | Kind::Is { operand, .. } | Kind::Cast { operand, .. } => has_subquery(operand),
        Kind::Binary { left, right, .. } => any(&[left, right]),
        Kind::Between { operand, low, high, .. } => any(&[operand, low, high]),
        Kind::Field(base, _) => has_subquery(base),
        Kind::Index { base, index, .. } => any(&[base, index]),
        Kind::Call(call) => call.arguments.iter().any(|argument| match argument {
            ast::Argument::Expression(value) | ast::Argument::Named(_, value) => has_subquery(value),
            ast::Argument::Model(_) | ast::Argument::Table(_) => true,
        }),
        _ => false,
    }
}
