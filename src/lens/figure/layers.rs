//! Which layers a panel draws, before there is any data: the caller searches for these.

use serde_json::Value;

use super::read;

/// What a panel needs a layer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerRole {
    Data,
    /// Often static values only, which need no search; the layer's columns tell.
    ReferenceLines,
    TrendLine,
    /// Drawn from the state; has no columns and no data.
    Annotations,
}

/// One layer of a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerUse {
    pub id: String,
    pub role: LayerRole,
}

/// A panel has a handful; a file may claim any number.
pub(super) const LAYERS_MAX: usize = 100;

/// The layers that the panel draws, each once, in its order. Empty for kinds that are not drawn.
pub fn layers(kind: &str, visualization: &Value) -> Vec<LayerUse> {
    let found: Vec<(Option<&str>, LayerRole)> = match kind {
        "lnsXY" => read::list(visualization, "layers").iter().filter_map(xy_layer).collect(),
        "lnsPie" => read::list(visualization, "layers").iter().take(1).map(data).collect(),
        "lnsMetric" => {
            let trend = (read::filled(visualization, "trendlineLayerId"), LayerRole::TrendLine);
            vec![data(visualization), trend]
        }
        "lnsLegacyMetric" | "lnsDatatable" | "lnsHeatmap" | "lnsGauge" | "lnsTagcloud" | "lnsChoropleth" => {
            vec![data(visualization)]
        }
        _ => Vec::new(),
    };
    let mut layers: Vec<LayerUse> = Vec::new();
    for (id, role) in found.into_iter().take(LAYERS_MAX) {
        if let Some(id) = id.filter(|id| layers.iter().all(|layer| layer.id != *id)) {
            layers.push(LayerUse { id: id.to_owned(), role });
        }
    }
    layers
}

/// The ids of the layers whose tables [`super::draw`] needs.
pub fn layers_needed(kind: &str, visualization: &Value) -> Vec<String> {
    let needed = layers(kind, visualization).into_iter().filter(|layer| layer.role != LayerRole::Annotations);
    needed.map(|layer| layer.id).collect()
}

fn data(layer: &Value) -> (Option<&str>, LayerRole) {
    (read::filled(layer, "layerId"), LayerRole::Data)
}

/// Layers without a single value are not drawn, so not searched either.
fn xy_layer(layer: &Value) -> Option<(Option<&str>, LayerRole)> {
    let role = match read::text(layer, "layerType") {
        Some("annotations") => LayerRole::Annotations,
        Some("referenceLine") => LayerRole::ReferenceLines,
        _ => LayerRole::Data,
    };
    let has_values = role == LayerRole::Annotations || !read::texts(layer, "accessors").is_empty();
    has_values.then(|| (read::filled(layer, "layerId"), role))
}
