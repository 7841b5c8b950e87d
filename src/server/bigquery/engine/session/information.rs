//! INFORMATION_SCHEMA: the catalogue as tables.

use rusqlite::types::Value as Cell;

use super::{Place, Session};
use crate::server::bigquery::analyze::Source;
use crate::server::bigquery::engine::resource::{DatasetReference, Table, TableKind};
use crate::server::bigquery::engine::store::{Outcome, datasets, require_dataset, stored_all};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::{Field, Mode, Type};

const SCHEMATA: &[(&str, Type)] = &[
    ("catalog_name", Type::String),
    ("schema_name", Type::String),
    ("schema_owner", Type::String),
    ("creation_time", Type::Timestamp),
    ("last_modified_time", Type::Timestamp),
    ("location", Type::String),
];
const TABLES: &[(&str, Type)] = &[
    ("table_catalog", Type::String),
    ("table_schema", Type::String),
    ("table_name", Type::String),
    ("table_type", Type::String),
    ("is_insertable_into", Type::String),
    ("creation_time", Type::Timestamp),
];
const COLUMNS: &[(&str, Type)] = &[
    ("table_catalog", Type::String),
    ("table_schema", Type::String),
    ("table_name", Type::String),
    ("column_name", Type::String),
    ("ordinal_position", Type::Int64),
    ("is_nullable", Type::String),
    ("data_type", Type::String),
];

impl Session<'_> {
    /// `[project.][dataset.]INFORMATION_SCHEMA.X`; a `region-..` is where everything is.
    pub(crate) fn information(&mut self, parts: &[String]) -> Outcome<Source> {
        let unknown = || QueryError::invalid_query(format!("Not supported: `{}`", parts.join(".")));
        let at = parts.iter().position(|part| part.eq_ignore_ascii_case("INFORMATION_SCHEMA")).ok_or_else(unknown)?;
        let (before, view) = (parts.get(..at).unwrap_or_default(), parts.get(at + 1..).unwrap_or_default());
        let [view] = view else { return Err(unknown()) };
        let (project, dataset) = match before {
            [] => (self.project.clone(), self.default_dataset.clone().map(|dataset| dataset.dataset)),
            [one] if one.to_lowercase().starts_with("region-") => (self.project.clone(), None),
            [dataset] => (self.project.clone(), Some(dataset.clone())),
            [project, one] if one.to_lowercase().starts_with("region-") => (project.clone(), None),
            [project, dataset] => (project.clone(), Some(dataset.clone())),
            _ => return Err(unknown()),
        };
        match view.to_uppercase().as_str() {
            "SCHEMATA" => self.schemata(&project),
            "TABLES" => self.of_tables(&project, dataset, TABLES, &|table| vec![table_row(table)]),
            "COLUMNS" => self.of_tables(&project, dataset, COLUMNS, &column_rows),
            _ => Err(unknown()),
        }
    }

    fn schemata(&mut self, project: &str) -> Outcome<Source> {
        let rows = datasets(&self.connection, project)?.into_iter().map(|dataset| {
            vec![
                Cell::Text(dataset.reference.project),
                Cell::Text(dataset.reference.dataset),
                Cell::Null,
                micros(dataset.stamp.creation_ms),
                micros(dataset.stamp.modified_ms),
                Cell::Text(dataset.location),
            ]
        });
        let rows = rows.collect();
        self.constant_table(SCHEMATA, rows)
    }

    fn of_tables(
        &mut self,
        project: &str,
        dataset: Option<String>,
        columns: &[(&str, Type)],
        row: &dyn Fn(&Table) -> Vec<Vec<Cell>>,
    ) -> Outcome<Source> {
        let mut references = Vec::new();
        match dataset {
            Some(dataset) => {
                let reference = DatasetReference::new(project, dataset);
                references.push(require_dataset(&self.connection, &reference)?.reference);
            }
            None => {
                references.extend(datasets(&self.connection, project)?.into_iter().map(|dataset| dataset.reference))
            }
        }
        let mut rows = Vec::new();
        for reference in references {
            for stored in stored_all(&self.connection, &reference)? {
                rows.extend(row(&stored.table));
            }
        }
        self.constant_table(columns, rows)
    }

    fn constant_table(&mut self, columns: &[(&str, Type)], rows: Vec<Vec<Cell>>) -> Outcome<Source> {
        let field = |(name, kind): &(&str, Type)| Field {
            name: (*name).to_owned(),
            kind: kind.clone(),
            mode: Mode::Nullable,
            description: None,
        };
        let (from, _) = self.create_own(Place::Work, 0..columns.len())?;
        self.insert_cells(&from, columns.len(), rows)?;
        Ok(Source { from, fields: columns.iter().map(field).collect() })
    }

    /// Rows into a table of the job's own, which has `width` columns.
    pub(crate) fn insert_cells(
        &self,
        table: &str,
        width: usize,
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) -> Outcome<()> {
        let places = vec!["?"; width.max(1)].join(", ");
        let insert = self.connection.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"));
        let mut insert = insert.map_err(|error| self.failed(&error))?;
        for row in rows {
            insert.execute(rusqlite::params_from_iter(row)).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }
}

fn micros(ms: i64) -> Cell {
    Cell::Integer(ms.saturating_mul(1000))
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn table_row(table: &Table) -> Vec<Cell> {
    let (kind, insertable) = match table.kind {
        TableKind::Table => ("BASE TABLE", "YES"),
        TableKind::View { .. } => ("VIEW", "NO"),
        TableKind::External(_) => ("EXTERNAL", "NO"),
    };
    let reference = &table.reference;
    vec![
        text(&reference.project),
        text(&reference.dataset),
        text(&reference.table),
        text(kind),
        text(insertable),
        micros(table.stamp.creation_ms),
    ]
}

fn column_rows(table: &Table) -> Vec<Vec<Cell>> {
    let reference = &table.reference;
    let row = |(field, position): (&Field, i64)| {
        vec![
            text(&reference.project),
            text(&reference.dataset),
            text(&reference.table),
            text(&field.name),
            Cell::Integer(position),
            text(if field.mode == Mode::Required { "NO" } else { "YES" }),
            Cell::Text(field.kind.name()),
        ]
    };
    table.fields.iter().zip(1..).map(row).collect()
}
