//! An index in memory, made of JSON documents, and one search over it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tantivy::tokenizer::{SimpleTokenizer, TextAnalyzer};
use tantivy::{Index, IndexWriter, Term};

use super::super::run::{SearchContext, start};
use super::super::sampling::Sampling;
use super::super::{Aggregations, parse};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::mapping::{DateFormat, FieldKind, FieldMapping, Mapping, ObjectMapping, Property};
use crate::server::elasticsearch::search::Clock;
use crate::server::elasticsearch::storage::schema::{Fields, Identity, IndexedFields, STANDARD_ANALYZER, schema};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

pub(super) const CLOCK: Clock = Clock { now_ms: 1_795_528_095_555 };

pub(super) fn kind_of(name: &str) -> FieldKind {
    match name {
        "text" => FieldKind::Text,
        "keyword" => FieldKind::Keyword,
        "long" => FieldKind::Long,
        "integer" => FieldKind::Integer,
        "double" => FieldKind::Double,
        "float" => FieldKind::Float,
        "boolean" => FieldKind::Boolean,
        "date" => FieldKind::Date,
        other => panic!("no field kind {other} in these tests"),
    }
}

pub(super) fn mapping(fields: &[(&str, &str)]) -> Mapping {
    let property = |(path, kind): &(&str, &str)| {
        let (options, fields) = (BTreeMap::new(), BTreeMap::new());
        let field = FieldMapping { path: (*path).to_owned(), kind: kind_of(kind), options, fields };
        ((*path).to_owned(), Property::Field(field))
    };
    let root = ObjectMapping { properties: fields.iter().map(property).collect(), ..ObjectMapping::default() };
    Mapping::new(root, BTreeMap::new())
}

/// An index of flat documents; a commit, so a segment, every `per_segment` documents.
pub(super) fn index(name: &str, mapping: &Mapping, documents: &[Value], per_segment: usize) -> IndexSnapshot {
    let mut growing = GrowingIndex::new(name, mapping);
    documents.chunks(per_segment).for_each(|segment| growing.add(segment));
    growing.snapshot()
}

/// An index that gets a segment at a time.
pub(super) struct GrowingIndex {
    name: Arc<str>,
    mapping: Arc<Mapping>,
    fields: Fields,
    index: Index,
    writer: IndexWriter,
    documents: u64,
}

impl GrowingIndex {
    pub(super) fn new(name: &str, mapping: &Mapping) -> Self {
        let (schema, fields) = schema();
        let index = Index::create_in_ram(schema);
        index.tokenizers().register(STANDARD_ANALYZER, TextAnalyzer::from(SimpleTokenizer::default()));
        let writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).unwrap();
        writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
        Self { name: name.into(), mapping: Arc::new(mapping.clone()), fields, index, writer, documents: 0 }
    }

    /// Adds a segment. Ids are numbers, from 0 on.
    pub(super) fn add(&mut self, documents: &[Value]) {
        for document in documents {
            let mut indexed = IndexedFields::default();
            for (path, value) in document.as_object().unwrap() {
                let field = self.mapping.field(path).unwrap();
                match value {
                    Value::Array(items) => items.iter().for_each(|item| add(&mut indexed, field, item)),
                    one => add(&mut indexed, field, one),
                }
            }
            let id = self.documents.to_string();
            let identity = Identity { id: &id, seq_no: self.documents, version: 1, routing: None };
            let source = serde_json::to_vec(document).unwrap();
            self.writer.add_document(indexed.into_document(&self.fields, identity, &source)).unwrap();
            self.documents += 1;
        }
        self.writer.commit().unwrap();
    }

    pub(super) fn delete(&mut self, id: u64) {
        self.writer.delete_term(Term::from_field_text(self.fields.id, &id.to_string()));
        self.writer.commit().unwrap();
    }

    pub(super) fn snapshot(&self) -> IndexSnapshot {
        IndexSnapshot {
            index: Arc::clone(&self.name),
            uuid: Arc::from("uuid"),
            node_id: Arc::from("node"),
            mapping: Arc::clone(&self.mapping),
            fields: self.fields,
            searcher: self.index.reader().unwrap().searcher(),
            max_result_window: 10_000,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float field keeps 32 bits")]
fn add(indexed: &mut IndexedFields, field: &FieldMapping, value: &Value) {
    let path = &field.path;
    match (field.kind, value) {
        (_, Value::Null) => {}
        (FieldKind::Keyword, Value::String(text)) => indexed.add_keyword(path, text),
        (FieldKind::Text, Value::String(text)) => indexed.add_text(path, text),
        (FieldKind::Boolean, Value::Bool(value)) => indexed.add_i64(path, i64::from(*value)),
        (FieldKind::Date, Value::String(text)) => {
            indexed.add_i64(path, DateFormat::default().parse_millis(text).unwrap());
        }
        (FieldKind::Float, value) => indexed.add_f64(path, f64::from(value.as_f64().unwrap() as f32)),
        (FieldKind::Double, value) => indexed.add_f64(path, value.as_f64().unwrap()),
        (_, value) => indexed.add_i64(path, value.as_i64().unwrap()),
    }
}

/// The `aggs` of a whole search body.
pub(super) fn parse_body(body: &str) -> Result<Aggregations, ApiError> {
    let json = Json::parse(body.as_bytes()).unwrap();
    parse(json.get("aggs").unwrap(), &Source(body.as_bytes()))
}

/// A search of every document.
pub(super) fn search(shards: &[IndexSnapshot], body: &str, typed_keys: bool) -> Result<Map<String, Value>, ApiError> {
    let request = parse_body(body)?;
    let ctx = SearchContext { shards, clock: CLOCK, typed_keys, sampling: Sampling::NONE };
    let mut run = start(&request, &ctx)?;
    for (shard_ord, shard) in shards.iter().enumerate() {
        for (segment_ord, segment) in (0u32..).zip(shard.searcher.segment_readers()) {
            let docs: Vec<u32> = segment.doc_ids_alive().collect();
            for block in docs.chunks(700) {
                run.collect(shard_ord, segment_ord, block, None)
                    .map_err(|error| ApiError::shard(400, &shard.index, &shard.node_id, error))?;
            }
        }
    }
    run.finish()
}

/// The first difference between two answers; numbers may differ by rounding.
pub(super) fn difference(path: &str, ours: &Value, theirs: &Value, tolerance: f64) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            let (left_keys, right_keys): (Vec<_>, Vec<_>) = (left.keys().collect(), right.keys().collect());
            if left_keys != right_keys {
                return Some(format!("{path}: keys {left_keys:?} instead of {right_keys:?}"));
            }
            left.iter().find_map(|(key, value)| difference(&format!("{path}.{key}"), value, &right[key], tolerance))
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Some(format!("{path}: {} items instead of {}: {ours} / {theirs}", left.len(), right.len()));
            }
            let mut pairs = left.iter().zip(right).enumerate();
            pairs.find_map(|(at, (left, right))| difference(&format!("{path}[{at}]"), left, right, tolerance))
        }
        (Value::Number(left), Value::Number(right)) => {
            let (a, b) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            let same_form = left.is_f64() == right.is_f64();
            let near = (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0);
            (!same_form || !near).then(|| format!("{path}: {left} instead of {right}"))
        }
        _ => (ours != theirs).then(|| format!("{path}: {ours} instead of {theirs}")),
    }
}
