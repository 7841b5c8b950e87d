//! Doors for fuzzers: each takes any bytes and must neither panic nor take memory beyond proportion.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::assume::assume_fields;
use super::figure;
use super::filter::Clauses;
use super::formula;
use super::kql;
use super::layer::{Layer, Run, Step, explain};
use super::object::{Dashboard, PanelContent};
use super::panel::prepare;
use super::scope::{Scope, TimeRange};
use super::view::{DataView, Field, FieldKind};

/// Searches of one layer; it asks for fewer.
const STEPS_MAX: usize = 64;

/// A text of Kibana's query language, over fields of every kind.
pub fn kql(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _query = kql::compile(text, &view(), "Asia/Kolkata");
    }
}

/// A formula's text.
pub fn formula(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _columns = formula::expand("f", text, &view());
    }
}

/// A saved object of a dashboard: its panels read, and the searches of their layers compiled.
pub fn dashboard(bytes: &[u8]) {
    let Ok(object) = serde_json::from_slice::<Value>(bytes) else { return };
    let Ok(mut dashboard) = Dashboard::read(&object) else { return };
    dashboard.resolve(|_, _| Some(object.clone()));
    let ids: Vec<String> = dashboard.data_views().into_iter().map(str::to_owned).collect();
    let mut views: BTreeMap<String, DataView> = ids.into_iter().map(|id| (id, view())).collect();
    let known: BTreeSet<String> = views.keys().cloned().collect();
    for panel in &mut dashboard.panels {
        let PanelContent::Lens(lens) = &mut panel.content else { continue };
        assume_fields(lens, &mut views, &known);
        for layer in prepare(lens, &views, &scope()).unwrap_or_default() {
            let _explained = explain(&layer.layer, layer.view, &scope(), &layer.own);
        }
    }
}

/// Three lines: a layer's state, the answer to each of its searches, and the state of the charts that draw its table.
pub fn layer(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut next = || serde_json::from_slice(lines.next().unwrap_or_default()).unwrap_or(Value::Object(Map::new()));
    let (state, answer, chart): (Value, Value, Value) = (next(), next(), next());
    let Ok(layer) = Layer::read("l", &state, &view()) else { return };
    let Ok(mut run) = Run::new(&layer, &view(), &scope(), &Clauses::default()) else { return };
    let mut step = run.step(None);
    for _ in 0..STEPS_MAX {
        match step {
            Ok(Step::Search(_)) => step = run.step(Some(&answer)),
            Ok(Step::Done(table)) => {
                let (tables, views) =
                    (BTreeMap::from([("l".into(), table)]), BTreeMap::from([("l".into(), "v".into())]));
                for kind in figure::KINDS {
                    let _figure = figure::draw(kind, &chart, &tables, &scope(), &views);
                }
                return;
            }
            Err(_) => return,
        }
    }
}

fn view() -> DataView {
    let fields = [
        ("at", FieldKind::Date),
        ("word", FieldKind::Keyword),
        ("text", FieldKind::Text),
        ("price", FieldKind::Float),
        ("volume", FieldKind::Integer),
        ("is_open", FieldKind::Boolean),
        ("host", FieldKind::Ip),
        ("items", FieldKind::Nested),
        ("items.name", FieldKind::Keyword),
    ];
    let field = |(name, kind): (&str, FieldKind)| (name.to_owned(), Field { kind, is_aggregatable: true });
    DataView {
        id: "v".into(),
        index: "i".into(),
        time_field: Some("at".into()),
        fields: fields.into_iter().map(field).collect(),
        ..DataView::default()
    }
}

/// A quarter of an hour of 2024, in UTC.
fn scope() -> Scope {
    Scope {
        range: TimeRange { from_ms: 1_709_264_700_000, to_ms: 1_709_265_600_000 },
        now_ms: 1_709_265_600_000,
        time_zone: TimeZone::UTC,
        query: None,
        filters: Vec::new(),
    }
}
