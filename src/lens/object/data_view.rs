//! Data views, of a saved object or of the spec that a Lens chart brings along.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ObjectError;
use super::dashboard::attributes;
use super::json::{embedded_object, text};
use crate::lens::view::DataView;

/// What Elasticsearch takes of a runtime field; Kibana keeps more beside (`customLabel`, `popularity`, `format`).
const RUNTIME_KEYS: [&str; 3] = ["type", "script", "fields"];

impl DataView {
    /// Of a saved object of type `index-pattern`, or of an ad-hoc spec, where nothing is in `attributes`. Its fields
    /// are not known yet: see [`DataView::set_fields`].
    ///
    /// # Errors
    /// It is something else, has no `title`, or a JSON text in it is broken.
    pub fn read(object: &Value) -> Result<Self, ObjectError> {
        let is_spec = object.get("attributes").is_none() && object.get("title").is_some();
        let (attributes, prefix) = match is_spec {
            true => (object, ""),
            false => (attributes(object, "index-pattern")?, "attributes."),
        };
        let path = |name: &str| format!("{prefix}{name}");
        let index = text(attributes, "title").filter(|title| !title.trim().is_empty());
        let index = index.ok_or_else(|| ObjectError::Missing { path: path("title") })?;
        let name = text(attributes, "name").filter(|name| !name.is_empty());
        // A saved object has texts under these names, a spec values, and the formats under another one.
        let formats = attributes.get("fieldFormatMap").or_else(|| attributes.get("fieldFormats"));
        let formats = embedded_object(formats, &path("fieldFormatMap"))?;
        let runtime = embedded_object(attributes.get("runtimeFieldMap"), &path("runtimeFieldMap"))?;
        let time_field = text(attributes, "timeFieldName").filter(|field| !field.is_empty());
        Ok(Self {
            id: text(object, "id").unwrap_or_default().to_owned(),
            index: index.to_owned(),
            name: name.unwrap_or(index).to_owned(),
            time_field: time_field.map(str::to_owned),
            fields: BTreeMap::new(),
            formats: formats.into_iter().collect(),
            runtime: runtime.into_iter().map(|(name, field)| (name, runtime_field(field))).collect(),
        })
    }
}

fn runtime_field(field: Value) -> Value {
    match field {
        Value::Object(field) => {
            field.into_iter().filter(|(key, _)| RUNTIME_KEYS.contains(&key.as_str())).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}
