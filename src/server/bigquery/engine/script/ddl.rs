//! CREATE SCHEMA, VIEW and EXTERNAL TABLE.

use std::ops::Range;

use super::Script;
use super::options::{dataset_settings, external_options, table_settings};
use crate::server::bigquery::engine::manage;
use crate::server::bigquery::engine::outcome::{Ddl, DdlOperation, DdlTarget, StatementOutcome};
use crate::server::bigquery::engine::resource::{DatasetReference, TableKind, TableReference};
use crate::server::bigquery::engine::session::Access;
use crate::server::bigquery::engine::store::{Outcome, dataset, require_dataset};
use crate::server::bigquery::engine::write::{self, Conflict, NewTable};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::sql::{Action, Column, FunctionOption, Statement, StatementKind, ast};
use crate::server::bigquery::value::{Field, Mode, Type};

impl From<Action> for Conflict {
    fn from(action: Action) -> Self {
        match action {
            Action::Create => Self::Fail,
            Action::CreateOrReplace => Self::Replace,
            Action::CreateIfNotExists => Self::Skip,
        }
    }
}

impl Script<'_> {
    /// All that makes objects, except models.
    pub(super) fn define(&mut self, statement: &Statement, outcome: &mut StatementOutcome) -> Outcome<()> {
        match &statement.kind {
            StatementKind::CreateSchema { path, action, options } => {
                self.create_schema(path, *action, options, outcome)
            }
            StatementKind::CreateTable { .. } => self.create_table(statement, outcome),
            StatementKind::CreateView { materialized: true, .. } => {
                Err(QueryError::invalid_query("CREATE MATERIALIZED VIEW is not supported").at(statement.start))
            }
            StatementKind::CreateView { path, action, columns, options, query_text, .. } => {
                let names = columns.as_deref();
                self.create_view(statement, (path, *action, names), options, query_text.clone(), outcome)
            }
            StatementKind::CreateExternalTable { path, action, columns, options } => {
                self.create_external(statement, (path, *action, columns.as_deref()), options, outcome)
            }
            _ => Err(QueryError::invalid_query("Statement not supported").at(statement.start)),
        }
    }

    fn create_schema(
        &mut self,
        path: &ast::Path,
        action: Action,
        options: &[FunctionOption],
        outcome: &mut StatementOutcome,
    ) -> Outcome<()> {
        let reference = self.dataset_target(path)?;
        let options = self.options(options)?;
        let (location, settings) = dataset_settings(&options)?;
        // Without one of its own, a dataset is made where the job runs.
        let location = location.or_else(|| self.session.location.clone());
        let location = location.unwrap_or_else(|| self.session.engine.location.clone());
        let target = DdlTarget::Dataset(reference.clone());
        let operation = self.session.atomically(Access::Write, |session| {
            let before = dataset(&session.connection, &reference)?;
            match (before, Conflict::from(action)) {
                (Some(_), Conflict::Skip) => return Ok(DdlOperation::Skip),
                (Some(_), Conflict::Replace) => {
                    let message = "CREATE OR REPLACE SCHEMA is not supported";
                    return Err(QueryError::invalid_query(message).at(path.at));
                }
                _ => {}
            }
            manage::create_dataset(&session.connection, &reference, &location, settings)?;
            Ok(DdlOperation::Create)
        })?;
        outcome.ddl = Some(Ddl { operation, target });
        Ok(())
    }

    fn create_view(
        &mut self,
        statement: &Statement,
        (path, action, names): (&ast::Path, Action, Option<&[ast::Name]>),
        options: &[FunctionOption],
        query_text: Range<usize>,
        outcome: &mut StatementOutcome,
    ) -> Outcome<()> {
        let reference = self.target(path)?;
        let options = self.options(options)?;
        let settings = table_settings(&options)?;
        let text = self.text.get(query_text).unwrap_or_default().to_owned();
        let StatementKind::CreateView { query, .. } = &statement.kind else { return Ok(()) };
        let mut fields = self.fields_of_query(statement, query)?;
        if names.is_some() {
            let message = "CREATE VIEW with a column list is not supported; name the columns in its query";
            return Err(QueryError::invalid_query(message).at(path.at));
        }
        for field in &mut fields {
            field.mode = if matches!(field.kind, Type::Array(_)) { Mode::Repeated } else { Mode::Nullable };
        }
        let kind = TableKind::View { query: text };
        let new = NewTable { reference: &reference, kind, fields, settings };
        self.create(new, action, outcome)
    }

    fn create_external(
        &mut self,
        statement: &Statement,
        (path, action, columns): (&ast::Path, Action, Option<&[Column]>),
        options: &[FunctionOption],
        outcome: &mut StatementOutcome,
    ) -> Outcome<()> {
        let reference = self.target(path)?;
        let options = self.options(options)?;
        let (mut definition, settings) = external_options(&options, statement.start)?;
        require_dataset(&self.session.connection, &reference.dataset())?;
        let fields = match columns {
            Some(columns) => fields_of(columns)?,
            None => {
                definition.autodetect = true;
                self.session.detect(&mut definition, Some(&reference.dotted()))?
            }
        };
        let kind = TableKind::External(definition);
        self.create(NewTable { reference: &reference, kind, fields, settings }, action, outcome)
    }

    /// Checks a query that is not run: the columns of its rows.
    pub(super) fn fields_of_query(&mut self, statement: &Statement, query: &ast::Query) -> Outcome<Vec<Field>> {
        self.session.atomically(Access::Read, |session| {
            let dry_run = std::mem::replace(&mut session.dry_run, true);
            let analyzed = super::query::analyzed(session, statement, query);
            session.dry_run = dry_run;
            // Tables read for the analysis only are empty.
            session.forget_tables();
            let analyzed = analyzed?;
            super::query::refuse_duplicates(&analyzed)?;
            Ok(analyzed.fields)
        })
    }

    /// Into the catalogue.
    pub(super) fn create(&mut self, new: NewTable<'_>, action: Action, outcome: &mut StatementOutcome) -> Outcome<()> {
        let target = DdlTarget::Table(new.reference.clone());
        let operation = self.session.atomically(Access::Write, |session| {
            require_dataset(&session.connection, &new.reference.dataset())?;
            let operation = write::make_room(&session.connection, new.reference, action.into(), false)?;
            if operation != DdlOperation::Skip {
                write::create_table(&session.connection, new)?;
            }
            Ok(operation)
        })?;
        outcome.ddl = Some(Ddl { operation, target });
        Ok(())
    }

    /// The table that a path names, for what makes or removes it.
    pub(super) fn target(&self, path: &ast::Path) -> Outcome<TableReference> {
        self.session.table_path(&path.texts()).map_err(|error| error.at(path.at))
    }

    /// The dataset that a path names, for what makes or removes it.
    pub(super) fn dataset_target(&self, path: &ast::Path) -> Outcome<DatasetReference> {
        self.session.dataset_path(&path.texts()).map_err(|error| error.at(path.at))
    }
}

/// The schema that a column list writes.
pub(super) fn fields_of(columns: &[Column]) -> Outcome<Vec<Field>> {
    let field = |column: &Column| {
        if column.default.is_some() {
            let message = format!("Column {}: DEFAULT is not supported", column.name.text);
            return Err(QueryError::invalid_query(message).at(column.name.at));
        }
        let mode = match (&column.kind, column.required) {
            (Type::Array(_), _) => Mode::Repeated,
            (_, true) => Mode::Required,
            (_, false) => Mode::Nullable,
        };
        Ok(Field { name: column.name.text.clone(), kind: column.kind.clone(), mode, description: None })
    };
    columns.iter().map(field).collect()
}
