//! What names in SQL stand for: the analyzer's questions, answered from the catalogue.

use std::collections::HashSet;

use super::{Session, split_path};
use crate::server::bigquery::analyze::{self, Catalog, Source, TableFunction};
use crate::server::bigquery::engine::resource::{DatasetReference, TableKind, TableReference};
use crate::server::bigquery::engine::store::{Outcome, Stored, column_list, require_dataset, stored, table_not_found};
use crate::server::bigquery::error::{Position, QueryError, Reason};
use crate::server::bigquery::sql::{self, Statement, StatementKind};
use crate::server::bigquery::value::{Field, Type, Value};

/// Views on views on views: BigQuery's own bound.
const VIEW_DEPTH_MAX: usize = 16;

impl Catalog for Session<'_> {
    fn table(&mut self, path: &[String], at: Position, wanted: Option<&HashSet<String>>) -> Outcome<Source> {
        let found = self.source(path, wanted);
        // What is wrong inside of a view or a file has its own place, or none.
        found.map_err(|error| if error.reason == Reason::InvalidQuery { placed(error, at) } else { error })
    }

    fn table_function(&mut self, call: &TableFunction) -> Outcome<Source> {
        self.model_function(call).map_err(|error| placed(error, call.at))
    }

    fn variable(&self, name: &str) -> Option<(Type, Value)> {
        let name = name.to_lowercase();
        self.variables.iter().rev().find_map(|scope| scope.get(&name)).cloned()
    }
}

fn placed(error: QueryError, at: Position) -> QueryError {
    if error.position.is_some() { error } else { error.at(at) }
}

impl Session<'_> {
    fn source(&mut self, path: &[String], wanted: Option<&HashSet<String>>) -> Outcome<Source> {
        let parts = split_path(path);
        if let [name] = parts.as_slice()
            && let Some(temporary) = self.temporary.get(name)
        {
            return Ok(Source { from: temporary.from.clone(), fields: temporary.fields.clone() });
        }
        if parts.iter().any(|part| part.eq_ignore_ascii_case("INFORMATION_SCHEMA")) {
            return self.information(&parts);
        }
        let reference = self.table_path(&parts)?;
        let stored = self.require_table(&reference)?;
        match &stored.table.kind {
            TableKind::Table => {
                self.usage.add(&reference, wanted_bytes(&stored, wanted))?;
                Ok(Source { from: stored.from(), fields: stored.table.fields.clone() })
            }
            TableKind::View { query } => self.view(&reference, query),
            TableKind::External(definition) => self.external(&stored.table, definition, wanted),
        }
    }

    /// A table, view or external table that is there.
    pub(crate) fn require_table(&self, reference: &TableReference) -> Outcome<Stored> {
        if let Some(stored) = stored(&self.connection, reference)? {
            self.check_location(&reference.dataset(), &stored.table.location)?;
            return Ok(stored);
        }
        let dataset = require_dataset(&self.connection, &reference.dataset()).map_err(|error| {
            if error.reason != Reason::NotFound {
                return error;
            }
            let location = self.location.as_ref().unwrap_or(&self.engine.location);
            QueryError::new(error.reason, format!("{} was not found in location {location}", error.message))
        })?;
        Err(table_not_found(reference, &dataset.location))
    }

    /// # Errors
    /// The job runs elsewhere.
    fn check_location(&self, dataset: &DatasetReference, found: &str) -> Outcome<()> {
        match &self.location {
            Some(wanted) if !wanted.eq_ignore_ascii_case(found) => {
                let message = format!("Not found: Dataset {dataset} was not found in location {wanted}");
                Err(QueryError::new(Reason::NotFound, message))
            }
            _ => Ok(()),
        }
    }

    /// A view's rows: its query, in parentheses. Paths in it are those of its own project.
    fn view(&mut self, reference: &TableReference, text: &str) -> Outcome<Source> {
        if self.view_depth >= VIEW_DEPTH_MAX {
            return Err(QueryError::invalid_query(format!(
                "Resources exceeded during query execution: views are nested deeper than {VIEW_DEPTH_MAX} levels"
            )));
        }
        if !self.usage.tables.contains(reference) {
            self.usage.tables.push(reference.clone());
        }
        let project = std::mem::replace(&mut self.project, reference.project.clone());
        let dataset = self.default_dataset.take();
        self.view_depth += 1;
        let analyzed = self.view_query(text);
        self.view_depth -= 1;
        self.project = project;
        self.default_dataset = dataset;
        // A place in the view's own text means nothing to who uses it.
        let query = analyzed.map_err(|error| QueryError {
            position: None,
            message: format!("{}; while analyzing view {reference}", error.message),
            ..error
        })?;
        let columns = column_list(0..query.fields.len());
        Ok(Source {
            from: format!("(WITH \"v\" ({columns}) AS ({}) SELECT * FROM \"v\")", query.sql),
            fields: query.fields,
        })
    }

    /// The analysis of a view's text, which must be one query.
    pub(crate) fn view_query(&mut self, text: &str) -> Outcome<analyze::Query> {
        let statements = sql::parse_script(text)?;
        match statements.as_slice() {
            [statement @ Statement { kind: StatementKind::Query(query), .. }] => analyze::query(query, statement, self),
            _ => Err(QueryError::invalid_query("A view must be defined by a single query")),
        }
    }
}

/// Of the columns that a statement names.
fn wanted_bytes(stored: &Stored, wanted: Option<&HashSet<String>>) -> u64 {
    let is_wanted = |field: &Field| wanted.is_none_or(|wanted| wanted.contains(&field.name.to_uppercase()));
    let columns = stored.table.fields.iter().zip(&stored.column_bytes).filter(|(field, _)| is_wanted(field));
    columns.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
}
