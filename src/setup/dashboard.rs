//! The dashboard: a data view and a dashboard that Kibana is asked to take.
//!
//! Kibana answers an import with 200 whatever became of the objects; `success` and the error of each object say it. One
//! conflict or one missing reference means that nothing at all was written, though the answer lists the other objects
//! as successes; with errors of another kind the others are written. Objects of fixed ids are imported with
//! `overwrite`, so that a second import replaces the first and links stay.

use serde_json::Value;

use crate::client::{KibanaAddress, KibanaClientError};

/// `es/stock-stream-dashboard.ndjson`, made by `scripts/build-dashboard`.
pub const DASHBOARD_NDJSON: &str = include_str!("../../es/stock-stream-dashboard.ndjson");
/// The dashboard's id in it.
pub const DASHBOARD_ID: &str = "stock-stream-dashboard";
/// Kibana takes no larger file.
pub const IMPORT_BYTES_MAX: usize = 26_214_400;

/// Attributes of saved objects that hold JSON as a string. Kibana stores a broken one and fails when it is opened.
const JSON_ATTRIBUTES: [&str; 13] = [
    "/panelsJSON",
    "/optionsJSON",
    "/kibanaSavedObjectMeta/searchSourceJSON",
    "/controlGroupInput/panelsJSON",
    "/controlGroupInput/ignoreParentSettingsJSON",
    "/fieldFormatMap",
    "/runtimeFieldMap",
    "/fieldAttrs",
    "/sourceFilters",
    "/fields",
    "/typeMeta",
    "/visState",
    "/uiStateJSON",
];

/// What Kibana took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DashboardOutcome {
    pub objects: Vec<ImportedObject>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedObject {
    pub kind: String,
    /// Under which it is there now: Kibana gives another one if this id is taken in another space.
    pub id: String,
    pub title: String,
    /// One of this id was there.
    pub replaced: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    #[error(transparent)]
    Kibana(#[from] KibanaClientError),
    /// Nothing was sent.
    #[error("{0}")]
    File(#[from] InvalidFile),
    /// Kibana takes an import into a space that is not there, and nobody ever sees the objects.
    #[error("there is no space `{space}` in Kibana")]
    NoSuchSpace { space: String, there: Vec<String> },
    /// Nothing was written.
    #[error("Kibana refused the file ({status}): {reason}")]
    FileRefused { status: u16, reason: String },
    #[error("Kibana did not take {}", of_objects(.rejected.len()))]
    Rejected { rejected: Vec<RejectedObject>, written: Vec<ImportedObject> },
}

/// A file that no Kibana could take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFile {
    #[error("there is no saved object in the file")]
    Empty,
    #[error("the file has {0} bytes; Kibana takes {IMPORT_BYTES_MAX}")]
    TooLarge(usize),
    #[error("line {line} is no saved object: {reason}")]
    Line { line: usize, reason: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedObject {
    pub kind: String,
    pub id: String,
    pub why: Rejection,
}

/// Why Kibana did not take an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("one of this id is there")]
    Conflict,
    #[error("several that are there could be meant: {}", .0.join(", "))]
    AmbiguousConflict(Vec<String>),
    /// As `type:id`.
    #[error("it needs {}, which is neither in the file nor in Kibana", .0.join(", "))]
    MissingReferences(Vec<String>),
    #[error("this Kibana knows no such type")]
    UnsupportedType,
    #[error("{0}")]
    Other(String),
}

impl Rejection {
    /// Whether because of it nothing of the whole import was written.
    fn stops_all(&self) -> bool {
        match self {
            Rejection::Conflict | Rejection::AmbiguousConflict(_) | Rejection::MissingReferences(_) => true,
            Rejection::UnsupportedType | Rejection::Other(_) => false,
        }
    }

    /// Kibana's name for it.
    pub fn name(&self) -> &'static str {
        match self {
            Rejection::Conflict => "conflict",
            Rejection::AmbiguousConflict(_) => "ambiguous_conflict",
            Rejection::MissingReferences(_) => "missing_references",
            Rejection::UnsupportedType => "unsupported_type",
            Rejection::Other(_) => "unknown",
        }
    }
}

impl DashboardOutcome {
    pub fn created(&self) -> usize {
        self.objects.iter().filter(|object| !object.replaced).count()
    }

    pub fn replaced(&self) -> usize {
        self.objects.iter().filter(|object| object.replaced).count()
    }

    /// The first dashboard, to be opened.
    pub fn dashboard(&self) -> Option<&ImportedObject> {
        self.objects.iter().find(|object| object.kind == "dashboard")
    }
}

/// Imports saved objects; those of the same ids are replaced.
pub async fn import_dashboard(kibana: &KibanaAddress, ndjson: &[u8]) -> Result<DashboardOutcome, DashboardError> {
    check(ndjson)?;
    check_space(kibana).await?;
    let answer = match kibana.import(ndjson, true).await {
        Ok(answer) => answer,
        // The file as a whole: not readable, too large, an object twice, or one from a newer Kibana.
        Err(KibanaClientError::Refused { status: status @ (400 | 413 | 415 | 422), reason, .. }) => {
            return Err(DashboardError::FileRefused { status, reason });
        }
        Err(error) => return Err(error.into()),
    };
    judge(&answer)
}

async fn check_space(kibana: &KibanaAddress) -> Result<(), DashboardError> {
    let Some(space) = &kibana.space else { return Ok(()) };
    match kibana.spaces().await? {
        Some(there) if !there.contains(space) => Err(DashboardError::NoSuchSpace { space: space.clone(), there }),
        _ => Ok(()),
    }
}

/// What became of the objects.
fn judge(answer: &Value) -> Result<DashboardOutcome, DashboardError> {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let objects: Vec<ImportedObject> = list("successResults").iter().map(imported).collect();
    if answer.get("success") == Some(&Value::Bool(true)) {
        return Ok(DashboardOutcome { objects });
    }
    let rejected: Vec<RejectedObject> = list("errors").iter().map(rejected).collect();
    let written = if rejected.iter().any(|object| object.why.stops_all()) { Vec::new() } else { objects };
    Err(DashboardError::Rejected { rejected, written })
}

fn imported(result: &Value) -> ImportedObject {
    let id = result.get("destinationId").or_else(|| result.get("id"));
    ImportedObject {
        kind: text(result.get("type")),
        id: text(id),
        title: text(result.pointer("/meta/title")),
        replaced: result.get("overwrite") == Some(&Value::Bool(true)),
    }
}

fn rejected(error: &Value) -> RejectedObject {
    let named = |list: &str, name: &dyn Fn(&Value) -> String| {
        error.pointer(list).and_then(Value::as_array).map_or_else(Vec::new, |all| all.iter().map(name).collect())
    };
    let why = match error.pointer("/error/type").and_then(Value::as_str) {
        Some("conflict") => Rejection::Conflict,
        Some("ambiguous_conflict") => {
            Rejection::AmbiguousConflict(named("/error/destinations", &|one| text(one.get("id"))))
        }
        Some("missing_references") => Rejection::MissingReferences(named("/error/references", &|one| {
            format!("{}:{}", text(one.get("type")), text(one.get("id")))
        })),
        Some("unsupported_type") => Rejection::UnsupportedType,
        // Attributes that fail the type's schema say it further within.
        _ => Rejection::Other(
            [error.pointer("/error/output/payload/message"), error.pointer("/error/message")]
                .into_iter()
                .flatten()
                .find_map(Value::as_str)
                .map_or_else(|| error.get("error").unwrap_or(error).to_string(), str::to_owned),
        ),
    };
    RejectedObject { kind: text(error.get("type")), id: text(error.get("id")), why }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn of_objects(number: usize) -> String {
    if number == 1 { "an object".to_owned() } else { format!("{number} objects") }
}

/// Finds what Kibana would answer with less than the line, or not at all. It is no schema: Kibana has that.
fn check(ndjson: &[u8]) -> Result<(), InvalidFile> {
    if ndjson.len() > IMPORT_BYTES_MAX {
        return Err(InvalidFile::TooLarge(ndjson.len()));
    }
    let lines = ndjson.split(|byte| *byte == b'\n').enumerate();
    let mut objects = 0_usize;
    for (place, line) in lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace)) {
        let wrong = |reason: String| InvalidFile::Line { line: place + 1, reason };
        let object: Value = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        // The last line of an export says what is in it.
        if object.get("exportedCount").is_some() {
            continue;
        }
        objects += 1;
        for name in ["type", "id"] {
            if !object.get(name).is_some_and(Value::is_string) {
                return Err(wrong(format!("it has no `{name}`")));
            }
        }
        let attributes = object.get("attributes").filter(|attributes| attributes.is_object());
        let attributes = attributes.ok_or_else(|| wrong("it has no `attributes`".to_owned()))?;
        for pointer in JSON_ATTRIBUTES {
            let Some(Value::String(text)) = attributes.pointer(pointer) else { continue };
            let parsed = if text.is_empty() { Ok(()) } else { serde_json::from_str::<Value>(text).map(|_| ()) };
            let name = pointer.trim_start_matches('/').replace('/', ".");
            parsed.map_err(|error| wrong(format!("the JSON text in `{name}` is broken: {error}")))?;
        }
    }
    if objects == 0 { Err(InvalidFile::Empty) } else { Ok(()) }
}

/// Members of an exported object that change with every export, or hold for one Kibana only.
const MACHINE_MADE: [&str; 9] = [
    "created_at",
    "created_by",
    "managed",
    "migrationVersion",
    "namespaces",
    "originId",
    "updated_at",
    "updated_by",
    "version",
];

/// Exported objects in the form of the file in `es/`: data views before what shows them, keys sorted, also those within
/// JSON strings, and without what makes diffs of nothing. Gives the number of objects, too.
pub fn canonical(ndjson: &[u8]) -> Result<(String, usize), InvalidFile> {
    check(ndjson)?;
    let mut objects = Vec::new();
    for (place, line) in ndjson.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let wrong = |error: serde_json::Error| InvalidFile::Line { line: place + 1, reason: error.to_string() };
        let object: Value = serde_json::from_slice(line).map_err(wrong)?;
        if object.get("exportedCount").is_none() {
            objects.push(canonical_object(object).map_err(wrong)?);
        }
    }
    let order = |object: &Value| {
        let kind = text(object.get("type"));
        (kind != "index-pattern", kind, text(object.get("id")))
    };
    objects.sort_by_key(order);
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    Ok((lines, objects.len()))
}

fn canonical_object(mut object: Value) -> Result<Value, serde_json::Error> {
    if let Some(members) = object.as_object_mut() {
        members.retain(|name, _| !MACHINE_MADE.contains(&name.as_str()));
    }
    if let Some(references) = object.get_mut("references").and_then(Value::as_array_mut) {
        references.sort_by_key(|reference| (text(reference.get("name")), text(reference.get("id"))));
    }
    for pointer in JSON_ATTRIBUTES {
        let Some(Value::String(json)) = object.pointer_mut(&format!("/attributes{pointer}")) else { continue };
        if !json.is_empty() {
            let mut value: Value = serde_json::from_str(json)?;
            value.sort_all_objects();
            *json = value.to_string();
        }
    }
    object.sort_all_objects();
    Ok(object)
}

#[cfg(test)]
mod tests;
