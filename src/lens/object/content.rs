//! What a panel shows: a Lens chart, markdown, an item of the library, or something that is not supported.

use serde_json::Value;

use super::json::{embedded_object, text};
use super::lens_panel::LensPanel;
use super::reference::References;

#[derive(Debug, Clone, PartialEq)]
pub enum PanelContent {
    Lens(Box<LensPanel>),
    Markdown(Markdown),
    /// Kept as an object of its own; see [`super::Dashboard::resolve`].
    Library(LibraryItem),
    /// Not shown; `what` is a noun in the plural (`maps`), `reason` goes on from it.
    Unsupported {
        what: String,
        reason: String,
    },
}

/// The author's text; nothing in it is safe to show as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markdown {
    pub title: String,
    pub text: String,
    pub opens_new_tab: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryItem {
    /// Of the saved object: `lens`, `visualization` ...
    pub kind: String,
    pub id: String,
}

/// What the content of a panel is read from.
pub(super) struct Origin<'v> {
    pub(super) panel: &'v Value,
    pub(super) config: &'v Value,
    pub(super) references: &'v References,
}

impl PanelContent {
    pub(super) fn read(origin: &Origin) -> Self {
        let kind = kind_name(text(origin.panel, "type").unwrap_or_default());
        if let Some(item) = library_item(origin, kind) {
            return Self::Library(item);
        }
        match kind {
            "lens" => Self::lens_of(origin.config.get("attributes"), origin.references),
            "visualization" => match origin.config.get("savedVis") {
                Some(vis) => classic(vis),
                None => Self::unsupported("visualizations", "the panel has neither a state nor a library item"),
            },
            "markdown" => markdown(origin.config.get("attributes").unwrap_or(origin.config)),
            other => not_shown(other),
        }
    }

    pub(super) fn unsupported(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), reason: reason.into() }
    }

    pub fn lens(&self) -> Option<&LensPanel> {
        if let Self::Lens(lens) = self { Some(lens) } else { None }
    }

    pub fn library_item(&self) -> Option<&LibraryItem> {
        if let Self::Library(item) = self { Some(item) } else { None }
    }

    /// Title and description.
    pub(super) fn texts(&self) -> (&str, &str) {
        match self {
            Self::Lens(lens) => (&lens.title, &lens.description),
            Self::Markdown(markdown) => (&markdown.title, ""),
            Self::Library(_) | Self::Unsupported { .. } => ("", ""),
        }
    }

    fn lens_of(attributes: Option<&Value>, references: &References) -> Self {
        let Some(attributes) = attributes else {
            return Self::unsupported("Lens panels", "the panel has neither a state nor a library item");
        };
        match LensPanel::read(attributes, references) {
            Ok(lens) => Self::Lens(Box::new(lens)),
            Err(why) => Self::unsupported(why.what, why.reason),
        }
    }
}

impl LibraryItem {
    /// What the item holds; `None` means that there is no such object.
    pub(super) fn open(&self, object: Option<&Value>) -> PanelContent {
        let Some(object) = object else {
            return PanelContent::unsupported(
                plural(&self.kind),
                format!("the library item `{}/{}` is not there", self.kind, self.id),
            );
        };
        let none = Value::Null;
        let attributes = object.get("attributes").unwrap_or(&none);
        match self.kind.as_str() {
            "lens" => PanelContent::lens_of(Some(attributes), &References::read(object.get("references"))),
            "visualization" => match embedded_object(attributes.get("visState"), "attributes.visState") {
                Ok(mut vis) => {
                    if let Some(title) = attributes.get("title") {
                        vis.insert("title".to_owned(), title.clone());
                    }
                    classic(&Value::Object(vis))
                }
                Err(error) => PanelContent::unsupported("visualizations", error.to_string()),
            },
            "markdown" => markdown(attributes),
            other => not_shown(other),
        }
    }
}

/// Today's name of a panel's type; 9.4 renamed some.
fn kind_name(name: &str) -> &str {
    match name {
        "vis" => "lens",
        "discover_session" => "search",
        "legacy_vis" => "visualization",
        other => other,
    }
}

/// The item that a panel names: by a reference of 8.x, of 9.1 and later, or by the id itself as before 7.0.
fn library_item(origin: &Origin, kind: &str) -> Option<LibraryItem> {
    let named = text(origin.panel, "panelRefName").and_then(|name| origin.references.get(name));
    let reference = named.or_else(|| origin.references.get("savedObjectRef"));
    if let Some(reference) = reference {
        return Some(LibraryItem { kind: reference.kind.clone(), id: reference.id.clone() });
    }
    let id = text(origin.config, "savedObjectId").or_else(|| text(origin.panel, "id"))?;
    (!kind.is_empty()).then(|| LibraryItem { kind: kind.to_owned(), id: id.to_owned() })
}

/// A visualization of before Lens; of these only markdown is shown.
fn classic(vis: &Value) -> PanelContent {
    match text(vis, "type") {
        Some("markdown") => PanelContent::Markdown(Markdown {
            title: text(vis, "title").unwrap_or_default().to_owned(),
            text: vis.pointer("/params/markdown").and_then(Value::as_str).unwrap_or_default().to_owned(),
            opens_new_tab: vis.pointer("/params/openLinksInNewTab").and_then(Value::as_bool).unwrap_or(false),
        }),
        Some(kind) => PanelContent::unsupported(
            format!("visualizations of type `{kind}`"),
            "of the classic visualizations only markdown is shown",
        ),
        None => PanelContent::unsupported("visualizations", "the state names no type"),
    }
}

/// Of the type `markdown` of Kibana 9.
fn markdown(state: &Value) -> PanelContent {
    match text(state, "content") {
        Some(content) => PanelContent::Markdown(Markdown {
            title: text(state, "title").unwrap_or_default().to_owned(),
            text: content.to_owned(),
            opens_new_tab: state.pointer("/settings/open_links_in_new_tab").and_then(Value::as_bool).unwrap_or(false),
        }),
        None => PanelContent::unsupported("markdown panels", "the panel has no `content`"),
    }
}

fn not_shown(kind: &str) -> PanelContent {
    PanelContent::unsupported(plural(kind), "only Lens and markdown panels are shown here")
}

fn plural(kind: &str) -> String {
    match kind {
        "lens" => "Lens panels".to_owned(),
        "markdown" => "markdown panels".to_owned(),
        "visualization" => "visualizations".to_owned(),
        "search" => "Discover sessions".to_owned(),
        "map" => "maps".to_owned(),
        "links" => "link lists".to_owned(),
        "image" => "images".to_owned(),
        "" => "panels without a type".to_owned(),
        other => format!("panels of type `{other}`"),
    }
}
