//! What the page asks for: range, zone, query, filters and selections, as the scope of its searches.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::shown::Shown;
use crate::lens::filter::{self, Bounds};
use crate::lens::object::{Chaining, ControlKind, OptionsList, SavedTime};
use crate::lens::scope::{Query, Scope, TimeRange};
use crate::lens::time;
use crate::lens::view::DataView;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::handlers::body;
use crate::server::kibana::http::Request;

/// What a body may hold.
const MEMBERS: [&str; 10] =
    ["from", "to", "time_zone", "query", "filters", "controls", "panels", "inspect", "search", "field"];
const FILTERS_MAX: usize = 500;
const SELECTED_MAX: usize = 10_000;

/// The body of a request for figures, or for the values of a control or a field.
pub(super) struct Ask {
    pub(super) from: String,
    pub(super) to: String,
    zone: TimeZone,
    query: Option<Query>,
    filters: Vec<Value>,
    controls: BTreeMap<String, Value>,
    /// Only these.
    pub(super) panels: Option<Vec<String>>,
    /// With searches and answers.
    pub(super) inspects: bool,
    /// Of values: what they begin with.
    pub(super) search: String,
    /// Of values: whose.
    pub(super) field: Option<String>,
    now_ms: i64,
}

impl Ask {
    pub(super) fn read(request: &Request, now_ms: i64) -> Result<Self, ApiError> {
        let body = body::object(request, &MEMBERS)?;
        Self::of(&body, now_ms)
    }

    fn of(body: &Map<String, Value>, now_ms: i64) -> Result<Self, ApiError> {
        let text = |name: &str| body::member_text(body, name);
        let zone = text("time_zone")?.unwrap_or_else(|| "UTC".to_owned());
        let query = body.get("query").filter(|query| !query.is_null());
        let query = query.map(|query| Query::read(query).ok_or_else(|| wrong("query", "a KQL or Lucene query")));
        let filters = list(body, "filters", FILTERS_MAX)?.unwrap_or_default();
        let controls = match body.get("controls") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Object(map)) => map.iter().map(|(id, value)| (id.clone(), value.clone())).collect(),
            Some(_) => return Err(wrong("controls", "an object")),
        };
        let panels = list(body, "panels", SELECTED_MAX)?;
        let panels = panels.map(|ids| ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect());
        Ok(Self {
            from: text("from")?.unwrap_or_else(|| "now-15m".to_owned()),
            to: text("to")?.unwrap_or_else(|| "now".to_owned()),
            zone: TimeZone::get(&zone).map_err(|_| wrong("time_zone", "an IANA time zone"))?,
            query: query.transpose()?.filter(|query| !query.text.trim().is_empty()),
            filters,
            controls,
            panels,
            inspects: body::member_flag(body, "inspect")?,
            search: text("search")?.unwrap_or_default(),
            field: text("field")?,
            now_ms,
        })
    }

    /// Of all panels; a slice of time that a control has cut is its range.
    pub(super) fn scope(&self, shown: &Shown) -> Result<Scope, ApiError> {
        let range = self.range(&self.from, &self.to)?;
        Ok(self.with(self.sliced(range, shown), self.selections(shown, |_| true)))
    }

    /// Of one control's options: those before it have been chosen, it and those after it not.
    pub(super) fn scope_of_options(&self, shown: &Shown, control: &str) -> Result<Scope, ApiError> {
        let controls = &shown.dashboard.controls;
        let place = controls.list.iter().position(|other| other.id == control).unwrap_or(0);
        let is_chained = controls.chaining == Chaining::Hierarchical;
        let range = self.range(&self.from, &self.to)?;
        let mut scope = self.with(range, self.selections(shown, |other| is_chained && other < place));
        if controls.ignores_filters {
            scope.filters = self.selections(shown, |other| is_chained && other < place);
        }
        if controls.ignores_query {
            scope.query = None;
        }
        Ok(scope)
    }

    /// With the panel's own range, if it has one.
    pub(super) fn within(&self, scope: &Scope, own: Option<&SavedTime>) -> Result<Scope, ApiError> {
        let mut scope = scope.clone();
        if let Some(time) = own {
            scope.range = self.range(&time.from, &time.to)?;
        }
        Ok(scope)
    }

    fn with(&self, range: TimeRange, selections: Vec<Value>) -> Scope {
        let mut filters = self.filters.clone();
        filters.extend(selections);
        Scope { range, now_ms: self.now_ms, time_zone: self.zone.clone(), query: self.query.clone(), filters }
    }

    fn range(&self, from: &str, to: &str) -> Result<TimeRange, ApiError> {
        let end = |text: &str, name: &str, rounds_up| {
            time::parse_date_math(text, self.now_ms, &self.zone, rounds_up)
                .map_err(|error| ApiError::bad_request(format!("[request body.{name}]: {error}")))
        };
        let range = TimeRange { from_ms: end(from, "from", false)?, to_ms: end(to, "to", true)? };
        match range.from_ms <= range.to_ms {
            true => Ok(range),
            false => Err(ApiError::bad_request(format!("[request body.from]: `{from}` is after `{to}`"))),
        }
    }

    fn sliced(&self, range: TimeRange, shown: &Shown) -> TimeRange {
        let mut range = range;
        for control in &shown.dashboard.controls.list {
            let ControlKind::Time { start, end } = &control.kind else { continue };
            let own = self.controls.get(&control.id).and_then(|value| value.get("slice"));
            let at = |place: usize, saved: &Option<f64>| match own {
                Some(slice) => slice.get(place).and_then(Value::as_f64),
                None => *saved,
            };
            let length = range.length_ms();
            let point = |fraction: f64| range.from_ms.saturating_add(part(length, fraction.clamp(0.0, 1.0)));
            let (from_ms, to_ms) = (point(at(0, start).unwrap_or(0.0)), point(at(1, end).unwrap_or(1.0)));
            range = TimeRange { from_ms, to_ms: to_ms.max(from_ms) };
        }
        range
    }

    /// The filters of the controls at these places.
    fn selections(&self, shown: &Shown, counts: impl Fn(usize) -> bool) -> Vec<Value> {
        let controls = shown.dashboard.controls.list.iter().enumerate().filter(|(place, _)| counts(*place));
        let filters = controls.filter_map(|(_, control)| {
            let own = self.controls.get(&control.id);
            match &control.kind {
                ControlKind::Options(list) => options_filter(list, own, &shown.views),
                ControlKind::Range { field, data_view, value, .. } => {
                    range_filter(field, data_view.as_deref().unwrap_or_default(), value.as_ref(), own)
                }
                ControlKind::Time { .. } | ControlKind::Esql { .. } | ControlKind::Unsupported { .. } => None,
            }
        });
        filters.collect()
    }
}

fn options_filter(list: &OptionsList, own: Option<&Value>, views: &BTreeMap<String, DataView>) -> Option<Value> {
    let flag = |name: &str, saved| own.and_then(|own| own.get(name)).and_then(Value::as_bool).unwrap_or(saved);
    let selected = own.and_then(|own| own.get("selected")).and_then(Value::as_array).unwrap_or(&list.selected);
    let excludes = flag("excludes", list.excludes);
    let view = list.data_view.as_deref().unwrap_or_default();
    if flag("exists", list.exists) {
        return Some(filter::exists(&list.field, excludes, view));
    }
    let is_number = views.get(view).and_then(|view| view.kind(&list.field)).is_some_and(|kind| kind.is_number());
    let selected: Vec<Value> = selected.iter().take(SELECTED_MAX).map(|value| typed(value, is_number)).collect();
    (!selected.is_empty()).then(|| filter::phrases(&list.field, &selected, excludes, view))
}

/// The page sends what it shows: texts.
fn typed(value: &Value, is_number: bool) -> Value {
    let number =
        value.as_str().filter(|_| is_number).and_then(|text| serde_json::from_str::<serde_json::Number>(text).ok());
    number.map_or_else(|| value.clone(), Value::Number)
}

fn range_filter(field: &str, view: &str, saved: Option<&(String, String)>, own: Option<&Value>) -> Option<Value> {
    let (low, high) = match own.and_then(|own| own.get("range")) {
        Some(range) => (range.get(0).cloned().unwrap_or(Value::Null), range.get(1).cloned().unwrap_or(Value::Null)),
        None => saved.map(|(low, high)| (json!(low), json!(high)))?,
    };
    let end = |value: Value| match value {
        Value::Number(number) => Some(Value::Number(number)),
        Value::String(text) => {
            text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| json!(number))
        }
        _ => None,
    };
    let bounds = Bounds { gte: end(low), lte: end(high), ..Bounds::default() };
    (bounds.gte.is_some() || bounds.lte.is_some()).then(|| filter::range(field, bounds, view))
}

fn part(length_ms: i64, fraction: f64) -> i64 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a place on a slider")]
    {
        (length_ms as f64 * fraction) as i64
    }
}

fn list(body: &Map<String, Value>, name: &str, max: usize) -> Result<Option<Vec<Value>>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) if list.len() <= max => Ok(Some(list.clone())),
        Some(_) => Err(wrong(name, &format!("an array of at most {max}"))),
    }
}

fn wrong(name: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!("[request body.{name}]: expected {expected}"))
}
