//! What all kinds of figures draw with: the tables, the scope, the colours given so far and the notes taken.

use std::{borrow::Cow, cell::RefCell, collections::BTreeMap};

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{FigureError, click, colour::ColourBook, empty, model::Figure, model::NumberFormat, read};
use crate::lens::{
    format::Formatter,
    scope::Scope,
    table::{Cell, CellKind, Table, TableColumn},
};

/// More would only hide the first ones.
const NOTES_MAX: usize = 20;

pub(super) struct Context<'a> {
    pub(super) scope: &'a Scope,
    pub(super) book: RefCell<&'a mut ColourBook>,
    tables: &'a BTreeMap<String, Table>,
    view_ids: &'a BTreeMap<String, String>,
    notes: RefCell<Vec<String>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        tables: &'a BTreeMap<String, Table>,
        scope: &'a Scope,
        view_ids: &'a BTreeMap<String, String>,
        book: &'a mut ColourBook,
    ) -> Self {
        Self { scope, book: RefCell::new(book), tables, view_ids, notes: RefCell::default() }
    }

    /// Remembers what was asked for and is not drawn.
    pub(super) fn note(&self, text: impl Into<String>) {
        let text = text.into();
        let mut notes = self.notes.borrow_mut();
        if notes.len() < NOTES_MAX && !notes.contains(&text) {
            notes.push(text);
        }
    }

    pub(super) fn into_notes(self) -> Vec<String> {
        self.notes.into_inner()
    }

    /// One of the known values of an option. An unknown one is noted, and the default taken.
    pub(super) fn choice<T: Copy>(&self, value: &Value, key: &str, known: &[(&str, T)], default: T) -> T {
        let Some(text) = read::filled(value, key) else { return default };
        match known.iter().find(|(name, _)| *name == text) {
            Some((_, chosen)) => *chosen,
            None => {
                self.note(format!("`{key}` `{}` is not known and was left out", shortened(text)));
                default
            }
        }
    }

    /// The table of the layer that `state` names by its `layerId`.
    pub(super) fn data(&self, state: &Value) -> Result<Data<'a>, FigureError> {
        let id = read::filled(state, "layerId").ok_or(FigureError::Incomplete { option: "layerId" })?;
        self.data_of(id)
    }

    pub(super) fn data_of(&self, id: &str) -> Result<Data<'a>, FigureError> {
        let table = self.tables.get(id).ok_or_else(|| FigureError::NoTable { layer: id.to_owned() })?;
        let view = self.view_ids.get(id).map(String::as_str);
        Ok(Data { table: Cow::Borrowed(table), view, zone: &self.scope.time_zone, layer: id.to_owned() })
    }

    pub(super) fn empty(&self) -> Figure {
        Figure::Empty { reason: empty::reason(self.tables, self.scope) }
    }
}

/// Long texts of others don't belong into a note.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// A layer's table, and what its cells need to be shown.
pub(super) struct Data<'a> {
    pub(super) table: Cow<'a, Table>,
    view: Option<&'a str>,
    zone: &'a TimeZone,
    layer: String,
}

impl Data<'_> {
    /// `id` must be a column of the table.
    pub(super) fn column(&self, id: &str) -> Result<Shown<'_>, FigureError> {
        let index = self.table.columns.iter().position(|column| column.id == id);
        index
            .and_then(|index| self.column_at(index))
            .ok_or_else(|| FigureError::NoColumn { layer: self.layer.clone(), column: id.to_owned() })
    }

    pub(super) fn column_at(&self, index: usize) -> Option<Shown<'_>> {
        let column = self.table.columns.get(index)?;
        let formatter = Formatter::new(column.format.as_ref(), column.kind, self.zone);
        let step = if column.is_bucket && column.kind == CellKind::Number { self.step(index) } else { None };
        Some(Shown { index, column, formatter, step, view: self.view, zone: self.zone })
    }

    /// The column that an option of `state` names; `None` when it names none.
    pub(super) fn named(&self, state: &Value, key: &str) -> Result<Option<Shown<'_>>, FigureError> {
        read::filled(state, key).map(|id| self.column(id)).transpose()
    }

    /// The column that an option of `state` must name.
    pub(super) fn required(&self, state: &Value, option: &'static str) -> Result<Shown<'_>, FigureError> {
        self.named(state, option)?.ok_or(FigureError::Incomplete { option })
    }

    pub(super) fn rows(&self) -> &[Vec<Cell>] {
        &self.table.rows
    }

    /// The width of a histogram's bars. The table doesn't say whether numbers are terms or a histogram's bars; bars are
    /// multiples of 1, 2 or 5 times a power of ten, and so are their gaps. `None` when the numbers are no such bars.
    fn step(&self, index: usize) -> Option<f64> {
        let numbers = self.rows().iter().filter_map(|row| row.get(index).and_then(Cell::number));
        let mut values: Vec<f64> = numbers.filter(|number| number.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let gaps = values.iter().zip(values.iter().skip(1)).map(|(low, high)| high - low);
        let smallest = gaps.min_by(f64::total_cmp).filter(|gap| *gap > 0.0)?;
        let mantissa = smallest / 10_f64.powf(smallest.log10().floor());
        let is_near = |number: f64, other: f64| (number - other).abs() < 1e-6;
        let is_round = [1.0, 2.0, 5.0, 10.0].iter().any(|round| is_near(mantissa, *round));
        (is_round && values.iter().all(|value| is_near(value / smallest, (value / smallest).round())))
            .then_some(smallest)
    }
}

/// One column of a table, with its way to be written and clicked.
pub(super) struct Shown<'d> {
    pub(super) index: usize,
    pub(super) column: &'d TableColumn,
    formatter: Formatter,
    step: Option<f64>,
    view: Option<&'d str>,
    zone: &'d TimeZone,
}

static NULL: Cell = Cell::Null;

impl Shown<'_> {
    pub(super) fn cell<'r>(&self, row: &'r [Cell]) -> &'r Cell {
        row.get(self.index).unwrap_or(&NULL)
    }

    pub(super) fn number(&self, row: &[Cell]) -> Option<f64> {
        self.cell(row).number().filter(|number| number.is_finite())
    }

    pub(super) fn text(&self, row: &[Cell]) -> String {
        self.write(self.cell(row))
    }

    /// Numbers that are not finite are written like absent ones.
    pub(super) fn write(&self, cell: &Cell) -> String {
        match cell {
            Cell::Number(number) if !number.is_finite() => self.formatter.text(&Cell::Null),
            Cell::Text(text) if text.is_empty() => "(empty)".to_owned(),
            cell => self.formatter.text(cell),
        }
    }

    /// Writes a number that was computed from the column's values, in the column's own kind.
    pub(super) fn write_number(&self, number: f64) -> String {
        self.write(&of_kind(self.column.kind, number))
    }

    pub(super) fn axis(&self) -> NumberFormat {
        let axis = self.formatter.axis();
        NumberFormat { d3: axis.d3, prefix: axis.prefix, suffix: axis.suffix, factor: axis.factor }
    }

    /// Whether it is a metric of numbers.
    pub(super) fn is_measure(&self) -> bool {
        self.column.kind == CellKind::Number && !self.column.is_bucket
    }

    pub(super) fn filter(&self, row: &[Cell]) -> Option<Value> {
        self.filter_of(self.cell(row))
    }

    pub(super) fn filter_of(&self, cell: &Cell) -> Option<Value> {
        click::filter(self.column, cell, self.step, self.view?, self.zone)
    }

    /// Lowest and highest value of the column; `None` without any.
    pub(super) fn span(&self, rows: &[Vec<Cell>]) -> Option<(f64, f64)> {
        span(rows.iter().filter_map(|row| self.number(row)))
    }

    /// The column's name, for a date histogram with its interval: `timestamp per 5 minutes`.
    pub(super) fn title(&self) -> String {
        let label = &self.column.label;
        match &self.column.interval {
            Some((interval, _)) if self.column.kind == CellKind::Date => match interval_words(interval) {
                Some(words) if !label.ends_with(&format!(" per {words}")) => format!("{label} per {words}"),
                _ => label.clone(),
            },
            _ => label.clone(),
        }
    }
}

pub(super) fn span(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |span, value| {
        Some(span.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))))
    })
}

/// A number as a cell of a column's kind.
pub(super) fn of_kind(kind: CellKind, number: f64) -> Cell {
    // Beyond 2^53 a float is no exact moment any more; such a date is none.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if kind == CellKind::Date && number.abs() < EXACT {
        #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
        return Cell::Date(number.round() as i64);
    }
    Cell::Number(number)
}

/// `5m` is `5 minutes`, `1h` is `hour`.
pub(super) fn interval_words(interval: &str) -> Option<String> {
    let unit_at = interval.find(|character: char| !character.is_ascii_digit())?;
    let (count, unit) = interval.split_at(unit_at);
    let unit = match unit {
        "ms" => "millisecond",
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "M" => "month",
        "q" => "quarter",
        "y" => "year",
        _ => return None,
    };
    Some(if count.is_empty() || count == "1" { unit.to_owned() } else { format!("{count} {unit}s") })
}

/// A text that is equal exactly for equal cells.
pub(super) fn key(cell: &Cell) -> String {
    match cell {
        Cell::Null => "0".to_owned(),
        Cell::Number(number) => format!("n{:x}", number.to_bits()),
        Cell::Date(ms) => format!("d{ms}"),
        Cell::Text(text) => format!("t{text}"),
        Cell::Boolean(flag) => format!("b{flag}"),
        Cell::Other => "o".to_owned(),
        Cell::Missing => "m".to_owned(),
        Cell::Range { .. } | Cell::Several(_) | Cell::Joined(_) => format!("c{cell:?}"),
    }
}
