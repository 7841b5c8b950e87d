//! What is remembered of each statement that ran.

use super::{STATEMENTS_MAX, Script};
use crate::server::bigquery::engine::outcome::{Evaluation, StatementOutcome};
use crate::server::bigquery::engine::store::{Outcome, now_ms};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::sql::{ObjectKind, Statement, StatementKind};

/// Of the text of a statement that only an expression of is evaluated, so much is kept.
const EXPRESSION_CHARS_MAX: usize = 1000;

impl Script<'_> {
    /// Runs `work` as a child job: told to who looks, its outcome kept, its failure put down. Gives what it gave.
    pub(super) fn recorded<T>(
        &mut self,
        statement: &Statement,
        evaluation: Evaluation,
        work: impl FnOnce(&mut Self, &mut StatementOutcome) -> Outcome<T>,
    ) -> Outcome<T> {
        self.session.check_cancelled()?;
        if self.outcomes.len() >= STATEMENTS_MAX {
            let message = format!("Script exceeded the maximum number of child jobs: {STATEMENTS_MAX}");
            return Err(QueryError::invalid_query(message));
        }
        let text = self.text.get(statement.text.clone()).unwrap_or_default();
        let text = shown(text, evaluation).to_owned();
        let number = self.outcomes.len();
        self.session.progress.statement_started(number, statement.start, &text);
        let mut outcome = blank(statement, evaluation, text);
        self.session.usage.take();
        let done = work(self, &mut outcome);
        let usage = self.session.usage.take();
        outcome.bytes_processed = usage.bytes_processed;
        outcome.bytes_billed = usage.bytes_billed;
        outcome.referenced_tables = usage.tables;
        outcome.notes.extend(usage.notes);
        outcome.ended_ms = now_ms();
        outcome.error = done.as_ref().err().cloned();
        self.session.progress.statement_ended(number, &outcome);
        self.outcomes.push(outcome);
        done
    }
}

/// A loop's condition is kept each time that it is evaluated: not with all that the loop holds.
fn shown(text: &str, evaluation: Evaluation) -> &str {
    match (evaluation, text.char_indices().nth(EXPRESSION_CHARS_MAX)) {
        (Evaluation::Expression, Some((end, _))) => text.get(..end).unwrap_or_default(),
        _ => text,
    }
}

fn blank(statement: &Statement, evaluation: Evaluation, text: String) -> StatementOutcome {
    StatementOutcome {
        statement_type: statement_type(&statement.kind),
        evaluation,
        start: statement.start,
        end: statement.end,
        text,
        started_ms: now_ms(),
        ended_ms: now_ms(),
        ddl: None,
        dml: None,
        bytes_processed: 0,
        bytes_billed: 0,
        referenced_tables: Vec::new(),
        fields: None,
        result: None,
        ml: None,
        notes: Vec::new(),
        error: None,
    }
}

/// `statementType`.
fn statement_type(kind: &StatementKind) -> &'static str {
    match kind {
        StatementKind::Query(_) => "SELECT",
        StatementKind::Insert(_) => "INSERT",
        StatementKind::Update(_) => "UPDATE",
        StatementKind::Delete { .. } => "DELETE",
        StatementKind::Merge(_) => "MERGE",
        StatementKind::Truncate { .. } => "TRUNCATE_TABLE",
        StatementKind::CreateSchema { .. } => "CREATE_SCHEMA",
        StatementKind::CreateTable { query: Some(_), .. } => "CREATE_TABLE_AS_SELECT",
        StatementKind::CreateTable { .. } => "CREATE_TABLE",
        StatementKind::CreateView { materialized: true, .. } => "CREATE_MATERIALIZED_VIEW",
        StatementKind::CreateView { .. } => "CREATE_VIEW",
        StatementKind::CreateExternalTable { .. } => "CREATE_EXTERNAL_TABLE",
        StatementKind::CreateModel { .. } => "CREATE_MODEL",
        StatementKind::Drop { kind, .. } => match kind {
            ObjectKind::Table => "DROP_TABLE",
            ObjectKind::View => "DROP_VIEW",
            ObjectKind::MaterializedView => "DROP_MATERIALIZED_VIEW",
            ObjectKind::ExternalTable => "DROP_EXTERNAL_TABLE",
            ObjectKind::Model => "DROP_MODEL",
            ObjectKind::Schema => "DROP_SCHEMA",
        },
        StatementKind::Assert { .. } => "ASSERT",
        StatementKind::ExportData { .. } => "EXPORT_DATA",
        StatementKind::BeginTransaction => "BEGIN_TRANSACTION",
        StatementKind::CommitTransaction => "COMMIT_TRANSACTION",
        StatementKind::RollbackTransaction => "ROLLBACK_TRANSACTION",
        StatementKind::Declare(_)
        | StatementKind::Set { .. }
        | StatementKind::If(_)
        | StatementKind::Block { .. }
        | StatementKind::Loop { .. }
        | StatementKind::While { .. }
        | StatementKind::Repeat { .. }
        | StatementKind::For(_)
        | StatementKind::Break { .. }
        | StatementKind::Continue { .. }
        | StatementKind::Return
        | StatementKind::Raise { .. }
        | StatementKind::ExecuteImmediate { .. } => "SCRIPT",
    }
}
