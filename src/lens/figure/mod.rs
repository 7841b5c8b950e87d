//! From a Lens panel's visualization state and the tables of its layers to what the page draws.
//!
//! ```text
//! draw -> xy | metric | datatable | pie | heatmap | gauge | tag_cloud -> Figure (JSON)
//!              \___ context (tables, columns, notes), palette, click, collapse ___/
//! ```
//!
//! States were written by others: a member of the wrong type counts as absent, an option that is not known is named in
//! the figure's `notes`, and only what a chart can't do without is an error. Options of mere looks that a page decides
//! for itself (label orientation, legend size, row height, text sizes, icons) are not read.

use std::collections::BTreeMap;

use serde_json::Value;

use self::context::Context;
use crate::lens::{scope::Scope, table::Table};

mod click;
mod collapse;
mod colour;
mod context;
mod datatable;
mod empty;
mod gauge;
mod heatmap;
mod layers;
pub mod markdown;
mod metric;
mod model;
mod palette;
mod pie;
mod read;
mod tag_cloud;
#[cfg(test)]
mod tests;
mod xy;

pub use self::{
    colour::ColourBook,
    layers::{LayerRole, LayerUse, layers, layers_needed},
    model::*,
};

/// Why a panel can't be drawn. Its state is at fault, or its caller's tables are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FigureError {
    #[error("the panel names no `{option}`")]
    Incomplete { option: &'static str },
    #[error("there is no data of the layer `{layer}`")]
    NoTable { layer: String },
    #[error("the layer `{layer}` has no column `{column}`")]
    NoColumn { layer: String, column: String },
    #[error("the panel would show {values} values, and at most {max} are drawn")]
    TooMany { values: usize, max: usize },
}

impl From<FigureError> for Figure {
    /// What a panel shows that can't be drawn.
    fn from(error: FigureError) -> Self {
        Self::Error { message: error.to_string(), hint: None }
    }
}

/// The visualization types that are drawn.
pub const KINDS: [&str; 9] = [
    "lnsXY",
    "lnsMetric",
    "lnsLegacyMetric",
    "lnsDatatable",
    "lnsPie",
    "lnsHeatmap",
    "lnsGauge",
    "lnsTagcloud",
    "lnsChoropleth",
];

/// Values in one figure: a browser draws no more in reasonable time.
const VALUES_MAX: usize = 1_000_000;

fn check_size(values: usize) -> Result<(), FigureError> {
    if values > VALUES_MAX { Err(FigureError::TooMany { values, max: VALUES_MAX }) } else { Ok(()) }
}

/// A panel of the given `visualizationType`. `tables` and `view_ids` (the data view that a click filters in) are by layer.
pub fn draw(
    kind: &str,
    visualization: &Value,
    tables: &BTreeMap<String, Table>,
    scope: &Scope,
    view_ids: &BTreeMap<String, String>,
) -> Result<Figure, FigureError> {
    draw_with(kind, visualization, tables, scope, view_ids, &mut ColourBook::per_panel())
}

/// Like [`draw`], with the colours of a dashboard whose panels share them.
pub fn draw_with(
    kind: &str,
    visualization: &Value,
    tables: &BTreeMap<String, Table>,
    scope: &Scope,
    view_ids: &BTreeMap<String, String>,
    colours: &mut ColourBook,
) -> Result<Figure, FigureError> {
    let context = Context::new(tables, scope, view_ids, colours);
    let mut figure = match kind {
        "lnsXY" => xy::draw(&context, visualization),
        "lnsMetric" => metric::draw(&context, visualization),
        "lnsLegacyMetric" => metric::draw_legacy(&context, visualization),
        "lnsDatatable" => datatable::draw(&context, visualization),
        "lnsPie" => pie::draw(&context, visualization),
        "lnsHeatmap" => heatmap::draw(&context, visualization),
        "lnsGauge" => gauge::draw(&context, visualization),
        "lnsTagcloud" => tag_cloud::draw(&context, visualization),
        "lnsChoropleth" => datatable::draw_region_map(&context, visualization),
        other => Ok(unsupported(other)),
    }?;
    figure.set_notes(context.into_notes());
    Ok(figure)
}

/// A panel that is of no kind drawn here.
fn unsupported(kind: &str) -> Figure {
    let reason = if kind.is_empty() {
        "the panel does not say what kind of chart it is"
    } else {
        "charts of this kind are drawn by Kibana only"
    };
    Figure::Unsupported { what: kind.to_owned(), reason: reason.to_owned() }
}
