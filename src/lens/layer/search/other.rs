//! The bucket of all other values: a second search that counts what the first one's terms left out, and its answer
//! joined to the first as one more bucket, the last.

use serde_json::{Map, Value, json};

use crate::lens::{
    layer::{
        answer::{bucket_end, whole},
        plan::{Bucket, BucketKind, Plan, TermsBucket, iso},
    },
    view::FieldKind,
};

use super::{Grid, nest};

/// Between the keys of parents in a filter's name.
const SEPARATOR: &str = "╰┄►";

/// The member of a joined bucket's key; Elasticsearch's own keys are never objects.
pub(crate) const KEY: &str = "other";

const NAME: &str = "other-filter";

/// The second search of one terms bucket.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    level: usize,
    /// By the keys of the parents.
    filters: Map<String, Value>,
}

impl Other {
    /// `None` when the first answer left nothing out.
    pub(crate) fn new(plan: &Plan, grids: &[Option<Grid>], level: usize, aggregations: &Value) -> Option<Self> {
        let BucketKind::Terms(terms) = &plan.buckets.get(level)?.kind else { return None };
        if !terms.asks_other() {
            return None;
        }
        let mut walk = Walk { plan, grids, level, terms, filters: Map::new(), has_more: false };
        walk.down(aggregations, 0, &Conditions::default(), "");
        (walk.has_more && !walk.filters.is_empty()).then_some(Self { level, filters: walk.filters })
    }

    pub(crate) fn aggregations(&self, plan: &Plan, grids: &[Option<Grid>]) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("filters".into(), json!({"filters": self.filters}));
        let mut children = nest::sort_metric(plan, self.level);
        children.extend(nest::level(plan, grids, self.level + 1));
        if !children.is_empty() {
            body.insert("aggs".into(), Value::Object(children));
        }
        Map::from_iter([(NAME.to_owned(), Value::Object(body))])
    }

    /// Appends the buckets of the second answer to those of the first.
    pub(crate) fn join(&self, plan: &Plan, aggregations: &mut Value, answer: &Value) {
        let Some(buckets) = answer.get(NAME).and_then(|other| other.get("buckets")) else { return };
        self.join_level(plan, aggregations, buckets, 0, "");
    }

    fn join_level(&self, plan: &Plan, node: &mut Value, answer: &Value, at: usize, key: &str) {
        let Some(bucket) = plan.buckets.get(at) else { return };
        let Some(found) = node.get_mut(&bucket.name).and_then(|found| found.get_mut("buckets")) else { return };
        if at < self.level {
            match found {
                Value::Array(list) => {
                    for child in list {
                        let key = format!("{key}{SEPARATOR}{}", key_text(child.get("key")));
                        self.join_level(plan, child, answer, at + 1, &key);
                    }
                }
                Value::Object(map) => {
                    for (name, child) in map {
                        self.join_level(plan, child, answer, at + 1, &format!("{key}{SEPARATOR}{name}"));
                    }
                }
                _ => {}
            }
            return;
        }
        let (Some(list), Some(Value::Object(rest))) = (found.as_array_mut(), answer.get(key)) else { return };
        if rest.get("doc_count").and_then(Value::as_u64).is_some_and(|count| count > 0) {
            let mut rest = rest.clone();
            rest.insert("key".into(), json!({KEY: self.filters.get(key)}));
            list.push(Value::Object(rest));
        }
    }
}

fn key_text(key: Option<&Value>) -> String {
    match key {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(_)) => "__other__".to_owned(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// What documents of a bucket match, and what they don't.
#[derive(Debug, Clone, Default)]
struct Conditions {
    filter: Vec<Value>,
    must_not: Vec<Value>,
}

struct Walk<'a> {
    plan: &'a Plan,
    grids: &'a [Option<Grid>],
    level: usize,
    terms: &'a TermsBucket,
    filters: Map<String, Value>,
    has_more: bool,
}

impl Walk<'_> {
    fn down(&mut self, node: &Value, at: usize, conditions: &Conditions, key: &str) {
        let Some(bucket) = self.plan.buckets.get(at) else { return };
        let Some(found) = node.get(&bucket.name) else { return };
        if at == self.level {
            self.leaf(found, conditions, key);
            return;
        }
        match found.get("buckets") {
            Some(Value::Array(list)) => {
                for child in list {
                    let name = key_text(child.get("key"));
                    self.child(bucket, &name, child, at, conditions, key);
                }
            }
            Some(Value::Object(map)) => {
                for (name, child) in map {
                    self.child(bucket, name, child, at, conditions, key);
                }
            }
            _ => {}
        }
    }

    fn child(&mut self, bucket: &Bucket, name: &str, child: &Value, at: usize, conditions: &Conditions, key: &str) {
        let mut conditions = conditions.clone();
        let grid = self.grids.get(at).copied().flatten();
        add_parent(&mut conditions, self.plan, bucket, grid, name, child);
        self.down(child, at + 1, &conditions, &format!("{key}{SEPARATOR}{name}"));
    }

    fn leaf(&mut self, found: &Value, conditions: &Conditions, key: &str) {
        let left_out = found.get("sum_other_doc_count").and_then(Value::as_i64).unwrap_or(0);
        self.has_more |= left_out > 0;
        let Some(buckets) = found.get("buckets").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
            return;
        };
        let mut conditions = conditions.clone();
        let keys: Vec<&Value> = buckets.iter().filter_map(|bucket| bucket.get("key")).collect();
        let is_missing = |key: &&Value| *key == "__missing__";
        let is_single = self.terms.terms.secondary_fields.is_empty();
        // Documents without the field are "other" themselves when they have no bucket of their own.
        if is_single && (!self.terms.asks_missing() || keys.iter().any(is_missing)) {
            conditions.filter.push(json!({"exists": {"field": self.terms.terms.field}}));
        }
        let shown = keys.into_iter().filter(|key| !is_missing(key) && !key.is_object());
        conditions.must_not.extend(shown.map(|key| terms_query(self.terms, key)));
        self.filters
            .insert(key.to_owned(), json!({"bool": {"filter": conditions.filter, "must_not": conditions.must_not}}));
    }
}

/// The documents of one value.
fn terms_query(terms: &TermsBucket, key: &Value) -> Value {
    let phrase = |field: &str, kind: Option<&FieldKind>, key: &Value| {
        let value = match (kind, key.as_i64()) {
            (Some(FieldKind::Boolean), Some(flag)) => json!(flag != 0),
            _ => key.clone(),
        };
        json!({"match_phrase": {field: value}})
    };
    let fields = std::iter::once(&terms.terms.field).chain(&terms.terms.secondary_fields);
    match key {
        Value::Array(keys) => {
            let parts = fields.zip(keys).enumerate();
            let phrases: Vec<Value> = parts.map(|(at, (field, key))| phrase(field, terms.kinds.get(at), key)).collect();
            json!({"bool": {"must": phrases}})
        }
        key => phrase(&terms.terms.field, terms.kinds.first(), key),
    }
}

/// What all documents of a parent's bucket have in common.
fn add_parent(
    conditions: &mut Conditions,
    plan: &Plan,
    bucket: &Bucket,
    grid: Option<Grid>,
    name: &str,
    child: &Value,
) {
    let key = child.get("key").unwrap_or(&Value::Null);
    match &bucket.kind {
        BucketKind::Terms(_) if key.is_object() => conditions.filter.extend(key.get(KEY).cloned()),
        BucketKind::Terms(terms) if key == "__missing__" && terms.asks_missing() => {
            conditions.must_not.push(json!({"exists": {"field": terms.terms.field}}));
        }
        BucketKind::Terms(terms) => conditions.filter.push(terms_query(terms, key)),
        BucketKind::Filters(filters) => {
            conditions.filter.extend(filters.iter().find(|(label, _)| label == name).map(|(_, query)| query.clone()));
        }
        BucketKind::Ranges { field, .. } => {
            let ends = [("gte", child.get("from")), ("lt", child.get("to"))];
            let ends = ends.into_iter().filter_map(|(name, end)| Some((name.to_owned(), end?.clone())));
            conditions.filter.push(json!({"range": {field: Map::from_iter(ends)}}));
        }
        BucketKind::Date { field, interval, .. } => {
            let Some(from) = whole(key) else { return };
            let end = bucket_end(from, interval, &plan.zone);
            let ends = json!({"format": "strict_date_optional_time", "gte": iso(from), "lt": iso(end)});
            conditions.filter.push(json!({"range": {field: ends}}));
        }
        BucketKind::Histogram { field, .. } => {
            let Some(from) = key.as_f64() else { return };
            let width = grid.map_or(1.0, |grid| grid.interval);
            conditions.filter.push(json!({"range": {field: {"gte": from, "lt": from + width}}}));
        }
    }
}
