//! The mapping as `GET _mapping` shows it.

use serde_json::{Map, Value};

use super::options::options;
use super::{FieldMapping, Mapping, ObjectKind, ObjectMapping, Property};

/// Members of the root in the order the server shows them.
const ROOT_OPTIONS: [&str; 6] =
    ["_meta", "_routing", "dynamic_date_formats", "dynamic_templates", "date_detection", "numeric_detection"];

impl Mapping {
    /// The value of `mappings`; an empty mapping is `{}`.
    pub(crate) fn to_json(&self) -> Value {
        let mut members = Map::new();
        if let Some(dynamic) = &self.root.dynamic {
            members.insert("dynamic".into(), dynamic.as_str().into());
        }
        for option in ROOT_OPTIONS {
            if let Some(value) = self.root_options.get(option) {
                members.insert(option.into(), value.clone());
            }
        }
        if !self.root.properties.is_empty() {
            members.insert("properties".into(), properties(&self.root));
        }
        Value::Object(members)
    }
}

fn properties(level: &ObjectMapping) -> Value {
    let entry = |(name, property): (&String, &Property)| {
        let value = match property {
            Property::Object(object) => object_json(object),
            Property::Field(field) => field.to_json(),
        };
        (name.clone(), value)
    };
    Value::Object(level.properties.iter().map(entry).collect())
}

fn object_json(object: &ObjectMapping) -> Value {
    let mut members = Map::new();
    if object.kind == ObjectKind::Nested {
        members.insert("type".into(), "nested".into());
    } else if object.properties.is_empty() {
        members.insert("type".into(), "object".into());
    }
    if let Some(dynamic) = &object.dynamic {
        members.insert("dynamic".into(), dynamic.as_str().into());
    }
    for (option, value) in &object.options {
        members.insert(option.clone(), value.clone());
    }
    if !object.properties.is_empty() {
        members.insert("properties".into(), properties(object));
    }
    Value::Object(members)
}

impl FieldMapping {
    /// `{"type":"long"}` with its options and multi-fields.
    pub(crate) fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("type".into(), self.kind.name().into());
        if !self.fields.is_empty() {
            let fields = self.fields.iter().map(|(name, field)| (name.clone(), field.to_json())).collect();
            members.insert("fields".into(), Value::Object(fields));
        }
        if let Some(targets) = self.options.get("copy_to") {
            members.insert("copy_to".into(), targets.clone());
        }
        for spec in options(self.kind) {
            if let Some(value) = self.options.get(spec.name) {
                members.insert(spec.name.into(), value.clone());
            }
        }
        Value::Object(members)
    }
}
