//! `_field_caps`: which fields there are across indices, and what can be done with them. Kibana's data views stand on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::optional_body;
use crate::server::elasticsearch::codec::json::{JsonValue, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::similar::did_you_mean;
use crate::server::elasticsearch::http::{Request, Response, wildcard_match};
use crate::server::elasticsearch::mapping::{FieldKind, FieldMapping, Mapping, ObjectKind, ObjectMapping, Property};
use crate::server::elasticsearch::state::{IndicesOptions, Node};

pub(crate) const PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "fields",
    "filters",
    "ignore_unavailable",
    "include_empty_fields",
    "include_unmapped",
    "types",
];

/// Fields every index has: name, type, searchable, aggregatable (measured on 9.2.4).
const METADATA: [(&str, &str, bool, bool); 14] = [
    ("_data_stream_timestamp", "_data_stream_timestamp", false, false),
    ("_doc_count", "integer", false, false),
    ("_field_names", "_field_names", true, false),
    ("_id", "_id", true, false),
    ("_ignored", "_ignored", true, true),
    ("_ignored_source", "_ignored_source", false, false),
    ("_index", "_index", true, true),
    ("_index_mode", "_index_mode", true, true),
    ("_nested_path", "_nested_path", true, false),
    ("_routing", "_routing", true, false),
    ("_seq_no", "_seq_no", true, true),
    ("_source", "_source", false, false),
    ("_tier", "keyword", true, true),
    ("_version", "_version", false, true),
];

/// What can be done with a field of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Capability {
    metadata: bool,
    searchable: bool,
    aggregatable: bool,
}

/// By type, the indices in which a field has it, and what can be done there.
type Kinds = BTreeMap<&'static str, Vec<(String, Capability)>>;

pub(crate) async fn field_caps(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let patterns = fields(&request)?;
    let include_unmapped = request.params.bool("include_unmapped", false)?;
    request.params.bool("include_empty_fields", true)?;
    let filters: Vec<&str> = request.params.get("filters").map(|text| text.split(',').collect()).unwrap_or_default();
    check_filters(&filters)?;
    let types: Vec<&str> = request.params.get("types").map(|text| text.split(',').collect()).unwrap_or_default();
    let options = IndicesOptions::open().with_params(&request.params)?;
    let indices = node.cluster.resolve(request.path.get("index").map_or("", String::as_str), options)?;

    let wanted = |name: &str| patterns.iter().any(|pattern| wildcard_match(pattern, name));
    let mut found: BTreeMap<String, Kinds> = BTreeMap::new();
    for index in &indices {
        for (name, kind, capability) in capabilities(&index.mapping()) {
            let listed = wanted(&name)
                && (types.is_empty() || types.contains(&kind))
                && passes(&filters, &name, kind, capability, &index.mapping());
            if listed {
                let entry = found.entry(name).or_default().entry(kind).or_default();
                entry.push((index.name().to_owned(), capability));
            }
        }
    }
    let names: Vec<&str> = indices.iter().map(|index| index.name()).collect();
    let shown: Map<String, Value> =
        found.into_iter().map(|(name, kinds)| (name, field_json(kinds, &names, include_unmapped))).collect();
    Ok(Response::ok(json!({"indices": names, "fields": shown})))
}

/// The patterns, from the URL or the body.
fn fields(request: &Request) -> Result<Vec<String>, ApiError> {
    let mut patterns: Vec<String> =
        request.params.get("fields").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default();
    if let Some(body) = optional_body(&request.body)? {
        for member in body.as_object().unwrap_or_default() {
            if member.key != "fields" {
                let position = Source(&request.body).position(member.key_span.start);
                let hint = did_you_mean(&member.key, ["fields", "index_filter", "runtime_mappings"]);
                let place = format!("[{}:{}]", position.line, position.column);
                let reason = format!("{place} [field_caps_request] unknown field [{}]{hint}", member.key);
                return Err(ApiError::new(400, "x_content_parse_exception", reason));
            }
            if !patterns.is_empty() {
                return Err(ApiError::illegal_argument(
                    "can't specify a request body and [fields] request parameter, either specify a request body or the [fields] request parameter",
                ));
            }
            match &member.value.value {
                JsonValue::String(text) => patterns.push(text.clone()),
                JsonValue::Array(items) => {
                    patterns.extend(items.iter().filter_map(|item| item.as_str().map(str::to_owned)))
                }
                _ => {}
            }
        }
    }
    if patterns.iter().all(String::is_empty) {
        let reason = "Validation Failed: 1: no fields specified;";
        return Err(ApiError::new(400, "action_request_validation_exception", reason));
    }
    Ok(patterns)
}

const FILTERS: [&str; 7] = ["+metadata", "-metadata", "-nested", "-multifield", "-parent", "+dimension", "-metric"];

fn check_filters(filters: &[&str]) -> Result<(), ApiError> {
    match filters.iter().find(|filter| !FILTERS.get(..5).unwrap_or_default().contains(filter)) {
        None => Ok(()),
        Some(unknown) => Err(ApiError::illegal_argument(format!("Unknown field caps filter [{unknown}]"))),
    }
}

fn passes(filters: &[&str], name: &str, kind: &str, capability: Capability, mapping: &Mapping) -> bool {
    filters.iter().all(|filter| match *filter {
        "+metadata" => capability.metadata,
        "-metadata" => !capability.metadata,
        "-nested" => kind != "nested",
        "-parent" => kind != "object" && kind != "nested",
        "-multifield" => name.rsplit_once('.').is_none_or(|(parent, _)| mapping.field(parent).is_none()),
        _ => true,
    })
}

/// Every field of a mapping: leaves, objects, metadata.
fn capabilities(mapping: &Mapping) -> Vec<(String, &'static str, Capability)> {
    let mut all: Vec<(String, &'static str, Capability)> = METADATA
        .iter()
        .map(|(name, kind, searchable, aggregatable)| {
            (
                (*name).to_owned(),
                *kind,
                Capability { metadata: true, searchable: *searchable, aggregatable: *aggregatable },
            )
        })
        .collect();
    for field in mapping.fields() {
        // An alias has the type and abilities of its target.
        let target = mapping.field(&field.path).unwrap_or(field);
        all.push((field.path.clone(), target.kind.name(), leaf(target)));
    }
    objects("", &mapping.root, &mut all);
    all
}

fn objects(prefix: &str, level: &ObjectMapping, all: &mut Vec<(String, &'static str, Capability)>) {
    for (name, property) in &level.properties {
        if let Property::Object(object) = property {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let kind = if object.kind == ObjectKind::Nested { "nested" } else { "object" };
            objects(&path, object, all);
            all.push((path, kind, Capability { metadata: false, searchable: false, aggregatable: false }));
        }
    }
}

fn leaf(field: &FieldMapping) -> Capability {
    let flag =
        |option: &str| field.options.get(option).is_none_or(|value| *value != json!(false) && *value != json!("false"));
    let (indexed, columns) = (flag("index"), flag("doc_values"));
    let text = field.kind == FieldKind::Text;
    // Fields without an index are searched by their column, but text has none.
    Capability { metadata: false, searchable: indexed || (columns && !text), aggregatable: columns && !text }
}

fn field_json(kinds: Kinds, indices: &[&str], include_unmapped: bool) -> Value {
    let mapped = |name: &str| kinds.values().flatten().any(|(index, _)| index == name);
    let unmapped: Vec<&str> = indices.iter().copied().filter(|name| include_unmapped && !mapped(name)).collect();
    let several = kinds.len() + usize::from(!unmapped.is_empty()) > 1;
    let mut shown = Map::new();
    for (kind, members) in &kinds {
        let all = |test: fn(&Capability) -> bool| members.iter().all(|(_, capability)| test(capability));
        let listed = |test: fn(&Capability) -> bool| {
            members
                .iter()
                .filter(|(_, capability)| test(capability))
                .map(|(index, _)| index.as_str())
                .collect::<Vec<_>>()
        };
        let (searchable, aggregatable) = (all(|c| c.searchable), all(|c| c.aggregatable));
        let mut one = Map::new();
        one.insert("type".into(), (*kind).into());
        one.insert("metadata_field".into(), all(|c| c.metadata).into());
        one.insert("searchable".into(), searchable.into());
        one.insert("aggregatable".into(), aggregatable.into());
        if several {
            one.insert("indices".into(), json!(members.iter().map(|(index, _)| index).collect::<Vec<_>>()));
        }
        let not_searchable = listed(|c| !c.searchable);
        if !searchable && not_searchable.len() < members.len() {
            one.insert("non_searchable_indices".into(), json!(not_searchable));
        }
        let not_aggregatable = listed(|c| !c.aggregatable);
        if !aggregatable && not_aggregatable.len() < members.len() {
            one.insert("non_aggregatable_indices".into(), json!(not_aggregatable));
        }
        shown.insert((*kind).into(), Value::Object(one));
    }
    if !unmapped.is_empty() {
        shown.insert(
            "unmapped".into(),
            json!({"type": "unmapped", "metadata_field": false, "searchable": false, "aggregatable": false, "indices": unmapped}),
        );
    }
    Value::Object(shown)
}
