//! The catalogue's models.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::catalogue::{fields_of, fields_text, from_text, read_stamp, to_text};
use super::{Outcome, now_ms, sqlite_error};
use crate::server::bigquery::engine::resource::{DatasetReference, Model, TableReference};

/// A model with what it needs to predict.
#[derive(Debug, Clone)]
pub(crate) struct StoredModel {
    pub(crate) model: Model,
    /// JSON: what the engine's `model` part keeps.
    pub(crate) content: String,
}

const MODELS: &str =
    "SELECT m.project, m.dataset, m.name, m.model_type, m.settings, m.features, m.labels, m.training_runs,
    m.content, m.etag, m.creation_ms, m.modified_ms, d.location
    FROM catalog_models AS m JOIN catalog_datasets AS d ON d.project = m.project AND d.dataset = m.dataset
    WHERE m.project = ?1 AND m.dataset = ?2 AND (m.expiration_ms IS NULL OR m.expiration_ms > ?3)";

pub(crate) fn models(connection: &Connection, reference: &DatasetReference) -> Outcome<Vec<Model>> {
    let mut statement =
        connection.prepare_cached(&format!("{MODELS} ORDER BY m.name")).map_err(|error| sqlite_error(&error))?;
    let rows = statement
        .query_map(params![reference.project, reference.dataset, now_ms()], |row| Ok(read(row)))
        .map_err(|error| sqlite_error(&error))?;
    rows.map(|row| Ok(row.map_err(|error| sqlite_error(&error))??.model)).collect()
}

pub(crate) fn model(connection: &Connection, reference: &TableReference) -> Outcome<Option<StoredModel>> {
    let mut statement =
        connection.prepare_cached(&format!("{MODELS} AND m.name = ?4")).map_err(|error| sqlite_error(&error))?;
    let values = params![reference.project, reference.dataset, now_ms(), reference.table];
    let found = statement.query_row(values, |row| Ok(read(row)));
    found.optional().map_err(|error| sqlite_error(&error))?.transpose()
}

fn read(row: &Row<'_>) -> Outcome<StoredModel> {
    let text = |index: usize| row.get::<_, String>(index).map_err(|error| sqlite_error(&error));
    let model = Model {
        reference: TableReference::new(text(0)?, text(1)?, text(2)?),
        model_type: text(3)?,
        location: text(12)?,
        settings: from_text(&text(4)?)?,
        stamp: read_stamp(row, 9).map_err(|error| sqlite_error(&error))?,
        feature_columns: fields_of(&text(5)?)?,
        label_columns: fields_of(&text(6)?)?,
        training_runs: from_text(&text(7)?)?,
    };
    Ok(StoredModel { model, content: text(8)? })
}

/// Adds it, or writes it over the one of its name.
pub(crate) fn put_model(connection: &Connection, stored: &StoredModel) -> Outcome<()> {
    let sql = "INSERT OR REPLACE INTO catalog_models VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let model = &stored.model;
    let values = params![
        model.reference.project,
        model.reference.dataset,
        model.reference.table,
        model.model_type,
        to_text(&model.settings)?,
        model.settings.expiration_ms,
        model.stamp.etag,
        model.stamp.creation_ms,
        model.stamp.modified_ms,
        fields_text(&model.feature_columns)?,
        fields_text(&model.label_columns)?,
        to_text(&model.training_runs)?,
        stored.content
    ];
    let done = connection.execute(sql, values);
    done.map(drop).map_err(|error| sqlite_error(&error))
}

pub(crate) fn remove_model(connection: &Connection, reference: &TableReference) -> Outcome<()> {
    let sql = "DELETE FROM catalog_models WHERE project = ?1 AND dataset = ?2 AND name = ?3";
    let done = connection.execute(sql, [&reference.project, &reference.dataset, &reference.table]);
    done.map(drop).map_err(|error| sqlite_error(&error))
}

pub(crate) fn remove_expired_models(connection: &Connection) -> Outcome<()> {
    let done = connection.execute("DELETE FROM catalog_models WHERE expiration_ms <= ?1", [now_ms()]);
    done.map(drop).map_err(|error| sqlite_error(&error))
}
