//! One hit: read from the store and the columns, written in Elasticsearch's order of keys.

use serde_json::{Map, Value};
use tantivy::schema::Value as _;
use tantivy::{DocAddress, TantivyDocument};

use super::options::FetchOptions;
use super::values::{FetchedField, resolve};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::storage::schema::{SEQ_NO_COLUMN, VERSION_COLUMN};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// A document as a search shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hit {
    pub(crate) index: String,
    pub(crate) id: Option<String>,
    pub(crate) version: Option<u64>,
    pub(crate) seq_no: Option<u64>,
    /// None where the order is by fields and scores were not asked for.
    pub(crate) score: Option<f32>,
    pub(crate) ignored: Vec<String>,
    pub(crate) routing: Option<String>,
    /// JSON as indexed, or what a filter left of it.
    pub(crate) source: Option<Vec<u8>>,
    pub(crate) fields: Map<String, Value>,
    pub(crate) sort: Option<Vec<Value>>,
    pub(crate) matched_queries: Vec<String>,
}

/// Reads hits of one index.
pub(crate) struct Fetcher<'a> {
    shard: &'a IndexSnapshot,
    options: &'a FetchOptions,
    fields: Vec<FetchedField>,
    columns: Vec<FetchedField>,
}

impl<'a> Fetcher<'a> {
    /// # Errors
    /// The shard's exception where a field cannot be shown as asked.
    pub(crate) fn new(shard: &'a IndexSnapshot, options: &'a FetchOptions) -> Result<Self, Exception> {
        let fields = resolve(&options.fields, shard, false)?;
        let columns = resolve(&options.docvalue_fields, shard, true)?;
        Ok(Self { shard, options, fields, columns })
    }

    /// # Errors
    /// An exception where the index cannot be read.
    pub(crate) fn fetch(
        &self,
        address: DocAddress,
        score: Option<f32>,
        sort: Option<Vec<Value>>,
    ) -> Result<Hit, Exception> {
        self.read(address, score, sort).map_err(|error| read_failure(&error))
    }

    fn read(&self, address: DocAddress, score: Option<f32>, sort: Option<Vec<Value>>) -> tantivy::Result<Hit> {
        let fields = &self.shard.fields;
        let segment = self.shard.searcher.segment_reader(address.segment_ord);
        let mut hit = Hit { index: self.shard.index.to_string(), score, sort, ..Hit::default() };
        for column in &self.columns {
            column.read_columns(segment, address.doc_id, &mut hit.fields)?;
        }
        if self.options.version {
            hit.version = segment.fast_fields().u64(VERSION_COLUMN)?.first(address.doc_id);
        }
        if self.options.seq_no_primary_term {
            hit.seq_no = segment.fast_fields().u64(SEQ_NO_COLUMN)?.first(address.doc_id);
        }
        let filter = self.options.shown_source();
        if !self.options.shows_id() && filter.is_none() && self.fields.is_empty() {
            return Ok(hit);
        }
        let document: TantivyDocument = self.shard.searcher.doc(address)?;
        let text = |field| document.get_first(field).and_then(|value| value.as_str()).map(str::to_owned);
        if self.options.shows_id() {
            hit.id = text(fields.id);
            hit.routing = text(fields.routing);
            hit.ignored =
                document.get_all(fields.ignored).filter_map(|value| value.as_str()).map(str::to_owned).collect();
            hit.ignored.sort();
        }
        let source = document.get_first(fields.source).and_then(|value| value.as_bytes()).unwrap_or_default();
        if !self.fields.is_empty()
            && let Ok(json) = Json::parse(source)
        {
            for field in &self.fields {
                field.read_source(&json, &Source(source), &self.shard.mapping, &mut hit.fields);
            }
        }
        hit.source = filter.map(|filter| filter.apply(source));
        Ok(hit)
    }
}

/// An index that cannot be read: the shard fails.
pub(crate) fn read_failure(error: &tantivy::TantivyError) -> Exception {
    Exception::new("i_o_exception", error.to_string())
}

impl Hit {
    /// Appends the hit as JSON: the source as the bytes it was indexed with.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::new(out);
        object.json("_index", &self.index.as_str().into());
        if let Some(id) = &self.id {
            object.json("_id", &id.as_str().into());
        }
        if let Some(version) = self.version {
            object.json("_version", &version.into());
        }
        if let Some(seq_no) = self.seq_no {
            object.json("_seq_no", &seq_no.into());
            object.json("_primary_term", &1.into());
        }
        object.raw("_score", score_text(self.score).as_bytes());
        if let Some(routing) = &self.routing {
            object.json("_routing", &routing.as_str().into());
        }
        if !self.ignored.is_empty() {
            object.json("_ignored", &self.ignored.clone().into());
        }
        if let Some(source) = &self.source {
            object.raw("_source", source);
        }
        if !self.fields.is_empty() {
            object.json("fields", &Value::Object(self.fields.clone()));
        }
        if let Some(sort) = &self.sort {
            object.json("sort", &sort.clone().into());
        }
        if !self.matched_queries.is_empty() {
            object.json("matched_queries", &self.matched_queries.clone().into());
        }
        object.end();
    }

    /// The hit as a value, for answers that are built as one.
    pub(crate) fn to_value(&self) -> Value {
        let mut out = Vec::new();
        self.write(&mut out);
        serde_json::from_slice(&out).unwrap_or(Value::Null)
    }
}

/// A score as Elasticsearch prints floats: the shortest text that is that float.
pub(crate) fn score_text(score: Option<f32>) -> String {
    match score {
        Some(score) if score.is_finite() => serde_json::to_string(&score).unwrap_or_else(|_| "null".to_owned()),
        _ => "null".to_owned(),
    }
}

/// Writes an object member by member, in the order given.
pub(crate) struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl<'a> ObjectWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, any: false }
    }

    /// The key; what follows is the value's text.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if self.any {
            self.out.push(b',');
        }
        self.any = true;
        self.out.extend_from_slice(Value::from(key).to_string().as_bytes());
        self.out.push(b':');
        self.out
    }

    pub(crate) fn json(&mut self, key: &str, value: &Value) {
        let text = value.to_string();
        self.raw(key, text.as_bytes());
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &[u8]) {
        self.key(key).extend_from_slice(json);
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}
