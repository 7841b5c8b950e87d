//! The search for saved objects (`_find`), on a snapshot of them.

mod query;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::error::ApiError;
use super::kind::Kind;
use super::store::{Objects, SavedObject};

use query::SimpleQuery;

/// Objects that one request can reach (Elasticsearch's window).
pub(crate) const WINDOW_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) kinds: Vec<String>,
    /// In Elasticsearch's `simple_query_string`.
    pub(crate) search: Option<String>,
    /// Attributes that are searched; empty: title, name and description.
    pub(crate) search_fields: Vec<String>,
    /// All words have to be there, not any.
    pub(crate) needs_all_words: bool,
    pub(crate) has_reference: Vec<HasReference>,
    pub(crate) needs_all_references: bool,
    pub(crate) has_no_reference: Vec<HasReference>,
    /// A member of the object, or one of its attributes. Always ascending, as in Kibana.
    pub(crate) sort_field: Option<String>,
    /// From 1.
    pub(crate) page: usize,
    pub(crate) per_page: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HasReference {
    pub(crate) kind: String,
    pub(crate) id: String,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            search: None,
            search_fields: Vec::new(),
            needs_all_words: false,
            has_reference: Vec::new(),
            needs_all_references: false,
            has_no_reference: Vec::new(),
            sort_field: None,
            page: 1,
            per_page: 20,
        }
    }
}

pub(crate) struct Hit {
    pub(crate) object: Arc<SavedObject>,
    pub(crate) score: f64,
}

pub(crate) struct Found {
    pub(crate) page: Vec<Hit>,
    pub(crate) total: usize,
}

/// # Errors
/// The sort field is none.
pub(crate) fn find(objects: &Objects, request: &Request) -> Result<Found, ApiError> {
    let query = request.search.as_deref().map(|text| SimpleQuery::parse(text, request.needs_all_words));
    let fields = search_fields(&request.search_fields);
    let mut hits: Vec<Hit> = Vec::new();
    // A type that is not known has no objects, though the store may: its own settings.
    let kinds = request.kinds.iter().filter(|kind| Kind::find(kind).is_some());
    for object in kinds.flat_map(|kind| objects.of_kind(kind)) {
        let score = match &query {
            None => Some(0.0),
            Some(query) => query.score(&texts(object, &fields)),
        };
        if let Some(score) = score.filter(|_| request.links_fit(object)) {
            hits.push(Hit { object: Arc::clone(object), score });
        }
    }
    sort(&mut hits, request.sort_field.as_deref())?;
    let total = hits.len();
    let skipped = request.page.saturating_sub(1).saturating_mul(request.per_page);
    let page = hits.into_iter().skip(skipped).take(request.per_page).collect();
    Ok(Found { page, total })
}

impl Request {
    fn links_fit(&self, object: &SavedObject) -> bool {
        let has = |wanted: &HasReference| {
            object.references.iter().any(|link| link.kind == wanted.kind && link.id == wanted.id)
        };
        let fits = match self.needs_all_references {
            true => self.has_reference.iter().all(has),
            false => self.has_reference.is_empty() || self.has_reference.iter().any(has),
        };
        fits && !self.has_no_reference.iter().any(has)
    }
}

/// Without boosts (`title^3`), which change no more than the score.
fn search_fields(asked: &[String]) -> Vec<String> {
    let names = asked.iter().map(|field| field.split('^').next().unwrap_or_default());
    match asked.is_empty() || asked.iter().any(|field| field == "*") {
        true => ["title", "name", "description"].map(str::to_owned).to_vec(),
        false => names.map(str::to_owned).collect(),
    }
}

fn texts<'o>(object: &'o SavedObject, fields: &[String]) -> Vec<&'o str> {
    fields.iter().filter_map(|field| object.attributes.get(field)?.as_str()).collect()
}

fn sort(hits: &mut [Hit], field: Option<&str>) -> Result<(), ApiError> {
    let Some(field) = field else {
        let oldest = |hit: &Hit| hit.object.seq_no;
        hits.sort_by(|one, other| other.score.total_cmp(&one.score).then(oldest(one).cmp(&oldest(other))));
        return Ok(());
    };
    let key = |hit: &Hit| sort_key(&hit.object, field);
    if !hits.is_empty() && hits.iter().all(|hit| key(hit).is_none()) {
        return Err(ApiError::bad_request(format!("Unknown sort field {field}")));
    }
    // One key each: texts are lowered once.
    let keys: BTreeMap<u64, Option<SortKey>> = hits.iter().map(|hit| (hit.object.seq_no, key(hit))).collect();
    hits.sort_by(|one, other| {
        let (one, other) = (one.object.seq_no, other.object.seq_no);
        match (keys.get(&one).and_then(Option::as_ref), keys.get(&other).and_then(Option::as_ref)) {
            (Some(left), Some(right)) => left.compare(right).then(one.cmp(&other)),
            // Those without the field come last.
            (left, right) => right.is_some().cmp(&left.is_some()).then(one.cmp(&other)),
        }
    });
    Ok(())
}

enum SortKey {
    Text(String),
    Number(f64),
}

impl SortKey {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

fn sort_key(object: &SavedObject, field: &str) -> Option<SortKey> {
    let text = |text: &str| Some(SortKey::Text(text.to_lowercase()));
    match field {
        "updated_at" => text(&object.updated_at),
        "created_at" => text(&object.created_at),
        "type" => text(&object.key.kind),
        "id" => text(&object.key.id),
        other => {
            let name = other.strip_suffix(".keyword").unwrap_or(other);
            match object.attributes.get(name.strip_prefix("attributes.").unwrap_or(name))? {
                Value::String(value) => text(value),
                Value::Number(number) => number.as_f64().map(SortKey::Number),
                Value::Bool(flag) => Some(SortKey::Number(f64::from(u8::from(*flag)))),
                _ => None,
            }
        }
    }
}
