//! Saved filters and queries as clauses of an Elasticsearch `bool` query, and saved filters made anew by a click or a
//! control.

mod build;
mod saved;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

pub use self::build::{Bounds, custom, exists, phrase, phrases, range};
use crate::lens::{
    kql::{self, KqlError},
    scope::{Language, Query},
    view::DataView,
};

/// Queries that all must hold (`must`, `filter`), or must not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Clauses {
    pub must: Vec<Value>,
    pub filter: Vec<Value>,
    pub must_not: Vec<Value>,
}

impl Clauses {
    pub fn is_empty(&self) -> bool {
        self.must.is_empty() && self.filter.is_empty() && self.must_not.is_empty()
    }

    /// Those of `other` after the own ones.
    pub fn extend(&mut self, other: Self) {
        self.must.extend(other.must);
        self.filter.extend(other.filter);
        self.must_not.extend(other.must_not);
    }

    /// `{"bool":{"must":[],"filter":[],"should":[],"must_not":[]}}`, keys in Kibana's order.
    pub fn bool_query(self) -> Value {
        let Self { must, filter, must_not } = self;
        json!({"bool": {"must": must, "filter": filter, "should": [], "must_not": must_not}})
    }
}

/// What queries and saved filters come to together: KQL goes to `filter`, Lucene to `must`, negated saved filters to
/// `must_not` and the others to `filter`. Disabled filters, empty texts and those that match everything are left out.
///
/// `zone` is an IANA name. Errors are those of KQL, or name the filter that can't be read.
pub fn clauses(queries: &[&Query], filters: &[Value], view: &DataView, zone: &str) -> Result<Clauses, KqlError> {
    let mut clauses = Clauses::default();
    for query in queries {
        match query.language {
            Language::Kuery => clauses.filter.extend(kql::compile(&query.text, view, zone)?),
            Language::Lucene => clauses.must.extend(lucene(&query.text, zone)),
        }
    }
    clauses.extend(saved::clauses(filters, view)?);
    clauses.must.retain(|query| !is_match_all(query));
    clauses.filter.retain(|query| !is_match_all(query));
    Ok(clauses)
}

/// `None` for an empty text.
fn lucene(text: &str, zone: &str) -> Option<Value> {
    let is_empty = text.trim().is_empty();
    (!is_empty).then(|| json!({"query_string": {"query": text, "analyze_wildcard": true, "time_zone": zone}}))
}

fn is_match_all(query: &Value) -> bool {
    query.as_object().is_some_and(|query| query.len() == 1 && query.contains_key("match_all"))
}
