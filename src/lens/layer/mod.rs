//! A Lens layer: typed columns, the searches they compile to, and the table their answers become.
//!
//! ```text
//! read -> Layer -> plan (names, intervals, shifts) -> search -> [Elasticsearch] -> answer (tree, rows) -> compute -> Table
//! ```
//!
//! [`Run`] walks that line without doing any I/O itself; [`explain`] stops at the search. `collapseFn` is a matter of the
//! figure, not of the layer: the table has all buckets.

pub mod column;
mod error;
mod read;

mod plan;
mod search;

mod answer;
mod compute;

mod explain;
mod run;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::lens::view::DataView;
pub(in crate::lens) use answer::check;
use column::Column;
pub use error::LayerError;
pub use explain::{Explained, explain};
pub use run::{Run, Step};

/// A form-based layer: its columns as Kibana orders them (outer buckets first), with those that its formulas stand for.
#[derive(Debug, Clone)]
pub struct Layer {
    pub id: String,
    pub columns: Vec<Column>,
    /// The part of the documents that is looked at: above 0, at most 1.
    pub sampling: f64,
    /// The dashboard's query and filters are not this layer's.
    pub ignores_global_filters: bool,
    /// Positions in `columns`, each after all that it is computed from.
    order: Vec<usize>,
}

impl Layer {
    /// Reads one entry of `formBased.layers`. Formulas are expanded from their text; their hidden columns in the file are
    /// ignored. What would change numbers and is not understood is an error that names it.
    pub fn read(id: &str, layer: &Value, view: &DataView) -> Result<Self, LayerError> {
        read::layer(id, layer, view)
    }

    /// Hidden ones too.
    pub fn column(&self, id: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }
}
