//! `lnsPie`: pies, donuts, treemaps, mosaics and waffles, all as one tree of nodes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    FigureError, check_size, click,
    collapse::{Collapse, collapse},
    colour,
    context::{Context, Data, Shown, key},
    model::{Figure, Legend, Node, Pie},
    palette::series::SeriesColours,
    read::{self, member},
    xy,
};
use crate::lens::table::Cell;

/// Kibana allows three; a file may claim any number.
const LEVELS_MAX: usize = 10;

pub(super) fn draw(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    let layer = read::list(state, "layers").first().ok_or(FigureError::Incomplete { option: "layers" })?;
    let shapes =
        [("pie", "pie"), ("donut", "donut"), ("treemap", "treemap"), ("mosaic", "mosaic"), ("waffle", "waffle")];
    let shape = context.choice(state, "shape", &shapes, "pie");
    let mut data = context.data(layer)?;
    let groups = groups(context, layer, &mut data);
    let groups = groups.iter().map(|id| data.column(id)).collect::<Result<Vec<_>, _>>()?;
    let metrics = metrics(layer).iter().map(|id| data.column(id)).collect::<Result<Vec<_>, _>>()?;
    if metrics.is_empty() {
        return Err(FigureError::Incomplete { option: "metrics" });
    }
    check_size(data.rows().len().saturating_mul(groups.len() + 1).saturating_mul(metrics.len()))?;
    let mut tree = Tree { parts: Vec::new(), places: BTreeMap::new(), is_negative: false };
    for row in data.rows() {
        tree.add_row(&groups, &metrics, row);
    }
    if tree.is_negative {
        let hint = Some("a table or bars can show them".to_owned());
        return Ok(Figure::Error { message: format!("a {shape} can't show values below zero"), hint });
    }
    let total: f64 = tree.parts.iter().filter(|part| part.parent.is_none()).map(|part| part.value).sum();
    if tree.parts.is_empty() {
        return Ok(context.empty());
    }
    if total <= 0.0 || !total.is_finite() {
        return Ok(Figure::Empty { reason: "all values are zero".to_owned() });
    }
    let colours = tree.colours(context, state, layer, shape);
    let decimals = usize::try_from(read::count(layer, "percentDecimals", 0..=10).unwrap_or(2)).unwrap_or(2);
    let node = |(index, (part, color)): (usize, (&Part, String))| Node {
        id: index.to_string(),
        parent: part.parent.map(|parent| parent.to_string()),
        label: part.label.clone(),
        value: part.value,
        text: metrics.get(part.metric).map(|metric| metric.write_number(part.value)).unwrap_or_default(),
        percent: format!("{:.decimals$}%", part.value / total * 100.0),
        color,
        filter: part.filters.clone().and_then(click::all),
    };
    Ok(Figure::Pie(Pie {
        shape,
        hole: hole(layer, shape),
        nodes: tree.parts.iter().zip(colours).enumerate().map(node).collect(),
        shows: numbers_shown(context, layer),
        labels: labels(context, layer),
        legend: legend(context, layer, shape, groups.len()),
        notes: Vec::new(),
    }))
}

/// The ids of the groups, outermost first, without those that are collapsed.
fn groups<'v>(context: &Context<'_>, layer: &'v Value, data: &mut Data<'_>) -> Vec<&'v str> {
    let mut ids: Vec<&str> = Vec::new();
    // `groups` is the name before 8.3.
    for option in ["primaryGroups", "secondaryGroups", "groups"] {
        for id in read::texts(layer, option) {
            if ids.len() < LEVELS_MAX && !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids.retain(|id| match Collapse::read(context, member(layer, "collapseFns"), id) {
        Some(function) => {
            collapse(data, id, function);
            false
        }
        None => true,
    });
    ids
}

fn metrics(layer: &Value) -> Vec<&str> {
    let several = read::texts(layer, "metrics");
    if several.is_empty() { read::filled(layer, "metric").into_iter().collect() } else { several }
}

/// A slice.
struct Part {
    parent: Option<usize>,
    depth: usize,
    label: String,
    /// The bucket; `None` for a slice that stands for a metric.
    cell: Option<Cell>,
    value: f64,
    /// Index of the metric by which the value is written.
    metric: usize,
    /// Of the slice and all around it; `None` when no filter means one of them.
    filters: Option<Vec<Value>>,
}

/// Parents stand before their children.
struct Tree {
    parts: Vec<Part>,
    places: BTreeMap<(Option<usize>, String), usize>,
    is_negative: bool,
}

impl Tree {
    fn add_row(&mut self, groups: &[Shown<'_>], metrics: &[Shown<'_>], row: &[Cell]) {
        for (index, metric) in metrics.iter().enumerate() {
            let Some(value) = metric.number(row) else { continue };
            self.is_negative |= value < 0.0;
            let mut parent = None;
            for group in groups {
                let cell = group.cell(row);
                let name = key(cell);
                parent = Some(self.add(parent, name, value, index, || Part {
                    label: group.write(cell),
                    cell: Some(cell.clone()),
                    filters: group.filter_of(cell).map(|filter| vec![filter]),
                    ..blank()
                }));
            }
            if metrics.len() > 1 || groups.is_empty() {
                let label = metric.column.label.clone();
                self.add(parent, format!("metric {index}"), value, index, || Part { label, ..blank() });
            }
        }
    }

    /// Adds to the slice of that name, which is made when there is none.
    fn add(
        &mut self,
        parent: Option<usize>,
        name: String,
        value: f64,
        metric: usize,
        make: impl FnOnce() -> Part,
    ) -> usize {
        let parts = &mut self.parts;
        let place = *self.places.entry((parent, name)).or_insert_with(|| {
            let mut part = make();
            let outer = parent.and_then(|parent| parts.get(parent));
            part.depth = outer.map_or(0, |outer| outer.depth + 1);
            if let Some(outer) = outer {
                let around = outer.filters.clone().zip(part.filters.take());
                part.filters = around.map(|(outer, own)| [outer, own].concat());
            }
            part.parent = parent;
            part.metric = metric;
            parts.push(part);
            parts.len() - 1
        });
        if let Some(part) = parts.get_mut(place) {
            part.value += value;
        }
        place
    }

    /// A colour for each slice: by the outermost group, paler further out; of a mosaic by its innermost one.
    fn colours(&self, context: &Context<'_>, state: &Value, layer: &Value, shape: &str) -> Vec<String> {
        let deepest = self.parts.iter().map(|part| part.depth).max().unwrap_or(0);
        let coloured_depth = if shape == "mosaic" { deepest } else { 0 };
        let mut ranks: BTreeMap<String, usize> = BTreeMap::new();
        for part in self.parts.iter().filter(|part| part.depth == coloured_depth) {
            let next = ranks.len();
            ranks.entry(part.label.clone()).or_insert(next);
        }
        let palette = match member(layer, "palette") {
            Value::Null => member(state, "palette"),
            own => own,
        };
        let mut colours = SeriesColours::read(context, palette, member(layer, "colorMapping"), ranks.len());
        let mut all: Vec<String> = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let color = if part.depth == coloured_depth {
                let rank = ranks.get(&part.label).copied().unwrap_or(0);
                colours.colour(context, rank, &part.label, part.cell.as_ref())
            } else if part.depth < coloured_depth {
                colour::GRAY.to_owned()
            } else {
                let outer = part.parent.and_then(|parent| all.get(parent)).map_or(colour::GRAY, String::as_str);
                colour::mixed(outer, "#ffffff", 0.25)
            };
            all.push(color);
        }
        all
    }
}

fn blank() -> Part {
    Part { parent: None, depth: 0, label: String::new(), cell: None, value: 0.0, metric: 0, filters: Some(Vec::new()) }
}

fn hole(layer: &Value, shape: &str) -> f64 {
    if shape != "donut" {
        return 0.0;
    }
    read::number(layer, "emptySizeRatio").unwrap_or(0.3).clamp(0.0, 0.95)
}

fn numbers_shown(context: &Context<'_>, layer: &Value) -> &'static str {
    let known = [("percent", "percent"), ("value", "value"), ("hidden", "hidden")];
    context.choice(layer, "numberDisplay", &known, "percent")
}

fn labels(context: &Context<'_>, layer: &Value) -> &'static str {
    let known = [("default", "default"), ("inside", "inside"), ("hide", "hide")];
    context.choice(layer, "categoryDisplay", &known, "default")
}

/// By default a legend stands where the labels don't name everything.
fn legend(context: &Context<'_>, layer: &Value, shape: &str, levels: usize) -> Legend {
    let by_default = match shape {
        "waffle" => true,
        "treemap" | "mosaic" => false,
        _ => levels > 1,
    };
    let known = [("default", by_default), ("show", true), ("hide", false)];
    Legend {
        is_visible: context.choice(layer, "legendDisplay", &known, by_default),
        position: xy::position(context, layer, "legendPosition"),
    }
}
