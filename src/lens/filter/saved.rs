//! Reading saved filters, as Kibana of any age wrote them.
//!
//! One is `{"meta":{..},"query":{..},"$state":{..}}`. Old ones have the query's parts beside `meta`
//! (`{"meta":{..},"exists":{..}}`); phrases were once `match` with `"type":"phrase"`. A combined one has an empty query, and
//! its members in `meta.params`.

use serde_json::{Map, Value, json};

use super::Clauses;
use crate::lens::{
    kql::{KqlError, fields::nested_path},
    view::{DataView, FieldKind},
};

/// Combined filters inside each other.
const DEPTH_MAX: usize = 16;

pub(super) fn clauses(filters: &[Value], view: &DataView) -> Result<Clauses, KqlError> {
    all(filters, &Reader { view, number: String::new(), depth: 0 })
}

/// Where in the list of filters a filter is, for its errors.
struct Reader<'a> {
    view: &'a DataView,
    number: String,
    depth: usize,
}

fn all(filters: &[Value], outer: &Reader) -> Result<Clauses, KqlError> {
    let mut clauses = Clauses::default();
    for (index, filter) in filters.iter().enumerate() {
        clauses.extend(outer.inner(index).one(filter)?);
    }
    Ok(clauses)
}

impl Reader<'_> {
    fn inner(&self, index: usize) -> Reader<'_> {
        let dot = if self.number.is_empty() { "" } else { "." };
        Reader { view: self.view, number: format!("{}{dot}{}", self.number, index + 1), depth: self.depth + 1 }
    }

    /// No clause, or one.
    fn one(&self, filter: &Value) -> Result<Clauses, KqlError> {
        let mut clauses = Clauses::default();
        if is_disabled(filter) {
            return Ok(clauses);
        }
        let filter = filter.as_object().ok_or_else(|| self.error("must be an object"))?;
        let meta = filter.get("meta");
        let query = match text(meta, "type") {
            Some("combined") => self.combined(meta)?,
            _ => Some(self.in_nested(meta, self.query(filter)?)),
        };
        let is_negated = meta.and_then(|meta| meta.get("negate")).and_then(Value::as_bool).unwrap_or(false);
        if is_negated { &mut clauses.must_not } else { &mut clauses.filter }.extend(query);
        Ok(clauses)
    }

    fn query(&self, filter: &Map<String, Value>) -> Result<Value, KqlError> {
        let query = match filter.get("query").and_then(Value::as_object) {
            Some(query) if !query.is_empty() => query.clone(),
            _ => {
                let beside = filter.iter().filter(|(key, _)| !matches!(key.as_str(), "meta" | "query" | "$state"));
                beside.map(|(key, value)| (key.clone(), value.clone())).collect()
            }
        };
        if query.is_empty() {
            return Err(self.error("has no `query`"));
        }
        Ok(self.old_phrase(&query).unwrap_or(Value::Object(query)))
    }

    /// `{"match":{"f":{"query":"x","type":"phrase"}}}` as `match_phrase`.
    fn old_phrase(&self, query: &Map<String, Value>) -> Option<Value> {
        let (field, params) = query.get("match")?.as_object()?.iter().next()?;
        let mut params = params.as_object().filter(|params| params.get("type") == Some(&json!("phrase")))?.clone();
        params.shift_remove("type");
        if self.view.kind(field) == Some(FieldKind::Boolean)
            && let Some(value) = params.get_mut("query")
            && !value.is_boolean()
        {
            *value = json!(matches!(value.to_string().trim_matches('"'), "true" | "1"));
        }
        Some(json!({"match_phrase": {field.as_str(): params}}))
    }

    /// A filter on a field inside a nested one asks its documents, whatever it was made with.
    fn in_nested(&self, meta: Option<&Value>, query: Value) -> Value {
        let field = text(meta, "key").or_else(|| text(meta, "field"));
        let path =
            field.filter(|field| self.view.kind(field).is_some()).and_then(|field| nested_path(self.view, field));
        match path {
            Some(path) if query.get("nested").is_none() => json!({"nested": {"path": path, "query": query}}),
            _ => query,
        }
    }

    /// `None` if no member counts.
    fn combined(&self, meta: Option<&Value>) -> Result<Option<Value>, KqlError> {
        if self.depth > DEPTH_MAX {
            return Err(self.error("is combined of combined ones too often"));
        }
        let members = meta.and_then(|meta| meta.get("params")).and_then(Value::as_array);
        let members = members.ok_or_else(|| self.error("is combined: its `meta.params` must be a list of filters"))?;
        if members.iter().all(is_disabled) {
            return Ok(None);
        }
        match text(meta, "relation") {
            Some("AND" | "and") => Ok(Some(all(members, self)?.bool_query())),
            Some("OR" | "or") | None => {
                let members = members.iter().enumerate().filter(|(_, member)| !is_disabled(member));
                let any = members.map(|(index, member)| Ok(self.inner(index).one(member)?.bool_query()));
                let any = any.collect::<Result<Vec<_>, KqlError>>()?;
                Ok(Some(json!({"bool": {"should": any, "minimum_should_match": 1}})))
            }
            Some(other) => Err(self.error(&format!("is combined by `{other}`: only `AND` and `OR` are known"))),
        }
    }

    fn error(&self, reason: &str) -> KqlError {
        KqlError::Filter { number: self.number.clone(), reason: reason.to_owned() }
    }
}

/// Kibana skips an empty place in the list, too.
fn is_disabled(filter: &Value) -> bool {
    filter.is_null() || filter.get("meta").and_then(|meta| meta.get("disabled")) == Some(&Value::Bool(true))
}

fn text<'a>(meta: Option<&'a Value>, key: &str) -> Option<&'a str> {
    meta?.get(key)?.as_str()
}
