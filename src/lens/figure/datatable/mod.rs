//! `lnsDatatable`: the rows as they are, or with buckets turned into groups of columns ([`wide`]).

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::{Value, json};

use self::wide::{Wide, WideColumn};
use super::{
    FigureError, check_size,
    collapse::{Collapse, collapse},
    colour,
    context::{Context, Data, Shown, span},
    model::{Figure, Sort, Summary, TableCell, TableFigure, TableHead},
    palette::{
        bands::{self, Bands},
        series::SeriesColours,
    },
    read::{self, member},
};
use crate::lens::table::{Cell, CellKind};

mod wide;

pub(super) fn draw(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    let mut data = context.data(state)?;
    let states = read::list(state, "columns");
    for column in states {
        if let (Some(id), Some(function)) =
            (read::filled(column, "columnId"), Collapse::read(context, column, "collapseFn"))
        {
            collapse(&mut data, id, function);
        }
    }
    if data.rows().is_empty() {
        return Ok(context.empty());
    }
    let columns = columns(&data, states);
    if columns.iter().all(|column| column.is_hidden) {
        return Err(FigureError::Incomplete { option: "columns" });
    }
    let wide = wide::spread(&data, columns)?;
    check_size(wide.rows.len().saturating_mul(wide.columns.len()))?;
    Ok(Figure::Table(figure(context, state, wide)))
}

/// A region map, as the table of its regions.
pub(super) fn draw_region_map(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    let data = context.data(state)?;
    let region = read::filled(state, "regionAccessor").ok_or(FigureError::Incomplete { option: "regionAccessor" })?;
    let value = read::filled(state, "valueAccessor").ok_or(FigureError::Incomplete { option: "valueAccessor" })?;
    data.column(region)?;
    data.column(value)?;
    context.note("the region map is shown as a table");
    let columns = [json!({"columnId": region}), json!({"columnId": value})];
    draw(context, &json!({"layerId": read::filled(state, "layerId"), "columns": columns}))
}

/// A column of the table with its state (null for none).
struct Column<'d> {
    shown: Shown<'d>,
    state: &'d Value,
    is_hidden: bool,
    is_transposed: bool,
}

/// In the layer's order (buckets first), those that the state lists; all when it lists none.
fn columns<'d>(data: &'d Data<'_>, states: &'d [Value]) -> Vec<Column<'d>> {
    let state_of = |id: &str| states.iter().find(|state| read::text(state, "columnId") == Some(id));
    let has_any = data.table.columns.iter().any(|column| state_of(&column.id).is_some());
    let shown = (0..data.table.columns.len()).filter_map(|index| data.column_at(index));
    let column = |shown: Shown<'d>| {
        let state = match state_of(&shown.column.id) {
            Some(state) => state,
            None if has_any => return None,
            None => &Value::Null,
        };
        Some(Column {
            is_hidden: read::flag(state, "hidden").unwrap_or(false),
            is_transposed: shown.column.is_bucket && read::flag(state, "isTransposed").unwrap_or(false),
            shown,
            state,
        })
    };
    shown.filter_map(column).collect()
}

fn figure(context: &Context<'_>, state: &Value, mut wide: Wide<'_>) -> TableFigure {
    let sort = sort(context, state, &mut wide);
    let mut paints: Vec<Paint<'_>> =
        wide.sources.iter().enumerate().map(|(source, column)| Paint::read(context, column, &wide, source)).collect();
    let mut rows = Vec::with_capacity(wide.rows.len());
    for row in &wide.rows {
        let cells = wide.columns.iter().zip(row).filter_map(|(column, cell)| {
            let paint = paints.get_mut(column.source)?;
            Some(table_cell(context, &wide.sources.get(column.source)?.shown, paint, cell))
        });
        rows.push(cells.collect());
    }
    let summary: Vec<Summary> =
        wide.columns.iter().enumerate().filter_map(|(at, column)| summary(context, &wide, at, column)).collect();
    let paging = member(state, "paging");
    TableFigure {
        columns: wide.columns.iter().filter_map(|column| head(context, &wide, column)).collect(),
        rows,
        summary: (!summary.is_empty()).then_some(summary),
        page_size: read::count(paging, "size", 1..=10_000).filter(|_| read::flag(paging, "enabled").unwrap_or(false)),
        sort,
        notes: Vec::new(),
    }
}

fn head(context: &Context<'_>, wide: &Wide<'_>, column: &WideColumn) -> Option<TableHead> {
    let source = wide.sources.get(column.source)?;
    let is_numeric = source.shown.column.kind == CellKind::Number;
    let aligns = [("left", "left"), ("right", "right"), ("center", "center")];
    Some(TableHead {
        id: column.id.clone(),
        title: source.shown.title(),
        align: context.choice(source.state, "alignment", &aligns, if is_numeric { "right" } else { "left" }),
        is_numeric,
        width: read::number(source.state, "width").map(|width| width.clamp(10.0, 10_000.0)),
        group: column.group.clone(),
    })
}

fn table_cell(context: &Context<'_>, shown: &Shown<'_>, paint: &mut Paint<'_>, cell: &Cell) -> TableCell {
    let (color, background) = paint.colours(context, shown, cell);
    TableCell { text: shown.write(cell), raw: raw(shown, cell), color, background, filter: shown.filter_of(cell) }
}

/// What the page sorts by.
fn raw(shown: &Shown<'_>, cell: &Cell) -> Value {
    match cell {
        Cell::Number(_) | Cell::Date(_) => cell.number().filter(|number| number.is_finite()).map_or(Value::Null, whole),
        Cell::Text(text) => json!(text),
        Cell::Range { from, .. } => from.filter(|from| from.is_finite()).map_or(Value::Null, whole),
        Cell::Boolean(_) | Cell::Several(_) | Cell::Joined(_) => json!(shown.write(cell)),
        Cell::Null | Cell::Other | Cell::Missing => Value::Null,
    }
}

/// Whole numbers are written without a fraction.
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        #[allow(clippy::cast_possible_truncation, reason = "whole and bounded")]
        return json!(number as i64);
    }
    json!(number)
}

/// Sorts the rows as the state says; `None` when it says nothing.
fn sort(context: &Context<'_>, state: &Value, wide: &mut Wide<'_>) -> Option<Sort> {
    let sorting = member(state, "sorting");
    let id = read::filled(sorting, "columnId")?;
    let directions = [("asc", Some("asc")), ("desc", Some("desc")), ("none", None)];
    let direction = context.choice(sorting, "direction", &directions, None)?;
    let Some(at) = wide.columns.iter().position(|column| column.id == id) else {
        context.note("the table is not sorted: the column to sort by is not shown");
        return None;
    };
    wide.rows.sort_by(|one, other| in_order(one.get(at), other.get(at), direction == "desc"));
    Some(Sort { column: id.to_owned(), direction })
}

/// Cells without a value come last in both directions.
fn in_order(one: Option<&Cell>, other: Option<&Cell>, is_descending: bool) -> Ordering {
    let is_absent = |cell: Option<&Cell>| matches!(cell, None | Some(Cell::Null | Cell::Missing | Cell::Other));
    match (is_absent(one), is_absent(other)) {
        (false, false) => {}
        (one, other) => return one.cmp(&other),
    }
    let order = one.zip(other).map_or(Ordering::Equal, |(one, other)| by_value(one, other));
    if is_descending { order.reverse() } else { order }
}

/// A total order: first by what the cells are, then by what they hold.
fn by_value(one: &Cell, other: &Cell) -> Ordering {
    match (one, other) {
        (Cell::Text(one), Cell::Text(other)) => {
            one.to_lowercase().cmp(&other.to_lowercase()).then_with(|| one.cmp(other))
        }
        (Cell::Range { from: one, .. }, Cell::Range { from: other, .. }) => {
            one.unwrap_or(f64::NEG_INFINITY).total_cmp(&other.unwrap_or(f64::NEG_INFINITY))
        }
        (Cell::Several(one) | Cell::Joined(one), Cell::Several(other) | Cell::Joined(other)) => {
            let mut pairs = one.iter().zip(other).map(|(one, other)| by_value(one, other));
            pairs.find(|order| order.is_ne()).unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        _ => match (one.number(), other.number()) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => class(one).cmp(&class(other)),
        },
    }
}

/// Cells of different classes never compare by what they hold.
fn class(cell: &Cell) -> u8 {
    match cell {
        Cell::Number(_) | Cell::Date(_) | Cell::Boolean(_) => 0,
        Cell::Text(_) => 1,
        Cell::Range { .. } => 2,
        Cell::Several(_) | Cell::Joined(_) => 3,
        Cell::Null | Cell::Other | Cell::Missing => 4,
    }
}

fn summary(context: &Context<'_>, wide: &Wide<'_>, at: usize, column: &WideColumn) -> Option<Summary> {
    let source = wide.sources.get(column.source)?;
    let known = [
        ("sum", Some("Sum")),
        ("avg", Some("Average")),
        ("count", Some("Value count")),
        ("min", Some("Minimum")),
        ("max", Some("Maximum")),
        ("none", None),
    ];
    let function = context.choice(source.state, "summaryRow", &known, None)?;
    let cells: Vec<&Cell> =
        wide.rows.iter().filter_map(|row| row.get(at)).filter(|cell| **cell != Cell::Null).collect();
    let numbers = || cells.iter().filter_map(|cell| cell.number()).filter(|number| number.is_finite());
    let (low, high) = span(numbers()).unzip();
    let sum: f64 = numbers().sum();
    #[allow(clippy::cast_precision_loss, reason = "far fewer rows than 2^53")]
    let text = match function {
        "Value count" => Some(cells.len().to_string()),
        _ if low.is_none() => None,
        "Sum" => Some(source.shown.write_number(sum)),
        "Average" => Some(source.shown.write_number(sum / numbers().count() as f64)),
        "Minimum" => low.map(|low| source.shown.write_number(low)),
        _ => high.map(|high| source.shown.write_number(high)),
    };
    Some(Summary {
        column: column.id.clone(),
        label: read::text(source.state, "summaryLabel").unwrap_or(function).to_owned(),
        text: text.unwrap_or_else(|| source.shown.write(&Cell::Null)),
    })
}

/// How a column's cells are coloured.
enum Paint<'d> {
    None,
    Values { bands: Bands, is_text: bool },
    Categories { colours: SeriesColours<'d>, is_text: bool, seen: BTreeMap<String, usize> },
}

impl<'d> Paint<'d> {
    /// All columns that came of one column share its colours.
    fn read(context: &Context<'_>, column: &Column<'d>, wide: &Wide<'_>, source: usize) -> Self {
        let modes = [("none", None), ("cell", Some(false)), ("text", Some(true))];
        let Some(is_text) = context.choice(column.state, "colorMode", &modes, None) else { return Self::None };
        let palette = member(column.state, "palette");
        if !column.shown.is_measure() {
            let mapping = member(column.state, "colorMapping");
            let colours = SeriesColours::read(context, palette, mapping, 10);
            return Self::Categories { colours, is_text, seen: BTreeMap::new() };
        }
        let own = |row: &'_ Vec<Cell>| {
            let cells = wide.columns.iter().zip(row).filter(|(column, _)| column.source == source);
            span(cells.filter_map(|(_, cell)| cell.number()).filter(|number| number.is_finite()))
        };
        let ends = wide.rows.iter().filter_map(own).flat_map(|(low, high)| [low, high]);
        Self::Values { bands: bands::read(context, palette, "temperature", span(ends).unwrap_or((0.0, 0.0))), is_text }
    }

    /// Of the text, and of the cell behind it.
    fn colours(&mut self, context: &Context<'_>, shown: &Shown<'_>, cell: &Cell) -> (Option<String>, Option<String>) {
        let (color, is_text) = match self {
            Self::None => return (None, None),
            Self::Values { bands, is_text } => {
                (cell.number().and_then(|number| bands.colour(number)).map(str::to_owned), *is_text)
            }
            Self::Categories { is_text, .. } if *cell == Cell::Null => (None, *is_text),
            Self::Categories { colours, is_text, seen } => {
                let name = shown.write(cell);
                let next = seen.len();
                let rank = *seen.entry(name.clone()).or_insert(next);
                (Some(colours.colour(context, rank, &name, Some(cell))), *is_text)
            }
        };
        match color {
            Some(color) if is_text => (Some(color), None),
            Some(color) => (Some(colour::text_upon(&color).to_owned()), Some(color)),
            None => (None, None),
        }
    }
}
