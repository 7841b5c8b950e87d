//! A dashboard: its panels and controls, the time range, query and filters that it opens with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::content::PanelContent;
use super::control::Controls;
use super::json::{embedded_array, embedded_object, flag, kind_of, label, text};
use super::panel::{Grid, Panel};
use super::reference::{Reference, References, resolve_filters};
use super::{LibraryItem, ObjectError};
use crate::lens::scope::{Language, Query};

/// A dashboard, read; library items of its panels are fetched by the caller ([`Dashboard::resolve`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    pub id: String,
    pub title: String,
    pub description: String,
    pub options: Options,
    /// The range that it opens with, when it was saved with one.
    pub time: Option<SavedTime>,
    pub refresh: Option<Refresh>,
    pub query: Option<Query>,
    /// As Kibana stores filters, data views by id.
    pub filters: Vec<Value>,
    /// In order of the file.
    pub sections: Vec<Section>,
    pub panels: Vec<Panel>,
    pub controls: Controls,
    pub references: Vec<Reference>,
    /// What is not shown as Kibana would; sentences for people.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub uses_margins: bool,
    pub syncs_colors: bool,
    pub syncs_cursor: bool,
    pub syncs_tooltips: bool,
    pub hides_panel_titles: bool,
}

/// Date math or ISO 8601, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedTime {
    pub from: String,
    pub to: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    pub is_paused: bool,
    pub interval_ms: u64,
}

/// A part of the grid that can be collapsed; panels name it by its place in [`Dashboard::sections`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub id: String,
    pub title: String,
    pub is_collapsed: bool,
    pub y: u32,
}

impl Dashboard {
    /// Of a saved object of type `dashboard`, with references.
    ///
    /// # Errors
    /// It is something else, or a JSON text of its own attributes is broken. Panels that can't be read are
    /// [`PanelContent::Unsupported`].
    pub fn read(object: &Value) -> Result<Self, ObjectError> {
        let attributes = attributes(object, "dashboard")?;
        let references = References::read(object.get("references"));
        let options = Options::read(&embedded_object(attributes.get("optionsJSON"), "attributes.optionsJSON")?);
        let source = search_source(attributes)?;
        let sections = sections(attributes);
        let panels = embedded_array(attributes.get("panelsJSON"), "attributes.panelsJSON")?;
        let mut dashboard = Self {
            id: text(object, "id").unwrap_or_default().to_owned(),
            title: text(attributes, "title").unwrap_or_default().to_owned(),
            description: text(attributes, "description").unwrap_or_default().to_owned(),
            options,
            time: saved_time(attributes),
            refresh: refresh(attributes),
            query: None,
            filters: resolve_filters(source.filters(), &references),
            sections,
            panels: Vec::new(),
            controls: Controls::read(attributes.get("controlGroupInput"), &references)?,
            references: Vec::new(),
            warnings: Vec::new(),
        };
        dashboard.query = source.query(&mut dashboard.warnings);
        dashboard.add_panels(&panels, &references);
        dashboard.references = references.into_list();
        Ok(dashboard)
    }

    /// The library items that panels show; without them [`Dashboard::resolve`] can say only that they are missing.
    pub fn library_items(&self) -> Vec<&LibraryItem> {
        let item = |panel: &'_ Panel| matches!(panel.content, PanelContent::Library(_));
        self.panels.iter().filter(|panel| item(panel)).filter_map(|panel| panel.content.library_item()).collect()
    }

    /// Replaces the panels' library items by what they hold. `fetch` gives the saved object of a type and id.
    pub fn resolve(&mut self, fetch: impl Fn(&str, &str) -> Option<Value>) {
        for panel in &mut self.panels {
            let Some(item) = panel.content.library_item() else { continue };
            let object = fetch(&item.kind, &item.id);
            panel.resolve(object.as_ref());
        }
    }

    /// Ids of the stored data views that panels, controls and filters use; those that panels bring along are not among
    /// them. Library items count once they are resolved.
    pub fn data_views(&self) -> BTreeSet<&str> {
        let of_panels = self.panels.iter().filter_map(|panel| panel.content.lens()).flat_map(|lens| lens.data_views());
        let of_filters = self.filters.iter().filter_map(|filter| filter.pointer("/meta/index")?.as_str());
        of_panels.chain(self.controls.data_views()).chain(of_filters).collect()
    }

    fn add_panels(&mut self, panels: &[Value], references: &References) {
        let mut used = BTreeMap::new();
        for (position, panel) in panels.iter().enumerate() {
            let bottom = self.panels.iter().map(|panel| panel.grid.y.saturating_add(panel.grid.h)).max().unwrap_or(0);
            let mut panel = Panel::read(panel, position, references, Grid::at(bottom), &mut self.warnings);
            panel.section = panel.section_id.as_ref().and_then(|id| self.sections.iter().position(|s| s.id == *id));
            let count = used.entry(panel.id.clone()).or_insert(0_u32);
            *count += 1;
            if *count > 1 {
                self.warnings.push(format!("two panels have the id `{}`", panel.id));
                panel.id = format!("{}~{count}", panel.id);
            }
            self.panels.push(panel);
        }
    }
}

impl Options {
    fn read(options: &Map<String, Value>) -> Self {
        let flag = |name: &str, default| options.get(name).and_then(Value::as_bool).unwrap_or(default);
        Self {
            uses_margins: flag("useMargins", true),
            syncs_colors: flag("syncColors", false),
            syncs_cursor: flag("syncCursor", true),
            syncs_tooltips: flag("syncTooltips", false),
            hides_panel_titles: flag("hidePanelTitles", false),
        }
    }
}

/// The object's attributes, if it is of this type; a missing type is let pass.
pub(super) fn attributes<'v>(object: &'v Value, kind: &'static str) -> Result<&'v Value, ObjectError> {
    if !object.is_object() {
        return Err(ObjectError::Kind { expected: kind, found: kind_of(object).to_owned() });
    }
    if let Some(found) = text(object, "type").filter(|found| *found != kind) {
        return Err(ObjectError::Kind { expected: kind, found: format!("one of type `{found}`") });
    }
    match object.get("attributes") {
        Some(attributes @ Value::Object(_)) => Ok(attributes),
        Some(other) => {
            Err(ObjectError::Shape { path: "attributes".to_owned(), expected: "an object", found: kind_of(other) })
        }
        None => Err(ObjectError::Missing { path: "attributes".to_owned() }),
    }
}

/// What `searchSourceJSON` holds.
struct SearchSource(Map<String, Value>);

fn search_source(attributes: &Value) -> Result<SearchSource, ObjectError> {
    let path = "attributes.kibanaSavedObjectMeta.searchSourceJSON";
    embedded_object(attributes.pointer("/kibanaSavedObjectMeta/searchSourceJSON"), path).map(SearchSource)
}

impl SearchSource {
    /// Newer files write `filters`.
    fn filters(&self) -> &[Value] {
        let filters = self.0.get("filter").or_else(|| self.0.get("filters"));
        filters.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn query(&self, warnings: &mut Vec<String>) -> Option<Query> {
        let query = self.0.get("query").filter(|query| !query.is_null())?;
        let read = read_query(query);
        if read.is_none() {
            warnings.push("the query of the dashboard is in a language that is not supported; it is left out".into());
        }
        read
    }
}

/// A query, in today's form or in that of Kibana 5, where Lucene queries were searches.
pub(super) fn read_query(query: &Value) -> Option<Query> {
    let old = query.get("query").unwrap_or(query);
    if old.get("match_all").is_some() {
        return Some(Query { language: Language::Lucene, text: String::new() });
    }
    if let Some(text) = old.pointer("/query_string/query").and_then(Value::as_str) {
        return Some(Query { language: Language::Lucene, text: text.to_owned() });
    }
    Query::read(query)
}

fn saved_time(attributes: &Value) -> Option<SavedTime> {
    let part = |name| text(attributes, name).filter(|text| !text.is_empty()).map(str::to_owned);
    let is_restored = flag(attributes, "timeRestore");
    is_restored.then(|| Some(SavedTime { from: part("timeFrom")?, to: part("timeTo")? })).flatten()
}

fn refresh(attributes: &Value) -> Option<Refresh> {
    let refresh = attributes.get("refreshInterval").filter(|_| flag(attributes, "timeRestore"))?;
    let interval_ms = refresh.get("value")?.as_u64()?;
    Some(Refresh { is_paused: refresh.get("pause").and_then(Value::as_bool).unwrap_or(true), interval_ms })
}

fn sections(attributes: &Value) -> Vec<Section> {
    let section = |value: &Value| {
        let grid = value.get("gridData")?;
        Some(Section {
            id: label(grid.get("i"))?,
            title: text(value, "title").unwrap_or_default().to_owned(),
            is_collapsed: flag(value, "collapsed"),
            y: grid.get("y").and_then(Value::as_u64).and_then(|y| u32::try_from(y).ok()).unwrap_or(0),
        })
    };
    attributes.get("sections").and_then(Value::as_array).into_iter().flatten().filter_map(section).collect()
}
