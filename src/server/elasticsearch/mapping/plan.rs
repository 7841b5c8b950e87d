//! A mapping made ready for reading documents: options resolved, formats compiled, levels found by one hash lookup.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::template::DynamicTemplate;
use super::{DateFormat, FieldKind, FieldMapping, ObjectKind, ObjectMapping, Property, values};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::error::Exception;

#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) root: ObjectPlan,
    pub(crate) date_detection: bool,
    pub(crate) numeric_detection: bool,
    /// How strings are tried as dates; `None` as the format in the mapping where it is the default one.
    pub(crate) date_formats: Vec<(DateFormat, Option<String>)>,
    pub(crate) templates: Vec<DynamicTemplate>,
    pub(crate) routing_required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Dynamic {
    #[default]
    True,
    False,
    Strict,
}

#[derive(Debug, Default)]
pub(crate) struct ObjectPlan {
    pub(crate) path: String,
    pub(crate) enabled: bool,
    pub(crate) nested: bool,
    /// Inherited where not declared.
    pub(crate) dynamic: Dynamic,
    pub(crate) children: HashMap<String, Node>,
}

#[derive(Debug)]
pub(crate) enum Node {
    Object(ObjectPlan),
    Field(Box<FieldPlan>),
}

#[derive(Debug)]
pub(crate) struct FieldPlan {
    pub(crate) path: String,
    pub(crate) kind: FieldKind,
    /// Values are kept in a column or as terms.
    pub(crate) stored: bool,
    pub(crate) coerce: bool,
    pub(crate) ignore_malformed: bool,
    pub(crate) ignore_above: Option<usize>,
    pub(crate) null_value: Option<Json>,
    pub(crate) format: Arc<DateFormat>,
    pub(crate) scaling_factor: f64,
    pub(crate) copy_to: Vec<String>,
    pub(crate) fields: Vec<FieldPlan>,
}

impl Plan {
    pub(crate) fn new(root: &ObjectMapping, options: &BTreeMap<String, Value>) -> Self {
        let flag = |name: &str, default| options.get(name).and_then(Value::as_bool).unwrap_or(default);
        let routing = options.get("_routing").and_then(|routing| routing.get("required"));
        Self {
            root: ObjectPlan::new(root, String::new(), Dynamic::True),
            date_detection: flag("date_detection", true),
            numeric_detection: flag("numeric_detection", false),
            date_formats: date_formats(options.get("dynamic_date_formats")),
            templates: templates(options.get("dynamic_templates")),
            routing_required: routing.is_some_and(|value| super::options::boolean(value) == Ok(true)),
        }
    }

    /// A field by its full path.
    pub(crate) fn field(&self, path: &str) -> Option<&FieldPlan> {
        let mut level = &self.root;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            match level.children.get(name)? {
                Node::Object(object) => level = object,
                Node::Field(field) => return names.peek().is_none().then_some(field),
            }
        }
        None
    }

    /// That a field's `null_value` is a value of the field.
    pub(crate) fn check_null_value(field: &FieldMapping) -> Result<(), Exception> {
        let plan = FieldPlan::new(field);
        let Some(null_value) = &plan.null_value else { return Ok(()) };
        values::read(&plan, null_value, &Source(b"")).map(|_| ()).map_err(|mut cause| {
            if plan.kind.is_date() {
                let name = field.path.rsplit('.').next().unwrap_or_default();
                let reason = format!("Error parsing [null_value] on field [{name}]: {}", cause.reason);
                return Exception::new("mapper_parsing_exception", reason).caused_by(cause);
            }
            if cause.reason.starts_with("For input string") {
                cause.kind = "number_format_exception".into();
            }
            cause
        })
    }
}

fn date_formats(declared: Option<&Value>) -> Vec<(DateFormat, Option<String>)> {
    let Some(declared) = declared.and_then(Value::as_array) else {
        let iso = DateFormat::parse_pattern("strict_date_optional_time").map(|format| (format, None));
        let slashes = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis";
        // Numbers are not tried as dates, so the last alternative is for the mapping only.
        let second = DateFormat::parse_pattern(slashes).map(|format| (format, Some(slashes.to_owned())));
        return iso.into_iter().chain(second).collect();
    };
    declared
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|pattern| Some((DateFormat::parse_pattern(pattern).ok()?, Some(pattern.to_owned()))))
        .collect()
}

fn templates(declared: Option<&Value>) -> Vec<DynamicTemplate> {
    let named = declared.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).flatten();
    named.filter_map(|(name, body)| DynamicTemplate::parse(name, body).ok()).collect()
}

impl ObjectPlan {
    fn new(object: &ObjectMapping, path: String, inherited: Dynamic) -> Self {
        let dynamic = match object.dynamic.as_deref() {
            Some("strict") => Dynamic::Strict,
            Some("false") => Dynamic::False,
            Some(_) => Dynamic::True,
            None => inherited,
        };
        let child = |(name, property): (&String, &Property)| {
            let node = match property {
                Property::Object(below) => Node::Object(Self::new(below, super::parse::join(&path, name), dynamic)),
                Property::Field(field) => Node::Field(Box::new(FieldPlan::new(field))),
            };
            (name.clone(), node)
        };
        let children = object.properties.iter().map(child).collect();
        let enabled = object.options.get("enabled") != Some(&Value::Bool(false));
        Self { path, enabled, nested: object.kind == ObjectKind::Nested, dynamic, children }
    }
}

impl FieldPlan {
    pub(crate) fn new(field: &FieldMapping) -> Self {
        let option = |name: &str| field.options.get(name);
        let indexed = field.flag("index", true);
        let stored = match field.kind {
            FieldKind::Text => indexed,
            FieldKind::Alias => false,
            _ => indexed || field.flag("doc_values", true),
        };
        let null_value = option("null_value").and_then(|value| {
            let text = serde_json::to_vec(value).ok()?;
            let mut json = Json::parse(&text).ok()?;
            // It has no place in any document.
            json.span = crate::server::elasticsearch::codec::json::Span::default();
            Some(json)
        });
        let targets = option("copy_to").and_then(Value::as_array).into_iter().flatten();
        Self {
            path: field.path.clone(),
            kind: field.kind,
            stored,
            coerce: field.flag("coerce", true),
            ignore_malformed: field.flag("ignore_malformed", false),
            ignore_above: option("ignore_above").and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok()),
            null_value,
            format: field.date_format(),
            scaling_factor: option("scaling_factor").and_then(Value::as_f64).unwrap_or(1.0),
            copy_to: targets.filter_map(Value::as_str).map(str::to_owned).collect(),
            fields: field.fields.values().map(Self::new).collect(),
        }
    }
}
