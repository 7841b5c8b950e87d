//! The types of saved objects that are stored, and the newest version of each that is understood.
//!
//! Real Kibana 8.12 refuses what newer ones wrote. This server takes it up to the versions here: an object that it can't
//! show says so in its place. Kinds and icons are Kibana's own.

use serde_json::{Map, Value};

use super::attribute::{Schema, Shape};

/// One type of saved objects.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// In the answers of imports.
    pub(crate) icon: &'static str,
    /// Newest version that is understood; without one, the version is not looked at.
    pub(crate) known: Option<&'static str>,
    /// Version of an object that names none: Kibana 8.12's, so that what is exported here can be imported there.
    pub(crate) usual: Option<&'static str>,
    /// Attributes that hold its title; the first that is there counts.
    titles: &'static [&'static str],
    pub(crate) schema: Schema,
}

/// `coreMigrationVersion` of an object that names none.
pub(crate) const CORE_VERSION: &str = "8.8.0";

const META: Shape = Shape::Map(&[("searchSourceJSON", Shape::Json), ("searchSource", Shape::Any)]);

const DASHBOARD: Schema = Schema {
    required: &["title"],
    is_closed: true,
    shapes: &[
        ("title", Shape::Text),
        ("description", Shape::Text),
        ("panelsJSON", Shape::Json),
        ("optionsJSON", Shape::Json),
        ("kibanaSavedObjectMeta", META),
        ("timeRestore", Shape::Flag),
        ("timeFrom", Shape::Text),
        ("timeTo", Shape::Text),
        (
            "refreshInterval",
            Shape::Map(&[
                ("pause", Shape::Flag),
                ("value", Shape::Number),
                ("display", Shape::Text),
                ("section", Shape::Number),
            ]),
        ),
        (
            "controlGroupInput",
            Shape::Map(&[
                ("panelsJSON", Shape::Json),
                ("controlStyle", Shape::Text),
                ("chainingSystem", Shape::Text),
                ("ignoreParentSettingsJSON", Shape::Json),
                ("showApplySelections", Shape::Flag),
            ]),
        ),
        ("sections", Shape::Any),
        ("version", Shape::Number),
        ("hits", Shape::Number),
    ],
};

const DATA_VIEW: Schema = Schema {
    required: &["title"],
    is_closed: true,
    shapes: &[
        ("title", Shape::Text),
        ("name", Shape::Text),
        ("timeFieldName", Shape::Text),
        ("type", Shape::Text),
        ("typeMeta", Shape::Json),
        ("fields", Shape::Json),
        ("fieldAttrs", Shape::Json),
        ("fieldFormatMap", Shape::Json),
        ("runtimeFieldMap", Shape::Json),
        ("sourceFilters", Shape::Json),
        ("allowNoIndex", Shape::Flag),
        ("allowHidden", Shape::Flag),
        ("intervalName", Shape::Text),
        ("notExpandable", Shape::Flag),
    ],
};

const LENS: Schema = Schema {
    required: &["title"],
    is_closed: false,
    shapes: &[("title", Shape::Text), ("description", Shape::Text), ("visualizationType", Shape::Text)],
};

/// Of types that are kept but, but for classic markdown, not shown.
const TITLED: Schema = Schema {
    required: &["title"],
    is_closed: false,
    shapes: &[
        ("title", Shape::Text),
        ("description", Shape::Text),
        ("visState", Shape::Json),
        ("uiStateJSON", Shape::Json),
        ("kibanaSavedObjectMeta", META),
    ],
};

const TAG: Schema = Schema { required: &["name"], is_closed: false, shapes: &[("name", Shape::Text)] };

const KINDS: [Kind; 11] = [
    kind("dashboard", "dashboardApp", Some("10.4.0"), Some("8.9.0"), DASHBOARD),
    Kind {
        titles: &["name", "title"],
        ..kind("index-pattern", "indexPatternApp", Some("8.0.0"), Some("8.0.0"), DATA_VIEW)
    },
    kind("lens", "lensApp", Some("10.1.0"), Some("8.9.0"), LENS),
    kind("search", "discoverApp", Some("10.12.0"), Some("7.9.3"), TITLED),
    kind("visualization", "visualizeApp", Some("8.5.0"), Some("8.5.0"), TITLED),
    kind("map", "gisApp", Some("8.4.0"), Some("8.4.0"), TITLED),
    Kind { titles: &["name"], ..kind("tag", "tag", Some("8.0.0"), Some("8.0.0"), TAG) },
    kind("links", "link", None, None, TITLED),
    kind("markdown", "visMarkdown", None, None, TITLED),
    kind("query", "search", None, None, TITLED),
    kind("event-annotation-group", "flag", None, None, TITLED),
];

const fn kind(
    name: &'static str,
    icon: &'static str,
    known: Option<&'static str>,
    usual: Option<&'static str>,
    schema: Schema,
) -> Kind {
    Kind { name, icon, known, usual, titles: &["title"], schema }
}

impl Kind {
    pub(crate) fn find(name: &str) -> Option<&'static Kind> {
        static TABLE: [Kind; 11] = KINDS;
        TABLE.iter().find(|kind| kind.name == name)
    }

    pub(crate) fn title<'a>(&self, attributes: &'a Map<String, Value>) -> Option<&'a str> {
        let texts = self.titles.iter().filter_map(|name| attributes.get(*name)?.as_str());
        texts.into_iter().find(|text| !text.is_empty())
    }
}
