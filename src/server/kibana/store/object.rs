//! One saved object, and its forms: to the API, in an export, in a record of the store.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use crate::lens::object::Reference;

/// An object is one of its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: String,
    pub(crate) id: String,
}

impl Key {
    pub(crate) fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

/// An object to be stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    pub(crate) key: Key,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) references: Vec<Reference>,
    /// `typeMigrationVersion`; some types have none.
    pub(crate) type_version: Option<String>,
    /// `coreMigrationVersion`.
    pub(crate) core_version: String,
    pub(crate) origin_id: Option<String>,
    pub(crate) managed: bool,
    /// `None`: now.
    pub(crate) created_at: Option<String>,
}

impl Draft {
    pub(super) fn stored(self, now: &str, seq_no: u64) -> SavedObject {
        SavedObject {
            key: self.key,
            attributes: self.attributes,
            references: self.references,
            type_version: self.type_version,
            core_version: self.core_version,
            origin_id: self.origin_id,
            managed: self.managed,
            created_at: self.created_at.unwrap_or_else(|| now.to_owned()),
            updated_at: now.to_owned(),
            seq_no,
        }
    }
}

/// An object as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SavedObject {
    pub(crate) key: Key,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) references: Vec<Reference>,
    pub(crate) type_version: Option<String>,
    pub(crate) core_version: String,
    pub(crate) origin_id: Option<String>,
    pub(crate) managed: bool,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) seq_no: u64,
}

impl SavedObject {
    /// Kibana's opaque `version`: base64 of sequence number and primary term.
    pub(crate) fn version(&self) -> String {
        BASE64_STANDARD.encode(format!("[{},1]", self.seq_no))
    }

    /// For a change that keeps the rest.
    pub(crate) fn draft(&self) -> Draft {
        Draft {
            key: self.key.clone(),
            attributes: self.attributes.clone(),
            references: self.references.clone(),
            type_version: self.type_version.clone(),
            core_version: self.core_version.clone(),
            origin_id: self.origin_id.clone(),
            managed: self.managed,
            created_at: Some(self.created_at.clone()),
        }
    }

    /// As the API answers it; `fields` names the attributes that are wanted.
    pub(crate) fn to_api(&self, fields: Option<&[String]>) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("id".into(), self.key.id.clone().into());
        object.insert("type".into(), self.key.kind.clone().into());
        object.insert("namespaces".into(), json!(["default"]));
        if let Some(origin) = &self.origin_id {
            object.insert("originId".into(), origin.clone().into());
        }
        if let Some(version) = &self.type_version {
            object.insert("migrationVersion".into(), json!({ self.key.kind.as_str(): version }));
        }
        object.insert("updated_at".into(), self.updated_at.clone().into());
        object.insert("created_at".into(), self.created_at.clone().into());
        object.insert("version".into(), self.version().into());
        let attributes = fields.map_or_else(|| self.attributes.clone(), |fields| chosen(&self.attributes, fields));
        object.insert("attributes".into(), attributes.into());
        object.insert("references".into(), references_json(&self.references));
        object.insert("managed".into(), self.managed.into());
        object.insert("coreMigrationVersion".into(), self.core_version.clone().into());
        if let Some(version) = &self.type_version {
            object.insert("typeMigrationVersion".into(), version.clone().into());
        }
        object
    }

    /// As an export has it: all keys in order of the alphabet, at every depth.
    pub(crate) fn to_export(&self) -> Value {
        let mut object = self.to_api(None);
        for key in ["namespaces", "migrationVersion"] {
            object.remove(key);
        }
        let mut object = Value::Object(object);
        object.sort_all_objects();
        object
    }

    pub(super) fn to_record(&self) -> Map<String, Value> {
        let mut object = self.to_api(None);
        for key in ["namespaces", "migrationVersion", "version"] {
            object.remove(key);
        }
        object.insert("seq_no".into(), self.seq_no.into());
        object
    }

    pub(super) fn of_record(record: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            key: Key { kind: text("type")?, id: text("id")? },
            attributes: record.get("attributes")?.as_object()?.clone(),
            references: record.get("references")?.as_array()?.iter().map(reference).collect::<Option<_>>()?,
            type_version: text("typeMigrationVersion"),
            core_version: text("coreMigrationVersion")?,
            origin_id: text("originId"),
            managed: record.get("managed")?.as_bool()?,
            created_at: text("created_at")?,
            updated_at: text("updated_at")?,
            seq_no: record.get("seq_no")?.as_u64()?,
        })
    }
}

/// Of a reference as it is sent and stored.
pub(crate) fn reference(value: &Value) -> Option<Reference> {
    let text = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Reference { name: text("name")?, kind: text("type")?, id: text("id")? })
}

pub(crate) fn references_json(references: &[Reference]) -> Value {
    references.iter().map(|link| json!({"name": link.name, "type": link.kind, "id": link.id})).collect()
}

/// The attributes of these names; a dot leads into one.
fn chosen(attributes: &Map<String, Value>, fields: &[String]) -> Map<String, Value> {
    let mut found = Map::new();
    for field in fields {
        match (attributes.get(field), field.split_once('.')) {
            (Some(value), _) => {
                found.insert(field.clone(), value.clone());
            }
            (None, Some((outer, inner))) => {
                let Some(value) = attributes.get(outer).and_then(|value| value.get(inner)) else { continue };
                let place = found.entry(outer.to_owned()).or_insert_with(|| json!({}));
                if let Some(place) = place.as_object_mut() {
                    place.insert(inner.to_owned(), value.clone());
                }
            }
            (None, None) => {}
        }
    }
    found
}
