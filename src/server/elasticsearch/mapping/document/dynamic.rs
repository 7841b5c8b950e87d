//! Fields that the mapping does not have yet: which type a value asks for.

use serde_json::{Map, Value, json};

use super::super::parse::{DEPTH_MAX, mapping_error, parse_field};
use super::super::plan::Dynamic;
use super::super::{ObjectKind, ObjectMapping};
use super::refusal;
use super::walk::{Level, Walk};
use crate::server::elasticsearch::codec::json::{Json, JsonValue};
use crate::server::elasticsearch::error::ApiError;

impl Walk<'_> {
    /// A value at a path that is not mapped; `rest` are the names below `path` that the key spelled out.
    pub(super) fn unmapped(
        &mut self,
        level: Level<'_>,
        name: &str,
        path: &str,
        rest: &[&str],
        value: &Json,
        key_start: usize,
    ) -> Result<(), ApiError> {
        if self.is_lenient() || level.dynamic == Dynamic::False {
            return Ok(());
        }
        if level.dynamic == Dynamic::Strict {
            if value.is_null() || is_empty_array(value) {
                return Ok(());
            }
            return Err(self.strict_refusal(name, level.path, value.span.start));
        }
        if !rest.is_empty() {
            if !is_empty(value) {
                self.new_object(path, name)?;
            }
            let inner = Level { plan: None, path, dynamic: level.dynamic };
            return self.below(inner, rest, value, key_start);
        }
        match &value.value {
            JsonValue::Null => Ok(()),
            JsonValue::Array(items) => {
                items.iter().try_for_each(|item| self.unmapped(level, name, path, &[], item, key_start))
            }
            JsonValue::Object(members) => {
                let dynamic = self.new_object(path, name)?.unwrap_or(level.dynamic);
                self.members(Level { plan: None, path, dynamic }, members)
            }
            _ => self.new_field(path, name, value),
        }
    }

    /// Notes an object; gives its own `dynamic` where a template declares one.
    fn new_object(&mut self, path: &str, name: &str) -> Result<Option<Dynamic>, ApiError> {
        let depth = path.split('.').count() + 1;
        if depth > DEPTH_MAX {
            let reason = format!("Limit of mapping depth [{DEPTH_MAX}] has been exceeded due to object field [{path}]");
            return Err(ApiError::illegal_argument(reason));
        }
        let template = self.plan.templates.iter().find(|template| template.matches(path, name, "object"));
        let mut object = ObjectMapping::default();
        if let Some(template) = template {
            let mapping = template.mapping_for(name, "object");
            if mapping.get("type").is_some_and(|kind| kind == "nested") {
                object.kind = ObjectKind::Nested;
            }
            object.dynamic = mapping.get("dynamic").map(super::super::java::value);
            if mapping.get("enabled") == Some(&Value::Bool(false)) {
                object.options.insert("enabled".into(), Value::Bool(false));
            }
        }
        let dynamic = match object.dynamic.as_deref() {
            Some("strict") => Some(Dynamic::Strict),
            Some("false") => Some(Dynamic::False),
            Some(_) => Some(Dynamic::True),
            None if object.options.contains_key("enabled") => Some(Dynamic::False),
            None => None,
        };
        self.additions.add_object(path, object);
        Ok(dynamic)
    }

    fn new_field(&mut self, path: &str, name: &str, value: &Json) -> Result<(), ApiError> {
        if name.trim().is_empty() {
            let reason = format!("Field name cannot contain only whitespace: [{name}]");
            return Err(ApiError::from_exception(400, refusal(&self.source, value.span.start, &reason)));
        }
        let (json_type, default) = self.detect(value);
        let template = self.plan.templates.iter().find(|template| template.matches(path, name, json_type));
        let definition = match template {
            Some(template) => template.mapping_for(name, json_type),
            None => default,
        };
        let declared = definition.get("type").and_then(Value::as_str).unwrap_or("text").to_owned();
        if matches!(declared.as_str(), "object" | "nested") {
            self.additions.add_object(path, ObjectMapping::default());
            return Ok(());
        }
        let field = parse_field(path, name, &declared, &definition, 0).map_err(mapping_error)?;
        self.additions.add_field(field);
        Ok(())
    }

    /// The JSON type as templates name it, and the mapping a field gets without a template.
    fn detect(&self, value: &Json) -> (&'static str, Map<String, Value>) {
        match &value.value {
            JsonValue::Bool(_) => ("boolean", definition(json!({"type": "boolean"}))),
            JsonValue::Int(_) | JsonValue::Float { integral: true, .. } => {
                ("long", definition(json!({"type": "long"})))
            }
            JsonValue::Float { .. } => ("double", definition(json!({"type": "float"}))),
            JsonValue::String(text) => self.detect_text(text),
            JsonValue::Null | JsonValue::Array(_) | JsonValue::Object(_) => {
                ("object", definition(json!({"type": "object"})))
            }
        }
    }

    fn detect_text(&self, text: &str) -> (&'static str, Map<String, Value>) {
        if self.plan.numeric_detection {
            if text.parse::<i64>().is_ok() {
                return ("long", definition(json!({"type": "long"})));
            }
            let digits = text.bytes().any(|byte| byte.is_ascii_digit());
            if digits && text.parse::<f64>().is_ok_and(f64::is_finite) {
                return ("double", definition(json!({"type": "float"})));
            }
        }
        if self.plan.date_detection && text.contains([':', '-', '/']) {
            for (format, declared) in &self.plan.date_formats {
                if text.parse::<f64>().is_err() && format.parse_millis(text).is_ok() {
                    let mapping = match declared {
                        Some(pattern) => json!({"type": "date", "format": pattern, "locale": ""}),
                        None => json!({"type": "date"}),
                    };
                    return ("date", definition(mapping));
                }
            }
        }
        let keyword = json!({"keyword": {"type": "keyword", "ignore_above": 256}});
        ("string", definition(json!({"type": "text", "fields": keyword})))
    }
}

fn definition(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn is_empty_array(value: &Json) -> bool {
    value.as_array().is_some_and(<[Json]>::is_empty)
}

/// Nothing that would make a field.
fn is_empty(value: &Json) -> bool {
    match &value.value {
        JsonValue::Null => true,
        JsonValue::Array(items) => items.iter().all(is_empty),
        _ => false,
    }
}
