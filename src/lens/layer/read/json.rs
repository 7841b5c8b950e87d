//! The `params` of a column: checked access, so that each error names column and option.

use serde_json::{Map, Value};

use crate::lens::layer::LayerError;

/// Options that never change a number: how values look, and leftovers of Kibana's editor.
const HARMLESS: &[&str] = &["format", "parentFormat", "emptyAsNull", "customLabel"];

pub(super) struct Params<'a> {
    column: &'a str,
    map: Option<&'a Map<String, Value>>,
}

impl<'a> Params<'a> {
    /// Of a whole column in the file.
    pub(super) fn of(column: &'a str, value: &'a Value) -> Self {
        Self { column, map: value.get("params").and_then(Value::as_object) }
    }

    /// `null` counts as absent.
    pub(super) fn get(&self, option: &str) -> Option<&'a Value> {
        self.map?.get(option).filter(|value| !value.is_null())
    }

    /// Refuses every option that is neither in `known` nor harmless.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), LayerError> {
        let mut options = self.map.into_iter().flatten().filter(|(_, value)| !value.is_null());
        let is_known = |option: &str| known.contains(&option) || HARMLESS.contains(&option);
        match options.find(|(option, _)| !is_known(option)) {
            Some((option, _)) => {
                Err(LayerError::UnknownOption { column: self.column.to_owned(), option: option.to_owned() })
            }
            None => Ok(()),
        }
    }

    pub(super) fn bad(&self, option: &str, expected: &'static str) -> LayerError {
        LayerError::BadOption { column: self.column.to_owned(), option: option.to_owned(), expected }
    }

    pub(super) fn flag(&self, option: &str) -> Result<bool, LayerError> {
        match self.get(option) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.bad(option, "`true` or `false`")),
        }
    }

    pub(super) fn text(&self, option: &str) -> Result<Option<&'a str>, LayerError> {
        match self.get(option) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.bad(option, "a text")),
        }
    }

    /// A number, or a text that is one.
    pub(super) fn number(&self, option: &str) -> Result<Option<f64>, LayerError> {
        match self.get(option) {
            None => Ok(None),
            Some(value) => number(value).map(Some).ok_or_else(|| self.bad(option, "a number")),
        }
    }

    /// A whole number from 1 on.
    pub(super) fn count(&self, option: &str) -> Result<Option<u32>, LayerError> {
        let Some(value) = self.get(option) else { return Ok(None) };
        let whole = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        let count = whole.and_then(|whole| u32::try_from(whole).ok()).filter(|count| *count > 0);
        count.map(Some).ok_or_else(|| self.bad(option, "a whole number from 1 on"))
    }

    /// Texts, numbers and booleans, as texts.
    pub(super) fn texts(&self, option: &str) -> Result<Vec<String>, LayerError> {
        let Some(value) = self.get(option) else { return Ok(Vec::new()) };
        let texts = value.as_array().and_then(|items| items.iter().map(text).collect());
        texts.ok_or_else(|| self.bad(option, "a list of values"))
    }
}

pub(super) fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
