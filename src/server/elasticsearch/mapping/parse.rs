//! A mapping from the body of a request, with Elasticsearch's refusals.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::options::{boolean, class_of, kind_of, options};
use super::plan::Plan;
use super::template::DynamicTemplate;
use super::{DateFormat, FieldKind, FieldMapping, Mapping, ObjectKind, ObjectMapping, Property, java};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::error::{ApiError, ErrorBody, Exception};

/// Fields a mapping may have; objects and multi-fields count (`index.mapping.total_fields.limit`).
pub(crate) const TOTAL_FIELDS_MAX: usize = 1000;
/// Levels of objects a mapping may have (`index.mapping.depth.limit`).
pub(crate) const DEPTH_MAX: usize = 20;
/// Nested objects a mapping may have (`index.mapping.nested_fields.limit`).
const NESTED_MAX: usize = 50;

impl Mapping {
    /// The value of `mappings` in an index or template body, or the body of `PUT _mapping`.
    pub(crate) fn parse(body: &Json, _source: &Source<'_>) -> Result<Mapping, ApiError> {
        Self::parse_value(&body.to_value())
    }

    /// The same from a value without places: templates, and what [`Mapping::to_json`] gave.
    pub(crate) fn parse_value(body: &Value) -> Result<Mapping, ApiError> {
        let empty = Map::new();
        let members = body.as_object().unwrap_or(&empty);
        if members.len() == 1 && members.contains_key("_doc") {
            return Err(ApiError::illegal_argument("The mapping definition cannot be nested under a type [_doc]."));
        }
        let mapping = parse_root(members).map_err(mapping_error)?;
        mapping.validate()?;
        Ok(mapping)
    }

    /// Aliases point at fields, and the limits hold.
    pub(crate) fn validate(&self) -> Result<(), ApiError> {
        for field in self.fields().filter(|field| field.kind == FieldKind::Alias) {
            let target = field.options.get("path").and_then(Value::as_str).unwrap_or_default();
            let problem = if target == field.path {
                "an alias cannot refer to itself."
            } else if self.object(target).is_some() && !target.is_empty() {
                "an alias must refer to an existing field in the mappings."
            } else {
                match self.field(target) {
                    Some(found) if found.path == target => continue,
                    Some(_) => "an alias cannot refer to another alias.",
                    None => "an alias must refer to an existing field in the mappings.",
                }
            };
            let reason = format!("Invalid [path] value [{target}] for field alias [{}]: {problem}", field.path);
            return Err(ApiError::new(400, "mapper_parsing_exception", reason));
        }
        let mut nested = 0;
        check_depth(&self.root, "", 1, &mut nested)?;
        if nested > NESTED_MAX {
            return Err(ApiError::illegal_argument(format!("Limit of nested fields [{NESTED_MAX}] has been exceeded")));
        }
        if self.size() > TOTAL_FIELDS_MAX {
            return Err(ApiError::illegal_argument(format!(
                "Limit of total fields [{TOTAL_FIELDS_MAX}] has been exceeded"
            )));
        }
        Ok(())
    }

    /// Fields, multi-fields and objects together.
    pub(crate) fn size(&self) -> usize {
        self.fields().count() + count_objects(&self.root)
    }
}

fn count_objects(level: &ObjectMapping) -> usize {
    let below = |property: &Property| match property {
        Property::Object(object) => 1 + count_objects(object),
        Property::Field(_) => 0,
    };
    level.properties.values().map(below).sum()
}

fn check_depth(level: &ObjectMapping, path: &str, depth: usize, nested: &mut usize) -> Result<(), ApiError> {
    if depth > DEPTH_MAX {
        return Err(ApiError::illegal_argument(format!(
            "Limit of mapping depth [{DEPTH_MAX}] has been exceeded due to object field [{path}]"
        )));
    }
    for (name, property) in &level.properties {
        if let Property::Object(object) = property {
            *nested += usize::from(object.kind == ObjectKind::Nested);
            check_depth(object, &join(path, name), depth + 1, nested)?;
        }
    }
    Ok(())
}

/// The path of a member below a level.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// `Failed to parse mapping: ..`, whose root cause is the first exception of Elasticsearch's own in the chain.
pub(crate) fn mapping_error(inner: Exception) -> ApiError {
    let own = matches!(inner.kind.as_ref(), "mapper_parsing_exception" | "parse_exception");
    let root_cause = own.then(|| inner.clone());
    let reason = format!("Failed to parse mapping: {}", inner.reason);
    let exception = Exception::new("mapper_parsing_exception", reason).caused_by(inner);
    ApiError { status: 400, body: ErrorBody::Exception { exception, root_cause }, headers: Vec::new() }
}

pub(crate) fn parsing(reason: impl Into<String>) -> Exception {
    Exception::new("mapper_parsing_exception", reason)
}

fn illegal(reason: impl Into<String>) -> Exception {
    Exception::new("illegal_argument_exception", reason)
}

fn parse_root(members: &Map<String, Value>) -> Result<Mapping, Exception> {
    let mut root = ObjectMapping::default();
    let mut root_options = BTreeMap::new();
    let mut unsupported = BTreeMap::new();
    for (key, value) in members {
        match key.as_str() {
            "properties" => parse_properties(&mut root, "", value, 0)?,
            "dynamic" => root.dynamic = Some(dynamic(value)?),
            "_meta" | "_routing" if value.is_object() => _ = root_options.insert(key.clone(), value.clone()),
            "dynamic_templates" => _ = root_options.insert(key.clone(), dynamic_templates(value)?),
            "dynamic_date_formats" => _ = root_options.insert(key.clone(), date_formats(value)?),
            "date_detection" | "numeric_detection" => {
                root_options.insert(key.clone(), Value::Bool(boolean(value)?));
            }
            "runtime" if value.as_object().is_some_and(Map::is_empty) => {}
            "_source" if is_plain_source(value) => {}
            "enabled" | "subobjects" if boolean(value) == Ok(true) => {}
            "type" if value == "object" => {}
            _ => _ = unsupported.insert(key.clone(), value.clone()),
        }
    }
    if !unsupported.is_empty() {
        return Err(parsing(format!("Root mapping definition has unsupported parameters: {}", listed(&unsupported))));
    }
    Ok(Mapping::new(root, root_options))
}

/// `_source` as it is anyway: on, whole.
fn is_plain_source(value: &Value) -> bool {
    value.as_object().is_some_and(|members| {
        members.iter().all(|(key, value)| match key.as_str() {
            "enabled" => boolean(value) == Ok(true),
            "mode" => value == "stored",
            "includes" | "excludes" => value.as_array().is_some_and(Vec::is_empty),
            _ => false,
        })
    })
}

fn listed(unsupported: &BTreeMap<String, Value>) -> String {
    unsupported.iter().map(|(key, value)| format!(" [{key} : {}]", java::value(value))).collect()
}

fn dynamic(value: &Value) -> Result<String, Exception> {
    if let Some(text @ ("strict" | "true" | "false")) = value.as_str() {
        return Ok(text.to_owned());
    }
    boolean(value)
        .map(|flag| flag.to_string())
        .map_err(|cause| illegal("Could not convert [dynamic.dynamic] to boolean").caused_by(cause))
}

fn dynamic_templates(value: &Value) -> Result<Value, Exception> {
    let malformed = || parsing("Dynamic template syntax error. An array of named objects is expected.");
    let templates = value.as_array().ok_or_else(malformed)?;
    for template in templates {
        let mut members = template.as_object().ok_or_else(malformed)?.iter();
        let (Some((name, body)), None) = (members.next(), members.next()) else {
            return Err(parsing("A dynamic template must be defined with a name"));
        };
        DynamicTemplate::parse(name, body)?;
    }
    Ok(value.clone())
}

fn date_formats(value: &Value) -> Result<Value, Exception> {
    let formats = match value {
        Value::Array(formats) => formats.clone(),
        Value::String(text) if text == "none" => Vec::new(),
        other => vec![other.clone()],
    };
    for format in &formats {
        let pattern = java::value(format);
        if pattern.starts_with("epoch_") {
            return Err(parsing(format!("Epoch [{pattern}] is not supported as dynamic date format")));
        }
        DateFormat::parse_pattern(&pattern).map_err(|error| illegal(error.to_string()))?;
    }
    Ok(Value::Array(formats))
}

fn parse_properties(level: &mut ObjectMapping, path: &str, value: &Value, depth: usize) -> Result<(), Exception> {
    if depth > DEPTH_MAX + 1 {
        let reason = format!("Limit of mapping depth [{DEPTH_MAX}] has been exceeded due to object field [{path}]");
        return Err(illegal(reason));
    }
    let members = match value {
        Value::Object(members) => members,
        Value::Array(items) if items.is_empty() => return Ok(()),
        _ => return Err(Exception::new("parse_exception", "properties must be a map type")),
    };
    for (name, definition) in members {
        parse_property(level, path, name, definition, depth)?;
    }
    Ok(())
}

fn parse_property(
    level: &mut ObjectMapping,
    path: &str,
    name: &str,
    definition: &Value,
    depth: usize,
) -> Result<(), Exception> {
    if name.trim().is_empty() {
        return Err(illegal("field name cannot be an empty string"));
    }
    let parts: Vec<&str> = name.split('.').collect();
    if parts.iter().any(|part| part.trim().is_empty()) {
        return Err(illegal(format!("field name cannot contain only whitespace: ['{name}']")));
    }
    let Some((last, between)) = parts.split_last() else { return Ok(()) };
    let mut level = level;
    let mut path = path.to_owned();
    for part in between {
        path = join(&path, part);
        let below = level.properties.entry((*part).to_owned());
        match below.or_insert_with(|| Property::Object(ObjectMapping::default())) {
            Property::Object(object) => level = object,
            Property::Field(_) => {
                return Err(illegal(format!("can't merge a non object mapping [{path}] with an object mapping")));
            }
        }
    }
    let full = join(&path, last);
    let property = parse_definition(&full, last, definition, depth)?;
    level.properties.insert((*last).to_owned(), property);
    Ok(())
}

fn parse_definition(path: &str, name: &str, definition: &Value, depth: usize) -> Result<Property, Exception> {
    let Some(members) = definition.as_object() else {
        let reason =
            format!("Expected map for property [fields] on field [{name}] but got a class {}", class_of(&Value::Null));
        return Err(parsing(reason));
    };
    let declared = match members.get("type") {
        Some(value) => java::value(value),
        None if members.contains_key("properties") => "object".to_owned(),
        None if members.len() == 1 && members.get("enabled").is_some_and(|value| boolean(value) == Ok(false)) => {
            "object".to_owned()
        }
        None => return Err(parsing(format!("No type specified for field [{name}]"))),
    };
    match declared.as_str() {
        "object" => parse_object(ObjectKind::Object, path, name, members, depth).map(Property::Object),
        "nested" => parse_object(ObjectKind::Nested, path, name, members, depth).map(Property::Object),
        other => parse_field(path, name, other, members, 0).map(Property::Field),
    }
}

fn parse_object(
    kind: ObjectKind,
    path: &str,
    name: &str,
    members: &Map<String, Value>,
    depth: usize,
) -> Result<ObjectMapping, Exception> {
    let mut object = ObjectMapping { kind, ..ObjectMapping::default() };
    let mut unsupported = BTreeMap::new();
    for (key, value) in members {
        match key.as_str() {
            "type" => {}
            "properties" => parse_properties(&mut object, path, value, depth + 1)?,
            "dynamic" => object.dynamic = Some(dynamic(value)?),
            "enabled" => {
                if !boolean(value)? {
                    object.options.insert(key.clone(), Value::Bool(false));
                }
            }
            "subobjects" if boolean(value) == Ok(true) => {}
            _ => _ = unsupported.insert(key.clone(), value.clone()),
        }
    }
    if unsupported.is_empty() {
        return Ok(object);
    }
    Err(parsing(format!("Mapping definition for [{name}] has unsupported parameters: {}", listed(&unsupported))))
}

/// One leaf. `level` counts multi-fields, which have none of their own.
pub(crate) fn parse_field(
    path: &str,
    name: &str,
    declared: &str,
    members: &Map<String, Value>,
    level: usize,
) -> Result<FieldMapping, Exception> {
    let Some(kind) = kind_of(declared) else {
        return Err(parsing(format!(
            "The mapper type [{declared}] declared on field [{name}] does not exist. It might have been created within a future version or requires a plugin to be installed. Check the documentation."
        )));
    };
    let mut field = FieldMapping { path: path.to_owned(), kind, options: BTreeMap::new(), fields: BTreeMap::new() };
    for (key, value) in members {
        match key.as_str() {
            "type" => {}
            "fields" if kind != FieldKind::Alias && level == 0 => field.fields = parse_fields(path, name, value)?,
            "copy_to" if kind != FieldKind::Alias && level == 0 => {
                field.options.insert(key.clone(), copy_to(value)?);
            }
            _ => {
                let Some(spec) = options(kind).iter().find(|spec| spec.name == key) else {
                    return Err(parsing(format!("unknown parameter [{key}] on mapper [{name}] of type [{declared}]")));
                };
                if let Some(value) = spec.read(path, value)? {
                    field.options.insert(key.clone(), value);
                }
            }
        }
    }
    if kind == FieldKind::Alias && !field.options.contains_key("path") {
        return Err(parsing(format!("The [path] property must be specified for field [{name}].")));
    }
    if kind == FieldKind::ScaledFloat && !field.options.contains_key("scaling_factor") {
        return Err(parsing(format!("Field [{name}] misses required parameter [scaling_factor]")));
    }
    Plan::check_null_value(&field)?;
    Ok(field)
}

fn parse_fields(path: &str, name: &str, value: &Value) -> Result<BTreeMap<String, FieldMapping>, Exception> {
    let Some(members) = value.as_object() else {
        let reason =
            format!("expected map for property [fields] on field [{name}] but got a class {}", class_of(value));
        return Err(parsing(reason));
    };
    let mut fields = BTreeMap::new();
    for (short, definition) in members {
        if short.contains('.') || short.trim().is_empty() {
            return Err(parsing(format!("Field name [{short}] which is a multi field of [{name}] cannot contain '.'")));
        }
        let none = Map::new();
        let members = definition.as_object().unwrap_or(&none);
        let Some(declared) = members.get("type").map(java::value) else {
            return Err(parsing(format!("No type specified for field [{short}]")));
        };
        if matches!(declared.as_str(), "object" | "nested" | "alias") {
            return Err(parsing(format!("Type [{declared}] cannot be used in multi field")));
        }
        fields.insert(short.clone(), parse_field(&join(path, short), short, &declared, members, 1)?);
    }
    Ok(fields)
}

fn copy_to(value: &Value) -> Result<Value, Exception> {
    let targets = match value {
        Value::Array(targets) => targets.clone(),
        other => vec![other.clone()],
    };
    if targets.iter().all(Value::is_string) {
        return Ok(Value::Array(targets));
    }
    Err(parsing("[copy_to] must be a string or an array of strings"))
}
