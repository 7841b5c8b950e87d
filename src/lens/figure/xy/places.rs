//! The x axis: what kind it is of, and the places that a layer's rows have on it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{
        FigureError,
        context::{Context, Shown, key, of_kind},
        model::{Place, Series, XAxis, XKind},
        read::{self, member},
    },
    DataLayer,
};
use crate::lens::table::{Cell, CellKind};

/// The places of one layer in their order, each with the filter that a click on it adds.
pub(super) struct Places {
    pub(super) values: Vec<Place>,
    pub(super) filters: Option<Vec<Option<Value>>>,
    by_key: BTreeMap<String, usize>,
}

impl Places {
    pub(super) fn index(&self, cell: &Cell) -> Option<usize> {
        self.by_key.get(&key(cell)).copied()
    }
}

/// The kind that the first layer with an x column gives the axis; layers that don't suit it are noted.
pub(super) fn kind_of(context: &Context<'_>, layers: &[DataLayer<'_, '_>]) -> Result<XKind, FigureError> {
    let mut kind = None;
    for layer in layers {
        let Some(x) = layer.data.named(layer.state, "xAccessor")? else { continue };
        let own = kind_of_layer(layer, &x);
        if *kind.get_or_insert(own) != own {
            context.note("the layers' horizontal axes differ; that of the first one is drawn");
        }
    }
    Ok(kind.unwrap_or(XKind::Category))
}

/// Terms of numbers are categories, a histogram's bars lie on a number axis; the table can't tell them apart, so the
/// state does, else the order: terms come by their metric.
fn kind_of_layer(layer: &DataLayer<'_, '_>, x: &Shown<'_>) -> XKind {
    let is_ordinal = read::text(layer.state, "xScaleType") == Some("ordinal");
    match x.column.kind {
        CellKind::Date if !is_ordinal || x.column.interval.is_some() => XKind::Time,
        CellKind::Number if !is_ordinal => {
            let is_said = read::flag(layer.state, "isHistogram") == Some(true)
                || read::text(layer.state, "xScaleType") == Some("linear");
            let has_others = layer.data.rows().iter().any(|row| matches!(x.cell(row), Cell::Other | Cell::Missing));
            if (is_said || rises(layer, x)) && !has_others { XKind::Number } else { XKind::Category }
        }
        _ => XKind::Category,
    }
}

/// Whether new values of x only ever come in rising order.
fn rises(layer: &DataLayer<'_, '_>, x: &Shown<'_>) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut highest = f64::NEG_INFINITY;
    layer.data.rows().iter().filter_map(|row| x.number(row)).all(|number| {
        let is_new = seen.insert(number.to_bits());
        let is_fine = !is_new || number > highest;
        highest = highest.max(number);
        is_fine
    })
}

/// All places of a layer. Rows without a place on a time or number axis are left out.
pub(super) fn read(layer: &DataLayer<'_, '_>, kind: XKind) -> Result<Places, FigureError> {
    let Some(x) = layer.data.named(layer.state, "xAccessor")? else { return Ok(single()) };
    let mut cells: Vec<(Place, &Cell)> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for row in layer.data.rows() {
        let cell = x.cell(row);
        if let Some(place) = place(&x, cell, kind)
            && seen.insert(key(cell))
        {
            cells.push((place, cell));
        }
    }
    cells.sort_by(|(one, _), (other, _)| in_order(one, other));
    let by_key = cells.iter().enumerate().map(|(index, (_, cell))| (key(cell), index)).collect();
    let filters: Vec<Option<Value>> = cells.iter().map(|(_, cell)| x.filter_of(cell)).collect();
    let filters = filters.iter().any(Option::is_some).then_some(filters);
    Ok(Places { values: cells.into_iter().map(|(place, _)| place).collect(), filters, by_key })
}

/// Without an x column all values stand in one place without a name.
fn single() -> Places {
    let by_key = BTreeMap::from([(key(&Cell::Null), 0)]);
    Places { values: vec![Place::Text(String::new())], filters: None, by_key }
}

fn place(x: &Shown<'_>, cell: &Cell, kind: XKind) -> Option<Place> {
    match kind {
        XKind::Category => Some(Place::Text(x.write(cell))),
        XKind::Time => match cell {
            Cell::Date(ms) => Some(Place::Ms(*ms)),
            _ => None,
        },
        XKind::Number => cell.number().filter(|number| number.is_finite()).map(Place::Number),
    }
}

/// Moments and numbers rise; categories stay as they came.
fn in_order(one: &Place, other: &Place) -> std::cmp::Ordering {
    match (one, other) {
        (Place::Ms(one), Place::Ms(other)) => one.cmp(other),
        (Place::Number(one), Place::Number(other)) => one.total_cmp(other),
        _ => std::cmp::Ordering::Equal,
    }
}

pub(super) fn axis(
    context: &Context<'_>,
    state: &Value,
    layers: &[DataLayer<'_, '_>],
    kind: XKind,
    series: &[Series],
) -> Result<XAxis, FigureError> {
    let shows = |settings: &str| read::flag(member(state, settings), "x").unwrap_or(true);
    let mut title = read::filled(state, "xTitle").map(str::to_owned);
    let mut interval_ms = None;
    for layer in layers {
        let Some(x) = layer.data.named(layer.state, "xAccessor")? else { continue };
        title.get_or_insert_with(|| x.title());
        // The bars of the finest layer set the width.
        let own = x.column.interval.as_ref().map(|(_, ms)| *ms).filter(|_| kind == XKind::Time);
        interval_ms = [interval_ms, own].into_iter().flatten().min();
    }
    let (from, to) = ends(context, state, kind, interval_ms, series);
    Ok(XAxis {
        kind,
        title: title.filter(|_| shows("axisTitlesVisibilitySettings")),
        from,
        to,
        interval_ms,
        shows_labels: shows("tickLabelsVisibilitySettings"),
        shows_grid: shows("gridlinesVisibilitySettings"),
    })
}

/// Where the axis begins and ends: the time range, or what `xExtent` says.
fn ends(
    context: &Context<'_>,
    state: &Value,
    kind: XKind,
    interval_ms: Option<i64>,
    series: &[Series],
) -> (Option<Place>, Option<Place>) {
    let extent = member(state, "xExtent");
    let mode = context.choice(extent, "mode", &[("full", 0), ("dataBounds", 1), ("custom", 2)], 0);
    let (low, high) = (read::number(extent, "lowerBound"), read::number(extent, "upperBound"));
    match (kind, mode) {
        (XKind::Number, 2) => (low.map(Place::Number), high.map(Place::Number)),
        (XKind::Time, 1) => data_ends(series, interval_ms.unwrap_or(0)),
        (XKind::Time, _) => {
            let range = context.scope.range;
            let bound = |bound: Option<f64>, end: i64| match of_kind(
                CellKind::Date,
                bound.filter(|_| mode == 2).unwrap_or(f64::NAN),
            ) {
                Cell::Date(ms) => Some(Place::Ms(ms)),
                _ => Some(Place::Ms(end)),
            };
            (bound(low, range.from_ms), bound(high, range.to_ms))
        }
        _ => (None, None),
    }
}

fn data_ends(series: &[Series], interval_ms: i64) -> (Option<Place>, Option<Place>) {
    let moments = series.iter().flat_map(|series| &series.x).filter_map(|place| match place {
        Place::Ms(ms) => Some(*ms),
        Place::Number(_) | Place::Text(_) => None,
    });
    let ends = moments.fold(None, |ends: Option<(i64, i64)>, ms| {
        Some(ends.map_or((ms, ms), |(low, high)| (low.min(ms), high.max(ms))))
    });
    let (low, high) = ends.unzip();
    (low.map(Place::Ms), high.map(|high| Place::Ms(high.saturating_add(interval_ms))))
}

/// The distances that fitting works with: moments and numbers as they are, categories by their position.
pub(super) fn distances(places: &[Place]) -> Vec<f64> {
    let distance = |(index, place): (usize, &Place)| match place {
        #[allow(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
        Place::Ms(ms) => *ms as f64,
        Place::Number(number) => *number,
        #[allow(clippy::cast_precision_loss, reason = "far fewer places than 2^53")]
        Place::Text(_) => index as f64,
    };
    places.iter().enumerate().map(distance).collect()
}
