//! `lnsXY`: lines, areas and bars over time, numbers or categories.
//!
//! ```text
//! layer (state, table) -> measures (accessor, side) -> series (one for each split value) -> fitted
//! ```

use serde_json::Value;

use super::{
    FigureError,
    collapse::{Collapse, collapse},
    context::{Context, Data},
    layers::LAYERS_MAX,
    model::{Figure, Legend, Mark, Side, XKind, Xy},
    read::{self, member},
};

mod axes;
mod fitting;
mod marks;
mod places;
mod series;

/// A data layer of the state with its table.
struct DataLayer<'v, 'a> {
    state: &'v Value,
    data: Data<'a>,
    mark: Mark,
    stack: Option<&'static str>,
    accessors: Vec<&'v str>,
    /// `None` also when the split was collapsed.
    split: Option<&'v str>,
    x: Option<&'v str>,
}

pub(super) fn draw(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    let layers = data_layers(context, state)?;
    let measures = axes::measures(context, &layers)?;
    let x_kind = places::kind_of(context, &layers)?;
    let series = series::draw(context, state, &layers, &measures, x_kind)?;
    if series.iter().all(|series| series.y.iter().all(Option::is_none)) {
        return Ok(context.empty());
    }
    note_unsupported(context, state);
    Ok(Figure::Xy(Box::new(Xy {
        x: places::axis(context, state, &layers, x_kind, &series)?,
        left: axes::axis(context, state, &measures, Side::Left),
        right: axes::axis(context, state, &measures, Side::Right),
        is_horizontal: layers.iter().any(|layer| series_type(layer.state).contains("horizontal")),
        curve: curve(context, state),
        legend: legend(context, state, &layers),
        shows_values: matches!(read::text(state, "valueLabels"), Some("show" | "inside")),
        reference_lines: marks::reference_lines(context, state)?,
        annotations: if x_kind == XKind::Time { marks::annotations(context, state) } else { Vec::new() },
        series,
        notes: Vec::new(),
    })))
}

fn series_type(layer: &Value) -> &str {
    read::filled(layer, "seriesType").unwrap_or("bar_stacked")
}

fn layers_of_type<'v>(state: &'v Value, layer_type: &'static str) -> impl Iterator<Item = &'v Value> {
    let layers = read::list(state, "layers").iter().take(LAYERS_MAX);
    layers.filter(move |layer| read::filled(layer, "layerType").unwrap_or("data") == layer_type)
}

/// The data layers that show something; the others are an editor's leftovers.
fn data_layers<'v, 'a>(context: &Context<'a>, state: &'v Value) -> Result<Vec<DataLayer<'v, 'a>>, FigureError> {
    let mut layers = Vec::new();
    for layer in layers_of_type(state, "data") {
        let accessors = read::texts(layer, "accessors");
        if !accessors.is_empty() {
            layers.push(data_layer(context, layer, accessors)?);
        }
    }
    if layers.is_empty() { Err(FigureError::Incomplete { option: "accessors" }) } else { Ok(layers) }
}

fn data_layer<'v, 'a>(
    context: &Context<'a>,
    state: &'v Value,
    accessors: Vec<&'v str>,
) -> Result<DataLayer<'v, 'a>, FigureError> {
    let mut data = context.data(state)?;
    let mut split = read::filled(state, "splitAccessor");
    if let (Some(id), Some(function)) = (split, Collapse::read(context, state, "collapseFn")) {
        collapse(&mut data, id, function);
        split = None;
    }
    let (mark, stack) = mark(context, series_type(state));
    Ok(DataLayer { state, data, mark, stack, accessors, split, x: read::filled(state, "xAccessor") })
}

/// How a `seriesType` is drawn: its mark, and how its series are stacked.
fn mark(context: &Context<'_>, series_type: &str) -> (Mark, Option<&'static str>) {
    let stack = if series_type.contains("percentage") {
        Some("percent")
    } else if series_type.contains("stacked") {
        Some("normal")
    } else {
        None
    };
    match series_type.split('_').next() {
        Some("line") => (Mark::Line, None),
        Some("area") => (Mark::Area, stack),
        Some("bar") => (Mark::Bar, stack),
        _ => {
            context.note("`seriesType` of a layer is not known; bars are drawn");
            (Mark::Bar, stack)
        }
    }
}

fn curve(context: &Context<'_>, state: &Value) -> &'static str {
    let known = [
        ("LINEAR", "linear"),
        ("CURVE_MONOTONE_X", "monotone"),
        ("CURVE_STEP_AFTER", "step"),
        ("SMOOTH", "monotone"),
        ("STEP", "step"),
    ];
    context.choice(state, "curveType", &known, "linear")
}

/// A single series needs no legend unless the panel insists.
fn legend(context: &Context<'_>, state: &Value, layers: &[DataLayer<'_, '_>]) -> Legend {
    let legend = member(state, "legend");
    let is_single = layers.len() == 1
        && layers.iter().all(|layer| layer.split.is_none() && layer.accessors.len() == 1)
        && !read::flag(legend, "showSingleSeries").unwrap_or(false);
    Legend {
        is_visible: read::flag(legend, "isVisible").unwrap_or(true) && !is_single,
        position: position(context, legend, "position"),
    }
}

pub(super) fn position(context: &Context<'_>, state: &Value, key: &str) -> &'static str {
    let known = [("right", "right"), ("top", "top"), ("bottom", "bottom"), ("left", "left")];
    context.choice(state, key, &known, "right")
}

fn note_unsupported(context: &Context<'_>, state: &Value) {
    let legend = member(state, "legend");
    let options = [
        (state, "showCurrentTimeMarker", "the marker of the current time is not drawn"),
        (state, "valuesInLegend", "the legend shows no values"),
        (legend, "isInside", "the legend stands beside the chart, not inside"),
    ];
    for (holder, option, note) in options {
        if read::flag(holder, option) == Some(true) {
            context.note(note);
        }
    }
    if read::list(legend, "legendStats").iter().any(|stat| stat.as_str() != Some("currentAndLastValue")) {
        context.note("the legend shows no statistics");
    }
    for layer in read::list(state, "layers").iter().take(LAYERS_MAX) {
        if !matches!(read::filled(layer, "layerType"), None | Some("data" | "referenceLine" | "annotations")) {
            context.note("a layer of an unknown type is not drawn");
        }
    }
}
