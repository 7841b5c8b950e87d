//! Why there is nothing to show, in words: no documents, or documents without a bucket or a value.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::context::interval_words;
use crate::lens::{
    scope::Scope,
    table::{Cell, CellKind, Table, TableColumn},
};

/// More names would hide the rest of the sentence.
const NAMES_MAX: usize = 3;

pub(super) fn reason(tables: &BTreeMap<String, Table>, scope: &Scope) -> String {
    let range = format!("between {} and {}", moment(scope, scope.range.from_ms), moment(scope, scope.range.to_ms));
    let found: Vec<&Table> = tables.values().filter(|table| table.has_documents).collect();
    if found.is_empty() {
        return format!("no documents {range}");
    }
    let columns = found.iter().flat_map(|table| table.columns.iter());
    if found.iter().all(|table| table.rows.is_empty()) {
        return match names(columns.filter(|column| column.is_bucket)) {
            Some((names, _)) => format!("documents match {range}, but none falls into a bucket of {names}"),
            None => format!("documents match {range}, but they give no rows"),
        };
    }
    let empty: Vec<&TableColumn> = found.iter().flat_map(|table| valueless(table)).collect();
    let Some((names, count)) = names(empty.iter().copied()) else {
        return format!("documents match {range}, but there is no value to draw");
    };
    let verb = if count == 1 { "has" } else { "have" };
    let place = match found.iter().find_map(|table| width(table)) {
        Some(width) => format!(" in any bucket ({width})"),
        None if columns.clone().any(|column| column.is_bucket) => " in any bucket".to_owned(),
        None => String::new(),
    };
    // What is no field's own value is computed, often from one bucket and the one before it.
    let is_computed = !place.is_empty() && empty.iter().any(|column| column.field.is_none());
    let cause = if is_computed { "; a formula that compares buckets needs documents in several" } else { "" };
    format!("documents match {range}, but {names} {verb} no value{place}{cause}")
}

/// Metrics without a value in any row.
fn valueless(table: &Table) -> impl Iterator<Item = &TableColumn> {
    let is_empty = |index: usize| {
        let mut cells = table.rows.iter().filter_map(|row| row.get(index));
        cells.all(|cell| *cell == Cell::Null || cell.number().is_some_and(|number| !number.is_finite()))
    };
    table
        .columns
        .iter()
        .enumerate()
        .filter(move |(index, column)| !column.is_bucket && is_empty(*index))
        .map(|(_, c)| c)
}

/// The columns' names for a sentence, and how many there are; `None` for none.
fn names<'t>(columns: impl Iterator<Item = &'t TableColumn>) -> Option<(String, usize)> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let name = format!("`{}`", column.label);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let count = names.len();
    if count > NAMES_MAX {
        names.truncate(NAMES_MAX);
        names.push("others".to_owned());
    }
    let last = names.pop()?;
    Some((if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }, count))
}

/// The width of the buckets of time.
fn width(table: &Table) -> Option<String> {
    let time = table.columns.iter().find(|column| column.is_bucket && column.kind == CellKind::Date)?;
    interval_words(&time.interval.as_ref()?.0)
}

fn moment(scope: &Scope, ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(
        |_| ms.to_string(),
        |at| at.to_zoned(scope.time_zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
