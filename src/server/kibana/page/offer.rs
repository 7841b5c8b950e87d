//! The values of a field, and how many documents have each: what a control, the query bar and the filter dialog offer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::shown::unreachable;
use crate::lens::filter;
use crate::lens::format::Formatter;
use crate::lens::scope::Scope;
use crate::lens::table::{Cell, CellKind};
use crate::lens::view::{DataView, FieldKind};
use crate::server::http::uri::encode;
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;

/// Values that are offered at once.
const OFFERED: usize = 100;

/// What is wanted.
pub(super) struct Offer<'a> {
    pub(super) field: &'a str,
    pub(super) view: &'a DataView,
    /// `_count` or `_key`.
    pub(super) order: &'static str,
    pub(super) is_descending: bool,
    pub(super) begins_with: &'a str,
    /// `prefix`, `wildcard` or `exact`.
    pub(super) technique: &'a str,
}

impl Offer<'_> {
    /// `{"options": [{"value","text","count"}], "total"}`; `total` is how many values there are.
    pub(super) async fn ask(&self, kibana: &Arc<Kibana>, scope: &Scope) -> Result<Value, ApiError> {
        let search = self.search(scope)?;
        let path = format!("/{}/_search?ignore_unavailable=true", encode(&self.view.index));
        let (status, answer) = kibana.search.post(&path, &search).await.map_err(|error| unreachable(&error))?;
        if status != 200 {
            let reason = answer.pointer("/error/root_cause/0/reason").or_else(|| answer.pointer("/error/reason"));
            let reason = reason.and_then(Value::as_str).unwrap_or("no reason given");
            return Err(ApiError::new(502, format!("Elasticsearch answered with {status}: {reason}")));
        }
        Ok(self.offered(&answer, scope))
    }

    fn search(&self, scope: &Scope) -> Result<Value, ApiError> {
        let queries: Vec<_> = scope.query.iter().collect();
        let clauses = filter::clauses(&queries, &scope.filters, self.view, scope.zone_name());
        let mut clauses = clauses.map_err(|error| ApiError::bad_request(error.to_string()))?;
        if let Some(field) = &self.view.time_field {
            let (from, to) = (scope.range.from_ms, scope.range.to_ms);
            clauses.filter.push(json!({"range": {field.as_str(): {"format": "epoch_millis", "gte": from, "lte": to}}}));
        }
        let direction = if self.is_descending { "desc" } else { "asc" };
        let mut terms = json!({"field": self.field, "size": OFFERED, "order": {self.order: direction}});
        if let (true, Some(terms)) = (self.takes_pattern() && !self.begins_with.is_empty(), terms.as_object_mut()) {
            let pattern = match self.technique {
                "wildcard" => format!(".*{}.*", escaped(self.begins_with)),
                "exact" => escaped(self.begins_with),
                _ => format!("{}.*", escaped(self.begins_with)),
            };
            terms.insert("include".to_owned(), json!(pattern));
        }
        let aggregations = json!({"values": {"terms": terms}, "total": {"cardinality": {"field": self.field}}});
        let mut search = json!({"size": 0, "query": clauses.bool_query(), "aggs": aggregations});
        if let (false, Some(search)) = (self.view.runtime.is_empty(), search.as_object_mut()) {
            search.insert("runtime_mappings".to_owned(), Value::Object(self.view.runtime.clone()));
        }
        Ok(search)
    }

    fn offered(&self, answer: &Value, scope: &Scope) -> Value {
        let kind = match self.view.kind(self.field) {
            Some(kind) if kind.is_number() => CellKind::Number,
            Some(FieldKind::Date) => CellKind::Date,
            Some(FieldKind::Boolean) => CellKind::Boolean,
            _ => CellKind::Text,
        };
        let formatter = Formatter::new(self.view.formats.get(self.field), kind, &scope.time_zone);
        let buckets = answer.pointer("/aggregations/values/buckets").and_then(Value::as_array);
        let options = buckets.into_iter().flatten().filter_map(|bucket| {
            let key = bucket.get("key")?;
            let cell = match (kind, key) {
                (CellKind::Boolean, _) => Cell::Boolean(key.as_i64() == Some(1)),
                (CellKind::Date, Value::Number(number)) => Cell::Date(number.as_i64()?),
                (_, Value::Number(number)) => Cell::Number(number.as_f64()?),
                (_, Value::String(text)) => Cell::Text(text.clone()),
                _ => return None,
            };
            let value = if kind == CellKind::Boolean { json!(key.as_i64() == Some(1)) } else { key.clone() };
            let text = formatter.text(&cell);
            self.is_wanted(&value, &text)
                .then(|| json!({"value": value, "text": text, "count": bucket.get("doc_count")}))
        });
        let total = answer.pointer("/aggregations/total/value").cloned().unwrap_or(Value::Null);
        json!({"options": options.collect::<Vec<_>>(), "total": total})
    }

    /// Elasticsearch takes a pattern for words only.
    fn takes_pattern(&self) -> bool {
        matches!(self.view.kind(self.field), Some(FieldKind::Keyword | FieldKind::Text))
    }

    /// What Elasticsearch could not choose by.
    fn is_wanted(&self, value: &Value, text: &str) -> bool {
        let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.takes_pattern() || text.starts_with(self.begins_with) || plain.starts_with(self.begins_with)
    }
}

/// For Lucene's regular expressions.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if ".?+*|{}[]()\"\\#@&<>~^$-".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
