//! Variables, and expressions that stand alone.

use super::Script;
use super::query::value_of;
use crate::server::bigquery::engine::outcome::Evaluation;
use crate::server::bigquery::engine::outcome::StatementOutcome;
use crate::server::bigquery::engine::session::{Access, Rows};
use crate::server::bigquery::engine::store::{Outcome, column_list, decode};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::function;
use crate::server::bigquery::sql::{Declare, Statement, ast};
use crate::server::bigquery::value::{Type, Value};

const VARIABLES_MAX: usize = 10_000;

impl Script<'_> {
    /// An expression's value. Only what reads tables is worth a child job, but that can't be seen before.
    pub(super) fn expression(&mut self, statement: &Statement, expression: &ast::Expression) -> Outcome<(Type, Value)> {
        self.evaluated(statement, expression, None)
    }

    fn evaluated(
        &mut self,
        statement: &Statement,
        expression: &ast::Expression,
        to: Option<&Type>,
    ) -> Outcome<(Type, Value)> {
        let has_query = super::query::has_subquery(expression);
        if has_query {
            return self.recorded(statement, Evaluation::Expression, |script, _| {
                script.session.atomically(Access::Read, |session| value_of(session, statement, expression, to))
            });
        }
        self.session.atomically(Access::Read, |session| value_of(session, statement, expression, to))
    }

    pub(super) fn condition(&mut self, statement: &Statement, condition: &ast::Expression) -> Outcome<bool> {
        match self.expression(statement, condition)? {
            (Type::Bool, value) => Ok(value == Value::Bool(true)),
            (_, Value::Null) => Ok(false),
            (kind, _) => {
                let message = format!("Expected BOOL condition, got {}", kind.name());
                Err(QueryError::invalid_query(message).at(condition.at))
            }
        }
    }

    pub(super) fn declare(&mut self, statement: &Statement, declare: &Declare) -> Outcome<()> {
        let (kind, value) = match (&declare.kind, &declare.default) {
            (kind, Some(default)) => self.evaluated(statement, default, kind.as_ref())?,
            (Some(kind), None) => (kind.clone(), Value::Null),
            (None, None) => {
                let message = "A variable needs a type or a default value";
                return Err(QueryError::invalid_query(message).at(statement.start));
            }
        };
        for name in &declare.names {
            let Some(scope) = self.session.variables.last_mut() else { continue };
            if scope.len() >= VARIABLES_MAX {
                return Err(QueryError::invalid_query("Too many variables are declared").at(name.at));
            }
            let before = scope.insert(name.text.to_lowercase(), (kind.clone(), value.clone()));
            if before.is_some() {
                let message = format!("Variable '{}' has already been declared", name.text);
                return Err(QueryError::invalid_query(message).at(name.at));
            }
        }
        Ok(())
    }

    pub(super) fn set(&mut self, statement: &Statement, names: &[ast::Name], value: &ast::Expression) -> Outcome<()> {
        if let [name] = names {
            let kind = self.kind_of(name)?;
            let (_, value) = self.evaluated(statement, value, Some(&kind))?;
            return self.assign(name, value);
        }
        let (kind, value) = self.expression(statement, value)?;
        let (Type::Struct(fields), Value::Struct(values)) = (kind, value) else {
            return Err(QueryError::invalid_query("SET of several variables needs a STRUCT").at(statement.start));
        };
        if values.len() != names.len() {
            let message = format!("Number of fields in struct must match number of variables: {}", names.len());
            return Err(QueryError::invalid_query(message).at(statement.start));
        }
        for (name, ((_, from), value)) in names.iter().zip(fields.iter().zip(values)) {
            let to = self.kind_of(name)?;
            let value = self.converted(from, &to, value).map_err(|error| error.at(name.at))?;
            self.assign(name, value)?;
        }
        Ok(())
    }

    fn kind_of(&self, name: &ast::Name) -> Outcome<Type> {
        let key = name.text.to_lowercase();
        let found = self.session.variables.iter().rev().find_map(|scope| scope.get(&key));
        let undeclared = || QueryError::invalid_query(format!("Undeclared variable: {}", name.text)).at(name.at);
        found.map(|(kind, _)| kind.clone()).ok_or_else(undeclared)
    }

    fn assign(&mut self, name: &ast::Name, value: Value) -> Outcome<()> {
        let key = name.text.to_lowercase();
        let place = self.session.variables.iter_mut().rev().find_map(|scope| scope.get_mut(&key));
        match place {
            Some((_, kept)) => {
                *kept = value;
                Ok(())
            }
            None => Err(QueryError::invalid_query(format!("Undeclared variable: {}", name.text)).at(name.at)),
        }
    }

    /// A value as another type, by the cast that SQL would do.
    fn converted(&self, from: &Type, to: &Type, value: Value) -> Outcome<Value> {
        if from == to || value == Value::Null {
            return Ok(value);
        }
        let wrong = || QueryError::invalid_query(format!("Cannot coerce {} to {}", from.name(), to.name()));
        let cast = function::cast(from, to, false).ok_or_else(wrong)?;
        let sql = format!("SELECT {}", cast.sql("?1"));
        let read = self.session.connection.query_row(&sql, [value.to_sql()], |row| Ok(decode(row.get_ref(0)?, to)));
        read.map_err(|error| self.session.failed(&error))?
    }

    /// The nth row (from 1) of a table of the job's own.
    pub(super) fn row(&self, rows: &Rows, number: i64) -> Outcome<Option<Vec<Value>>> {
        let sql = format!("SELECT {} FROM {} WHERE rowid = ?1", column_list(0..rows.fields.len()), rows.from);
        let connection = &self.session.connection;
        let mut statement = connection.prepare_cached(&sql).map_err(|error| self.session.failed(&error))?;
        let mut cursor = statement.query([number]).map_err(|error| self.session.failed(&error))?;
        let Some(row) = cursor.next().map_err(|error| self.session.failed(&error))? else { return Ok(None) };
        let value = |(index, field): (usize, &crate::server::bigquery::value::Field)| {
            decode(row.get_ref(index).map_err(|error| self.session.failed(&error))?, &field.kind)
        };
        rows.fields.iter().enumerate().map(value).collect::<Outcome<_>>().map(Some)
    }

    /// `EXECUTE IMMEDIATE .. INTO`: the one row of what ran since `first`.
    pub(super) fn store_into(&mut self, statement: &Statement, into: &[ast::Name], first: usize) -> Outcome<()> {
        if into.is_empty() || self.session.dry_run {
            return Ok(());
        }
        let result = self.outcomes.get(first..).unwrap_or_default().iter().find_map(|outcome| outcome.result.clone());
        let wrong = |what: &str| Err(QueryError::invalid_query(what.to_owned()).at(statement.start));
        let Some(result) = result else { return wrong("EXECUTE IMMEDIATE .. INTO needs a query") };
        if result.fields.len() != into.len() {
            return wrong("The number of columns of EXECUTE IMMEDIATE's query differs from that of the variables");
        }
        if result.rows > 1 {
            return wrong("EXECUTE IMMEDIATE .. INTO produced more than one row");
        }
        let page = self.session.engine.rows(&result.table, None, 0, 1, u64::MAX)?;
        let nulls = vec![Value::Null; into.len()];
        let row = page.rows.into_iter().next().unwrap_or(nulls);
        for ((name, field), value) in into.iter().zip(&result.fields).zip(row) {
            let to = self.kind_of(name)?;
            let value = self.converted(&field.kind, &to, value).map_err(|error| error.at(name.at))?;
            self.assign(name, value)?;
        }
        Ok(())
    }

    pub(super) fn assert(
        &mut self,
        statement: &Statement,
        condition: &ast::Expression,
        description: Option<&str>,
    ) -> Outcome<()> {
        let (_, value) =
            self.session.atomically(Access::Read, |session| value_of(session, statement, condition, None))?;
        if value == Value::Bool(true) || self.session.dry_run {
            return Ok(());
        }
        let message =
            description.map_or_else(|| "Assertion failed".to_owned(), |text| format!("Assertion failed: {text}"));
        Err(QueryError::invalid_query(message).at(statement.start))
    }

    pub(super) fn last_failure(&self) -> Option<&StatementOutcome> {
        self.outcomes.iter().rev().find(|outcome| outcome.error.is_some())
    }
}
