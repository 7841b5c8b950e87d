//! Transposed buckets: each of their values becomes a group of columns, one for each metric.

use std::collections::BTreeMap;

use super::{
    super::{
        FigureError, check_size,
        context::{Data, key},
    },
    Column,
};
use crate::lens::table::Cell;

/// What is between a transposed value and the metric in a column's id; Kibana's own, for `sorting` names such ids.
const SEPARATOR: &str = "---";

/// The table as it is shown: hidden columns are gone, transposed ones spread.
pub(super) struct Wide<'d> {
    /// The columns of which the shown ones came.
    pub(super) sources: Vec<Column<'d>>,
    pub(super) columns: Vec<WideColumn>,
    /// As many cells as columns.
    pub(super) rows: Vec<Vec<Cell>>,
}

pub(super) struct WideColumn {
    pub(super) id: String,
    /// The transposed value that the column stands under.
    pub(super) group: Option<String>,
    /// Index into the sources.
    pub(super) source: usize,
}

pub(super) fn spread<'d>(data: &Data<'_>, columns: Vec<Column<'d>>) -> Result<Wide<'d>, FigureError> {
    let transposed: Vec<usize> = places(&columns, |column| column.is_transposed);
    if transposed.is_empty() { Ok(plain(data, columns)) } else { pivoted(data, columns, &transposed) }
}

fn places(columns: &[Column<'_>], is_meant: impl Fn(&Column<'_>) -> bool) -> Vec<usize> {
    columns.iter().enumerate().filter(|(_, column)| is_meant(column)).map(|(index, _)| index).collect()
}

fn column_of(columns: &[Column<'_>], source: usize, group: Option<(&str, &str)>) -> Option<WideColumn> {
    let id = &columns.get(source)?.shown.column.id;
    Some(WideColumn {
        id: group.map_or_else(|| id.clone(), |(key, _)| format!("{key}{SEPARATOR}{id}")),
        group: group.map(|(_, title)| title.to_owned()),
        source,
    })
}

fn plain<'d>(data: &Data<'_>, sources: Vec<Column<'d>>) -> Wide<'d> {
    let shown = places(&sources, |column| !column.is_hidden);
    let row = |row: &Vec<Cell>| {
        shown.iter().filter_map(|source| sources.get(*source)).map(|column| column.shown.cell(row).clone()).collect()
    };
    let rows = data.rows().iter().map(row).collect();
    let columns = shown.iter().filter_map(|source| column_of(&sources, *source, None)).collect();
    Wide { sources, columns, rows }
}

/// One group of transposed values.
struct Group {
    /// Joined texts of the values: part of the ids of its columns.
    id: String,
    title: String,
    is_other: bool,
}

fn pivoted<'d>(data: &Data<'_>, sources: Vec<Column<'d>>, transposed: &[usize]) -> Result<Wide<'d>, FigureError> {
    // Hidden buckets still keep their rows apart.
    let buckets = places(&sources, |column| column.shown.column.is_bucket && !column.is_transposed);
    let metrics = places(&sources, |column| !column.shown.column.is_bucket && !column.is_hidden);
    let fixed = places(&sources, |column| column.shown.column.is_bucket && !column.is_transposed && !column.is_hidden);
    let keys = |row: &[Cell], of: &[usize]| -> Vec<String> {
        of.iter().filter_map(|source| sources.get(*source)).map(|column| key(column.shown.cell(row))).collect()
    };
    let mut group_places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut row_places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    // For each row: its first source row, and the source row behind each group.
    let mut found: Vec<(usize, BTreeMap<usize, usize>)> = Vec::new();
    for (index, row) in data.rows().iter().enumerate() {
        let group = *group_places.entry(keys(row, transposed)).or_insert_with(|| {
            groups.push(group(&sources, transposed, row));
            groups.len() - 1
        });
        let place = *row_places.entry(keys(row, &buckets)).or_insert_with(|| {
            found.push((index, BTreeMap::new()));
            found.len() - 1
        });
        if let Some((_, cells)) = found.get_mut(place) {
            cells.insert(group, index);
        }
    }
    let width = fixed.len().saturating_add(groups.len().saturating_mul(metrics.len()));
    check_size(found.len().saturating_mul(width))?;
    let mut order: Vec<usize> = (0..groups.len()).collect();
    // The sort is stable: others keep their order.
    order.sort_by_key(|index| groups.get(*index).is_some_and(|group| group.is_other));
    let mut columns: Vec<WideColumn> = fixed.iter().filter_map(|at| column_of(&sources, *at, None)).collect();
    for group in order.iter().filter_map(|index| groups.get(*index)) {
        columns.extend(metrics.iter().filter_map(|at| column_of(&sources, *at, Some((&group.id, &group.title)))));
    }
    let cell = |index: Option<&usize>, source: usize| {
        let row = index.and_then(|index| data.rows().get(*index));
        row.zip(sources.get(source)).map_or(Cell::Null, |(row, column)| column.shown.cell(row).clone())
    };
    let row = |(first, by_group): &(usize, BTreeMap<usize, usize>)| {
        let fixed = fixed.iter().map(|source| cell(Some(first), *source));
        let spread = order.iter().flat_map(|group| metrics.iter().map(move |metric| (group, *metric)));
        fixed.chain(spread.map(|(group, metric)| cell(by_group.get(group), metric))).collect()
    };
    let rows = found.iter().map(row).collect();
    Ok(Wide { sources, columns, rows })
}

fn group(sources: &[Column<'_>], transposed: &[usize], row: &[Cell]) -> Group {
    let columns = || transposed.iter().filter_map(|source| sources.get(*source));
    let texts: Vec<String> = columns().map(|column| column.shown.text(row)).collect();
    Group {
        id: texts.join(SEPARATOR),
        title: texts.join(" › "),
        is_other: columns().any(|column| *column.shown.cell(row) == Cell::Other),
    }
}
