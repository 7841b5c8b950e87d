//! `lnsMetric`: a tile, or one for each bucket; and `lnsLegacyMetric`, its elder.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    FigureError, check_size,
    collapse::{Collapse, collapse},
    colour,
    context::{Context, Data, Shown, key},
    model::{Figure, Metric, Progress, Secondary, Tile, Trend},
    palette::bands::{self, Bands},
    read::{self, member},
};
use crate::lens::table::Cell;

/// Tiles beyond these are too small to read.
const TILES_MAX: usize = 1000;

pub(super) fn draw(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    // Before 8.5 this was the name of the old metric.
    if read::filled(state, "metricAccessor").is_none() && read::filled(state, "accessor").is_some() {
        return draw_legacy(context, state);
    }
    let mut data = context.data(state)?;
    let folding = Collapse::read(context, state, "collapseFn");
    if let (Some(id), Some(function)) = (read::filled(state, "breakdownByAccessor"), folding) {
        collapse(&mut data, id, function);
    }
    let parts = Parts::read(context, state, &data, folding.is_some())?;
    if data.rows().iter().all(|row| *parts.metric.cell(row) == Cell::Null) {
        return Ok(context.empty());
    }
    let trends = trends(context, state, folding)?;
    let mut rows = data.rows();
    if parts.breakdown.is_none() {
        rows = rows.get(..1).unwrap_or(rows);
    }
    if rows.len() > TILES_MAX {
        context.note(format!("only the first {TILES_MAX} of {} tiles are shown", rows.len()));
    }
    check_size(trends.values().map(|trend| trend.x.len()).sum())?;
    note_unsupported(context, state);
    Ok(Figure::Metric(Metric {
        columns_max: read::count(state, "maxCols", 1..=100).unwrap_or(3),
        tiles: rows.iter().take(TILES_MAX).map(|row| parts.tile(row, &trends)).collect(),
        notes: Vec::new(),
    }))
}

/// The columns and options of which each tile is made.
struct Parts<'d> {
    state: &'d Value,
    metric: Shown<'d>,
    secondary: Option<Shown<'d>>,
    max: Option<Shown<'d>>,
    breakdown: Option<Shown<'d>>,
    direction: Option<&'static str>,
    span: (f64, f64),
    palette: Option<Palette>,
}

/// Percentages are of each tile's own maximum, where there is one; so bands may differ from tile to tile.
enum Palette {
    Same(Bands),
    /// By the bits of the maximum.
    ByMax(BTreeMap<u64, Bands>),
}

impl<'d> Parts<'d> {
    fn read(
        context: &Context<'_>,
        state: &'d Value,
        data: &'d Data<'_>,
        is_collapsed: bool,
    ) -> Result<Self, FigureError> {
        let metric = data.required(state, "metricAccessor")?;
        let max = data.named(state, "maxAccessor")?;
        let breakdown = if is_collapsed { None } else { data.named(state, "breakdownByAccessor")? };
        let (low, high) = metric.span(data.rows()).unwrap_or((0.0, 0.0));
        let span = if breakdown.is_some() && max.is_none() { (low, high) } else { (0.0, high) };
        let shows_bar = read::flag(state, "showBar").unwrap_or(read::filled(state, "progressDirection").is_some());
        let directions = [("horizontal", "horizontal"), ("vertical", "vertical")];
        let direction = context.choice(state, "progressDirection", &directions, "vertical");
        let mut parts = Self {
            state,
            secondary: data.named(state, "secondaryMetricAccessor")?,
            direction: shows_bar.then_some(direction),
            palette: None,
            metric,
            max,
            breakdown,
            span,
        };
        parts.palette = parts.palette(context, data.rows());
        Ok(parts)
    }

    fn palette(&self, context: &Context<'_>, rows: &[Vec<Cell>]) -> Option<Palette> {
        let palette = self.state.get("palette").filter(|palette| palette.is_object())?;
        let Some(max) = &self.max else {
            return Some(Palette::Same(bands::read(context, palette, "status", self.span)));
        };
        let maxima = rows.iter().take(TILES_MAX).filter_map(|row| max.number(row));
        let own = |max: f64| (max.to_bits(), bands::read(context, palette, "status", (0.0, max)));
        Some(Palette::ByMax(maxima.map(own).collect()))
    }

    fn colour(&self, raw: Option<f64>, row: &[Cell]) -> Option<String> {
        let bands = match &self.palette {
            Some(Palette::Same(bands)) => Some(bands),
            Some(Palette::ByMax(bands)) => {
                self.max.as_ref().and_then(|max| max.number(row)).and_then(|max| bands.get(&max.to_bits()))
            }
            None => None,
        };
        let of_value = bands.zip(raw).and_then(|(bands, raw)| bands.colour(raw)).map(str::to_owned);
        of_value.or_else(|| read::text(self.state, "color").and_then(colour::normal))
    }

    fn tile(&self, row: &[Cell], trends: &BTreeMap<String, Trend>) -> Tile {
        let raw = self.metric.number(row);
        let label = self.metric.column.label.clone();
        let (title, subtitle) = match &self.breakdown {
            Some(breakdown) => (breakdown.text(row), Some(label)),
            None => (label, read::filled(self.state, "subtitle").map(str::to_owned)),
        };
        let bucket = self.breakdown.as_ref().map_or(&Cell::Null, |breakdown| breakdown.cell(row));
        Tile {
            title,
            subtitle,
            value: value_text(&self.metric, row),
            raw,
            secondary: self.secondary.as_ref().map(|secondary| self.secondary_of(secondary, row)),
            progress: self.progress(raw, row),
            color: self.colour(raw, row),
            trend: trends.get(&key(bucket)).cloned(),
            filter: self.breakdown.as_ref().and_then(|breakdown| breakdown.filter(row)),
        }
    }

    fn secondary_of(&self, secondary: &Shown<'_>, row: &[Cell]) -> Secondary {
        // An empty prefix is the author's wish for none; an absent one means the column's name.
        let own = ["secondaryLabel", "secondaryPrefix"].iter().find_map(|option| read::text(self.state, option));
        let label = own.unwrap_or(&secondary.column.label);
        Secondary { label: Some(label.to_owned()).filter(|label| !label.is_empty()), value: value_text(secondary, row) }
    }

    fn progress(&self, raw: Option<f64>, row: &[Cell]) -> Option<Progress> {
        let max = self.max.as_ref()?.number(row).filter(|max| *max > 0.0)?;
        Some(Progress { fraction: (raw? / max).clamp(0.0, 1.0), direction: self.direction? })
    }
}

fn value_text(column: &Shown<'_>, row: &[Cell]) -> String {
    match column.cell(row) {
        Cell::Null => "N/A".to_owned(),
        cell => column.write(cell),
    }
}

/// The trend lines by the bucket's key (that of null without a breakdown). A trend is a decoration: without data of its
/// layer the tiles are drawn all the same.
fn trends(
    context: &Context<'_>,
    state: &Value,
    folding: Option<Collapse>,
) -> Result<BTreeMap<String, Trend>, FigureError> {
    let Some(layer) = read::filled(state, "trendlineLayerId") else { return Ok(BTreeMap::new()) };
    let Ok(mut data) = context.data_of(layer) else {
        context.note("there is no data of the trend line");
        return Ok(BTreeMap::new());
    };
    if let (Some(id), Some(function)) = (read::filled(state, "trendlineBreakdownByAccessor"), folding) {
        collapse(&mut data, id, function);
    }
    let time = data.required(state, "trendlineTimeAccessor")?;
    let metric = data.required(state, "trendlineMetricAccessor")?;
    let breakdown = if folding.is_some() { None } else { data.named(state, "trendlineBreakdownByAccessor")? };
    let mut points: BTreeMap<String, BTreeMap<i64, Option<f64>>> = BTreeMap::new();
    for row in data.rows() {
        let Cell::Date(at) = time.cell(row) else { continue };
        let bucket = breakdown.as_ref().map_or(&Cell::Null, |breakdown| breakdown.cell(row));
        points.entry(key(bucket)).or_default().insert(*at, metric.number(row));
    }
    let trend = |points: BTreeMap<i64, Option<f64>>| {
        let (x, y) = points.into_iter().unzip();
        Trend { x, y }
    };
    Ok(points.into_iter().map(|(bucket, points)| (bucket, trend(points))).collect())
}

fn note_unsupported(context: &Context<'_>, state: &Value) {
    if read::text(member(state, "secondaryTrend"), "type") == Some("dynamic") {
        context.note("the secondary metric's trend badge is not drawn");
    }
}

/// One number, its colour by value where the panel says so.
pub(super) fn draw_legacy(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    let data = context.data(state)?;
    let metric = data.required(state, "accessor")?;
    let Some(row) = data.rows().first().filter(|row| *metric.cell(row) != Cell::Null) else {
        return Ok(context.empty());
    };
    let raw = metric.number(row);
    let modes = [("None", false), ("Labels", true), ("Background", true)];
    let color = if context.choice(state, "colorMode", &modes, false) {
        let bands = bands::read(context, member(state, "palette"), "status", (0.0, raw.unwrap_or(0.0)));
        raw.and_then(|raw| bands.colour(raw).map(str::to_owned))
    } else {
        None
    };
    let tile = Tile {
        title: metric.column.label.clone(),
        subtitle: None,
        value: metric.text(row),
        raw,
        secondary: None,
        progress: None,
        color,
        trend: None,
        filter: None,
    };
    Ok(Figure::Metric(Metric { columns_max: 1, tiles: vec![tile], notes: Vec::new() }))
}
