//! The mapping as a tree of typed fields, and the flat view by full path that queries and aggregations ask.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::date::DateFormat;
use super::plan::Plan;

/// The mapping of one index. Immutable: a change makes a new one.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    pub(crate) root: ObjectMapping,
    /// `_meta`, `_source`, `_routing`, `dynamic_templates`, `date_detection`, `dynamic_date_formats`, `numeric_detection`: as declared.
    pub(crate) root_options: BTreeMap<String, Value>,
    /// Every leaf by its full path, multi-fields too (`symbol.keyword`). Derived from the tree.
    fields: BTreeMap<String, FieldMapping>,
    /// What reads documents. Derived from the tree.
    plan: Arc<Plan>,
}

/// The tree and the options say all; the rest is derived.
impl PartialEq for Mapping {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root && self.root_options == other.root_options
    }
}

impl Default for Mapping {
    fn default() -> Self {
        Self::new(ObjectMapping::default(), BTreeMap::new())
    }
}

/// An object (or nested) level of the tree.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ObjectMapping {
    pub(crate) kind: ObjectKind,
    /// As declared: `true`, `false`, `strict`, `runtime`; none inherits.
    pub(crate) dynamic: Option<String>,
    /// Further options as declared (`enabled`, `subobjects`, ...).
    pub(crate) options: BTreeMap<String, Value>,
    pub(crate) properties: BTreeMap<String, Property>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ObjectKind {
    #[default]
    Object,
    Nested,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Property {
    Object(ObjectMapping),
    Field(FieldMapping),
}

/// A leaf.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldMapping {
    /// The full dotted path, the name of the column and of the terms.
    pub(crate) path: String,
    pub(crate) kind: FieldKind,
    /// Options as declared beside `type` and `fields`, for echoing and for the parser (`format`, `ignore_above`, `coerce`,
    /// `index`, `doc_values`, `null_value`, `ignore_malformed`, `copy_to`, `scaling_factor`, `path` of an alias, ...).
    pub(crate) options: BTreeMap<String, Value>,
    /// Multi-fields by their short name.
    pub(crate) fields: BTreeMap<String, FieldMapping>,
}

/// A field type of Elasticsearch that this node serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Text,
    Keyword,
    Long,
    Integer,
    Short,
    Byte,
    Double,
    Float,
    HalfFloat,
    ScaledFloat,
    Boolean,
    Date,
    DateNanos,
    Ip,
    /// Points at another field by its option `path`.
    Alias,
}

impl FieldKind {
    pub(crate) const ALL: [Self; 15] = [
        Self::Text,
        Self::Keyword,
        Self::Long,
        Self::Integer,
        Self::Short,
        Self::Byte,
        Self::Double,
        Self::Float,
        Self::HalfFloat,
        Self::ScaledFloat,
        Self::Boolean,
        Self::Date,
        Self::DateNanos,
        Self::Ip,
        Self::Alias,
    ];

    /// The name in a mapping.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Keyword => "keyword",
            Self::Long => "long",
            Self::Integer => "integer",
            Self::Short => "short",
            Self::Byte => "byte",
            Self::Double => "double",
            Self::Float => "float",
            Self::HalfFloat => "half_float",
            Self::ScaledFloat => "scaled_float",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateNanos => "date_nanos",
            Self::Ip => "ip",
            Self::Alias => "alias",
        }
    }

    /// Values lie in an i64 column.
    pub(crate) fn is_integral(self) -> bool {
        matches!(
            self,
            Self::Long | Self::Integer | Self::Short | Self::Byte | Self::Boolean | Self::Date | Self::DateNanos
        )
    }

    /// Values lie in an f64 column.
    pub(crate) fn is_floating(self) -> bool {
        matches!(self, Self::Double | Self::Float | Self::HalfFloat | Self::ScaledFloat)
    }

    pub(crate) fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::DateNanos)
    }

    /// Values lie in a string column.
    pub(crate) fn is_keyword(self) -> bool {
        matches!(self, Self::Keyword | Self::Ip)
    }
}

impl FieldMapping {
    /// How a date field reads and writes its values: its option `format`, else `strict_date_optional_time||epoch_millis`.
    /// The mapping's parser has checked the format.
    pub(crate) fn date_format(&self) -> Arc<DateFormat> {
        static DEFAULT: LazyLock<Arc<DateFormat>> = LazyLock::new(|| Arc::new(DateFormat::default()));
        let declared = self.options.get("format").and_then(Value::as_str);
        declared
            .and_then(|pattern| DateFormat::parse_pattern(pattern).ok())
            .map_or_else(|| Arc::clone(&DEFAULT), Arc::new)
    }

    /// An option as declared.
    pub(crate) fn flag(&self, option: &str, default: bool) -> bool {
        match self.options.get(option) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => text == "true",
            _ => default,
        }
    }
}

impl Mapping {
    /// Builds the flat view of a tree.
    pub(crate) fn new(root: ObjectMapping, root_options: BTreeMap<String, Value>) -> Self {
        let mut fields = BTreeMap::new();
        collect(&root, &mut fields);
        let plan = Arc::new(Plan::new(&root, &root_options));
        Self { root, root_options, fields, plan }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Documents must come with a routing value.
    pub(crate) fn routing_required(&self) -> bool {
        self.plan.routing_required
    }

    /// A leaf by its full path, an alias resolved to its target.
    pub(crate) fn field(&self, path: &str) -> Option<&FieldMapping> {
        let field = self.fields.get(path)?;
        if field.kind != FieldKind::Alias {
            return Some(field);
        }
        self.fields.get(field.options.get("path")?.as_str()?).filter(|target| target.kind != FieldKind::Alias)
    }

    /// Every leaf in the order of paths.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &FieldMapping> {
        self.fields.values()
    }

    /// The object level at a path; the empty path is the root.
    pub(crate) fn object(&self, path: &str) -> Option<&ObjectMapping> {
        path.split('.').filter(|name| !name.is_empty()).try_fold(&self.root, |level, name| {
            match level.properties.get(name) {
                Some(Property::Object(object)) => Some(object),
                _ => None,
            }
        })
    }
}

fn collect(level: &ObjectMapping, fields: &mut BTreeMap<String, FieldMapping>) {
    for property in level.properties.values() {
        match property {
            Property::Object(object) => collect(object, fields),
            Property::Field(field) => collect_field(field, fields),
        }
    }
}

fn collect_field(field: &FieldMapping, fields: &mut BTreeMap<String, FieldMapping>) {
    for sub in field.fields.values() {
        collect_field(sub, fields);
    }
    fields.insert(field.path.clone(), field.clone());
}
