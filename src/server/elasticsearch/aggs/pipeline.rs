//! Pipelines: numbers made of what other aggregations answered. Parents (`cumulative_sum`, `derivative`, `serial_diff`) add to
//! each bucket of the histogram they stand in; siblings (`avg_bucket`, ...) stand beside the buckets they read.

use serde_json::{Map, Value};

use super::format::{DecimalPattern, ValueFormat, number};
use super::metric::stats::State;
use super::options::{Opt, Place, options};
use super::outcome::{Body, Bucket, NamedOutcome, Outcome};
use super::request::{Aggregation, Aggregations, Kind};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    type_name: &'static str,
    /// `a>b.key`, `_count`.
    path: String,
    format: ValueFormat,
    insert_zeros: bool,
    lag: usize,
    /// Milliseconds a normalised derivative is per.
    unit: Option<i64>,
}

impl Pipeline {
    pub(super) fn parse(type_name: &'static str, place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut path = None;
        let mut pipeline =
            Self { type_name, path: String::new(), format: ValueFormat::Raw, insert_zeros: false, lag: 1, unit: None };
        for option in options(place, type_name, body) {
            match option.name() {
                "buckets_path" => path = Some(read_path(&option)?),
                "format" if option.value().as_str().is_some() => {
                    pipeline.format = ValueFormat::Decimal(DecimalPattern::parse(option.text()?));
                }
                "gap_policy" if option.value().as_str().is_some() => pipeline.insert_zeros = gap_policy(&option)?,
                "lag" if type_name == "serial_diff" && option.value().as_i64().is_some() => {
                    let lag = option.int()?;
                    pipeline.lag =
                        usize::try_from(lag).ok().filter(|lag| (1..=100_000).contains(lag)).ok_or_else(|| {
                            let reason = format!(
                                "Lag must be a positive, non-zero integer. Value supplied was[{lag}] in [{}].",
                                place.name
                            );
                            Fault::parsing(place.src, option.at(), reason)
                        })?;
                }
                "unit" if type_name == "derivative" && option.value().as_str().is_some() => {
                    pipeline.unit = Some(unit(&option)?);
                }
                name => {
                    let token = option.value().token_name();
                    let reason = format!("Unexpected token {token} [{name}] in [{}]", place.name);
                    return Err(Fault::parsing(place.src, option.at(), reason));
                }
            }
        }
        pipeline.path = path.ok_or_else(|| {
            let reason = format!("Missing required field [buckets_path] for aggregation [{}]", place.name);
            Fault::parsing(place.src, body.span.end.saturating_sub(1), reason)
        })?;
        Ok(pipeline)
    }

    fn is_parent(&self) -> bool {
        matches!(self.type_name, "cumulative_sum" | "derivative" | "serial_diff")
    }

    fn first_name(&self) -> &str {
        self.path.split('>').next().unwrap_or_default()
    }
}

fn read_path(option: &Opt<'_>) -> Result<String, Fault> {
    let value = option.value();
    let one = value.as_str().or_else(|| match value.as_array() {
        Some([one]) => one.as_str(),
        _ => None,
    });
    one.map(str::to_owned).ok_or_else(|| {
        let token = value.token_name();
        let reason = format!("Unexpected token {token} [buckets_path] in [{}]", option.place.name);
        Fault::parsing(option.place.src, option.at(), reason)
    })
}

fn gap_policy(option: &Opt<'_>) -> Result<bool, Fault> {
    match option.text()? {
        "skip" => Ok(false),
        "insert_zeros" => Ok(true),
        other => {
            let reason = format!("Invalid gap policy: [{other}], accepted values: [insert_zeros, skip, keep_values]");
            Err(Fault::parsing(option.place.src, option.at(), reason))
        }
    }
}

fn unit(option: &Opt<'_>) -> Result<i64, Fault> {
    use super::rounding::Unit;
    let text = option.text()?;
    let day = 86_400_000;
    let calendar = Unit::parse(text).map(|unit| match unit {
        Unit::Second => 1000,
        Unit::Minute => 60_000,
        Unit::Hour => 3_600_000,
        Unit::Day => day,
        Unit::Week => 7 * day,
        Unit::Month => 2_629_746_000,
        Unit::Quarter => 3 * 2_629_746_000,
        Unit::Year => 31_556_952_000,
    });
    match calendar {
        Some(millis) => Ok(millis),
        None => super::dates::time_value(text, "unit").map_err(|exception| Fault { at: option.at(), exception }),
    }
}

/// Checks the paths of pipelines, and where parents stand.
pub(super) fn validate(aggregations: &Aggregations) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    check(aggregations, None, &mut problems);
    if problems.is_empty() {
        return Ok(());
    }
    let listed: Vec<String> = (1..).zip(problems).map(|(at, problem)| format!("{at}: {problem};")).collect();
    Err(ApiError::new(400, "action_request_validation_exception", format!("Validation Failed: {}", listed.join(""))))
}

fn check(level: &Aggregations, parent: Option<&Aggregation>, problems: &mut Vec<String>) {
    let ordered = in_order_of_need(level);
    let is_circular = |item: &Aggregation| {
        matches!(item.kind, Kind::Pipeline(_)) && !ordered.iter().any(|other| other.name == item.name)
    };
    if let Some(circular) = level.items.iter().find(|item| is_circular(item)) {
        problems.push(format!("Cyclical dependency found with pipeline aggregator [{}]", circular.name));
        return;
    }
    for item in &level.items {
        check(&item.below, Some(item), problems);
        let Kind::Pipeline(pipeline) = &item.kind else { continue };
        let first = pipeline.first_name();
        let known = level.items.iter().any(|other| names(first, &other.name));
        if !(known || pipeline.is_parent() && matches!(first, "_count" | "_key" | "_bucket_count")) {
            problems.push(format!("No aggregation found for path [{}]", pipeline.path));
            continue;
        }
        let in_histogram =
            parent.is_some_and(|parent| matches!(parent.kind, Kind::DateHistogram(_) | Kind::Histogram(_)));
        if pipeline.is_parent() && !in_histogram {
            let (kind, name) = (pipeline.type_name, &item.name);
            problems.push(format!(
                "{kind} aggregation [{name}] must have a histogram, date_histogram or auto_date_histogram as parent"
            ));
        }
    }
}

/// Whether an element of a path (`name`, `name.key`, `name[key]`) names an aggregation.
fn names(element: &str, name: &str) -> bool {
    element.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Runs all pipelines of a level and of the levels below it.
pub(super) fn apply(level: &Aggregations, outcomes: &mut Vec<NamedOutcome>) {
    for outcome in outcomes.iter_mut() {
        let Some(request) = level.items.iter().find(|item| item.name == outcome.name) else { continue };
        match &mut outcome.outcome.body {
            Body::Metric(_) => {}
            Body::Single { below, .. } => apply(&request.below, below),
            Body::Multi { buckets, .. } => {
                buckets.iter_mut().for_each(|bucket| apply(&request.below, &mut bucket.below));
                for item in in_order_of_need(&request.below) {
                    if let Kind::Pipeline(pipeline) = &item.kind
                        && pipeline.is_parent()
                    {
                        add_to_buckets(pipeline, item, buckets);
                    }
                }
            }
        }
    }
    for item in &level.items {
        if let Kind::Pipeline(pipeline) = &item.kind
            && !pipeline.is_parent()
        {
            let outcome = sibling(pipeline, outcomes);
            outcomes.push(NamedOutcome { name: item.name.clone(), meta: item.meta.clone(), outcome });
        }
    }
}

/// Pipelines after the pipelines they read.
fn in_order_of_need(level: &Aggregations) -> Vec<&Aggregation> {
    let mut waiting: Vec<&Aggregation> =
        level.items.iter().filter(|item| matches!(item.kind, Kind::Pipeline(_))).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let needs = |item: &Aggregation| match &item.kind {
            Kind::Pipeline(pipeline) => waiting.iter().any(|other| names(pipeline.first_name(), &other.name)),
            _ => false,
        };
        let (blocked, ready): (Vec<_>, Vec<_>) = waiting.iter().copied().partition(|item| needs(item));
        if ready.is_empty() {
            // A circle: nobody has what it needs, so nobody answers.
            break;
        }
        ordered.extend(ready);
        waiting = blocked;
    }
    ordered
}

fn add_to_buckets(pipeline: &Pipeline, item: &Aggregation, buckets: &mut [Bucket]) {
    let values: Vec<Option<f64>> = buckets.iter().map(|bucket| bucket_value(pipeline, bucket)).collect();
    let keys: Vec<Option<f64>> = buckets.iter().map(|bucket| bucket.head.get("key").and_then(Value::as_f64)).collect();
    let mut sum = 0.0;
    let mut before: Option<(f64, Option<f64>)> = None;
    for (at, bucket) in buckets.iter_mut().enumerate() {
        let value = values.get(at).copied().flatten();
        let key = keys.get(at).copied().flatten();
        let members = match pipeline.type_name {
            "cumulative_sum" => {
                sum += value.unwrap_or_default();
                Some(pipeline.format.value_members(Some(sum)))
            }
            "derivative" => {
                let members = value.zip(before).map(|(value, (last, last_key))| {
                    derivative(pipeline, value - last, key.zip(last_key).map(|(key, last)| key - last))
                });
                before = value.map(|value| (value, key));
                members
            }
            _ => {
                let earlier = at.checked_sub(pipeline.lag).and_then(|at| values.get(at)).copied().flatten();
                value.zip(earlier).map(|(value, earlier)| pipeline.format.value_members(Some(value - earlier)))
            }
        };
        let kind = if pipeline.type_name == "derivative" { "derivative" } else { "simple_value" };
        if let Some(members) = members {
            let outcome = Outcome::metric(kind, members);
            bucket.below.push(NamedOutcome { name: item.name.clone(), meta: item.meta.clone(), outcome });
        }
    }
}

fn derivative(pipeline: &Pipeline, change: f64, width: Option<f64>) -> Map<String, Value> {
    let mut members = pipeline.format.value_members(Some(change));
    if let (Some(unit), Some(width)) = (pipeline.unit, width) {
        members.insert("normalized_value".into(), number(Some(change / (width / unit as f64))));
    }
    members
}

/// What a path says of one bucket; none where there is a gap.
fn bucket_value(pipeline: &Pipeline, bucket: &Bucket) -> Option<f64> {
    let value = match pipeline.path.as_str() {
        "_count" => return Some(bucket.doc_count as f64),
        "_key" => return bucket.head.get("key").and_then(Value::as_f64),
        path => value_in(&bucket.below, path),
    };
    let gap = bucket.doc_count == 0 || value.is_none();
    if gap { pipeline.insert_zeros.then_some(0.0) } else { value }
}

/// Follows a path through single buckets to a metric's value.
fn value_in(outcomes: &[NamedOutcome], path: &str) -> Option<f64> {
    let (element, rest) = path.split_once('>').map_or((path, None), |(element, rest)| (element, Some(rest)));
    let found = outcomes.iter().filter(|outcome| names(element, &outcome.name)).max_by_key(|found| found.name.len())?;
    let key = element.get(found.name.len()..)?.trim_matches(['.', '[', ']']);
    match (&found.outcome.body, rest) {
        (Body::Single { doc_count, .. }, Some("_count")) | (Body::Single { doc_count, .. }, None) => {
            Some(*doc_count as f64)
        }
        (Body::Single { below, .. }, Some(rest)) => value_in(below, rest),
        (Body::Metric(members), None) => metric_value(members, key),
        (Body::Multi { buckets, .. }, Some("_bucket_count")) => Some(buckets.len() as f64),
        _ => None,
    }
}

fn metric_value(members: &Map<String, Value>, key: &str) -> Option<f64> {
    let key = if key.is_empty() { "value" } else { key };
    let direct = members.get(key).and_then(Value::as_f64);
    direct.or_else(|| {
        let point: f64 = key.parse().ok()?;
        match members.get("values")? {
            Value::Object(values) => values.get(&super::options::double_text(point))?.as_f64(),
            Value::Array(values) => values
                .iter()
                .find(|value| value.get("key").and_then(Value::as_f64) == Some(point))?
                .get("value")?
                .as_f64(),
            _ => None,
        }
    })
}

/// A sibling reads every bucket of the aggregation its path starts with.
fn sibling(pipeline: &Pipeline, outcomes: &[NamedOutcome]) -> Outcome {
    let mut read: Vec<(String, f64)> = Vec::new();
    if let Some((first, rest)) = pipeline.path.split_once('>')
        && let Some(found) = outcomes.iter().find(|outcome| outcome.name == first)
        && let Body::Multi { buckets, .. } = &found.outcome.body
    {
        let inner = Pipeline { path: rest.to_owned(), ..pipeline.clone() };
        let values = buckets.iter().filter_map(|bucket| Some((bucket.name.clone(), bucket_value(&inner, bucket)?)));
        read.extend(values);
    }
    let (format, some) = (&pipeline.format, !read.is_empty());
    let values = || read.iter().map(|(_, value)| *value);
    let sum: f64 = values().sum();
    let least = values().fold(f64::INFINITY, f64::min);
    let greatest = values().fold(f64::NEG_INFINITY, f64::max);
    match pipeline.type_name {
        "stats_bucket" => {
            let mut state = State::default();
            values().for_each(|value| state.add(value));
            Outcome::metric("stats_bucket", state.members(format))
        }
        "max_bucket" | "min_bucket" => {
            let best = if pipeline.type_name == "max_bucket" { greatest } else { least };
            let mut members = format.value_members(some.then_some(best));
            let keys: Vec<Value> =
                read.iter().filter(|(_, value)| *value == best).map(|(name, _)| name.as_str().into()).collect();
            members.insert("keys".into(), keys.into());
            Outcome::metric("bucket_metric_value", members)
        }
        "sum_bucket" => Outcome::metric("simple_value", format.value_members(Some(sum))),
        _ => Outcome::metric("simple_value", format.value_members(some.then(|| sum / read.len() as f64))),
    }
}
