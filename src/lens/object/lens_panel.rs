//! The state of a Lens chart: its layers, each with the data view that it asks, and how they are drawn.

use std::collections::BTreeMap;

use serde_json::Value;

use super::dashboard::read_query;
use super::json::text;
use super::reference::{References, resolve_filters};
use crate::lens::scope::Query;
use crate::lens::view::DataView;

/// A Lens chart over form-based layers.
#[derive(Debug, Clone, PartialEq)]
pub struct LensPanel {
    /// `visualizationType`: `lnsXY`, `lnsMetric` ...
    pub kind: String,
    pub title: String,
    pub description: String,
    /// Layers that search, in the state's order.
    pub layers: Vec<LensLayer>,
    /// The visualization's state as stored; annotation layers got the id of their data view as `indexPatternId`.
    pub visualization: Value,
    /// `None` when there is none, or it is empty.
    pub query: Option<Query>,
    /// As Kibana stores filters, data views by id.
    pub filters: Vec<Value>,
    /// Data views that the chart brings along, by id.
    pub ad_hoc: BTreeMap<String, DataView>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LensLayer {
    pub id: String,
    /// As stored: `columns`, `columnOrder` ...
    pub layer: Value,
    /// Id of a data view: one of [`LensPanel::ad_hoc`], else a stored one.
    pub data_view: String,
}

/// Why a chart can't be shown.
pub(super) struct NotShown {
    pub(super) what: String,
    pub(super) reason: String,
}

impl NotShown {
    fn lens(reason: impl Into<String>) -> Self {
        Self { what: "Lens panels".to_owned(), reason: reason.into() }
    }
}

impl LensPanel {
    /// `references` are those of the panel, or of the library item.
    pub(super) fn read(attributes: &Value, references: &References) -> Result<Self, NotShown> {
        let kind = text(attributes, "visualizationType").filter(|kind| !kind.is_empty());
        let kind = kind.ok_or_else(|| NotShown::lens("the state has no `visualizationType`"))?;
        let state = attributes.get("state").filter(|state| state.is_object());
        let state = state.ok_or_else(|| NotShown::lens("the chart has no `state`"))?;
        let own = References::read(state.get("internalReferences"));
        let references = references.clone().join(own);
        let filters = state.get("filters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        Ok(Self {
            kind: kind.to_owned(),
            title: text(attributes, "title").unwrap_or_default().to_owned(),
            description: text(attributes, "description").unwrap_or_default().to_owned(),
            layers: layers(state, &references)?,
            visualization: visualization(state, &references),
            query: query(state)?,
            filters: resolve_filters(filters, &references),
            ad_hoc: ad_hoc(state)?,
        })
    }

    /// Ids of the stored data views that its layers ask.
    pub fn data_views(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().map(|layer| layer.data_view.as_str()).filter(|id| !self.ad_hoc.contains_key(*id))
    }
}

fn layers(state: &Value, references: &References) -> Result<Vec<LensLayer>, NotShown> {
    let sources = state.get("datasourceStates");
    // The datasource was called `indexpattern` before 8.6.
    let form = sources.and_then(|sources| sources.get("formBased").or_else(|| sources.get("indexpattern")));
    let stored = form.and_then(|form| form.get("layers")).and_then(Value::as_object);
    let mut layers = Vec::new();
    for (id, layer) in stored.into_iter().flatten() {
        // A layer that was opened and left is stored without columns.
        if layer.get("columns").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty) {
            continue;
        }
        let named = references.data_view(&format!("indexpattern-datasource-layer-{id}"));
        let Some(data_view) = named.or_else(|| text(layer, "indexPatternId")) else {
            return Err(NotShown::lens(format!("the layer `{id}` names no data view")));
        };
        layers.push(LensLayer { id: id.clone(), layer: layer.clone(), data_view: data_view.to_owned() });
    }
    if !layers.is_empty() {
        return Ok(layers);
    }
    let by_text = sources.and_then(|sources| sources.pointer("/textBased/layers")).and_then(Value::as_object);
    match by_text.is_some_and(|layers| !layers.is_empty()) {
        true => Err(NotShown {
            what: "ES|QL panels".to_owned(),
            reason: "only layers made of fields and functions are compiled to searches".to_owned(),
        }),
        false => Err(NotShown::lens("the chart has no layer with a column")),
    }
}

fn query(state: &Value) -> Result<Option<Query>, NotShown> {
    let Some(query) = state.get("query").filter(|query| !query.is_null()) else { return Ok(None) };
    match read_query(query) {
        Some(query) => Ok(Some(query).filter(|query| !query.text.trim().is_empty())),
        None if query.as_object().is_some_and(serde_json::Map::is_empty) => Ok(None),
        None => Err(NotShown::lens("the query of the chart is neither KQL nor Lucene")),
    }
}

fn visualization(state: &Value, references: &References) -> Value {
    let mut visualization = state.get("visualization").cloned().unwrap_or(Value::Null);
    let layers = visualization.get_mut("layers").and_then(Value::as_array_mut);
    for layer in layers.into_iter().flatten().filter_map(Value::as_object_mut) {
        if layer.get("layerType").and_then(Value::as_str) != Some("annotations") {
            continue;
        }
        let id = layer.get("layerId").and_then(Value::as_str).unwrap_or_default();
        if let Some(view) = references.data_view(&format!("xy-visualization-layer-{id}")).map(str::to_owned) {
            layer.insert("indexPatternId".to_owned(), view.into());
        }
    }
    visualization
}

fn ad_hoc(state: &Value) -> Result<BTreeMap<String, DataView>, NotShown> {
    let specs = state.get("adHocDataViews").and_then(Value::as_object);
    let read = |(id, spec): (&String, &Value)| match DataView::read(spec) {
        Ok(view) => Ok((id.clone(), DataView { id: id.clone(), ..view })),
        Err(error) => Err(NotShown::lens(format!("the data view `{id}` of the chart can't be read: {error}"))),
    };
    specs.into_iter().flatten().map(read).collect()
}
