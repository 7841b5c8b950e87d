//! Scripts: statements in order, with variables, blocks and loops. The first failure that no block catches ends them.

mod control;
mod ddl;
mod dml;
mod drop;
mod export;
mod options;
mod query;
mod record;
mod table;
mod value;

use std::collections::HashMap;

use super::outcome::{ScriptOutcome, StatementOutcome};
use super::request::{Destination, Parameters, QueryRequest};
use super::session::{Access, Session, Temporary};
use super::store::Outcome;
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::sql::{self, Statement, StatementKind};

pub(super) use options::OptionValue;

/// A script's children that are remembered; more is an error.
const STATEMENTS_MAX: usize = 10_000;

/// One script as it runs.
pub(super) struct Script<'e> {
    pub(super) session: Session<'e>,
    pub(super) text: String,
    destination: Option<Destination>,
    outcomes: Vec<StatementOutcome>,
    /// The temporary tables there were when the transaction began.
    transaction_start: Option<HashMap<String, Temporary>>,
    /// How deep `EXECUTE IMMEDIATE` is nested.
    dynamic_depth: usize,
    /// The error that a handler handles.
    handled: Vec<QueryError>,
}

impl<'e> Script<'e> {
    /// Runs a request to its end.
    pub(super) fn run(session: Session<'e>, request: &QueryRequest) -> ScriptOutcome {
        let statements = match sql::parse_script(&request.text) {
            Ok(statements) => statements,
            Err(error) => return failure(error),
        };
        let script = statements.len() > 1 || statements.iter().any(|statement| is_procedural(&statement.kind));
        if statements.is_empty() {
            return failure(QueryError::invalid_query("Syntax error: Unexpected end of statement"));
        }
        if script && request.destination.is_some() {
            let message = "configuration.query.destinationTable cannot be set for scripts";
            return failure(QueryError::new(Reason::Invalid, message));
        }
        let mut run = Self {
            session,
            text: request.text.clone(),
            destination: request.destination.clone(),
            outcomes: Vec::new(),
            transaction_start: None,
            dynamic_depth: 0,
            handled: Vec::new(),
        };
        run.session.default_dataset.clone_from(&request.default_dataset);
        run.session.location.clone_from(&request.location);
        run.session.dry_run = request.dry_run;
        run.session.usage.bytes_billed_max = request.bytes_billed_max;
        run.bind(&request.parameters);
        let error = run.whole(&statements).err();
        ScriptOutcome { statements: run.outcomes, script, error }
    }

    /// A dry run is undone as a whole. Files are looked at meanwhile: the one writer's place is taken only when something is made.
    fn whole(&mut self, statements: &[Statement]) -> Outcome<()> {
        if self.session.dry_run {
            let reads = statements.iter().all(|statement| matches!(statement.kind, StatementKind::Query(_)));
            self.session.begin(if reads { Access::Read } else { Access::Write })?;
        }
        self.block(statements)?;
        if self.session.dry_run || !self.session.in_transaction {
            return Ok(());
        }
        // As BigQuery does with a script that forgets to end its transaction.
        self.session.rollback()
    }

    fn bind(&mut self, parameters: &Parameters) {
        let scope = parameter_scope(parameters);
        if let Some(first) = self.session.variables.first_mut() {
            *first = scope;
        }
    }
}

fn parameter_scope(
    parameters: &Parameters,
) -> HashMap<String, (crate::server::bigquery::value::Type, crate::server::bigquery::value::Value)> {
    match parameters {
        Parameters::None => HashMap::new(),
        Parameters::Named(named) => named
            .iter()
            .map(|(name, kind, value)| (format!("@{}", name.to_lowercase()), (kind.clone(), value.clone())))
            .collect(),
        Parameters::Positional(values) => {
            values.iter().zip(1..).map(|((kind, value), n)| (format!("?{n}"), (kind.clone(), value.clone()))).collect()
        }
    }
}

fn failure(error: QueryError) -> ScriptOutcome {
    ScriptOutcome { statements: Vec::new(), script: false, error: Some(error) }
}

/// Statements of the procedural language make a script even alone.
fn is_procedural(kind: &StatementKind) -> bool {
    matches!(
        kind,
        StatementKind::Declare(_)
            | StatementKind::Set { .. }
            | StatementKind::If(_)
            | StatementKind::Block { .. }
            | StatementKind::Loop { .. }
            | StatementKind::While { .. }
            | StatementKind::Repeat { .. }
            | StatementKind::For(_)
            | StatementKind::Raise { .. }
            | StatementKind::ExecuteImmediate { .. }
            | StatementKind::Return
            | StatementKind::BeginTransaction
            | StatementKind::CommitTransaction
            | StatementKind::RollbackTransaction
    )
}
