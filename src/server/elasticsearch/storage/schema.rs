//! How a parsed document lies in tantivy: which fields every index has, and how a mapped value becomes a term and a column.
//!
//! A tantivy schema is fixed when an index is made, a mapping is not. So an index has three JSON fields that take any path,
//! and the mapping beside it says which of them a field uses and what its values mean:
//!
//! | tantivy field | holds | used by |
//! |---|---|---|
//! | `num` | columns only: long family, dates (epoch ms; `date_nanos`: ns), booleans (0, 1) as i64; float family as f64 | ranges, terms, sorting, aggregations on numbers |
//! | `kw` | keywords (and ip addresses in text form): one raw term each, and a string column | term queries, `terms`, sorting |
//! | `len` | columns only: how many tokens a text has, for its score | `match` |
//! | `txt` | text: the standard analyzer's tokens with positions, no column | `match`, phrases |
//!
//! A path has one kind in one index (the mapping sees to that), so a column never mixes types. Paths are dotted.

use tantivy::schema::{
    FAST, Field, IndexRecordOption, JsonObjectOptions, OwnedValue, STORED, STRING, Schema, TextFieldIndexing,
};
use tantivy::{TantivyDocument, Term};
use unicode_segmentation::UnicodeSegmentation;

/// The name under which the standard analyzer is registered in each index's tokenizer manager.
pub(crate) const STANDARD_ANALYZER: &str = "es_standard";

/// Handles of the fields every index has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// One raw term, stored: the document's `_id`.
    pub(crate) id: Field,
    /// Stored bytes: the document as it was sent.
    pub(crate) source: Field,
    /// u64 column: the sequence number, also the tie-breaker of every order (insertion order).
    pub(crate) seq_no: Field,
    /// u64 column: `_version`.
    pub(crate) version: Field,
    /// Raw terms: paths of fields that have a value but no column (text), for `exists`.
    pub(crate) field_names: Field,
    /// Raw terms, stored: paths whose value was ignored (`ignore_above`, `ignore_malformed`).
    pub(crate) ignored: Field,
    /// One raw term, stored: custom routing, where given.
    pub(crate) routing: Field,
    pub(crate) num: Field,
    pub(crate) kw: Field,
    pub(crate) txt: Field,
    pub(crate) len: Field,
}

pub(crate) const SEQ_NO_COLUMN: &str = "_seq_no";
pub(crate) const VERSION_COLUMN: &str = "_version";

/// The schema of every index, and the handles of its fields.
pub(crate) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let raw = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let analyzed = TextFieldIndexing::default()
        .set_tokenizer(STANDARD_ANALYZER)
        .set_fieldnorms(true)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let keyword_json = JsonObjectOptions::default().set_indexing_options(raw).set_fast("raw").set_expand_dots_enabled();
    let fields = Fields {
        id: builder.add_text_field("_id", STRING | STORED),
        source: builder.add_bytes_field("_source", STORED),
        seq_no: builder.add_u64_field(SEQ_NO_COLUMN, FAST),
        version: builder.add_u64_field(VERSION_COLUMN, FAST),
        field_names: builder.add_text_field("_field_names", STRING),
        ignored: builder.add_text_field("_ignored", STRING | STORED),
        routing: builder.add_text_field("_routing", STRING | STORED),
        num: builder.add_json_field("num", JsonObjectOptions::default().set_fast("raw").set_expand_dots_enabled()),
        kw: builder.add_json_field("kw", keyword_json),
        txt: builder.add_json_field(
            "txt",
            JsonObjectOptions::default().set_indexing_options(analyzed).set_expand_dots_enabled(),
        ),
        len: builder.add_json_field("len", JsonObjectOptions::default().set_fast("raw").set_expand_dots_enabled()),
    };
    (builder.build(), fields)
}

/// The name under which tantivy knows the column of a numeric, date or boolean field.
pub(crate) fn num_column(path: &str) -> String {
    format!("num.{path}")
}

/// The name under which tantivy knows the column of a keyword field.
pub(crate) fn kw_column(path: &str) -> String {
    format!("kw.{path}")
}

/// The name under which tantivy knows the column of a text field's lengths.
pub(crate) fn len_column(path: &str) -> String {
    format!("len.{path}")
}

impl Fields {
    pub(crate) fn id_term(&self, id: &str) -> Term {
        Term::from_field_text(self.id, id)
    }

    pub(crate) fn keyword_term(&self, path: &str, value: &str) -> Term {
        let mut term = Term::from_field_json_path(self.kw, path, true);
        term.append_type_and_str(value);
        term
    }

    /// `token` as the analyzer gives it.
    pub(crate) fn text_term(&self, path: &str, token: &str) -> Term {
        let mut term = Term::from_field_json_path(self.txt, path, true);
        term.append_type_and_str(token);
        term
    }
}

/// A document on its way into tantivy: what the mapping made of its source.
#[derive(Debug, Clone, Default)]
pub(crate) struct IndexedFields {
    num: Vec<(String, OwnedValue)>,
    kw: Vec<(String, OwnedValue)>,
    txt: Vec<(String, OwnedValue)>,
    len: Vec<(String, OwnedValue)>,
    field_names: Vec<String>,
    ignored: Vec<String>,
}

impl IndexedFields {
    /// A long, date (epoch ms) or boolean (0, 1).
    pub(crate) fn add_i64(&mut self, path: &str, value: i64) {
        self.num.push((path.to_owned(), OwnedValue::I64(value)));
    }

    /// A float or double; must be finite.
    pub(crate) fn add_f64(&mut self, path: &str, value: f64) {
        self.num.push((path.to_owned(), OwnedValue::F64(value)));
    }

    pub(crate) fn add_keyword(&mut self, path: &str, value: &str) {
        self.kw.push((path.to_owned(), OwnedValue::Str(value.to_owned())));
    }

    pub(crate) fn add_text(&mut self, path: &str, value: &str) {
        self.txt.push((path.to_owned(), OwnedValue::Str(value.to_owned())));
        let tokens = value.unicode_words().count();
        self.len.push((path.to_owned(), OwnedValue::I64(i64::try_from(tokens).unwrap_or(i64::MAX))));
        if self.field_names.iter().all(|name| name != path) {
            self.field_names.push(path.to_owned());
        }
    }

    pub(crate) fn add_ignored(&mut self, path: &str) {
        self.ignored.push(path.to_owned());
    }

    /// The whole tantivy document.
    pub(crate) fn into_document(self, fields: &Fields, identity: Identity<'_>, source: &[u8]) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_text(fields.id, identity.id);
        document.add_bytes(fields.source, source);
        document.add_u64(fields.seq_no, identity.seq_no);
        document.add_u64(fields.version, identity.version);
        if let Some(routing) = identity.routing {
            document.add_text(fields.routing, routing);
        }
        for name in self.field_names {
            document.add_text(fields.field_names, name);
        }
        for name in self.ignored {
            document.add_text(fields.ignored, name);
        }
        let columns = [(fields.num, self.num), (fields.kw, self.kw), (fields.txt, self.txt), (fields.len, self.len)];
        for (field, values) in columns {
            if !values.is_empty() {
                document.add_field_value(field, &OwnedValue::Object(values));
            }
        }
        document
    }
}

/// What makes a document this one and no other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) id: &'a str,
    pub(crate) seq_no: u64,
    pub(crate) version: u64,
    pub(crate) routing: Option<&'a str>,
}
