//! The order in which statements run.

use std::collections::HashMap;

use super::Script;
use crate::server::bigquery::engine::outcome::{Evaluation, StatementOutcome};
use crate::server::bigquery::engine::session::{Access, Place};
use crate::server::bigquery::engine::store::Outcome;
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::sql::{self, ForIn, If, Statement, StatementKind, ast};
use crate::server::bigquery::value::{Type, Value};

/// `EXECUTE IMMEDIATE` of a text that does the same.
const DYNAMIC_DEPTH_MAX: usize = 8;

/// How a list of statements ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break(Option<String>),
    Continue(Option<String>),
    Return,
}

impl Script<'_> {
    /// The whole script, or a handler's text.
    pub(super) fn block(&mut self, statements: &[Statement]) -> Outcome<()> {
        match self.statements(statements)? {
            Flow::Next | Flow::Return => Ok(()),
            Flow::Break(_) => Err(QueryError::invalid_query("BREAK is only allowed inside of a loop body")),
            Flow::Continue(_) => Err(QueryError::invalid_query("CONTINUE is only allowed inside of a loop body")),
        }
    }

    fn statements(&mut self, statements: &[Statement]) -> Outcome<Flow> {
        for statement in statements {
            let flow = self.statement(statement)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, statement: &Statement) -> Outcome<Flow> {
        self.session.check_cancelled()?;
        match &statement.kind {
            StatementKind::Declare(declare) => self.declare(statement, declare)?,
            StatementKind::Set { names, value } => self.set(statement, names, value)?,
            StatementKind::If(branches) => return self.branches(statement, branches),
            StatementKind::Block { body, exception, label } => {
                let flow = self.guarded(body, exception.as_deref(), statement)?;
                return Ok(match flow {
                    Flow::Break(Some(name)) if Some(&name) == label.as_ref() => Flow::Next,
                    flow => flow,
                });
            }
            StatementKind::Loop { body, label } => {
                return self.repeated(body, label.as_ref(), |_| Ok(true), |_| Ok(false));
            }
            StatementKind::While { condition, body, label } => {
                let again = |script: &mut Self| script.condition(statement, condition);
                return self.repeated(body, label.as_ref(), again, |_| Ok(false));
            }
            StatementKind::Repeat { body, until, label } => {
                let done = |script: &mut Self| script.condition(statement, until);
                return self.repeated(body, label.as_ref(), |_| Ok(true), done);
            }
            StatementKind::For(each) => return self.for_each(statement, each),
            StatementKind::Break { label } => return Ok(Flow::Break(label.clone())),
            StatementKind::Continue { label } => return Ok(Flow::Continue(label.clone())),
            StatementKind::Return => return Ok(Flow::Return),
            StatementKind::Raise { message } => return self.raise(statement, message.as_deref()),
            StatementKind::ExecuteImmediate { text, into, using } => self.dynamic(statement, text, into, using)?,
            StatementKind::BeginTransaction => self.begin(statement)?,
            StatementKind::CommitTransaction => self.commit(statement)?,
            StatementKind::RollbackTransaction => self.rollback(statement)?,
            _ => self.plain(statement)?,
        }
        Ok(Flow::Next)
    }

    /// A statement that does something with data.
    fn plain(&mut self, statement: &Statement) -> Outcome<()> {
        self.recorded(statement, Evaluation::Statement, |script, outcome| {
            let done = script.data_statement(statement, outcome);
            match done {
                // What reads a model that this script makes can't be checked before there is one.
                Err(error) if script.session.dry_run && error.reason == Reason::NotImplemented => {
                    outcome.notes.push(error.message);
                    Ok(())
                }
                done => done,
            }
        })
    }

    fn data_statement(&mut self, statement: &Statement, outcome: &mut StatementOutcome) -> Outcome<()> {
        match &statement.kind {
            StatementKind::Query(_) => self.select(statement, outcome),
            StatementKind::Insert(_)
            | StatementKind::Update(_)
            | StatementKind::Delete { .. }
            | StatementKind::Merge(_)
            | StatementKind::Truncate { .. } => self.change(statement, outcome),
            StatementKind::CreateModel { .. } => self.create_model(statement, outcome),
            StatementKind::Assert { condition, description } => {
                self.assert(statement, condition, description.as_deref())
            }
            StatementKind::ExportData { options, query } => self.export(statement, options, query),
            StatementKind::Drop { .. } => self.drop_object(statement, outcome),
            _ => self.define(statement, outcome),
        }
    }

    fn branches(&mut self, statement: &Statement, branches: &If) -> Outcome<Flow> {
        for arm in &branches.arms {
            if self.condition(statement, &arm.condition)? {
                return self.statements(&arm.body);
            }
        }
        self.statements(&branches.otherwise)
    }

    /// `BEGIN .. EXCEPTION .. END`: its variables end with it.
    fn guarded(&mut self, body: &[Statement], exception: Option<&[Statement]>, at: &Statement) -> Outcome<Flow> {
        self.session.variables.push(HashMap::new());
        let done = self.statements(body);
        self.session.variables.pop();
        let (Some(handler), Err(error)) = (exception, &done) else { return done };
        // Nobody may catch being stopped.
        if error.reason == Reason::Stopped {
            return done;
        }
        let text = |value: String| (Type::String, Value::String(value));
        let place = error.position.unwrap_or(at.start);
        let scope = HashMap::from([
            ("@@error.message".to_owned(), text(error.message.clone())),
            ("@@error.formatted_stack_trace".to_owned(), text(format!("At [{}:{}]", place.line, place.column))),
            ("@@error.statement_text".to_owned(), text(self.failed_text())),
        ]);
        self.handled.push(error.clone());
        self.session.variables.push(scope);
        let handled = self.statements(handler);
        self.session.variables.pop();
        self.handled.pop();
        handled
    }

    fn failed_text(&self) -> String {
        self.last_failure().map(|outcome| outcome.text.clone()).unwrap_or_default()
    }

    fn repeated(
        &mut self,
        body: &[Statement],
        label: Option<&String>,
        mut again: impl FnMut(&mut Self) -> Outcome<bool>,
        mut done: impl FnMut(&mut Self) -> Outcome<bool>,
    ) -> Outcome<Flow> {
        while again(self)? {
            self.session.check_cancelled()?;
            match self.statements(body)? {
                Flow::Next => {}
                Flow::Break(name) if name.is_none() || name.as_ref() == label => break,
                Flow::Continue(name) if name.is_none() || name.as_ref() == label => {}
                flow => return Ok(flow),
            }
            if done(self)? || self.session.dry_run {
                break;
            }
        }
        Ok(Flow::Next)
    }

    /// Each row of a query as a struct.
    fn for_each(&mut self, statement: &Statement, each: &ForIn) -> Outcome<Flow> {
        let rows = self.recorded(statement, Evaluation::Expression, |script, _| {
            script.session.atomically(Access::Read, |session| {
                let query = super::query::analyzed(session, statement, &each.query)?;
                session.collect(Place::Work, &query.sql, &query.fields)
            })
        })?;
        let kind =
            Type::Struct(rows.fields.iter().map(|field| (Some(field.name.clone()), field.kind.clone())).collect());
        let name = each.variable.text.to_lowercase();
        let mut next = 0;
        let mut bound = |script: &mut Self| {
            next += 1;
            let Some(row) = script.row(&rows, next)? else { return Ok(false) };
            if let Some(scope) = script.session.variables.last_mut() {
                scope.insert(name.clone(), (kind.clone(), Value::Struct(row)));
            }
            Ok(true)
        };
        self.session.variables.push(HashMap::new());
        let flow = self.repeated(&each.body, each.label.as_ref(), &mut bound, |_| Ok(false));
        self.session.variables.pop();
        flow
    }

    fn raise(&mut self, statement: &Statement, message: Option<&ast::Expression>) -> Outcome<Flow> {
        let Some(message) = message else {
            let error = self.handled.last().cloned();
            let outside =
                || QueryError::invalid_query("Cannot re-raise an existing exception outside of an exception handler");
            return Err(error.unwrap_or_else(|| outside().at(statement.start)));
        };
        let (_, value) = self.expression(statement, message)?;
        let text = value.print().unwrap_or_default();
        Err(QueryError::invalid_query(text).at(statement.start))
    }

    fn dynamic(
        &mut self,
        statement: &Statement,
        text: &ast::Expression,
        into: &[ast::Name],
        using: &[(ast::Expression, Option<ast::Name>)],
    ) -> Outcome<()> {
        if self.dynamic_depth >= DYNAMIC_DEPTH_MAX {
            return Err(QueryError::invalid_query("EXECUTE IMMEDIATE is nested too deeply").at(statement.start));
        }
        let (kind, value) = self.expression(statement, text)?;
        let (Type::String, Value::String(text)) = (kind, value) else {
            let message = "EXECUTE IMMEDIATE sql string must be a STRING and not NULL";
            return Err(QueryError::invalid_query(message).at(statement.start));
        };
        let mut scope = HashMap::new();
        for (n, (value, name)) in (1..).zip(using) {
            let value = self.expression(statement, value)?;
            let key = name.as_ref().map_or_else(|| format!("?{n}"), |name| format!("@{}", name.text.to_lowercase()));
            scope.insert(key, value);
        }
        let statements = sql::parse_script(&text).map_err(|error| dynamic_error(error, statement))?;
        let [inner] = statements.as_slice() else {
            let message = "EXECUTE IMMEDIATE sql string must hold exactly one statement";
            return Err(QueryError::invalid_query(message).at(statement.start));
        };
        let outer = std::mem::replace(&mut self.text, text);
        self.session.variables.push(scope);
        self.dynamic_depth += 1;
        let results = self.outcomes.len();
        let done = self.statement(inner);
        self.dynamic_depth -= 1;
        self.session.variables.pop();
        self.text = outer;
        done.map_err(|error| dynamic_error(error, statement))?;
        self.store_into(statement, into, results)
    }

    fn begin(&mut self, statement: &Statement) -> Outcome<()> {
        self.recorded(statement, Evaluation::Statement, |script, _| {
            if script.session.in_transaction && !script.session.dry_run {
                let message = "Transaction control statement not supported: a transaction is already in progress";
                return Err(QueryError::invalid_query(message).at(statement.start));
            }
            if !script.session.dry_run {
                script.session.begin(Access::Write)?;
                script.transaction_start = Some(script.session.temporary.clone());
            }
            Ok(())
        })
    }

    fn commit(&mut self, statement: &Statement) -> Outcome<()> {
        self.recorded(statement, Evaluation::Statement, |script, _| {
            if script.session.dry_run {
                return Ok(());
            }
            script.check_transaction(statement)?;
            script.session.commit()?;
            script.transaction_start = None;
            Ok(())
        })
    }

    fn rollback(&mut self, statement: &Statement) -> Outcome<()> {
        self.recorded(statement, Evaluation::Statement, |script, _| {
            if script.session.dry_run {
                return Ok(());
            }
            script.check_transaction(statement)?;
            script.session.rollback()?;
            if let Some(temporary) = script.transaction_start.take() {
                script.session.temporary = temporary;
            }
            Ok(())
        })
    }

    fn check_transaction(&self, statement: &Statement) -> Outcome<()> {
        if self.session.in_transaction {
            return Ok(());
        }
        let message = "Transaction control statement not supported: there is no active transaction";
        Err(QueryError::invalid_query(message).at(statement.start))
    }
}

/// Places inside of the dynamic text mean nothing in the script.
fn dynamic_error(error: QueryError, statement: &Statement) -> QueryError {
    let message = format!("Invalid EXECUTE IMMEDIATE sql string `{error}`");
    QueryError { message, position: Some(statement.start), ..error }
}
