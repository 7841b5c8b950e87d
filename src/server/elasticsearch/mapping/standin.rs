//! Stand-in until the mapping's own parser is here.
use super::field::{FieldKind, FieldMapping, Mapping, ObjectMapping, Property};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::error::ApiError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
impl Mapping {
    pub(crate) fn parse(body: &Json, _: &Source<'_>) -> Result<Mapping, ApiError> {
        Self::parse_value(&body.to_value())
    }
    pub(crate) fn parse_value(v: &Value) -> Result<Mapping, ApiError> {
        Ok(Mapping::new(ObjectMapping { properties: props(v, ""), ..ObjectMapping::default() }, BTreeMap::new()))
    }
    pub(crate) fn merge(&self, other: &Mapping) -> Result<Mapping, ApiError> {
        let mut root = self.root.clone();
        root.properties.extend(other.root.properties.clone());
        Ok(Mapping::new(root, self.root_options.clone()))
    }
    pub(crate) fn to_json(&self) -> Value {
        let p = show(&self.root);
        if p.is_empty() { json!({}) } else { json!({"properties": p}) }
    }
}
fn props(v: &Value, prefix: &str) -> BTreeMap<String, Property> {
    v.get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(k, d)| {
            let path = if prefix.is_empty() { k.clone() } else { format!("{prefix}.{k}") };
            let p = if d.get("properties").is_some() {
                Property::Object(ObjectMapping { properties: props(d, &path), ..ObjectMapping::default() })
            } else {
                let kind = match d["type"].as_str() {
                    Some("long") => FieldKind::Long,
                    Some("text") => FieldKind::Text,
                    Some("double") => FieldKind::Double,
                    _ => FieldKind::Keyword,
                };
                Property::Field(FieldMapping { path, kind, options: BTreeMap::new(), fields: BTreeMap::new() })
            };
            (k.clone(), p)
        })
        .collect()
}
fn show(o: &ObjectMapping) -> Map<String, Value> {
    o.properties
        .iter()
        .map(|(k, p)| {
            (
                k.clone(),
                match p {
                    Property::Object(o) => json!({"properties": show(o)}),
                    Property::Field(f) => json!({"type": f.kind.name()}),
                },
            )
        })
        .collect()
}
