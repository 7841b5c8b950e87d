//! INSERT, UPDATE, DELETE, MERGE and TRUNCATE: the rows with what is to be done are collected first, then done.

use super::Script;
use crate::server::bigquery::analyze::{self, Change, ChangeKind};
use crate::server::bigquery::engine::outcome::{DmlStatistics, StatementOutcome};
use crate::server::bigquery::engine::resource::TableKind;
use crate::server::bigquery::engine::session::{Access, Session, split_path};
use crate::server::bigquery::engine::store::{Outcome, Stored, account_appended, account_whole, restamp};
use crate::server::bigquery::engine::write;
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::sql::{Statement, StatementKind, ast};

impl Script<'_> {
    pub(super) fn change(&mut self, statement: &Statement, outcome: &mut StatementOutcome) -> Outcome<()> {
        let statistics = self.session.atomically(Access::Write, |session| {
            if let StatementKind::Truncate { target } = &statement.kind {
                return truncate(session, target);
            }
            let change = analyze::change(statement, session)?;
            if session.dry_run {
                return Ok(DmlStatistics::default());
            }
            apply(session, &change)
        })?;
        outcome.dml = Some(statistics);
        Ok(())
    }
}

fn truncate(session: &mut Session<'_>, target: &ast::Path) -> Outcome<DmlStatistics> {
    let parts = split_path(&target.texts());
    if let [name] = parts.as_slice()
        && let Some(temporary) = session.temporary.get(name)
    {
        let deleted = session.execute(&format!("DELETE FROM {}", temporary.from))?;
        return Ok(DmlStatistics { deleted, ..DmlStatistics::default() });
    }
    let reference = session.table_path(&parts).map_err(|error| error.at(target.at))?;
    let mut stored = session.require_table(&reference)?;
    refuse_others(&stored).map_err(|error| error.at(target.at))?;
    let deleted = stored.table.rows;
    let fields = stored.table.fields.clone();
    write::empty(&session.connection, &mut stored, fields)?;
    restamp(&session.connection, &mut stored)?;
    Ok(DmlStatistics { deleted, ..DmlStatistics::default() })
}

fn refuse_others(stored: &Stored) -> Outcome<()> {
    match stored.table.kind {
        TableKind::Table => Ok(()),
        TableKind::View { .. } => {
            let message = format!("Cannot modify {}: views do not support DML", stored.table.reference);
            Err(QueryError::invalid_query(message))
        }
        TableKind::External(_) => {
            let message = format!("DML over table {} is not supported", stored.table.reference);
            Err(QueryError::invalid_query(message))
        }
    }
}

fn apply(session: &mut Session<'_>, change: &Change) -> Outcome<DmlStatistics> {
    let parts = split_path(&change.target);
    let temporary = parts.first().is_some_and(|name| parts.len() == 1 && session.temporary.contains_key(name));
    let mut target = None;
    if !temporary {
        let reference = session.table_path(&parts)?;
        let found = session.require_table(&reference)?;
        refuse_others(&found).map_err(|error| error.at(change.target_at))?;
        target = Some(found);
    }
    let after = target.as_ref().map_or(Ok(0), |target| write::last_row(&session.connection, target))?;
    let statistics = act(session, change)?;
    if let Some(mut target) = target {
        account(session, &mut target, after, statistics)?;
    }
    Ok(statistics)
}

/// Gathers the rows, then does what is to be done with each.
fn act(session: &mut Session<'_>, change: &Change) -> Outcome<DmlStatistics> {
    let statements = change.statements(&format!("d{}", session.number()));
    session.execute(&statements.gather)?;
    let mut statistics = DmlStatistics::default();
    if session.finds_any(&statements.twice)? {
        let message = "UPDATE/MERGE must match at most one source row for each target row";
        return Err(QueryError::invalid_query(message));
    }
    for (kind, sql) in &statements.apply {
        let count = session.execute(sql)?;
        let counter = match kind {
            ChangeKind::Insert => &mut statistics.inserted,
            ChangeKind::Update => &mut statistics.updated,
            ChangeKind::Delete => &mut statistics.deleted,
        };
        *counter = counter.saturating_add(count);
    }
    session.execute(&statements.discard)?;
    Ok(statistics)
}

fn account(session: &Session<'_>, target: &mut Stored, after: i64, done: DmlStatistics) -> Outcome<()> {
    let connection = &session.connection;
    if done.affected() == 0 {
        return Ok(());
    }
    let appended_only = done.updated == 0 && done.deleted == 0;
    write::check_required(connection, target, if appended_only { after } else { i64::MIN })?;
    if appended_only {
        account_appended(connection, target, after)?;
    } else {
        account_whole(connection, target)?;
    }
    restamp(connection, target)
}
