//! What a dotted path of SQL means: in which project and dataset.

use super::Session;
use crate::server::bigquery::engine::resource::{DatasetReference, TableReference};
use crate::server::bigquery::engine::store::Outcome;
use crate::server::bigquery::error::QueryError;

/// Parts that were quoted as a whole are split at their dots.
pub(crate) fn split_path(path: &[String]) -> Vec<String> {
    path.iter().flat_map(|part| part.split('.')).map(str::to_owned).collect()
}

impl Session<'_> {
    /// A table, view or model by a path of one to three parts.
    pub(crate) fn table_path(&self, path: &[String]) -> Outcome<TableReference> {
        match split_path(path).as_slice() {
            [table] => match &self.default_dataset {
                Some(dataset) => Ok(TableReference::new(&dataset.project, &dataset.dataset, table)),
                None => Err(QueryError::invalid_query(format!(
                    "Table \"{table}\" must be qualified with a dataset (e.g. dataset.table)."
                ))),
            },
            [dataset, table] => Ok(TableReference::new(&self.project, dataset, table)),
            [project, dataset, table] => Ok(TableReference::new(project, dataset, table)),
            parts => Err(QueryError::invalid_query(format!(
                "Invalid table name: `{}`; expected `project.dataset.table`",
                parts.join(".")
            ))),
        }
    }

    pub(crate) fn dataset_path(&self, path: &[String]) -> Outcome<DatasetReference> {
        match split_path(path).as_slice() {
            [dataset] => Ok(DatasetReference::new(&self.project, dataset)),
            [project, dataset] => Ok(DatasetReference::new(project, dataset)),
            parts => Err(QueryError::invalid_query(format!(
                "Invalid dataset name: `{}`; expected `project.dataset`",
                parts.join(".")
            ))),
        }
    }
}
