//! External tables as a job reads them: each once, only the columns wanted, into a table of the job's own.

use std::collections::HashSet;

use super::{Place, Session};
use crate::server::bigquery::analyze::Source;
use crate::server::bigquery::engine::external::{Fill, detect_fields};
use crate::server::bigquery::engine::objects::{ObjectInfo, expand, storage_error};
use crate::server::bigquery::engine::resource::{ExternalDefinition, Table};
use crate::server::bigquery::engine::store::Outcome;
use crate::server::bigquery::value::Field;

/// An external table that was read.
#[derive(Debug, Clone)]
pub(crate) struct Materialised {
    definition: ExternalDefinition,
    fields: Vec<Field>,
    /// What was read: another generation is read again.
    objects: Vec<ObjectInfo>,
    columns: HashSet<usize>,
    from: String,
}

impl Session<'_> {
    /// The table's rows; `wanted`: the names (upper case) that matter, or `None` for all.
    pub(crate) fn external(
        &mut self,
        table: &Table,
        definition: &ExternalDefinition,
        wanted: Option<&HashSet<String>>,
    ) -> Outcome<Source> {
        let objects = expand(&*self.engine.objects, &definition.uris)?;
        let size = objects.iter().fold(0_u64, |sum, object| sum.saturating_add(object.size));
        self.usage.add(&table.reference, size)?;
        let columns = wanted_columns(&table.fields, wanted);
        let source = |from: &str| Source { from: from.to_owned(), fields: table.fields.clone() };
        if let Some(known) = self.externals.iter().find(|known| {
            known.definition == *definition
                && known.fields == table.fields
                && known.objects == objects
                && columns.iter().all(|column| known.columns.contains(column))
        }) {
            return Ok(source(&known.from));
        }
        let from = self.read_external(table, definition, &columns, &objects)?;
        let read = source(&from);
        self.externals.push(Materialised {
            definition: definition.clone(),
            fields: table.fields.clone(),
            objects,
            columns: columns.into_iter().collect(),
            from,
        });
        Ok(read)
    }

    fn read_external(
        &mut self,
        table: &Table,
        definition: &ExternalDefinition,
        columns: &[usize],
        objects: &[ObjectInfo],
    ) -> Outcome<String> {
        let (from, _) = self.create_own(Place::Work, columns.iter().copied())?;
        if self.dry_run {
            return Ok(from);
        }
        let name = table.reference.dotted();
        let fill = Fill {
            connection: &self.connection,
            target: &from,
            fields: &table.fields,
            wanted: columns,
            definition,
            table: Some(&name),
            progress: self.progress,
            cancel: self.cancel,
        };
        let filled = fill.objects(&*self.engine.objects, objects)?;
        if filled.bad > 0 {
            self.usage.note(format!("{} bad rows of {name} were left out", filled.bad));
        }
        Ok(from)
    }

    /// The fields of an external table (or load) without a schema, from the first object; errors name `table`.
    pub(crate) fn detect(&self, definition: &mut ExternalDefinition, table: Option<&str>) -> Outcome<Vec<Field>> {
        detect(self.engine, definition, table)
    }
}

/// See [`Session::detect`].
pub(crate) fn detect(
    engine: &crate::server::bigquery::engine::Engine,
    definition: &mut ExternalDefinition,
    table: Option<&str>,
) -> Outcome<Vec<Field>> {
    let objects = expand(&*engine.objects, &definition.uris)?;
    // The first object that has something in it.
    let object = objects.iter().find(|object| object.size > 0).or(objects.first());
    let Some(object) = object else { return Ok(Vec::new()) };
    let content = engine.objects.open(object).map_err(|error| storage_error(&error))?;
    detect_fields(content, definition, table, Some(&object.uri()))
}

fn wanted_columns(fields: &[Field], wanted: Option<&HashSet<String>>) -> Vec<usize> {
    let is_wanted = |field: &Field| wanted.is_none_or(|wanted| wanted.contains(&field.name.to_uppercase()));
    fields.iter().enumerate().filter(|(_, field)| is_wanted(field)).map(|(index, _)| index).collect()
}
