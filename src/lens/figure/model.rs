//! What the page draws, as JSON: the shapes that the page's renderer reads. Texts are texts, never html; numbers that are
//! not finite are `null`; colours are `#rrggbb`.

use serde::Serialize;
use serde_json::Value;

use crate::lens::forecast::ForecastFigure;

/// A panel's content.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Figure {
    Xy(Box<Xy>),
    Metric(Metric),
    Table(TableFigure),
    Pie(Pie),
    Heatmap(Box<Heatmap>),
    Gauge(Box<Gauge>),
    TagCloud(TagCloud),
    Forecast(Box<ForecastFigure>),
    /// `html` is safe: made by [`crate::lens::figure::markdown`].
    Markdown {
        html: String,
    },
    Empty {
        reason: String,
    },
    Error {
        message: String,
        hint: Option<String>,
    },
    Unsupported {
        what: String,
        reason: String,
    },
}

impl Figure {
    /// Adds what was asked for and is not drawn. Kinds without data have nothing to add to.
    pub(super) fn set_notes(&mut self, notes: Vec<String>) {
        let place = match self {
            Self::Xy(figure) => &mut figure.notes,
            Self::Metric(figure) => &mut figure.notes,
            Self::Table(figure) => &mut figure.notes,
            Self::Pie(figure) => &mut figure.notes,
            Self::Heatmap(figure) => &mut figure.notes,
            Self::Gauge(figure) => &mut figure.notes,
            Self::TagCloud(figure) => &mut figure.notes,
            Self::Forecast(figure) => &mut figure.notes,
            Self::Markdown { .. } | Self::Empty { .. } | Self::Error { .. } | Self::Unsupported { .. } => return,
        };
        *place = notes;
    }
}

/// How an axis writes its numbers: the d3 format of `value * factor`, between `prefix` and `suffix`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberFormat {
    pub d3: String,
    pub prefix: String,
    pub suffix: String,
    pub factor: f64,
}

/// A place on an x axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// Milliseconds since the epoch.
    Ms(i64),
    Number(f64),
    Text(String),
}

/// Where the names of the series stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Legend {
    pub is_visible: bool,
    pub position: &'static str,
}

/// Lines, areas and bars over one horizontal axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Xy {
    pub x: XAxis,
    pub left: Option<Axis>,
    pub right: Option<Axis>,
    pub is_horizontal: bool,
    pub curve: &'static str,
    pub legend: Legend,
    pub shows_values: bool,
    pub series: Vec<Series>,
    pub reference_lines: Vec<ReferenceLine>,
    pub annotations: Vec<Annotation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What the places of an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum XKind {
    Time,
    Category,
    Number,
}

/// The axis of the places; horizontal, unless the chart lies on its side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct XAxis {
    pub kind: XKind,
    pub title: Option<String>,
    /// Always there for a time axis; for a number axis where the panel fixes it.
    pub from: Option<Place>,
    pub to: Option<Place>,
    pub interval_ms: Option<i64>,
    pub shows_labels: bool,
    pub shows_grid: bool,
}

/// An axis of values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    pub title: Option<String>,
    pub scale: &'static str,
    pub extent: Option<[Option<f64>; 2]>,
    pub from_zero: bool,
    pub format: NumberFormat,
    pub shows_labels: bool,
    pub shows_grid: bool,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Line,
    Area,
    Bar,
}

/// The axis that a series or a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Left,
    Right,
    Bottom,
}

/// One line, area or set of bars; `x`, `y`, `text` and `point_filters` have the same length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    pub name: String,
    #[serde(rename = "type")]
    pub mark: Mark,
    pub stack: Option<&'static str>,
    pub axis: Side,
    pub color: String,
    pub fill_opacity: f64,
    pub x: Vec<Place>,
    pub y: Vec<Option<f64>>,
    pub text: Vec<String>,
    pub split_filter: Option<Value>,
    pub point_filters: Option<Vec<Option<Value>>>,
}

/// A line across the chart, with what is filled beside it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReferenceLine {
    pub axis: Side,
    pub value: f64,
    /// Where the fill ends: the next line that is filled the same way; `None` is the chart's edge.
    pub to: Option<f64>,
    pub label: Option<String>,
    pub color: String,
    pub width: f64,
    pub style: &'static str,
    pub fill: &'static str,
}

/// A moment, or a span of time, in milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Annotation {
    pub at: i64,
    pub until: Option<i64>,
    pub label: String,
    pub color: String,
}

/// Numbers written large.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    pub columns_max: u32,
    pub tiles: Vec<Tile>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One number with what belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tile {
    pub title: String,
    pub subtitle: Option<String>,
    pub value: String,
    pub raw: Option<f64>,
    pub secondary: Option<Secondary>,
    pub progress: Option<Progress>,
    pub color: Option<String>,
    pub trend: Option<Trend>,
    pub filter: Option<Value>,
}

/// The smaller number of a tile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Secondary {
    pub label: Option<String>,
    pub value: String,
}

/// How far a number is on its way to its maximum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// From 0 to 1.
    pub fraction: f64,
    pub direction: &'static str,
}

/// The line behind a tile; moments in milliseconds since the epoch, as many as values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    pub x: Vec<i64>,
    pub y: Vec<Option<f64>>,
}

/// A table, rows already sorted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableFigure {
    pub columns: Vec<TableHead>,
    pub rows: Vec<Vec<TableCell>>,
    pub summary: Option<Vec<Summary>>,
    pub page_size: Option<u32>,
    pub sort: Option<Sort>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A column of a table; `width` in pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableHead {
    pub id: String,
    pub title: String,
    pub align: &'static str,
    pub is_numeric: bool,
    pub width: Option<f64>,
    pub group: Option<String>,
}

/// What is shown, and in `raw` what is sorted by: a number, a text or null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableCell {
    pub text: String,
    pub raw: Value,
    pub color: Option<String>,
    pub background: Option<String>,
    pub filter: Option<Value>,
}

/// A number below a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    pub column: String,
    pub label: String,
    pub text: String,
}

/// By which column the rows are sorted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sort {
    pub column: String,
    pub direction: &'static str,
}

/// Shares of a whole, as a tree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pie {
    pub shape: &'static str,
    pub hole: f64,
    /// Parents before their children.
    pub nodes: Vec<Node>,
    pub shows: &'static str,
    pub labels: &'static str,
    pub legend: Legend,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One slice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    pub id: String,
    pub parent: Option<String>,
    pub label: String,
    pub value: f64,
    pub text: String,
    pub percent: String,
    pub color: String,
    pub filter: Option<Value>,
}

/// A grid of coloured cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heatmap {
    pub x: HeatmapX,
    pub y: HeatmapY,
    /// A row for each value of y.
    pub z: Vec<Vec<Option<f64>>>,
    pub text: Vec<Vec<String>>,
    pub bands: Vec<HeatmapBand>,
    pub shows_values: bool,
    pub shows_legend: bool,
    pub format: NumberFormat,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The columns of the grid; `values` and `filters` have the same length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatmapX {
    pub kind: XKind,
    pub title: Option<String>,
    pub values: Vec<Place>,
    pub filters: Vec<Option<Value>>,
}

/// The rows of the grid, the first on top; `values` and `filters` have the same length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatmapY {
    pub title: Option<String>,
    pub values: Vec<String>,
    pub filters: Vec<Option<Value>>,
}

/// Values from `from` on, below `to`; `null` is open.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatmapBand {
    pub from: Option<f64>,
    pub to: Option<f64>,
    pub color: String,
    pub label: String,
}

/// One value between two ends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gauge {
    pub shape: &'static str,
    pub value: Option<f64>,
    pub text: String,
    pub min: f64,
    pub max: f64,
    pub goal: Option<f64>,
    pub title: Option<String>,
    pub subtitle: Option<String>,
    pub bands: Vec<GaugeBand>,
    pub ticks: &'static str,
    pub format: NumberFormat,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A coloured part of the gauge.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GaugeBand {
    pub from: f64,
    pub to: f64,
    pub color: String,
}

/// Words, sized by their values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagCloud {
    pub words: Vec<Word>,
    pub orientation: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One word of a cloud.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    pub text: String,
    pub value: f64,
    /// In pixels.
    pub size: f64,
    pub color: String,
    pub filter: Option<Value>,
}
