//! `dashboard explain`: the searches behind each panel, compiled and not run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::SpaceArgs;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::ElasticsearchAddress;
use crate::lens::assume::assume_fields;
use crate::lens::figure;
use crate::lens::layer::explain;
use crate::lens::object::{Dashboard, LensPanel, Panel, PanelContent, SavedTime};
use crate::lens::panel::prepare;
use crate::lens::scope::{Scope, TimeRange};
use crate::lens::time::parse_date_math;
use crate::lens::view::DataView;

/// How long Elasticsearch may take to name an index's fields.
const FIELDS_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// A file of saved objects, or the id of a dashboard in Kibana; left out, the dashboard inside the program
    #[arg(value_name = "FILE|ID")]
    dashboard: Option<String>,
    /// The dashboard of this id, where a file holds several
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Begin of the time range, such as now-7h or 2024-01-02T09:15:00Z; left out, the one saved with the dashboard
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End of the time range
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Zone of days and hours in histograms
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    #[command(flatten)]
    space: SpaceArgs,
}

pub(super) async fn run(args: ExplainArgs, cx: &Arc<Context>) -> Result<(), Failure> {
    let zone = TimeZone::get(&args.time_zone).map_err(|error| {
        Failure::new(ErrorId::Usage, format!("`{}` is no time zone", args.time_zone)).got(error.to_string())
    })?;
    let objects = Objects::of(&args, cx).await?;
    let mut dashboard = objects.dashboard(args.id.as_deref())?;
    let mut views = objects.views(&dashboard)?;
    // None is needed.
    let elasticsearch = Connection::to_elasticsearch(cx)?;
    for view in views.values_mut() {
        set_fields(view, elasticsearch.as_ref()).await;
    }
    let scope = scope(&args, &dashboard, zone)?;
    for panel in &mut dashboard.panels {
        let PanelContent::Lens(lens) = &mut panel.content else { continue };
        for view in lens.ad_hoc.values_mut() {
            set_fields(view, elasticsearch.as_ref()).await;
        }
    }
    guess_fields(&mut dashboard, &mut views);
    let panels: Vec<Value> = dashboard.panels.iter().map(|panel| explained(panel, &views, &scope)).collect();
    let document = json!({"dashboard": {"id": dashboard.id, "title": dashboard.title}, "panels": panels});
    cx.result(&told(&document), &document);
    Ok(())
}

/// The saved objects that were named.
struct Objects {
    /// For messages.
    source: String,
    all: Vec<Value>,
}

impl Objects {
    async fn of(args: &ExplainArgs, cx: &Arc<Context>) -> Result<Self, Failure> {
        let (source, ndjson) = match &args.dashboard {
            None => ("the dashboard inside the program".to_owned(), super::DASHBOARD_NDJSON.as_bytes().to_vec()),
            Some(name) if is_file(name) => (format!("`{name}`"), super::read(Path::new(name))?),
            Some(id) => {
                let kibana = super::kibana(cx, args.space.clone())?;
                let exported = kibana.export("dashboard", id).await.map_err(|error| failures::kibana(&error))?;
                (format!("the dashboard `{id}` at {}", kibana.url), exported.to_vec())
            }
        };
        let mut all = Vec::new();
        for (place, line) in ndjson.split(|byte| *byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let object: Value = serde_json::from_slice(line).map_err(|error| {
                Failure::new(ErrorId::Usage, format!("{source} holds no saved objects"))
                    .got(format!("line {}: {error}", place + 1))
            })?;
            all.push(object);
        }
        Ok(Self { source, all })
    }

    fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        let is = |object: &Value, name: &str, wanted: &str| object.get(name).and_then(Value::as_str) == Some(wanted);
        self.all.iter().find(|object| is(object, "type", kind) && is(object, "id", id))
    }

    fn dashboard(&self, id: Option<&str>) -> Result<Dashboard, Failure> {
        let of_kind = |object: &&Value| object.get("type").and_then(Value::as_str) == Some("dashboard");
        let found = match id {
            Some(id) => self.get("dashboard", id),
            None => self.all.iter().find(of_kind),
        };
        let object = found.ok_or_else(|| {
            Failure::new(
                ErrorId::Usage,
                match id {
                    Some(id) => format!("{} has no dashboard `{id}`", self.source),
                    None => format!("{} has no dashboard", self.source),
                },
            )
        })?;
        let mut dashboard = Dashboard::read(object).map_err(|error| {
            Failure::new(ErrorId::Usage, format!("the dashboard in {} can't be read", self.source))
                .got(error.to_string())
        })?;
        dashboard.resolve(|kind, id| self.get(kind, id).cloned());
        Ok(dashboard)
    }

    /// Of those that are not among the objects, the id stands for the indices, as Kibana's own ids often do.
    fn views(&self, dashboard: &Dashboard) -> Result<BTreeMap<String, DataView>, Failure> {
        let mut views = BTreeMap::new();
        for id in dashboard.data_views() {
            let view = match self.get("index-pattern", id) {
                Some(object) => DataView::read(object).map_err(|error| {
                    Failure::new(ErrorId::Usage, format!("the data view `{id}` can't be read")).got(error.to_string())
                })?,
                None => DataView { id: id.to_owned(), index: id.to_owned(), ..DataView::default() },
            };
            views.insert(id.to_owned(), view);
        }
        Ok(views)
    }
}

/// What looks like a file is none of Kibana's ids, whether it is there or not.
fn is_file(name: &str) -> bool {
    name == "-" || name.ends_with(".ndjson") || name.contains('/') || Path::new(name).is_file()
}

/// Fields that can't be had are guessed later.
async fn set_fields(view: &mut DataView, elasticsearch: Option<&ElasticsearchAddress>) {
    let Some(elasticsearch) = elasticsearch else { return };
    match tokio::time::timeout(FIELDS_PATIENCE, elasticsearch.field_caps(&view.index)).await {
        Ok(Ok(Some(fields))) => view.set_fields(&fields),
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::debug!("fields of `{}`: {error}", view.index),
        Err(_) => tracing::debug!("fields of `{}`: no answer", view.index),
    }
}

/// Of the data views whose fields nobody told.
fn guess_fields(dashboard: &mut Dashboard, views: &mut BTreeMap<String, DataView>) {
    let is_known = |view: &&DataView| !view.fields.is_empty();
    let mut known: BTreeSet<String> = views.values().filter(is_known).map(|view| view.id.clone()).collect();
    for panel in &mut dashboard.panels {
        let PanelContent::Lens(lens) = &mut panel.content else { continue };
        known.extend(lens.ad_hoc.values().filter(is_known).map(|view| view.id.clone()));
        assume_fields(lens, views, &known);
    }
}

fn scope(args: &ExplainArgs, dashboard: &Dashboard, time_zone: TimeZone) -> Result<Scope, Failure> {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let saved = dashboard.time.as_ref();
    let end = |given: &Option<String>, saved: Option<&str>, default: &str, flag: &str, rounds_up| {
        let text = given.as_deref().or(saved).unwrap_or(default);
        parse_date_math(text, now_ms, &time_zone, rounds_up).map_err(|error| {
            Failure::new(ErrorId::Usage, format!("`{text}` is no time"))
                .got(error.to_string())
                .next(format!("stockdev dashboard explain {flag} now-1d/d"), "date math, ISO 8601 or milliseconds")
        })
    };
    let from_ms = end(&args.from, saved.map(|time| time.from.as_str()), "now-15m", "--from", false)?;
    let to_ms = end(&args.to, saved.map(|time| time.to.as_str()), "now", "--to", true)?;
    if from_ms > to_ms {
        return Err(Failure::new(ErrorId::Usage, "the time range ends before it begins"));
    }
    let (query, filters) = (dashboard.query.clone(), dashboard.filters.clone());
    Ok(Scope { range: TimeRange { from_ms, to_ms }, now_ms, time_zone, query, filters })
}

fn explained(panel: &Panel, views: &BTreeMap<String, DataView>, scope: &Scope) -> Value {
    let kind = panel.kind().to_owned();
    let layers = match &panel.content {
        PanelContent::Lens(lens) => layers(lens, views, &within(scope, panel.time.as_ref())),
        PanelContent::Markdown(_) => Ok(Vec::new()),
        PanelContent::Library(item) => Err(format!("the {} `{}` is not among the saved objects", item.kind, item.id)),
        PanelContent::Unsupported { what, reason } => Err(format!("{what}: {reason}")),
    };
    let (layers, unsupported) = match layers {
        Ok(layers) => (layers, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    json!({"panel": panel.id, "title": panel.title, "kind": kind, "unsupported": unsupported, "layers": layers})
}

/// A range of the panel's own that can't be read leaves it with the dashboard's.
fn within(scope: &Scope, own: Option<&SavedTime>) -> Scope {
    let mut scope = scope.clone();
    if let Some(time) = own {
        let from = parse_date_math(&time.from, scope.now_ms, &scope.time_zone, false);
        let to = parse_date_math(&time.to, scope.now_ms, &scope.time_zone, true);
        if let (Ok(from_ms), Ok(to_ms)) = (from, to) {
            scope.range = TimeRange { from_ms, to_ms };
        }
    }
    scope
}

fn layers(lens: &LensPanel, views: &BTreeMap<String, DataView>, scope: &Scope) -> Result<Vec<Value>, String> {
    if !figure::KINDS.contains(&lens.kind.as_str()) {
        return Err(format!("charts of the kind `{}` are drawn by Kibana only", lens.kind));
    }
    let prepared = prepare(lens, views, scope).map_err(|error| error.to_string())?;
    let mut layers = Vec::new();
    for layer in prepared {
        let explained = explain(&layer.layer, layer.view, scope, &layer.own).map_err(|error| error.to_string())?;
        layers.push(json!({
            "layer": layer.layer.id, "index": layer.view.index,
            "search": explained.search, "columns": explained.columns,
        }));
    }
    Ok(layers)
}

/// For people: a request a layer, to be pasted.
fn told(document: &Value) -> String {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for panel in list(document, "panels") {
        let title = text(&panel, "title");
        let title = if title.is_empty() { text(&panel, "panel") } else { title };
        lines.push(format!("# {title} ({})", text(&panel, "kind")));
        if let Some(reason) = panel.get("unsupported").and_then(Value::as_str) {
            lines.push(format!("# not drawn: {reason}"));
        }
        for layer in list(&panel, "layers") {
            match layer.get("search").filter(|search| !search.is_null()) {
                Some(search) => {
                    lines.push(format!("POST /{}/_search", text(&layer, "index")));
                    lines.push(serde_json::to_string_pretty(search).unwrap_or_default());
                }
                None => lines.push(format!("# the layer `{}` searches nothing", text(&layer, "layer"))),
            }
        }
        lines.push(String::new());
    }
    lines.join("\n").trim_end().to_owned()
}
