//! A Lens panel made ready: its layers typed, with the data view and the clauses that each searches by.

use std::collections::BTreeMap;

use super::{
    figure,
    filter::{self, Clauses},
    kql::KqlError,
    layer::{Layer, LayerError},
    object::LensPanel,
    scope::Scope,
    view::DataView,
};

/// One layer, to be given to [`super::layer::Run`] or [`super::layer::explain`].
#[derive(Debug, Clone)]
pub struct PreparedLayer<'v> {
    pub layer: Layer,
    pub view: &'v DataView,
    /// The panel's own query and filters.
    pub own: Clauses,
}

/// Why a panel can't be searched for.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    #[error("the data view `{id}` of the layer `{layer}` is not there")]
    NoView { layer: String, id: String },
    #[error("the chart draws the layer `{layer}`, which has no columns")]
    NoLayer { layer: String },
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    Query(#[from] KqlError),
}

/// The layers that the panel draws, in its order. `views` are those that are stored, by id.
pub fn prepare<'v>(
    panel: &'v LensPanel,
    views: &'v BTreeMap<String, DataView>,
    scope: &Scope,
) -> Result<Vec<PreparedLayer<'v>>, PanelError> {
    let needed = figure::layers_needed(&panel.kind, &panel.visualization);
    needed.into_iter().map(|id| one(id, panel, views, scope)).collect()
}

fn one<'v>(
    id: String,
    panel: &'v LensPanel,
    views: &'v BTreeMap<String, DataView>,
    scope: &Scope,
) -> Result<PreparedLayer<'v>, PanelError> {
    let Some(stored) = panel.layers.iter().find(|layer| layer.id == id) else {
        return Err(PanelError::NoLayer { layer: id });
    };
    let view = panel.ad_hoc.get(&stored.data_view).or_else(|| views.get(&stored.data_view));
    let view = view.ok_or_else(|| PanelError::NoView { layer: id.clone(), id: stored.data_view.clone() })?;
    let layer = Layer::read(&id, &stored.layer, view)?;
    let queries: Vec<_> = panel.query.iter().collect();
    let own = filter::clauses(&queries, &panel.filters, view, scope.zone_name())?;
    Ok(PreparedLayer { layer, view, own })
}
