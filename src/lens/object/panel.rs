//! One panel of a dashboard: its place, its title, and what it shows.

use serde_json::Value;

use super::content::{Origin, PanelContent};
use super::dashboard::{SavedTime, read_query};
use super::json::{flag, kind_of, label, text};
use super::reference::{References, resolve_filters};
use crate::lens::scope::Query;

/// A panel. Its id is unique in the dashboard.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub id: String,
    /// The panel's own, else that of what it shows; may be empty.
    pub title: String,
    pub description: String,
    pub hides_title: bool,
    pub grid: Grid,
    /// The place of its section among the dashboard's.
    pub section: Option<usize>,
    /// A range of its own, in place of the dashboard's.
    pub time: Option<SavedTime>,
    pub content: PanelContent,
    pub(super) section_id: Option<String>,
    /// A title that was given to the panel stays, whatever its library item is called.
    has_own_title: bool,
    has_own_description: bool,
    /// A query and filters of the panel beside those of its chart.
    narrowing: Narrowing,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Narrowing {
    query: Option<Query>,
    filters: Vec<Value>,
}

/// Columns of 48, rows of 20 px.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
}

const COLUMNS: u32 = 48;
/// No dashboard is that high; sums of two stay far from the end of `u32`.
const ROWS_MAX: u32 = 1_000_000;

impl Grid {
    /// Kibana's size of a new panel, below all others.
    pub(super) fn at(y: u32) -> Self {
        Self { x: 0, y, w: 24, h: 15 }
    }

    fn read(grid: Option<&Value>, default: Self) -> Self {
        let Some(grid) = grid else { return default };
        let number = |name, default| {
            let given = grid.get(name).and_then(Value::as_f64).filter(|number| *number >= 0.0);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds of `u32`")]
            given.map_or(default, |number| number.min(f64::from(ROWS_MAX)) as u32)
        };
        let x = number("x", default.x).min(COLUMNS - 1);
        let w = number("w", default.w).clamp(1, COLUMNS - x);
        Self { x, y: number("y", default.y), w, h: number("h", default.h).max(1) }
    }
}

impl Panel {
    /// Whatever the value is, a panel comes of it. `place` is where it goes when it does not say.
    pub(super) fn read(
        panel: &Value,
        position: usize,
        references: &References,
        place: Grid,
        warnings: &mut Vec<String>,
    ) -> Self {
        let none = Value::Null;
        let config = panel.get("embeddableConfig").unwrap_or(&none);
        let grid = panel.get("gridData");
        let id = label(panel.get("panelIndex")).or_else(|| label(grid?.get("i")));
        let id = id.unwrap_or_else(|| format!("panel-{}", position + 1));
        let references = references.of_panel(&id);
        let content = match panel {
            Value::Object(_) => PanelContent::read(&Origin { panel, config, references: &references }),
            other => PanelContent::unsupported("panel", format!("it should be an object, but is {}", kind_of(other))),
        };
        let own = |name| text(config, name).or_else(|| text(panel, name)).map(str::to_owned);
        let (title, description) = (own("title"), own("description"));
        if has_drilldowns(config) {
            warnings.push(format!("the drilldowns of the panel `{}` are not offered", title.as_ref().unwrap_or(&id)));
        }
        let (content_title, content_description) = content.texts();
        let mut panel = Self {
            has_own_title: title.is_some(),
            has_own_description: description.is_some(),
            title: title.unwrap_or_else(|| content_title.to_owned()),
            description: description.unwrap_or_else(|| content_description.to_owned()),
            hides_title: flag(config, "hidePanelTitles") || flag(config, "hide_title"),
            grid: Grid::read(grid, place),
            section: None,
            section_id: label(grid.and_then(|grid| grid.get("sectionId"))),
            time: own_time(config),
            narrowing: Narrowing::read(config, &references),
            id,
            content,
        };
        panel.narrow();
        panel
    }

    /// Gives the chart the panel's own query and filters.
    fn narrow(&mut self) {
        let PanelContent::Lens(lens) = &mut self.content else { return };
        lens.filters.append(&mut self.narrowing.filters);
        let Some(query) = self.narrowing.query.take() else { return };
        match &lens.query {
            None => lens.query = Some(query),
            Some(own) if *own == query => {}
            Some(_) => {
                let reason = "the panel has a query beside that of its chart, and one only is supported";
                self.content = PanelContent::unsupported("Lens panels", reason);
            }
        }
    }

    /// Puts what a library item holds in its place; `None` means that there is no such object.
    pub fn resolve(&mut self, object: Option<&Value>) {
        let Some(item) = self.content.library_item() else { return };
        self.content = item.open(object);
        self.narrow();
        let (title, description) = self.content.texts();
        if !self.has_own_title {
            self.title = title.to_owned();
        }
        if !self.has_own_description {
            self.description = description.to_owned();
        }
    }

    /// Kibana's name of the visualization (`lnsXY`), `markdown`, or `unknown`.
    pub fn kind(&self) -> &str {
        match &self.content {
            PanelContent::Lens(lens) => &lens.kind,
            PanelContent::Markdown(_) => "markdown",
            PanelContent::Library(_) | PanelContent::Unsupported { .. } => "unknown",
        }
    }
}

impl Narrowing {
    fn read(config: &Value, references: &References) -> Self {
        let filters = config.get("filters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let query = config.get("query").and_then(read_query).filter(|query| !query.text.trim().is_empty());
        Self { query, filters: resolve_filters(filters, references) }
    }
}

/// Under its name of before and since 9.4.
fn own_time(config: &Value) -> Option<SavedTime> {
    let range = config.get("timeRange").or_else(|| config.get("time_range"))?;
    Some(SavedTime { from: text(range, "from")?.to_owned(), to: text(range, "to")?.to_owned() })
}

fn has_drilldowns(config: &Value) -> bool {
    let old = config.pointer("/enhancements/dynamicActions/events");
    [old, config.get("drilldowns")].into_iter().flatten().any(|list| list.as_array().is_some_and(|it| !it.is_empty()))
}
