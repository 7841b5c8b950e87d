//! The body of `_bulk`: pairs of an action line and a source line.

use bytes::Bytes;

use super::super::mget::simple;
use super::super::writing::{Action, Item, UpdateBody, Versioning, check_id};
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::search::fault::Fault;
use crate::server::elasticsearch::search::fault::not_json;
use crate::server::elasticsearch::search::fetch::SourceFilter;
use crate::server::elasticsearch::storage::engine::Condition;

/// What the URL says for items that do not say it themselves.
#[derive(Debug, Clone)]
pub(super) struct Defaults {
    pub(super) index: Option<String>,
    pub(super) routing: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) require_alias: bool,
    pub(super) require_data_stream: bool,
    pub(super) shown: Option<SourceFilter>,
}

/// The items of a body; documents are slices of it. What the request as a whole is refused for is in `problems`.
///
/// # Errors
/// A body that is not made of such lines.
pub(super) fn items(body: &Bytes, defaults: &Defaults, problems: &mut Vec<String>) -> Result<Vec<Item>, ApiError> {
    let mut lines = Lines { body, at: 0, number: 0 };
    let mut items = Vec::new();
    while let Some(line) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        let number = lines.number;
        let mut read = action(&line, number, defaults)?;
        if read.item.action == Action::Delete {
            finish(&mut read, problems)?;
            items.push(read.item);
            continue;
        }
        // A last action without its source is dropped.
        let Some(source) = lines.next()? else { break };
        if read.item.action == Action::Update {
            let update = UpdateBody::read(&source)?;
            read.versioning.if_seq_no = read.versioning.if_seq_no.or(update.if_seq_no);
            read.versioning.if_primary_term = read.versioning.if_primary_term.or(update.if_primary_term);
            if let Some(shown) = &update.source {
                read.item.shown = Some(shown.clone());
            }
            read.item.update = Some(update);
        } else {
            read.item.source = source;
        }
        finish(&mut read, problems)?;
        items.push(read.item);
    }
    Ok(items)
}

/// The lines of a body, without their ends.
struct Lines<'a> {
    body: &'a Bytes,
    at: usize,
    number: usize,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(ApiError::illegal_argument("The bulk request must be terminated by a newline [\\n]"));
        };
        let line = rest.get(..length).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let slice = self.body.slice(self.at..self.at + line.len());
        self.at += length + 1;
        self.number += 1;
        Ok(Some(slice))
    }
}

/// An item with what is checked once its source is there.
struct ReadItem {
    item: Item,
    versioning: Versioning,
    has_index: bool,
}

fn finish(read: &mut ReadItem, problems: &mut Vec<String>) -> Result<(), ApiError> {
    let item = &mut read.item;
    if !read.has_index {
        problems.push("index is missing".into());
    }
    match &item.id {
        Some(id) => check_id(id, problems),
        None if matches!(item.action, Action::Update | Action::Delete) => problems.push("id is missing".into()),
        None => {}
    }
    item.condition = read.versioning.condition(item.action, problems)?;
    if let Some(update) = &item.update {
        update.problems(item.condition != Condition::None, problems);
    }
    Ok(())
}

fn malformed(number: usize, wanted: &str, found: &str) -> ApiError {
    let reason = format!("Malformed action/metadata line [{number}], expected {wanted} but found [{found}]");
    ApiError::illegal_argument(reason)
}

/// Reads `{"index":{"_index":..,"_id":..}}`.
fn action(line: &Bytes, number: usize, defaults: &Defaults) -> Result<ReadItem, ApiError> {
    let json = Json::parse(line).map_err(|error| not_json(&error, line))?;
    let Some(members) = json.as_object() else {
        return Err(malformed(number, "START_OBJECT", json.token_name()));
    };
    let Some((first, others)) = members.split_first() else {
        return Err(malformed(number, "FIELD_NAME", "END_OBJECT"));
    };
    let action = match first.key.as_str() {
        "index" => Action::Index,
        "create" => Action::Create,
        "update" => Action::Update,
        "delete" => Action::Delete,
        other => return Err(malformed(number, "field [create], [delete], [index] or [update]", other)),
    };
    let Some(metadata) = first.value.as_object() else {
        return Err(malformed(number, "START_OBJECT or END_OBJECT", first.value.token_name()));
    };
    if !others.is_empty() {
        return Err(malformed(number, "END_OBJECT", "FIELD_NAME"));
    }
    let mut read = ReadItem { item: blank(action, defaults), versioning: Versioning::default(), has_index: true };
    read.has_index = defaults.index.is_some();
    let source = Source(line);
    for member in metadata {
        read.metadata(member, number, &source)?;
    }
    Ok(read)
}

fn blank(action: Action, defaults: &Defaults) -> Item {
    Item {
        action,
        index: defaults.index.clone().unwrap_or_default(),
        id: None,
        routing: defaults.routing.clone(),
        condition: Condition::None,
        retry_on_conflict: 0,
        require_alias: defaults.require_alias,
        require_data_stream: defaults.require_data_stream,
        pipeline: defaults.pipeline.clone(),
        source: Bytes::new(),
        update: None,
        shown: if action == Action::Update { defaults.shown.clone() } else { None },
    }
}

impl ReadItem {
    fn metadata(&mut self, member: &Member, number: usize, source: &Source<'_>) -> Result<(), ApiError> {
        let value = &member.value;
        let item = &mut self.item;
        match (member.key.as_str(), &value.value) {
            ("dynamic_templates", JsonValue::Object(templates)) if templates.is_empty() => return Ok(()),
            ("_source", _) if item.action == Action::Update => {
                item.shown = Some(SourceFilter::read(value, source).map_err(Fault::into_api)?);
                return Ok(());
            }
            (field, JsonValue::Array(_) | JsonValue::Object(_)) if field != "dynamic_templates" => {
                let wanted = format!("a simple value for field [{field}]");
                return Err(malformed(number, &wanted, value.token_name()));
            }
            _ => {}
        }
        let text = simple(value, source);
        match member.key.as_str() {
            "_index" => {
                if let Some(name) = text {
                    item.index = name;
                    self.has_index = true;
                }
            }
            "_id" => item.id = text,
            "routing" => item.routing = text.or_else(|| item.routing.take()),
            "pipeline" => item.pipeline = text,
            "op_type" => match (item.action, text.as_deref()) {
                (Action::Index, Some("create")) => item.action = Action::Create,
                (Action::Index | Action::Create, Some("index" | "create")) => {}
                (_, other) => {
                    let found = other.unwrap_or("null");
                    let reason = format!("opType must be 'create' or 'index', found: [{found}]");
                    return Err(ApiError::illegal_argument(reason));
                }
            },
            "version" => self.versioning.version = Some(long(value)?),
            "version_type" => self.versioning.version_type = text,
            "if_seq_no" => self.versioning.if_seq_no = Some(long(value)?),
            "if_primary_term" => self.versioning.if_primary_term = Some(long(value)?),
            "retry_on_conflict" => item.retry_on_conflict = u32::try_from(long(value)?).unwrap_or(0),
            "require_alias" => item.require_alias = flag(text.as_deref())?,
            "require_data_stream" => item.require_data_stream = flag(text.as_deref())?,
            "list_executed_pipelines" => _ = flag(text.as_deref())?,
            other => {
                let reason = format!("Action/metadata line [{number}] contains an unknown parameter [{other}]");
                return Err(ApiError::illegal_argument(reason));
            }
        }
        Ok(())
    }
}

fn flag(text: Option<&str>) -> Result<bool, ApiError> {
    match text {
        Some("true") => Ok(true),
        Some("false") | None => Ok(false),
        Some(other) => Err(ApiError::illegal_argument(format!(
            "Failed to parse value [{other}] as only [true] or [false] are allowed."
        ))),
    }
}

fn long(value: &Json) -> Result<i64, ApiError> {
    let parsed = match &value.value {
        JsonValue::Int(number) => Some(*number),
        JsonValue::String(text) => text.parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| {
        ApiError::illegal_argument(format!("For input string: \"{}\"", value.as_str().unwrap_or(value.token_name())))
    })
}
