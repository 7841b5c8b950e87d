//! The series of the data layers: one for each measure and split value, over the layer's places.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{
        FigureError, check_size,
        context::{Context, Shown, key},
        model::{Mark, Series, XKind},
        palette::series::SeriesColours,
        read::{self, member},
    },
    DataLayer,
    axes::Measure,
    fitting::Fitting,
    places::{self, Places},
};
use crate::lens::table::Cell;

/// Beyond this many points nobody hits a single one; their filters would be most of the answer.
const FILTERS_MAX: usize = 50_000;

pub(super) fn draw(
    context: &Context<'_>,
    state: &Value,
    layers: &[DataLayer<'_, '_>],
    measures: &[Measure],
    kind: XKind,
) -> Result<Vec<Series>, FigureError> {
    let fitting = Fitting::read(context, state);
    let fill_opacity = read::number(state, "fillOpacity").unwrap_or(0.3).clamp(0.0, 1.0);
    let mut all = Vec::new();
    let mut values = 0_usize;
    for (index, layer) in layers.iter().enumerate() {
        let mut places = places::read(layer, kind)?;
        let own: Vec<&Measure> = measures.iter().filter(|measure| measure.layer == index).collect();
        let splits = splits(layer)?;
        let own_values = splits.cells.len().saturating_mul(own.len()).saturating_mul(places.values.len());
        values = values.saturating_add(own_values);
        check_size(values)?;
        if values > FILTERS_MAX {
            places.filters = None;
        }
        let mut drawn = blank(context, layer, &own, &splits, &places, all.len())?;
        fill(layer, &own, &splits, &places, &mut drawn)?;
        for series in &mut drawn {
            series.fill_opacity = opacity(layer.mark, fill_opacity);
        }
        if layer.mark != Mark::Bar {
            let distances = places::distances(&places.values);
            fit(layer, &own, fitting, &distances, &mut drawn)?;
        }
        all.append(&mut drawn);
    }
    Ok(all)
}

fn opacity(mark: Mark, fill_opacity: f64) -> f64 {
    match mark {
        Mark::Area => fill_opacity,
        Mark::Bar => 1.0,
        Mark::Line => 0.0,
    }
}

/// The values of a layer's split column, in order of appearance.
struct Splits<'l> {
    column: Option<Shown<'l>>,
    cells: Vec<&'l Cell>,
    by_key: BTreeMap<String, usize>,
}

static WHOLE: Cell = Cell::Null;

/// A layer without a split has the one value "whole".
fn splits<'l>(layer: &'l DataLayer<'_, '_>) -> Result<Splits<'l>, FigureError> {
    let Some(id) = layer.split else {
        return Ok(Splits { column: None, cells: vec![&WHOLE], by_key: BTreeMap::new() });
    };
    let column = layer.data.column(id)?;
    let mut cells = Vec::new();
    let mut by_key = BTreeMap::new();
    for row in layer.data.rows() {
        let cell = column.cell(row);
        if let std::collections::btree_map::Entry::Vacant(place) = by_key.entry(key(cell)) {
            place.insert(cells.len());
            cells.push(cell);
        }
    }
    Ok(Splits { column: Some(column), cells, by_key })
}

impl Splits<'_> {
    fn index(&self, row: &[Cell]) -> Option<usize> {
        match &self.column {
            Some(column) => self.by_key.get(&key(column.cell(row))).copied(),
            None => Some(0),
        }
    }
}

/// The series without values: for each split value, one for each measure.
fn blank(
    context: &Context<'_>,
    layer: &DataLayer<'_, '_>,
    measures: &[&Measure],
    splits: &Splits<'_>,
    places: &Places,
    drawn_before: usize,
) -> Result<Vec<Series>, FigureError> {
    let mapping = if splits.column.is_some() { member(layer.state, "colorMapping") } else { &Value::Null };
    let total = splits.cells.len().saturating_mul(measures.len());
    let mut colours = SeriesColours::read(context, member(layer.state, "palette"), mapping, drawn_before + total);
    let mut series = Vec::with_capacity(total);
    for cell in &splits.cells {
        let split_name = splits.column.as_ref().map(|column| column.write(cell));
        for measure in measures {
            let name = match &split_name {
                Some(split) if measures.len() > 1 => format!("{split} - {}", measure.label),
                Some(split) => split.clone(),
                None => measure.label.clone(),
            };
            let rank = drawn_before + series.len();
            // A split's series take its colours; a colour of the measure is for a single one.
            let own = measure.color.clone().filter(|_| splits.column.is_none());
            let mapped = splits.column.as_ref().map(|_| *cell);
            let color = own.unwrap_or_else(|| colours.colour(context, rank, &name, mapped));
            series.push(Series {
                mark: layer.mark,
                stack: layer.stack,
                axis: measure.side,
                color,
                fill_opacity: 0.0,
                x: places.values.clone(),
                y: vec![None; places.values.len()],
                text: vec![String::new(); places.values.len()],
                split_filter: splits.column.as_ref().and_then(|column| column.filter_of(cell)),
                point_filters: places.filters.clone(),
                name,
            });
        }
    }
    Ok(series)
}

fn fill(
    layer: &DataLayer<'_, '_>,
    measures: &[&Measure],
    splits: &Splits<'_>,
    places: &Places,
    series: &mut [Series],
) -> Result<(), FigureError> {
    let x = layer.x.map(|id| layer.data.column(id)).transpose()?;
    let columns = measures.iter().map(|measure| layer.data.column(&measure.id)).collect::<Result<Vec<_>, _>>()?;
    for row in layer.data.rows() {
        let cell = x.as_ref().map_or(&WHOLE, |x| x.cell(row));
        let (Some(split), Some(place)) = (splits.index(row), places.index(cell)) else { continue };
        for (offset, column) in columns.iter().enumerate() {
            let Some(series) = series.get_mut(split * columns.len() + offset) else { continue };
            let Some(value) = column.number(row) else { continue };
            if let (Some(y), Some(text)) = (series.y.get_mut(place), series.text.get_mut(place)) {
                *y = Some(value);
                *text = column.text(row);
            }
        }
    }
    Ok(())
}

/// Fills gaps, and writes the filled values as the measure's column does.
fn fit(
    layer: &DataLayer<'_, '_>,
    measures: &[&Measure],
    fitting: Fitting,
    distances: &[f64],
    series: &mut [Series],
) -> Result<(), FigureError> {
    let columns = measures.iter().map(|measure| layer.data.column(&measure.id)).collect::<Result<Vec<_>, _>>()?;
    for (series, column) in series.iter_mut().zip(columns.iter().cycle()) {
        let before = series.y.clone();
        fitting.fill(distances, &mut series.y);
        for ((before, after), text) in before.iter().zip(&series.y).zip(&mut series.text) {
            if let (None, Some(filled)) = (before, after) {
                *text = column.write_number(*filled);
            }
        }
    }
    Ok(())
}
