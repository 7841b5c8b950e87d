//! Datasets, tables and models as the API manages them.

use rusqlite::Connection;
use serde_json::Value as Json;

use super::external::detect_fields;
use super::objects::storage_error;
use super::outcome::{Page, RowError};
use super::request::{InsertOptions, Silent};
use super::resource::{
    Dataset, DatasetReference, ExternalDefinition, Model, Settings, Table, TableKind, TableReference,
};
use super::session::{Access, Session, detect};
use super::store::{
    self, Outcome, StoredModel, check_dataset_name, check_etag, put_dataset, put_model, require_dataset, restamp,
    sqlite_error, stamp, stored, stored_all,
};
use super::write::{self, Conflict, NewTable};
use super::{Engine, insert};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::value::{Field, Mode};

impl Engine {
    /// Reads the catalogue, from one snapshot.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
        let connection = self.pool.take()?;
        connection.execute_batch("BEGIN").map_err(|error| sqlite_error(&error))?;
        let read = work(&connection);
        connection.execute_batch("ROLLBACK").map_err(|error| sqlite_error(&error))?;
        read
    }

    /// Changes the catalogue: all of it or nothing.
    pub(super) fn change<T>(&self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
        let connection = self.pool.take()?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| sqlite_error(&error))?;
        // On an error the connection's return to the pool rolls back.
        let done = work(&connection)?;
        connection.execute_batch("COMMIT").map_err(|error| sqlite_error(&error))?;
        Ok(done)
    }

    /// Projects that have datasets, by name.
    pub fn projects(&self) -> Outcome<Vec<String>> {
        self.read(store::projects)
    }

    /// By name.
    pub fn datasets(&self, project: &str) -> Outcome<Vec<Dataset>> {
        self.read(|connection| store::datasets(connection, project))
    }

    /// `notFound` when there is none.
    pub fn dataset(&self, reference: &DatasetReference) -> Outcome<Dataset> {
        self.read(|connection| require_dataset(connection, reference))
    }

    /// `location`: the server's own when `None`.
    pub fn create_dataset(
        &self,
        reference: &DatasetReference,
        location: Option<&str>,
        settings: Settings,
    ) -> Outcome<Dataset> {
        self.change(|connection| {
            let location = location.unwrap_or(&self.location);
            create_dataset(connection, reference, location, settings)
        })
    }

    /// Settings are replaced whole: a PATCH is get, merge, and replace with the etag that was got. Another etag: `conditionNotMet`.
    pub fn replace_dataset(
        &self,
        reference: &DatasetReference,
        settings: Settings,
        if_etag: Option<&str>,
    ) -> Outcome<Dataset> {
        self.change(|connection| {
            let before = require_dataset(connection, reference)?;
            check_etag(if_etag, &before.stamp)?;
            let dataset = Dataset { settings, stamp: stamp(Some(&before.stamp)), ..before };
            put_dataset(connection, &dataset)?;
            Ok(dataset)
        })
    }

    /// `resourceInUse` when there is something in it, unless `delete_contents`.
    pub fn delete_dataset(&self, reference: &DatasetReference, delete_contents: bool) -> Outcome<()> {
        self.change(|connection| drop_dataset(connection, reference, delete_contents))
    }

    /// Tables, views and external tables, by name.
    pub fn tables(&self, reference: &DatasetReference) -> Outcome<Vec<Table>> {
        self.read(|connection| {
            require_dataset(connection, reference)?;
            Ok(stored_all(connection, reference)?.into_iter().map(|stored| stored.table).collect())
        })
    }

    /// Also finds anonymous results.
    pub fn table(&self, reference: &TableReference) -> Outcome<Table> {
        if let Some(table) = self.results.table(reference, &self.location) {
            return Ok(table);
        }
        self.read(|connection| {
            require_dataset(connection, &reference.dataset())?;
            let found = stored(connection, reference)?;
            Ok(found.ok_or_else(|| not_found(reference))?.table)
        })
    }

    /// A view's query is analyzed for its schema; an external table without fields is looked into.
    pub fn create_table(
        &self,
        reference: &TableReference,
        mut kind: TableKind,
        fields: Vec<Field>,
        settings: Settings,
    ) -> Outcome<Table> {
        self.dataset(&reference.dataset())?;
        let fields = self.fields_of_kind(reference, &mut kind, fields)?;
        self.change(|connection| {
            write::make_room(connection, reference, Conflict::Fail, false)?;
            Ok(write::create_table(connection, NewTable { reference, kind, fields, settings })?.table)
        })
    }

    fn fields_of_kind(
        &self,
        reference: &TableReference,
        kind: &mut TableKind,
        fields: Vec<Field>,
    ) -> Outcome<Vec<Field>> {
        match kind {
            TableKind::Table => Ok(fields),
            TableKind::View { query } => self.view_fields(reference, query),
            TableKind::External(definition) if fields.is_empty() => detect(self, definition, Some(&reference.dotted())),
            TableKind::External(_) => Ok(fields),
        }
    }

    fn view_fields(&self, reference: &TableReference, query: &str) -> Outcome<Vec<Field>> {
        let cancel = tokio_util::sync::CancellationToken::new();
        let mut session = Session::new(self, &reference.project, &Silent, &cancel)?;
        session.dry_run = true;
        session.atomically(Access::Read, |session| Ok(session.view_query(query)?.fields))
    }

    /// Fields may be added (not REQUIRED) and relaxed, not dropped or changed. What is `None` stays.
    pub fn replace_table(
        &self,
        reference: &TableReference,
        kind: Option<TableKind>,
        fields: Option<Vec<Field>>,
        settings: Settings,
        if_etag: Option<&str>,
    ) -> Outcome<Table> {
        let view = match &kind {
            Some(TableKind::View { query }) => Some(self.view_fields(reference, query)?),
            _ => None,
        };
        self.change(|connection| {
            require_dataset(connection, &reference.dataset())?;
            let found = stored(connection, reference)?;
            let mut stored = found.ok_or_else(|| not_found(reference))?;
            check_etag(if_etag, &stored.table.stamp)?;
            if let Some(kind) = kind {
                replace_kind(&mut stored.table, kind, view)?;
            }
            if let Some(fields) = fields {
                replace_fields(connection, &mut stored, fields)?;
            }
            stored.table.settings = settings;
            restamp(connection, &mut stored)?;
            Ok(stored.table)
        })
    }

    pub fn delete_table(&self, reference: &TableReference) -> Outcome<()> {
        self.change(|connection| {
            require_dataset(connection, &reference.dataset())?;
            let found = stored(connection, reference)?;
            let stored = found.ok_or_else(|| not_found(reference))?;
            store::remove_table(connection, &stored)
        })
    }

    /// By name.
    pub fn models(&self, reference: &DatasetReference) -> Outcome<Vec<Model>> {
        self.read(|connection| {
            require_dataset(connection, reference)?;
            store::models(connection, reference)
        })
    }

    pub fn model(&self, reference: &TableReference) -> Outcome<Model> {
        self.read(|connection| Ok(require_model(connection, reference)?.model))
    }

    /// See [`Self::replace_dataset`].
    pub fn replace_model(
        &self,
        reference: &TableReference,
        settings: Settings,
        if_etag: Option<&str>,
    ) -> Outcome<Model> {
        self.change(|connection| {
            let mut stored = require_model(connection, reference)?;
            check_etag(if_etag, &stored.model.stamp)?;
            stored.model.stamp = stamp(Some(&stored.model.stamp));
            stored.model.settings = settings;
            put_model(connection, &stored)?;
            Ok(stored.model)
        })
    }

    pub fn delete_model(&self, reference: &TableReference) -> Outcome<()> {
        self.change(|connection| {
            require_model(connection, reference)?;
            store::remove_model(connection, reference)
        })
    }

    /// Rows of a table or an anonymous result, in the order in which they were added. `columns`: names of columns (`selectedFields`; the result is
    /// in the table's order). At most `rows_max` rows and about `bytes_max` bytes of values, but always one row if there is one.
    pub fn rows(
        &self,
        reference: &TableReference,
        columns: Option<&[String]>,
        start: u64,
        rows_max: u64,
        bytes_max: u64,
    ) -> Outcome<Page> {
        let chosen = |fields: &[Field]| chosen_columns(fields, columns);
        if let Some(page) = self.results.rows(reference, &chosen, start, (rows_max, bytes_max)) {
            return page;
        }
        self.read(|connection| {
            require_dataset(connection, &reference.dataset())?;
            let found = stored(connection, reference)?;
            let stored = found.ok_or_else(|| not_found(reference))?;
            if stored.table.kind != TableKind::Table {
                let message = format!("Cannot list a table of type {}.", stored.table.kind.word());
                return Err(QueryError::new(Reason::Invalid, message));
            }
            let fields = &stored.table.fields;
            let chosen = chosen(fields)?;
            let window = (start, stored.table.rows);
            store::page(connection, &stored.from(), false, (fields, &chosen), window, (rows_max, bytes_max))
        })
    }

    /// Streaming inserts of rows that must be objects. Empty: all rows were kept.
    pub fn insert_rows(
        &self,
        reference: &TableReference,
        rows: &[&Json],
        options: InsertOptions,
    ) -> Outcome<Vec<RowError>> {
        self.change(|connection| {
            require_dataset(connection, &reference.dataset())?;
            let found = stored(connection, reference)?;
            let mut stored = found.ok_or_else(|| not_found(reference))?;
            insert::rows(connection, &mut stored, rows, options)
        })
    }

    /// The schema of an upload's first rows; gives them back in front of the rest.
    pub(super) fn detect_upload(
        definition: &mut ExternalDefinition,
        content: Box<dyn std::io::Read + Send>,
    ) -> Outcome<Vec<Field>> {
        detect_fields(content, definition, None, None)
    }

    /// Writes a whole object.
    pub(super) fn write_object(
        &self,
        address: &super::objects::GsUri,
        content_type: &str,
        content: Box<dyn std::io::Read + Send>,
    ) -> Outcome<()> {
        let written = self.objects.write(&address.bucket, &address.name, content_type, content);
        written.map(drop).map_err(|error| storage_error(&error))
    }
}

/// As the API says it, without a place.
fn not_found(reference: &TableReference) -> QueryError {
    QueryError::new(Reason::NotFound, format!("Not found: Table {reference}"))
}

pub(super) fn create_dataset(
    connection: &Connection,
    reference: &DatasetReference,
    location: &str,
    settings: Settings,
) -> Outcome<Dataset> {
    check_dataset_name(&reference.dataset)?;
    if store::dataset(connection, reference)?.is_some() {
        return Err(QueryError::new(Reason::Duplicate, format!("Already Exists: Dataset {reference}")));
    }
    let location = location.to_owned();
    let dataset = Dataset { reference: reference.clone(), location, settings, stamp: stamp(None) };
    put_dataset(connection, &dataset)?;
    Ok(dataset)
}

pub(super) fn drop_dataset(
    connection: &Connection,
    reference: &DatasetReference,
    delete_contents: bool,
) -> Outcome<()> {
    require_dataset(connection, reference)?;
    let used = || -> Outcome<bool> {
        Ok(!stored_all(connection, reference)?.is_empty() || !store::models(connection, reference)?.is_empty())
    };
    if !delete_contents && used()? {
        return Err(QueryError::new(Reason::ResourceInUse, format!("Dataset {reference} is still in use")));
    }
    store::delete_dataset(connection, reference)
}

pub(super) fn require_model(connection: &Connection, reference: &TableReference) -> Outcome<StoredModel> {
    require_dataset(connection, &reference.dataset())?;
    store::model(connection, reference)?
        .ok_or_else(|| QueryError::new(Reason::NotFound, format!("Not found: Model {reference}")))
}

fn replace_kind(table: &mut Table, kind: TableKind, view: Option<Vec<Field>>) -> Outcome<()> {
    if table.kind.word() != kind.word() {
        let message = format!("Cannot change a {} into a {}", table.kind.word(), kind.word());
        return Err(QueryError::new(Reason::Invalid, message));
    }
    table.kind = kind;
    if let Some(fields) = view {
        table.fields = fields;
    }
    Ok(())
}

/// The fields known stay in their places; new ones come behind them. To be put down by the caller.
fn replace_fields(connection: &Connection, stored: &mut store::Stored, fields: Vec<Field>) -> Outcome<()> {
    if stored.table.kind != TableKind::Table {
        stored.table.fields = fields;
        return Ok(());
    }
    let reference = stored.table.reference.clone();
    let refused = |why: String| {
        QueryError::new(Reason::Invalid, format!("Provided Schema does not match Table {reference}. {why}"))
    };
    for known in &mut stored.table.fields {
        let given = fields.iter().find(|field| field.name.eq_ignore_ascii_case(&known.name));
        let given = given.ok_or_else(|| refused(format!("Field {} is missing in new schema", known.name)))?;
        if given.kind != known.kind {
            return Err(refused(format!(
                "Field {} has changed type from {} to {}",
                known.name,
                known.kind.name(),
                given.kind.name()
            )));
        }
        if given.mode == Mode::Required && known.mode != Mode::Required {
            return Err(refused(format!("Field {} has changed mode from NULLABLE to REQUIRED", known.name)));
        }
        known.mode = given.mode;
        known.description.clone_from(&given.description);
    }
    let known: Vec<String> = stored.table.fields.iter().map(|field| field.name.to_lowercase()).collect();
    for field in fields {
        if !known.contains(&field.name.to_lowercase()) {
            write::add_column(connection, stored, field)?;
        }
    }
    Ok(())
}

/// Indices of the columns named, in the table's order. A path into a struct chooses the whole column.
fn chosen_columns(fields: &[Field], columns: Option<&[String]>) -> Outcome<Vec<usize>> {
    let Some(columns) = columns else { return Ok((0..fields.len()).collect()) };
    let tops: Vec<&str> = columns.iter().map(|column| column.split('.').next().unwrap_or_default()).collect();
    for top in &tops {
        if !fields.iter().any(|field| field.name.eq_ignore_ascii_case(top)) {
            return Err(QueryError::new(Reason::Invalid, format!("No such field: {top}")));
        }
    }
    let is_chosen = |field: &Field| tops.iter().any(|top| top.eq_ignore_ascii_case(&field.name));
    Ok(fields.iter().enumerate().filter(|(_, field)| is_chosen(field)).map(|(index, _)| index).collect())
}
