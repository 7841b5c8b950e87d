//! A KQL tree as a query of Elasticsearch.

use serde_json::{Map, Value, json};

use super::{
    CLAUSES_MAX,
    ast::{Ast, Literal, RangeOperator},
    error::KqlError,
    fields::{self, Target},
};
use crate::lens::view::{DataView, FieldKind};

pub(super) fn compile(ast: &Ast, view: &DataView, zone: &str) -> Result<Value, KqlError> {
    Compiler { view, zone, clauses_count: 0 }.query(ast, None)
}

struct Compiler<'a> {
    view: &'a DataView,
    zone: &'a str,
    clauses_count: usize,
}

impl Compiler<'_> {
    /// `path` is the nested field whose group the query is in.
    fn query(&mut self, ast: &Ast, path: Option<&str>) -> Result<Value, KqlError> {
        match ast {
            Ast::Or(parts) => Ok(any(self.queries(parts, path)?)),
            Ast::And(parts) => Ok(json!({"bool": {"filter": self.queries(parts, path)?}})),
            Ast::Not(part) => Ok(json!({"bool": {"must_not": self.query(part, path)?}})),
            Ast::Nested { path: inner, query } => {
                let path = path.map_or_else(|| inner.clone(), |outer| format!("{outer}.{inner}"));
                let query = self.query(query, Some(&path))?;
                Ok(nested(&path, query))
            }
            Ast::Is { field, value } => self.is(field.as_deref(), value, path),
            Ast::Range { field, operator, value } => self.range(field, *operator, value, path),
        }
    }

    fn queries(&mut self, parts: &[Ast], path: Option<&str>) -> Result<Vec<Value>, KqlError> {
        parts.iter().map(|part| self.query(part, path)).collect()
    }

    fn is(&mut self, field: Option<&Literal>, value: &Literal, path: Option<&str>) -> Result<Value, KqlError> {
        let Some(field) = field.filter(|field| **field != Literal::Null) else {
            return Ok(in_any_field(value));
        };
        if field.is_any() && value.is_any() {
            return Ok(match_all());
        }
        let targets = self.targets(field, path)?;
        let is_pattern = matches!(field, Literal::Pattern(_));
        if value.is_any() && is_pattern && targets.len() == fields::searchable(self.view).count() {
            return Ok(match_all());
        }
        Ok(any(targets.iter().map(|target| in_nested(target, self.leaf(target, value))).collect()))
    }

    fn range(
        &mut self,
        field: &Literal,
        operator: RangeOperator,
        value: &Literal,
        path: Option<&str>,
    ) -> Result<Value, KqlError> {
        let targets = self.targets(field, path)?;
        let ranges = targets.iter().map(|target| {
            let bounds = Map::from_iter([(operator.name().to_owned(), value.value())]);
            in_nested(target, self.bounded(target, bounds, value))
        });
        Ok(any(ranges.collect()))
    }

    fn targets(&mut self, field: &Literal, path: Option<&str>) -> Result<Vec<Target>, KqlError> {
        let targets = fields::targets(self.view, field, path)?;
        self.clauses_count += targets.len();
        if self.clauses_count > CLAUSES_MAX { Err(KqlError::TooManyClauses) } else { Ok(targets) }
    }

    /// One value in one field.
    fn leaf(&self, target: &Target, value: &Literal) -> Value {
        let name = target.name.as_str();
        let is_keyword = target.kind == Some(FieldKind::Keyword);
        match value {
            _ if value.is_any() => json!({"exists": {"field": name}}),
            Literal::Pattern(_) if is_keyword => keyed("wildcard", keyed(name, json!({"value": value.value()}))),
            Literal::Pattern(parts) => json!({"query_string": {"fields": [name], "query": query_string(parts)}}),
            _ if target.kind == Some(FieldKind::Date) => {
                let bounds = ["gte", "lte"].map(|bound| (bound.to_owned(), value.value()));
                self.bounded(target, Map::from_iter(bounds), value)
            }
            _ if is_keyword => keyed("term", keyed(name, json!({"value": value.value()}))),
            _ if value.is_quoted() => keyed("match_phrase", keyed(name, value.value())),
            _ => keyed("match", keyed(name, value.value())),
        }
    }

    fn bounded(&self, target: &Target, mut bounds: Map<String, Value>, value: &Literal) -> Value {
        if target.kind == Some(FieldKind::Date) && !is_epoch(value) {
            bounds.insert("time_zone".to_owned(), json!(self.zone));
        }
        keyed("range", keyed(&target.name, Value::Object(bounds)))
    }
}

/// Milliseconds since the epoch have no zone, and Elasticsearch refuses one with them; a year of four digits has.
fn is_epoch(value: &Literal) -> bool {
    matches!(value, Literal::Text { text, .. } if text.len() > 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn in_any_field(value: &Literal) -> Value {
    match value {
        Literal::Pattern(parts) => json!({"query_string": {"query": query_string(parts)}}),
        _ => {
            let kind = if value.is_quoted() { "phrase" } else { "best_fields" };
            json!({"multi_match": {"type": kind, "query": value.value(), "lenient": true}})
        }
    }
}

/// A pattern in Lucene's syntax: only its stars mean more than themselves.
fn query_string(parts: &[String]) -> String {
    let escape = |part: &String| {
        let mut escaped = String::with_capacity(part.len());
        for char in part.chars() {
            if r#"+-=&|><!(){}[]^"~*?:\/"#.contains(char) {
                escaped.push('\\');
            }
            escaped.push(char);
        }
        escaped
    };
    parts.iter().map(escape).collect::<Vec<_>>().join("*")
}

fn match_all() -> Value {
    json!({"match_all": {}})
}

fn any(queries: Vec<Value>) -> Value {
    json!({"bool": {"should": queries, "minimum_should_match": 1}})
}

fn in_nested(target: &Target, query: Value) -> Value {
    match &target.nested {
        Some(path) => nested(path, query),
        None => query,
    }
}

fn nested(path: &str, query: Value) -> Value {
    json!({"nested": {"path": path, "query": query, "score_mode": "none"}})
}

fn keyed(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}
