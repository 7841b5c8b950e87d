//! `lnsHeatmap`: a grid of two buckets, coloured by a metric.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    FigureError, check_size,
    context::{Context, Data, Shown, key},
    model::{Figure, Heatmap, HeatmapBand, HeatmapX, HeatmapY, Place, XKind},
    palette::bands::{self, Band},
    read::{self, member},
};
use crate::lens::table::{Cell, CellKind};

pub(super) fn draw(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    let data = context.data(state)?;
    let value = data.required(state, "valueAccessor")?;
    let Some(span) = value.span(data.rows()) else { return Ok(context.empty()) };
    let (x, y) = (data.named(state, "xAccessor")?, data.named(state, "yAccessor")?);
    let kind = match &x {
        Some(x) if x.column.kind == CellKind::Date => XKind::Time,
        _ => XKind::Category,
    };
    let columns = Line::read(&data, x.as_ref(), kind == XKind::Time);
    let rows = Line::read(&data, y.as_ref(), false);
    check_size(columns.cells.len().saturating_mul(rows.cells.len()))?;
    let (z, text) = grid(&data, &value, &columns, &rows);
    let grid = member(state, "gridConfig");
    let is_titled = |option: &str| read::flag(grid, option).unwrap_or(false);
    let title =
        |column: &Option<Shown<'_>>, option: &str| column.as_ref().filter(|_| is_titled(option)).map(Shown::title);
    let bands = bands::read(context, member(state, "palette"), "temperature", span);
    Ok(Figure::Heatmap(Box::new(Heatmap {
        x: HeatmapX {
            kind,
            title: title(&x, "isXAxisTitleVisible"),
            values: columns.places(kind),
            filters: columns.filters(),
        },
        y: HeatmapY { title: title(&y, "isYAxisTitleVisible"), values: rows.texts(), filters: rows.filters() },
        z,
        text,
        bands: bands.0.into_iter().map(|band| labelled(&value, band)).collect(),
        shows_values: read::flag(grid, "isCellLabelVisible").unwrap_or(false),
        shows_legend: read::flag(member(state, "legend"), "isVisible").unwrap_or(true),
        format: value.axis(),
        notes: Vec::new(),
    })))
}

/// The buckets along one side.
struct Line<'d> {
    column: Option<&'d Shown<'d>>,
    cells: Vec<&'d Cell>,
    places: BTreeMap<String, usize>,
}

static WHOLE: Cell = Cell::Null;

impl<'d> Line<'d> {
    /// In order of appearance, moments in order of time. Without a column the side has one bucket.
    fn read(data: &'d Data<'_>, column: Option<&'d Shown<'d>>, is_time: bool) -> Self {
        let Some(shown) = column else {
            return Self { column, cells: vec![&WHOLE], places: BTreeMap::from([(key(&WHOLE), 0)]) };
        };
        let mut seen = std::collections::BTreeSet::new();
        let cells = data.rows().iter().map(|row| shown.cell(row));
        let mut cells: Vec<&Cell> = cells
            .filter(|cell| !is_time || matches!(cell, Cell::Date(_)))
            .filter(|cell| seen.insert(key(cell)))
            .collect();
        if is_time {
            cells.sort_by_key(|cell| if let Cell::Date(ms) = cell { *ms } else { i64::MAX });
        }
        let places = cells.iter().enumerate().map(|(index, cell)| (key(cell), index)).collect();
        Self { column, cells, places }
    }

    fn place(&self, row: &[Cell]) -> Option<usize> {
        let cell = self.column.map_or(&WHOLE, |column| column.cell(row));
        self.places.get(&key(cell)).copied()
    }

    fn texts(&self) -> Vec<String> {
        let Some(column) = self.column else { return vec![String::new()] };
        self.cells.iter().map(|cell| column.write(cell)).collect()
    }

    fn places(&self, kind: XKind) -> Vec<Place> {
        if kind != XKind::Time {
            return self.texts().into_iter().map(Place::Text).collect();
        }
        let moment = |cell: &&Cell| if let Cell::Date(ms) = cell { Some(Place::Ms(*ms)) } else { None };
        self.cells.iter().filter_map(moment).collect()
    }

    /// What a click on each bucket's cells filters by.
    fn filters(&self) -> Vec<Option<Value>> {
        self.cells.iter().map(|cell| self.column.and_then(|column| column.filter_of(cell))).collect()
    }
}

type Numbers = Vec<Vec<Option<f64>>>;

fn grid(data: &Data<'_>, value: &Shown<'_>, columns: &Line<'_>, rows: &Line<'_>) -> (Numbers, Vec<Vec<String>>) {
    let mut z = vec![vec![None; columns.cells.len()]; rows.cells.len()];
    let mut text = vec![vec![String::new(); columns.cells.len()]; rows.cells.len()];
    for row in data.rows() {
        let (Some(across), Some(down)) = (columns.place(row), rows.place(row)) else { continue };
        if let Some(place) = z.get_mut(down).and_then(|line| line.get_mut(across)) {
            *place = value.number(row);
        }
        if let Some(place) = text.get_mut(down).and_then(|line| line.get_mut(across)) {
            *place = value.text(row);
        }
    }
    (z, text)
}

fn labelled(value: &Shown<'_>, band: Band) -> HeatmapBand {
    let label = match (band.from, band.to) {
        (Some(from), Some(to)) => format!("{} - {}", value.write_number(from), value.write_number(to)),
        (Some(from), None) => format!("≥ {}", value.write_number(from)),
        (None, Some(to)) => format!("< {}", value.write_number(to)),
        (None, None) => "all".to_owned(),
    };
    HeatmapBand { from: band.from, to: band.to, color: band.color, label }
}
