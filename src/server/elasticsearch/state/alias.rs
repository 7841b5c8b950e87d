//! One alias of one index.

use serde_json::{Map, Value};

use crate::server::elasticsearch::error::ApiError;

/// What an alias adds to the index it points at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct AliasMeta {
    /// A query that searches through the alias are narrowed by.
    pub(crate) filter: Option<Value>,
    pub(crate) index_routing: Option<String>,
    pub(crate) search_routing: Option<String>,
    pub(crate) is_write_index: Option<bool>,
    pub(crate) is_hidden: Option<bool>,
}

impl AliasMeta {
    /// Reads `{"filter":..,"routing":..,"is_write_index":..}` of the alias `name`.
    pub(crate) fn parse(name: &str, body: &Value) -> Result<AliasMeta, ApiError> {
        let Value::Object(members) = body else {
            return Err(ApiError::illegal_argument(format!("Unknown field [{body}] in alias [{name}]")));
        };
        let mut alias = AliasMeta::default();
        for (key, value) in members {
            alias
                .set(key, value)?
                .then_some(())
                .ok_or_else(|| ApiError::illegal_argument(format!("Unknown field [{key}] in alias [{name}]")))?;
        }
        Ok(alias)
    }

    /// Sets one option; false where there is no such option.
    pub(crate) fn set(&mut self, key: &str, value: &Value) -> Result<bool, ApiError> {
        match key {
            "filter" => self.filter = (!value.is_null()).then(|| value.clone()),
            "routing" => {
                self.index_routing = Some(text(value));
                self.search_routing = Some(text(value));
            }
            "index_routing" => self.index_routing = Some(text(value)),
            "search_routing" => self.search_routing = Some(text(value)),
            "is_write_index" => self.is_write_index = flag(value)?,
            "is_hidden" => self.is_hidden = flag(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// As `GET _alias` shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut members = Map::new();
        if let Some(filter) = &self.filter {
            members.insert("filter".into(), filter.clone());
        }
        for (key, value) in [("index_routing", &self.index_routing), ("search_routing", &self.search_routing)] {
            if let Some(value) = value {
                members.insert(key.into(), value.as_str().into());
            }
        }
        for (key, value) in [("is_write_index", self.is_write_index), ("is_hidden", self.is_hidden)] {
            if let Some(value) = value {
                members.insert(key.into(), value.into());
            }
        }
        Value::Object(members)
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn flag(value: &Value) -> Result<Option<bool>, ApiError> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        Value::String(text) if text == "true" => Ok(Some(true)),
        Value::String(text) if text == "false" => Ok(Some(false)),
        other => {
            let text = text(other);
            Err(ApiError::illegal_argument(format!(
                "Failed to parse value [{text}] as only [true] or [false] are allowed."
            )))
        }
    }
}
