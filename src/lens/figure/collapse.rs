//! Buckets that a panel asks for and then folds away: the metrics of each are summed up into one row.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use super::{
    context::{Context, Data, key, of_kind},
    read,
};
use crate::lens::table::{Cell, Table, TableColumn};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collapse {
    Sum,
    Average,
    Min,
    Max,
}

const NAMES: [(&str, Option<Collapse>); 5] = [
    ("sum", Some(Collapse::Sum)),
    ("avg", Some(Collapse::Average)),
    ("min", Some(Collapse::Min)),
    ("max", Some(Collapse::Max)),
    ("none", None),
];

impl Collapse {
    /// Of `state[key]`.
    pub(super) fn read(context: &Context<'_>, state: &Value, key: &str) -> Option<Self> {
        read::filled(state, key)?;
        context.choice(state, key, &NAMES, None)
    }

    fn of(self, values: &[f64]) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "far fewer rows than 2^53")]
        let count = values.len() as f64;
        match self {
            _ if values.is_empty() => None,
            Self::Sum => Some(values.iter().sum()),
            Self::Average => Some(values.iter().sum::<f64>() / count),
            Self::Min => values.iter().copied().reduce(f64::min),
            Self::Max => values.iter().copied().reduce(f64::max),
        }
    }
}

/// Folds the bucket column `id` of the data away. Without such a column the data stays as it is.
pub(super) fn collapse(data: &mut Data<'_>, id: &str, function: Collapse) {
    let Some(at) = data.table.columns.iter().position(|column| column.id == id && column.is_bucket) else { return };
    data.table = Cow::Owned(collapsed(&data.table, at, function));
}

fn collapsed(table: &Table, at: usize, function: Collapse) -> Table {
    let kept = |index: &usize| *index != at;
    let columns: Vec<TableColumn> =
        table.columns.iter().enumerate().filter(|(index, _)| kept(index)).map(|(_, column)| column.clone()).collect();
    let mut places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<Vec<&Cell>>> = Vec::new();
    for row in &table.rows {
        let cells: Vec<&Cell> = row.iter().enumerate().filter(|(index, _)| kept(index)).map(|(_, cell)| cell).collect();
        let buckets = cells.iter().zip(&columns).filter(|(_, column)| column.is_bucket).map(|(cell, _)| key(cell));
        let place = *places.entry(buckets.collect()).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.push(cells);
        }
    }
    let rows = groups.iter().map(|group| folded(group, &columns, function)).collect();
    Table { columns, rows, has_documents: table.has_documents }
}

fn folded(group: &[Vec<&Cell>], columns: &[TableColumn], function: Collapse) -> Vec<Cell> {
    let cell_at = |column: &TableColumn, index: usize| {
        let mut cells = group.iter().filter_map(|row| row.get(index).copied());
        if column.is_bucket {
            return cells.next().cloned().unwrap_or(Cell::Null);
        }
        let values: Vec<f64> = cells.filter_map(Cell::number).filter(|number| number.is_finite()).collect();
        function.of(&values).map_or(Cell::Null, |number| of_kind(column.kind, number))
    };
    columns.iter().enumerate().map(|(index, column)| cell_at(column, index)).collect()
}
