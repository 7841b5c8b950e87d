//! Formats as Kibana stores them, read.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{date, duration::Duration, number, pattern::Pattern, transform::Transform};
use crate::lens::table::Cell;

/// Formats wrapped in others that are read.
const DEPTH_MAX: usize = 4;
/// As many as a double has.
const DECIMALS_MAX: usize = 15;

#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) style: Style,
    /// After every value.
    pub(super) suffix: String,
    /// A range is written `0 → 100`, not `≥ 0 and < 100`.
    pub(super) has_arrow: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Style {
    Number(Box<Pattern>),
    Duration(Duration),
    /// A moment.js pattern, and a zone in place of the viewer's.
    Date(String, Option<TimeZone>),
    Boolean,
    Text(Transform),
    /// Texts for given values, and one for all others.
    Lookup(Vec<(String, String)>, Option<String>),
    /// At most so many characters.
    Truncated(usize),
}

impl Spec {
    /// `None` for a format that is not known.
    pub(super) fn read(format: &Value) -> Option<Self> {
        Self::read_at(format, 0)
    }

    fn read_at(format: &Value, depth: usize) -> Option<Self> {
        let empty = Map::new();
        let id = format.get("id")?.as_str()?;
        let params = format.get("params").and_then(Value::as_object).unwrap_or(&empty);
        if depth == DEPTH_MAX {
            return None;
        }
        // Wrappers: the inner format is in `params`, and its own parameters inside or beside its name.
        if matches!(id, "suffix" | "range" | "terms") {
            let inner_id = params.get("id").and_then(Value::as_str);
            let inner_id = if id == "terms" { inner_id? } else { inner_id.unwrap_or("number") };
            let inner_params = params.get("params").cloned().unwrap_or_else(|| json!(params));
            let inner = Self::read_at(&json!({"id": inner_id, "params": inner_params}), depth + 1)?;
            return Some(inner.wrapped(id, params));
        }
        let suffix = text(params, "suffix").unwrap_or_default().to_owned();
        Some(Self { style: Style::read(id, params)?, suffix, has_arrow: true })
    }

    fn wrapped(mut self, id: &str, params: &Map<String, Value>) -> Self {
        match id {
            "suffix" => {
                self.suffix.push_str(match text(params, "unit") {
                    Some("s") => "/s",
                    Some("m") => "/m",
                    Some("h") => "/h",
                    Some("d") => "/d",
                    _ => text(params, "suffixString").unwrap_or_default(),
                });
            }
            "range" => self.has_arrow = text(params, "template") == Some("arrow_right"),
            _ => {}
        }
        self
    }
}

impl Style {
    pub(super) fn number() -> Self {
        Self::numeral("0,0.[000]")
    }

    pub(super) fn date() -> Self {
        Self::Date(date::DEFAULT_PATTERN.to_owned(), None)
    }

    pub(super) fn plain() -> Self {
        Self::Text(Transform::None)
    }

    fn numeral(pattern: &str) -> Self {
        Self::Number(Box::new(Pattern::read(pattern)))
    }

    fn read(id: &str, params: &Map<String, Value>) -> Option<Self> {
        Some(match id {
            "number" | "percent" | "bytes" | "bits" | "currency" | "custom" => Self::numeral(&pattern(id, params)),
            "duration" => Self::Duration(Duration::read(params)),
            "date" | "date_nanos" | "relative_date" => {
                let default = if id == "date_nanos" { date::DEFAULT_PATTERN_NANOS } else { date::DEFAULT_PATTERN };
                let pattern = text(params, "pattern").filter(|pattern| !pattern.is_empty()).unwrap_or(default);
                let zone = text(params, "timezone").and_then(|name| TimeZone::get(name).ok());
                Self::Date(pattern.to_owned(), zone)
            }
            "boolean" => Self::Boolean,
            "string" => Self::Text(Transform::read(text(params, "transform"))),
            "ip" | "url" | "color" | "_source" | "geo_point" => Self::plain(),
            "static_lookup" => Self::lookup(params),
            "truncate" => count(params, "fieldLength").map_or_else(Self::plain, Self::Truncated),
            _ => return None,
        })
    }

    fn lookup(params: &Map<String, Value>) -> Self {
        let entries = params.get("lookupEntries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let entry = |entry: &Value| {
            let text = |key| entry.get(key).and_then(Value::as_str).map(str::to_owned);
            Some((text("key")?, text("value")?))
        };
        let unknown = text(params, "unknownKeyValue").filter(|text| !text.is_empty()).map(str::to_owned);
        Self::Lookup(entries.iter().filter_map(entry).collect(), unknown)
    }

    /// Of a cell with one value.
    pub(super) fn text(&self, cell: &Cell, zone: &TimeZone) -> String {
        match (self, cell, number_of(cell)) {
            (Self::Number(pattern), _, Some(number)) => pattern.text(number),
            (Self::Duration(duration), _, Some(number)) => duration.text(number),
            (Self::Date(pattern, own_zone), _, Some(number)) => {
                let zone = own_zone.as_ref().unwrap_or(zone);
                date::text(pattern, number, zone).unwrap_or_else(|| number::text(number))
            }
            (Self::Boolean, Cell::Number(number), _) if *number == 0.0 => "false".to_owned(),
            (Self::Boolean, Cell::Number(number), _) if *number == 1.0 => "true".to_owned(),
            (Self::Text(transform), ..) => transform.text(plain(cell)),
            (Self::Lookup(entries, unknown), ..) => {
                let value = plain(cell);
                let known = entries.iter().find(|(key, _)| *key == value).map(|(_, text)| text.clone());
                known.or_else(|| unknown.clone()).unwrap_or(value)
            }
            (Self::Truncated(length), ..) => truncated(plain(cell), *length),
            _ => plain(cell),
        }
    }
}

/// The pattern of a number: given as such, or by what Lens asks for, or the default of `id`.
fn pattern(id: &str, params: &Map<String, Value>) -> String {
    if let Some(pattern) = text(params, "pattern") {
        return pattern.to_owned();
    }
    let is_of_lens = ["decimals", "compact", "suffix"].iter().any(|name| params.contains_key(*name));
    let default = match id {
        "percent" => "0,0.[000]%",
        "bytes" => "0,0.[0]b",
        "bits" => "0,0bitd",
        "currency" => "($0,0.[00])",
        _ => "0,0.[000]",
    };
    if !is_of_lens || matches!(id, "custom" | "currency") {
        return default.to_owned();
    }
    let decimals = match count(params, "decimals").unwrap_or(2).min(DECIMALS_MAX) {
        0 => String::new(),
        decimals => format!(".{}", "0".repeat(decimals)),
    };
    let is_compact = params.get("compact") == Some(&Value::Bool(true));
    let unit = match id {
        "bytes" => "b",
        "bits" => "bitd",
        "percent" if is_compact => "a%",
        "percent" => "%",
        _ if is_compact => "a",
        _ => "",
    };
    format!("0,0{decimals}{unit}")
}

/// Text that is a number is written as one.
fn number_of(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        Cell::Number(_) | Cell::Date(_) => cell.number(),
        _ => None,
    }
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number::text(*number),
        Cell::Date(ms) => ms.to_string(),
        Cell::Boolean(flag) => flag.to_string(),
        _ => String::new(),
    }
}

fn truncated(text: String, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) if length > 0 => format!("{}...", text.get(..end).unwrap_or_default()),
        _ => text,
    }
}

pub(super) fn text<'a>(params: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    params.get(key)?.as_str()
}

/// A whole number, also when it is written as text.
pub(super) fn count(params: &Map<String, Value>, key: &str) -> Option<usize> {
    let value = params.get(key)?;
    let count = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    count.map(|count| usize::try_from(count).unwrap_or(usize::MAX))
}
