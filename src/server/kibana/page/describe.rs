//! What the page is told before it draws: the dashboards there are, one dashboard's frame, the fields of its data.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::forecast;
use super::shown::{Shown, shown, stored};
use crate::lens::object::{Control, ControlKind, ControlWidth, Panel};
use crate::lens::scope::Language;
use crate::lens::view::FieldKind;
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};

pub(super) fn list(kibana: Arc<Kibana>, _: Request) -> HandlerFuture {
    Box::pin(async move {
        let objects = kibana.store.objects();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut dashboards: Vec<Value> = objects
            .of_kind("dashboard")
            .map(|object| {
                let attribute = |name: &str| text(object.attributes.get(name));
                json!({"id": object.key.id, "title": attribute("title"), "description": attribute("description")})
            })
            .collect();
        dashboards.sort_by_key(|dashboard| text(dashboard.get("title")).to_lowercase());
        Ok(Response::json(&json!({"dashboards": dashboards})))
    })
}

pub(super) fn one(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move { Ok(Response::json(&frame(&stored(&kibana, request.path("id"))?))) })
}

pub(super) fn fields(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let id = request.params.get("dashboard");
        let id = id.ok_or_else(|| ApiError::bad_request("[request query.dashboard]: expected a string"))?;
        let shown = shown(&kibana, id).await?;
        let mut known: BTreeMap<&str, Value> = BTreeMap::new();
        for view in shown.views.values() {
            let fields = view.fields.iter();
            for (name, field) in
                fields.filter(|(name, field)| !name.starts_with('_') && field.kind != FieldKind::Nested)
            {
                // The data view that a filter on the field names, and whether its values can be listed.
                let described = json!({
                    "name": name, "kind": kind_name(field.kind), "view": view.id, "is_listed": field.is_aggregatable,
                });
                known.entry(name).or_insert(described);
            }
        }
        Ok(Response::json(&json!({"fields": known.into_values().collect::<Vec<_>>()})))
    })
}

fn kind_name(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Keyword => "keyword",
        FieldKind::Text => "text",
        FieldKind::Integer => "integer",
        FieldKind::Float => "float",
        FieldKind::Date => "date",
        FieldKind::Boolean => "boolean",
        FieldKind::Ip => "ip",
        FieldKind::Nested => "nested",
        FieldKind::Other => "other",
    }
}

fn frame(shown: &Shown) -> Value {
    let dashboard = &shown.dashboard;
    let (from, to) = dashboard.time.as_ref().map_or(("now-15m", "now"), |time| (time.from.as_str(), time.to.as_str()));
    let refresh = dashboard.refresh.as_ref().filter(|refresh| !refresh.is_paused && refresh.interval_ms > 0);
    let query = dashboard.query.as_ref().map_or(json!({"language": "kuery", "query": ""}), |query| {
        let language = if query.language == Language::Lucene { "lucene" } else { "kuery" };
        json!({"language": language, "query": query.text})
    });
    let sections = dashboard
        .sections
        .iter()
        .map(|section| json!({"title": section.title, "is_collapsed": section.is_collapsed, "y": section.y}));
    json!({
        "id": dashboard.id,
        "title": dashboard.title,
        "description": dashboard.description,
        "hide_titles": dashboard.options.hides_panel_titles,
        "time": {
            "from": from, "to": to,
            "refresh_ms": refresh.map(|refresh| refresh.interval_ms),
            "is_restored": dashboard.time.is_some(),
        },
        "query": query,
        "filters": dashboard.filters,
        "sections": sections.collect::<Vec<_>>(),
        "panels": dashboard.panels.iter().map(panel).collect::<Vec<_>>(),
        "forecast": forecast::frame(shown),
        "controls": dashboard.controls.list.iter().filter_map(control).collect::<Vec<_>>(),
        "warnings": warnings(shown),
    })
}

fn panel(panel: &Panel) -> Value {
    let grid = panel.grid;
    json!({
        "id": panel.id,
        "title": panel.title,
        "description": panel.description,
        "section": panel.section,
        "grid": {"x": grid.x, "y": grid.y, "w": grid.w, "h": grid.h},
        "kind": panel.kind(),
        "hides_title": panel.hides_title,
        "time": panel.time.as_ref().map(|time| json!({"from": time.from, "to": time.to})),
    })
}

/// Those that the page has a control for; the others are among the warnings.
fn control(control: &Control) -> Option<Value> {
    let width = match control.width {
        ControlWidth::Small => "small",
        ControlWidth::Medium => "medium",
        ControlWidth::Large => "large",
    };
    let mut description = json!({
        "id": control.id, "title": control.title, "width": width, "grow": control.grows,
        "is_single": false, "excludes": false, "exists": false, "selected": [], "range": null, "slice": null,
    });
    let own = match &control.kind {
        ControlKind::Options(list) => json!({
            "kind": "options", "field": list.field, "selected": list.selected, "is_single": list.is_single,
            "excludes": list.excludes, "exists": list.exists,
        }),
        ControlKind::Range { field, value, .. } => {
            let range = value.as_ref().map(|(low, high)| json!([low, high]));
            json!({"kind": "range", "field": field, "range": range})
        }
        ControlKind::Time { start, end } => {
            let slice = (start.is_some() || end.is_some()).then(|| json!([start.unwrap_or(0.0), end.unwrap_or(1.0)]));
            json!({"kind": "time", "field": null, "slice": slice})
        }
        ControlKind::Esql { .. } | ControlKind::Unsupported { .. } => return None,
    };
    for (name, value) in own.as_object()? {
        description.as_object_mut()?.insert(name.clone(), value.clone());
    }
    Some(description)
}

fn warnings(shown: &Shown) -> Vec<String> {
    let of_controls = shown.dashboard.controls.list.iter().filter_map(|control| match &control.kind {
        ControlKind::Esql { variable, .. } => {
            Some(format!("the control of the ES|QL variable `{variable}` is not shown: ES|QL panels are not drawn"))
        }
        ControlKind::Unsupported { what, reason } => Some(format!("{what} are not shown: {reason}")),
        ControlKind::Options(_) | ControlKind::Range { .. } | ControlKind::Time { .. } => None,
    });
    shown.dashboard.warnings.iter().cloned().chain(of_controls).collect()
}
