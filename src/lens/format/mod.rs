//! How Kibana writes values: numbers by numeral.js patterns, dates by moment.js ones, and words for what has no value.
//!
//! ```text
//! format (JSON, of a Lens column or a data view's field) -> spec -> text of a cell
//!                                                                -> axis (d3-format, for charts)
//! ```
//!
//! Nothing here fails: a format that is not known is that of the value's own kind, as in Kibana.

mod axis;
mod date;
mod duration;
mod number;
mod numeral;
mod pattern;
mod spec;
#[cfg(test)]
mod tests;
mod transform;

use jiff::tz::TimeZone;
use serde_json::Value;

use self::spec::{Spec, Style};
pub use self::{axis::AxisFormat, date::scaled_date_pattern};
use crate::lens::table::{Cell, CellKind};

pub(crate) const OTHER: &str = "Other";
pub(crate) const MISSING: &str = "(missing value)";
const EMPTY: &str = "(empty)";
const NOTHING: &str = "-";

/// Lists inside lists that are written.
const DEPTH_MAX: usize = 4;

/// Writes the values of one column.
#[derive(Debug, Clone)]
pub struct Formatter {
    kind: CellKind,
    zone: TimeZone,
    /// `None`: each value by its own kind.
    spec: Option<Spec>,
}

impl Formatter {
    /// `format` as Kibana stores it: `{"id":"number","params":{"decimals":1}}` of a Lens column, or
    /// `{"id":"number","params":{"pattern":"0,0.00"}}` of a field.
    pub fn new(format: Option<&Value>, kind: CellKind, zone: &TimeZone) -> Self {
        Self { kind, zone: zone.clone(), spec: format.and_then(Spec::read) }
    }

    pub fn text(&self, cell: &Cell) -> String {
        self.text_at(cell, 0)
    }

    /// For the axis of a chart: the nearest that d3-format can do.
    pub fn axis(&self) -> AxisFormat {
        axis::of(self.spec.as_ref(), self.kind)
    }

    fn text_at(&self, cell: &Cell, depth: usize) -> String {
        match cell {
            Cell::Null => NOTHING.to_owned(),
            Cell::Other => OTHER.to_owned(),
            Cell::Missing => MISSING.to_owned(),
            Cell::Text(text) if text.is_empty() => EMPTY.to_owned(),
            Cell::Several(cells) => self.joined(cells, ", ", depth),
            Cell::Joined(cells) => self.joined(cells, " › ", depth),
            Cell::Range { label: Some(label), .. } if !label.is_empty() => label.clone(),
            Cell::Range { from, to, .. } => self.range(*from, *to),
            Cell::Number(_) | Cell::Date(_) | Cell::Text(_) | Cell::Boolean(_) => self.value(cell),
        }
    }

    fn joined(&self, cells: &[Cell], separator: &str, depth: usize) -> String {
        if depth == DEPTH_MAX {
            return "…".to_owned();
        }
        cells.iter().map(|cell| self.text_at(cell, depth + 1)).collect::<Vec<_>>().join(separator)
    }

    fn range(&self, from: Option<f64>, to: Option<f64>) -> String {
        let end = |number| self.value(&Cell::Number(number));
        let has_arrow = self.spec.as_ref().is_none_or(|spec| spec.has_arrow);
        match (from.filter(|from| from.is_finite()), to.filter(|to| to.is_finite())) {
            (Some(from), Some(to)) if has_arrow => format!("{} → {}", end(from), end(to)),
            (Some(from), Some(to)) => format!("≥ {} and < {}", end(from), end(to)),
            (Some(from), None) => format!("≥ {}", end(from)),
            (None, Some(to)) => format!("< {}", end(to)),
            (None, None) => "−∞ → +∞".to_owned(),
        }
    }

    fn value(&self, cell: &Cell) -> String {
        let Some(spec) = &self.spec else { return self.default_style(cell).text(cell, &self.zone) };
        let text = spec.style.text(cell, &self.zone);
        if text.is_empty() { text } else { format!("{text}{}", spec.suffix) }
    }

    fn default_style(&self, cell: &Cell) -> Style {
        match (cell, self.kind) {
            (Cell::Date(_), _) | (Cell::Number(_), CellKind::Date) => Style::date(),
            (Cell::Boolean(_), _) | (Cell::Number(_), CellKind::Boolean) => Style::Boolean,
            (Cell::Number(_), CellKind::Number | CellKind::Range) => Style::number(),
            _ => Style::plain(),
        }
    }
}
