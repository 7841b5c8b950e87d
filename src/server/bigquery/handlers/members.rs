//! Members of a request's JSON: read by type, with the path in what is said of wrong ones.
//!
//! As Google's servers do, numbers and flags may also come as strings, and `null` is as good as nothing.

use serde_json::{Map, Value as Json};

use crate::server::bigquery::http::ApiError;

/// An object within a request, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Members<'j> {
    path: String,
    members: &'j Map<String, Json>,
}

impl<'j> Members<'j> {
    pub(super) fn new(path: impl Into<String>, members: &'j Map<String, Json>) -> Self {
        Self { path: path.into(), members }
    }

    /// # Errors
    /// 400 when the value is no object.
    pub(super) fn of(path: impl Into<String>, value: &'j Json) -> Result<Self, ApiError> {
        let path = path.into();
        match value.as_object() {
            Some(members) => Ok(Self { path, members }),
            None => Err(wrong(&path, "an object", value)),
        }
    }

    pub(super) fn json(&self) -> &'j Map<String, Json> {
        self.members
    }

    /// `path.name`.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn value(&self, name: &str) -> Option<&'j Json> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn read<T>(&self, name: &str, kind: &str, read: impl FnOnce(&'j Json) -> Option<T>) -> Result<Option<T>, ApiError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| wrong(&self.path_of(name), kind, value))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'j str>, ApiError> {
        self.read(name, "TYPE_STRING", Json::as_str)
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, name: &str) -> Result<&'j str, ApiError> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| ApiError::required(&self.path_of(name)))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.read(name, "TYPE_BOOL", |value| match value {
            Json::Bool(flag) => Some(*flag),
            Json::String(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// At least zero.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.read(name, "TYPE_UINT64", |value| match value {
            Json::String(text) => text.parse().ok(),
            other => other.as_u64(),
        })
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.read(name, "TYPE_INT64", |value| match value {
            Json::String(text) => text.parse().ok(),
            other => other.as_i64(),
        })
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, ApiError> {
        self.value(name).map(|value| Self::of(self.path_of(name), value)).transpose()
    }

    pub(super) fn required_object(&self, name: &str) -> Result<Self, ApiError> {
        self.object(name)?.ok_or_else(|| ApiError::required(&self.path_of(name)))
    }

    pub(super) fn list(&self, name: &str) -> Result<&'j [Json], ApiError> {
        Ok(self.read(name, "a list", |value| value.as_array().map(Vec::as_slice))?.unwrap_or_default())
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let texts = self.list(name)?.iter().map(|value| value.as_str().map(str::to_owned));
        let texts: Option<Vec<_>> = texts.collect();
        texts.ok_or_else(|| {
            ApiError::invalid(format!("Invalid value at '{}': a list of texts is expected", self.path_of(name)))
        })
    }

    /// `{"name": "text"}`.
    pub(super) fn map_of_texts(&self, name: &str) -> Result<Option<Vec<(String, String)>>, ApiError> {
        let Some(inner) = self.object(name)? else { return Ok(None) };
        let pairs = inner.members.iter().filter(|(_, value)| !value.is_null());
        let pairs = pairs.map(|(key, value)| match value.as_str() {
            Some(text) => Ok((key.clone(), text.to_owned())),
            None => Err(wrong(&inner.path_of(key), "TYPE_STRING", value)),
        });
        pairs.collect::<Result<_, _>>().map(Some)
    }

    /// Members have only names of `known`; those of `unsupported` exist in the service but do nothing here, so that they
    /// are refused when they ask for something.
    ///
    /// # Errors
    /// 400 for a name that does not exist, 501 for one that is not supported.
    pub(super) fn only(&self, known: &[&str], unsupported: &[&str]) -> Result<(), ApiError> {
        for (name, value) in self.members {
            if unsupported.contains(&name.as_str()) {
                if asks_for_something(value) {
                    let path = self.path_of(name);
                    return Err(ApiError::not_implemented(format!("{path} is not supported by this server")));
                }
            } else if !known.contains(&name.as_str()) {
                let name: String = name.chars().take(100).collect();
                let place = if self.path.is_empty() { String::new() } else { format!(" at '{}'", self.path) };
                let message =
                    format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field.");
                return Err(ApiError::new(400, "badRequest", message));
            }
        }
        Ok(())
    }
}

/// Whether a value is another than what leaving it out means.
fn asks_for_something(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::Array(elements) => !elements.is_empty(),
        Json::Object(members) => members.values().any(asks_for_something),
        Json::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// What is said of a value that is not of its type.
pub(super) fn wrong(path: &str, kind: &str, found: &Json) -> ApiError {
    let found: String = found.to_string().chars().take(100).collect();
    ApiError::invalid(format!("Invalid value at '{path}' ({kind}), {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_flags_may_be_texts_and_wrong_ones_are_named() {
        let json = json!({"a": {"n": "10", "m": 10, "f": "true", "x": null, "t": "é", "big": 1e300, "deep": {"k": 1}}});
        let outer = Members::new("", json.as_object().unwrap());
        let members = outer.object("a").unwrap().unwrap();
        assert_eq!(members.number("n").unwrap(), Some(10));
        assert_eq!(members.whole("m").unwrap(), Some(10));
        assert_eq!(members.flag("f").unwrap(), Some(true));
        assert_eq!(members.text("x").unwrap(), None);
        let message = |error: ApiError| (error.status, error.message);
        assert_eq!(
            message(members.number("t").unwrap_err()),
            (400, "Invalid value at 'a.t' (TYPE_UINT64), \"é\"".into())
        );
        assert_eq!(message(members.number("big").unwrap_err()).1, "Invalid value at 'a.big' (TYPE_UINT64), 1e+300");
        assert_eq!(message(members.list("deep").unwrap_err()).1, "Invalid value at 'a.deep' (a list), {\"k\":1}");
        assert_eq!(message(members.required_text("x").unwrap_err()).1, "Required parameter is missing: a.x");
        assert_eq!(members.map_of_texts("deep").unwrap_err().message, "Invalid value at 'a.deep.k' (TYPE_STRING), 1");
    }

    #[test]
    fn what_is_not_supported_is_refused_only_when_it_is_asked_for() {
        let check = |json: Json| Members::of("q", &json).unwrap().only(&["a"], &["b"]).map_err(|error| error.message);
        assert_eq!(check(json!({"a": 1, "b": null})), Ok(()));
        assert_eq!(check(json!({"b": {"c": [], "d": false}})), Ok(()));
        assert_eq!(check(json!({"b": {"c": [1]}})), Err("q.b is not supported by this server".into()));
        let expected = "Invalid JSON payload received. Unknown name \"z\" at 'q': Cannot find field.";
        assert_eq!(check(json!({"z": null})), Err(expected.into()));
    }
}
