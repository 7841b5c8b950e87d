//! Top, rare and significant values.

use serde_json::{Map, Value, json};

use crate::lens::layer::{
    column::TermsOrder,
    plan::{Bucket, Plan, Source, TermsBucket},
};

/// Up to this size Kibana asks each shard for 25 values.
const SMALL: u32 = 10;

type Body = Map<String, Value>;

/// The aggregation, and the metric that sorts its values, as a direct child.
pub(super) fn body(plan: &Plan, bucket: &Bucket, terms: &TermsBucket) -> (Body, Body) {
    match terms.terms.order {
        TermsOrder::Rare { doc_count_max } => {
            let body = json!({"field": terms.terms.field, "max_doc_count": doc_count_max});
            (Body::from_iter([("rare_terms".to_owned(), body)]), Body::new())
        }
        TermsOrder::Significant => {
            let mut body = Body::new();
            body.insert("field".into(), json!(terms.terms.field));
            body.insert("size".into(), json!(terms.terms.size));
            body.extend(shard_size(terms));
            body.extend(lists(terms));
            (Body::from_iter([("significant_terms".to_owned(), Value::Object(body))]), Body::new())
        }
        _ => top(plan, bucket, terms),
    }
}

fn top(plan: &Plan, bucket: &Bucket, terms: &TermsBucket) -> (Body, Body) {
    let (path, children) = order(plan, bucket, terms);
    let direction = if terms.terms.is_descending { "desc" } else { "asc" };
    let mut body = Body::new();
    let is_single = terms.terms.secondary_fields.is_empty();
    if is_single {
        body.insert("field".into(), json!(terms.terms.field));
    } else {
        let fields = std::iter::once(&terms.terms.field).chain(&terms.terms.secondary_fields);
        let fields: Vec<Value> = fields.map(|field| json!({"field": field})).collect();
        body.insert("terms".into(), json!(fields));
    }
    body.insert("order".into(), json!({path: direction}));
    body.insert("size".into(), json!(terms.terms.size));
    body.extend(shard_size(terms));
    if is_single {
        body.extend(lists(terms));
    }
    if terms.asks_missing() {
        body.insert("missing".into(), json!("__missing__"));
    }
    let name = if is_single { "terms" } else { "multi_terms" };
    (Body::from_iter([(name.to_owned(), Value::Object(body))]), children)
}

/// The path that the values are sorted by, and the aggregation that it names.
fn order(plan: &Plan, bucket: &Bucket, terms: &TermsBucket) -> (String, Body) {
    let alphabet = ("_key".to_owned(), Body::new());
    if let Some(custom) = &terms.custom {
        let mut metric = custom.clone();
        metric.name = format!("{}-orderAgg", bucket.name);
        let Some(path) = metric.order_path(&metric.what) else { return alphabet };
        return (path, metric.request().into_iter().collect());
    }
    let sorted_by = terms.by_column.as_ref().and_then(|id| plan.ids.iter().position(|other| other == id));
    let Some(Source::Metric(reading)) = sorted_by.and_then(|at| plan.sources.get(at)) else { return alphabet };
    let Some(metric) = plan.metrics.get(reading.metric) else { return alphabet };
    match metric.order_path(&reading.what) {
        Some(path) => (path, metric.request().into_iter().collect()),
        None => alphabet,
    }
}

fn shard_size(terms: &TermsBucket) -> Option<(String, Value)> {
    let size = u64::from(terms.terms.size);
    let is_single = terms.terms.secondary_fields.is_empty();
    let is_top = !matches!(terms.terms.order, TermsOrder::Significant);
    let shard_size = if terms.terms.is_accurate {
        (size + size / 2 + 10).max(1_000)
    } else if size <= u64::from(SMALL) && is_single && is_top {
        25
    } else {
        return None;
    };
    Some(("shard_size".to_owned(), json!(shard_size)))
}

/// The values that are asked for, and those that are not.
fn lists(terms: &TermsBucket) -> impl Iterator<Item = (String, Value)> {
    let list = |name: &str, values: &[String], is_regex: bool| {
        let first = values.first()?;
        let value = if is_regex { json!(first) } else { values.iter().map(|text| typed(text, terms)).collect() };
        Some((name.to_owned(), value))
    };
    let include = list("include", &terms.terms.include, terms.terms.include_is_regex);
    let exclude = list("exclude", &terms.terms.exclude, terms.terms.exclude_is_regex);
    include.into_iter().chain(exclude)
}

/// A number for a field of numbers.
fn typed(text: &str, terms: &TermsBucket) -> Value {
    let is_number = terms.kinds.first().is_some_and(|kind| kind.is_number());
    let number = is_number.then(|| text.trim().parse::<serde_json::Number>().ok()).flatten();
    number.map_or_else(|| json!(text), Value::Number)
}
