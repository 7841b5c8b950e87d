//! Attributes held against what a type knows.
//!
//! Kibana 8.12 refuses an attribute that it does not know; newer ones write some that 8.12 lacks. Here such a one is
//! dropped with a warning. The messages for the rest are those of Kibana's schema library.

use serde_json::{Map, Value};

/// What the attributes of a type may be.
pub(crate) struct Schema {
    pub(crate) required: &'static [&'static str],
    /// Attributes beside those named are dropped.
    pub(crate) is_closed: bool,
    pub(crate) shapes: &'static [(&'static str, Shape)],
}

#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Text,
    Flag,
    Number,
    /// A string that holds JSON. Kibana stores a broken one and fails when it is opened; here it is refused.
    Json,
    Map(&'static [(&'static str, Shape)]),
    Any,
}

impl Schema {
    /// Takes out what the type does not know, and gives the names (`controlGroupInput.x`).
    ///
    /// # Errors
    /// Kibana's message, for the first attribute that is absent or of the wrong type.
    pub(crate) fn check(&self, attributes: &mut Map<String, Value>) -> Result<Vec<String>, String> {
        for name in self.required {
            match attributes.get(*name) {
                Some(value) if !value.is_null() => {}
                absent => return Err(expected(&format!("attributes.{name}"), "string", absent)),
            }
        }
        self.check_given(attributes)
    }

    /// As [`Schema::check`], for a part of the attributes.
    pub(crate) fn check_given(&self, attributes: &mut Map<String, Value>) -> Result<Vec<String>, String> {
        let mut dropped = Vec::new();
        check_map("attributes", attributes, self.shapes, self.is_closed, &mut dropped)?;
        Ok(dropped)
    }
}

fn check_map(
    path: &str,
    map: &mut Map<String, Value>,
    shapes: &[(&str, Shape)],
    is_closed: bool,
    dropped: &mut Vec<String>,
) -> Result<(), String> {
    let shape_of = |name: &str| shapes.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape);
    let unknown: Vec<String> =
        map.keys().filter(|name| is_closed && shape_of(name).is_none()).map(ToOwned::to_owned).collect();
    for name in unknown {
        map.shift_remove(&name);
        dropped.push(format!("{path}.{name}"));
    }
    for (name, value) in map.iter_mut() {
        if let Some(shape) = shape_of(name) {
            check_value(&format!("{path}.{name}"), value, shape, dropped)?;
        }
    }
    Ok(())
}

fn check_value(path: &str, value: &mut Value, shape: Shape, dropped: &mut Vec<String>) -> Result<(), String> {
    match (shape, value) {
        // What is null counts as absent.
        (Shape::Any, _) | (_, Value::Null) => Ok(()),
        (Shape::Text, Value::String(_)) | (Shape::Flag, Value::Bool(_)) | (Shape::Number, Value::Number(_)) => Ok(()),
        (Shape::Json, Value::String(text)) => check_json(path, text),
        (Shape::Map(shapes), Value::Object(map)) => check_map(path, map, shapes, true, dropped),
        (Shape::Map(_), other) => {
            Err(format!("[{path}]: expected a plain object value, but found [{}] instead.", type_name(Some(other))))
        }
        (Shape::Text | Shape::Json, other) => Err(expected(path, "string", Some(other))),
        (Shape::Flag, other) => Err(expected(path, "boolean", Some(other))),
        (Shape::Number, other) => Err(expected(path, "number", Some(other))),
    }
}

fn check_json(path: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    // Only whether it is JSON: nothing is built of it.
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("[{path}]: expected a string of JSON: {error}")),
    }
}

/// Kibana's words for a value of the wrong type.
pub(crate) fn expected(path: &str, kind: &str, found: Option<&Value>) -> String {
    format!("[{path}]: expected value of type [{kind}] but got [{}]", type_name(found))
}

/// JavaScript's name of a value's type, as Kibana's messages have it.
pub(crate) fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "Array",
        Some(Value::Object(_)) => "Object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::server::kibana::kind::Kind;

    fn check(kind: &str, attributes: serde_json::Value) -> Result<Vec<String>, String> {
        let serde_json::Value::Object(mut attributes) = attributes else { panic!("an object") };
        Kind::find(kind).unwrap().schema.check(&mut attributes)
    }

    #[test]
    fn attributes_of_the_wrong_type_are_refused_in_kibanas_words() {
        let cases = [
            ("dashboard", json!({}), "[attributes.title]: expected value of type [string] but got [undefined]"),
            ("dashboard", json!({"title": 1}), "[attributes.title]: expected value of type [string] but got [number]"),
            (
                "dashboard",
                json!({"title": "t", "timeRestore": []}),
                "[attributes.timeRestore]: expected value of type [boolean] but got [Array]",
            ),
            (
                "dashboard",
                json!({"title": "t", "refreshInterval": "5s"}),
                "[attributes.refreshInterval]: expected a plain object value, but found [string] instead.",
            ),
            (
                "dashboard",
                json!({"title": "t", "panelsJSON": "[{"}),
                "[attributes.panelsJSON]: expected a string of JSON: EOF while parsing an object at line 1 column 2",
            ),
            ("tag", json!({"title": "t"}), "[attributes.name]: expected value of type [string] but got [undefined]"),
        ];
        for (kind, attributes, expected) in cases {
            assert_eq!(check(kind, attributes).unwrap_err(), expected);
        }
    }

    #[test]
    fn attributes_that_a_type_does_not_know_are_dropped_by_name() {
        let attributes = json!({"title": "t", "bogus": 1, "controlGroupInput": {"panelsJSON": "{}", "new": true}});
        assert_eq!(check("dashboard", attributes).unwrap(), ["attributes.bogus", "attributes.controlGroupInput.new"]);
        assert!(check("lens", json!({"title": "t", "anything": 1})).unwrap().is_empty());
    }
}
