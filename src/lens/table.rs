//! What a layer's searches come to: a row for each innermost bucket, a cell for each column.

use std::collections::BTreeMap;

use serde_json::Value;

/// Rows in the order of the answer; the buckets of outer columns are repeated in each row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub columns: Vec<TableColumn>,
    pub rows: Vec<Vec<Cell>>,
    /// Whether any document matched: one that gives no value, or falls into no bucket, is still there.
    pub has_documents: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn {
    /// The Lens column's id.
    pub id: String,
    pub label: String,
    pub kind: CellKind,
    pub is_bucket: bool,
    /// How values are written, as Kibana stores it: the column's own (`{"id":"percent","params":{"decimals":1}}`), else that
    /// of the data view's field; `None` is the default of the kind.
    pub format: Option<Value>,
    /// The source field, where there is one: for filters made by a click.
    pub field: Option<String>,
    /// Of a date histogram: the interval that was used, as Elasticsearch was told (`5m`, `1h`), and in milliseconds (a
    /// calendar interval's usual length).
    pub interval: Option<(String, i64)>,
    /// Of a column of buckets that are filters: the query behind each label, for filters made by a click.
    pub queries: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    Number,
    /// Milliseconds since the epoch.
    Date,
    Text,
    Boolean,
    /// A range of numbers.
    Range,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Number(f64),
    Date(i64),
    Text(String),
    Boolean(bool),
    /// An open end is `None`. The label, if the range has one of its own, is shown instead.
    Range {
        from: Option<f64>,
        to: Option<f64>,
        label: Option<String>,
    },
    /// Several values of one field (`last_value` with arrays shown).
    Several(Vec<Cell>),
    /// Several fields' values that make one bucket (`multi_terms`).
    Joined(Vec<Cell>),
    /// All buckets beyond those asked for; always the last one.
    Other,
    /// Documents without the field.
    Missing,
}

impl Cell {
    /// The number that is drawn or computed with.
    pub fn number(&self) -> Option<f64> {
        match self {
            Cell::Number(number) => Some(*number),
            #[allow(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
            Cell::Date(ms) => Some(*ms as f64),
            Cell::Boolean(flag) => Some(f64::from(u8::from(*flag))),
            _ => None,
        }
    }
}
