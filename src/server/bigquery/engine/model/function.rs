//! `ML.X(MODEL ..)` in FROM: its rows in a table of the job's own.

use rusqlite::types::Value as Cell;

use super::flat::{flat_fields, flatten};
use crate::server::bigquery::analyze::{Query, Source, TableFunction};
use crate::server::bigquery::engine::manage::require_model;
use crate::server::bigquery::engine::session::{Place, Session};
use crate::server::bigquery::engine::store::{Outcome, decode};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::ml::{Frame, MlError, Model, Table};
use crate::server::bigquery::value::{Field, Mode, Type, Value};

/// Rows that are predicted together: bounds the memory.
const ROWS_AT_ONCE: usize = 8192;

const FUNCTIONS: &[&str] = &[
    "ML.PREDICT",
    "ML.EVALUATE",
    "ML.WEIGHTS",
    "ML.FEATURE_INFO",
    "ML.TRAINING_INFO",
    "ML.FORECAST",
    "ML.EXPLAIN_FORECAST",
    "ML.ARIMA_EVALUATE",
    "ML.ARIMA_COEFFICIENTS",
];

impl Session<'_> {
    pub(in crate::server::bigquery::engine) fn model_function(&mut self, call: &TableFunction) -> Outcome<Source> {
        if !FUNCTIONS.contains(&call.name.as_str()) {
            return Err(QueryError::invalid_query(format!("Table-valued function not found: {}", call.name)));
        }
        let Some(path) = &call.model else {
            let message = format!("Invalid table-valued function {} needs a MODEL as its first argument", call.name);
            return Err(QueryError::invalid_query(message));
        };
        let model = self.trained(path).map_err(|error| match call.model_at {
            Some(at) if error.reason == Reason::InvalidQuery => error.at(at),
            _ => error,
        })?;
        let options: Vec<(String, Value)> =
            call.options.iter().map(|(name, _, value)| (name.clone(), value.clone())).collect();
        match (&call.input, call.name.as_str()) {
            (Some(input), "ML.PREDICT") => self.predict(&model, &options, input),
            (input, name) => {
                let frame = input.as_ref().map(|input| self.frame(&input.sql, &input.fields)).transpose()?;
                let table = model.call(name, &options, frame.as_ref());
                // Metrics of no rows are an error, but a dry run has none.
                let table = match table {
                    Err(_) if self.dry_run => model.call(name, &options, None),
                    table => table,
                };
                self.keep(table?)
            }
        }
    }

    fn trained(&self, path: &[String]) -> Outcome<Model> {
        let reference = self.table_path(path)?;
        if self.untrained.contains(&reference) {
            return Err(QueryError::new(
                Reason::NotImplemented,
                format!("Model {reference} is made by this script; what reads it can't be checked before"),
            ));
        }
        let stored = require_model(&self.connection, &reference)?;
        serde_json::from_str(&stored.content).map_err(|error| {
            QueryError::new(Reason::BackendError, format!("the server's model {reference} is damaged: {error}"))
        })
    }

    fn keep(&mut self, table: Table) -> Outcome<Source> {
        let (from, _) = self.create_own(Place::Work, 0..table.fields.len())?;
        let rows = table.rows.into_iter().map(|row| row.into_iter().map(Value::into_sql).collect());
        self.insert_cells(&from, table.fields.len(), rows)?;
        Ok(Source { from, fields: table.fields })
    }

    /// The predicted columns, then the input's, row by row.
    fn predict(&mut self, model: &Model, options: &[(String, Value)], input: &Query) -> Outcome<Source> {
        let flat = flat_fields(&input.fields);
        let mut fields = model.call("ML.PREDICT", options, Some(&Frame::new(&flat)))?.fields;
        fields.extend(input.fields.iter().cloned());
        let (from, _) = self.create_own(Place::Work, 0..fields.len())?;
        if !self.dry_run {
            let batch = Batch { session: self, model, options, flat: &flat, from: &from, width: fields.len() };
            batch.run(input)?;
        }
        Ok(Source { from, fields: unique(fields) })
    }
}

/// Names that the input shares with the prediction get a number, as columns of a result do.
fn unique(mut fields: Vec<Field>) -> Vec<Field> {
    for index in 1..fields.len() {
        let (before, rest) = fields.split_at_mut(index);
        let Some(field) = rest.first_mut() else { continue };
        let name = field.name.clone();
        let mut number = 0;
        while before.iter().any(|known| known.name.eq_ignore_ascii_case(&field.name)) {
            number += 1;
            field.name = format!("{name}_{number}");
        }
        field.mode = if matches!(field.kind, Type::Array(_)) { Mode::Repeated } else { Mode::Nullable };
    }
    fields
}

/// A prediction as it goes over its input.
struct Batch<'a, 'e> {
    session: &'a Session<'e>,
    model: &'a Model,
    options: &'a [(String, Value)],
    flat: &'a [Field],
    from: &'a str,
    width: usize,
}

impl Batch<'_, '_> {
    fn run(&self, input: &Query) -> Outcome<()> {
        let session = self.session;
        let mut statement = session.connection.prepare(&input.sql).map_err(|error| session.failed(&error))?;
        let mut rows = statement.query([]).map_err(|error| session.failed(&error))?;
        let mut frame = Frame::new(self.flat);
        let mut kept: Vec<Vec<Cell>> = Vec::with_capacity(ROWS_AT_ONCE);
        let mut values = Vec::new();
        while let Some(row) = rows.next().map_err(|error| session.failed(&error))? {
            values.clear();
            let mut cells = Vec::with_capacity(self.width);
            for (index, field) in input.fields.iter().enumerate() {
                let cell = row.get_ref(index).map_err(|error| session.failed(&error))?;
                flatten(decode(cell, &field.kind)?, &field.kind, 0, &mut values);
                cells.push(Cell::try_from(cell).map_err(|error| session.failed(&rusqlite::Error::from(error)))?);
            }
            frame.push(&values).map_err(|error: MlError| QueryError::from(error))?;
            kept.push(cells);
            if kept.len() == ROWS_AT_ONCE {
                self.flush(&frame, std::mem::take(&mut kept))?;
                frame = Frame::new(self.flat);
            }
        }
        self.flush(&frame, kept)
    }

    fn flush(&self, frame: &Frame, kept: Vec<Vec<Cell>>) -> Outcome<()> {
        if kept.is_empty() {
            return Ok(());
        }
        let predicted = self.model.call("ML.PREDICT", self.options, Some(frame))?;
        let rows = predicted.rows.into_iter().zip(kept).map(|(predicted, input)| {
            let mut row: Vec<Cell> = predicted.into_iter().map(Value::into_sql).collect();
            row.extend(input);
            row
        });
        self.session.insert_cells(self.from, self.width, rows)
    }
}
