//! Indices in memory for tests: documents by a mapping, in several segments.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tantivy::{Index, IndexWriter};

use super::Clock;
use super::execute::{Limits, Target, execute};
use super::request::SearchRequest;
use super::response::SearchAnswer;
use super::values::{date_format, narrowed};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::Params;
use crate::server::elasticsearch::mapping::{FieldKind, FieldMapping, Mapping, ObjectMapping, Property};
use crate::server::elasticsearch::storage::analyzer;
use crate::server::elasticsearch::storage::schema::{Identity, IndexedFields, schema};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

pub(crate) const NOW: Clock = Clock { now_ms: 1_710_504_245_678 };

/// `n` long, `i` integer, `b` boolean, `d` date, `k` keyword, `f` float, `p` double, `t` text with `t.raw`, `o.x` long.
pub(crate) fn mapping() -> Mapping {
    let field = |path: &str, kind| FieldMapping {
        path: path.to_owned(),
        kind,
        options: BTreeMap::new(),
        fields: BTreeMap::new(),
    };
    let mut properties = BTreeMap::new();
    for (name, kind) in [
        ("n", FieldKind::Long),
        ("i", FieldKind::Integer),
        ("b", FieldKind::Boolean),
        ("d", FieldKind::Date),
        ("k", FieldKind::Keyword),
        ("f", FieldKind::Float),
        ("p", FieldKind::Double),
    ] {
        properties.insert(name.to_owned(), Property::Field(field(name, kind)));
    }
    let mut text = field("t", FieldKind::Text);
    text.fields.insert("raw".to_owned(), field("t.raw", FieldKind::Keyword));
    properties.insert("t".to_owned(), Property::Field(text));
    let mut object = ObjectMapping::default();
    object.properties.insert("x".to_owned(), Property::Field(field("o.x", FieldKind::Long)));
    properties.insert("o".to_owned(), Property::Object(object));
    Mapping::new(ObjectMapping { properties, ..ObjectMapping::default() }, BTreeMap::new())
}

/// An index of these sources, whose ids are "0", "1", ..., a new segment after every `per_segment`.
pub(crate) fn index(name: &str, sources: &[&str], per_segment: usize) -> Target {
    let mapping = mapping();
    let (schema, fields) = schema();
    let index = Index::create_in_ram(schema);
    analyzer::register(index.tokenizers());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
    writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
    for (seq_no, source) in sources.iter().enumerate() {
        let id = seq_no.to_string();
        let identity = Identity { id: &id, seq_no: u64::try_from(seq_no).unwrap(), version: 1, routing: None };
        let document = indexed(&mapping, source).into_document(&fields, identity, source.as_bytes());
        writer.add_document(document).unwrap();
        if (seq_no + 1) % per_segment == 0 {
            writer.commit().unwrap();
        }
    }
    writer.commit().unwrap();
    let shard = IndexSnapshot {
        index: name.into(),
        uuid: "uuid".into(),
        node_id: "node".into(),
        mapping: Arc::new(mapping),
        fields,
        searcher: index.reader().unwrap().searcher(),
        max_result_window: 10_000,
    };
    Target { shard, filter: None }
}

fn indexed(mapping: &Mapping, source: &str) -> IndexedFields {
    let source: Value = serde_json::from_str(source).unwrap();
    let mut fields = IndexedFields::default();
    for field in mapping.fields() {
        let path = field.path.strip_suffix(".raw").unwrap_or(&field.path);
        let found = path.split('.').try_fold(&source, |value, name| value.get(name));
        let values: Vec<Value> = match found {
            None | Some(Value::Null) => continue,
            Some(Value::Array(items)) => items.clone(),
            Some(value) => vec![value.clone()],
        };
        for value in values {
            add(&mut fields, field, &value);
        }
    }
    fields
}

fn add(fields: &mut IndexedFields, field: &FieldMapping, value: &Value) {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match field.kind {
        FieldKind::Text => fields.add_text(&field.path, &text),
        FieldKind::Keyword => fields.add_keyword(&field.path, &text),
        FieldKind::Boolean => fields.add_i64(&field.path, i64::from(value.as_bool().unwrap())),
        FieldKind::Date => {
            let millis = value.as_i64().unwrap_or_else(|| date_format(field).parse_millis(&text).unwrap());
            fields.add_i64(&field.path, millis);
        }
        kind if kind.is_floating() => fields.add_f64(&field.path, narrowed(field, value.as_f64().unwrap())),
        _ => fields.add_i64(&field.path, value.as_i64().unwrap()),
    }
}

pub(crate) fn search(targets: &[Target], body: &str) -> Result<SearchAnswer, ApiError> {
    let request = SearchRequest::parse(body.as_bytes(), &Params::default(), "/e/_search")?;
    execute(&request, targets, NOW, &Limits::default(), None)
}

/// The answer as a client reads it, without `took`.
pub(crate) fn answer(targets: &[Target], body: &str) -> Value {
    let mut out = Vec::new();
    match search(targets, body) {
        Ok(found) => found.write(std::time::Duration::ZERO, None, &mut out),
        Err(error) => return error.to_json(),
    }
    let mut answer: Value = serde_json::from_slice(&out).unwrap();
    answer.as_object_mut().unwrap().shift_remove("took");
    answer
}

/// The ids found, in order.
pub(crate) fn ids(targets: &[Target], body: &str) -> Vec<String> {
    let found = search(targets, body).unwrap_or_else(|error| panic!("{body}: {}", error.to_json()));
    found.hits.into_iter().filter_map(|hit| hit.id).collect()
}
