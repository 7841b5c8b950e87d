//! The order of buckets: by count, by key, or by a number that a sub-aggregation gives.

use std::cmp::Ordering;

use super::collector::Children;
use super::options::Opt;
use super::outcome::reduce_error;
use super::request::{Aggregation, Aggregations, Kind};
use super::run::SearchContext;
use crate::server::elasticsearch::codec::json::{Json, Member};
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

/// One criterion as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    /// `_count`, `_key` or a path.
    pub(super) by: String,
    pub(super) ascending: bool,
}

/// Reads `order`: an object (its last member counts) or a list of them.
pub(super) fn parse(option: &Opt<'_>) -> Result<Vec<Order>, Fault> {
    let value = option.value();
    if let Some(items) = value.as_array() {
        if items.is_empty() {
            let exception = Exception::new("index_out_of_bounds_exception", "Index 0 out of bounds for length 0");
            return Err(option.failed(Fault { at: closing(value), exception }));
        }
        return items.iter().map(|item| one(option, item)).collect();
    }
    if value.as_object().is_none() {
        return Err(option.unsupported());
    }
    Ok(vec![one(option, value)?])
}

fn closing(json: &Json) -> usize {
    json.span.end.saturating_sub(1)
}

fn one(option: &Opt<'_>, json: &Json) -> Result<Order, Fault> {
    let refuse = |at: usize, reason: String| option.failed(Fault::parsing(option.place.src, at, reason));
    let unexpected =
        |value: &Json| refuse(value.span.start, format!("Unexpected token [{}] for [order]", value.token_name()));
    let members = json.as_object().ok_or_else(|| unexpected(json))?;
    let mut last = None;
    for Member { key, value, .. } in members {
        let direction = value.as_str().ok_or_else(|| unexpected(value))?;
        let ascending = match direction.to_lowercase().as_str() {
            "asc" => true,
            "desc" => false,
            _ => return Err(refuse(value.span.start, format!("Unknown order direction [{direction}]"))),
        };
        last = Some(Order { by: key.clone(), ascending });
    }
    last.ok_or_else(|| refuse(closing(json), "Must specify at least one field for [order]".to_owned()))
}

/// A criterion with its path resolved against the sub-aggregations.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Criterion {
    Count { ascending: bool },
    Key { ascending: bool },
    Metric { path: Vec<String>, key: Option<String>, ascending: bool },
}

/// Resolves an order; a path that leads to no number is refused.
pub(super) fn resolve(
    orders: &[Order],
    below: &Aggregations,
    ctx: &SearchContext<'_>,
) -> Result<Vec<Criterion>, ApiError> {
    orders
        .iter()
        .map(|order| {
            let ascending = order.ascending;
            Ok(match order.by.as_str() {
                "_count" => Criterion::Count { ascending },
                "_key" => Criterion::Key { ascending },
                path => {
                    let (path, key) = resolve_path(path, below).map_err(|wrong| wrong.into_api(path, ctx))?;
                    Criterion::Metric { path, key, ascending }
                }
            })
        })
        .collect()
}

/// Why a path cannot be ordered by. Elasticsearch finds out when it merges what the shards answered, but for the last.
enum WrongPath {
    Illegal(String),
    NoNumber(String),
    /// Hits have no order among buckets; the shard itself says so.
    Hits,
}

impl WrongPath {
    fn into_api(self, path: &str, ctx: &SearchContext<'_>) -> ApiError {
        let about = |reason: &str| format!("Invalid aggregation order path [{path}]. {reason}");
        let (kind, reason) = match self {
            Self::Illegal(reason) => ("illegal_argument_exception", reason),
            Self::NoNumber(reason) => ("number_format_exception", reason),
            Self::Hits => {
                let reason = "Buckets can only be sorted on a sub-aggregator path that is built out of zero or more single-bucket aggregations within the path and a final single-bucket or a metrics aggregation at the path end.";
                let cause = Exception::new("illegal_argument_exception", reason);
                return ctx.refused(Exception::new("invalid_path", about(reason)).caused_by(cause));
            }
        };
        let outer = Exception::new("illegal_argument_exception", about(&reason));
        reduce_error(outer.caused_by(Exception::new(kind, reason)))
    }
}

fn resolve_path(text: &str, below: &Aggregations) -> Result<(Vec<String>, Option<String>), WrongPath> {
    let mut names: Vec<String> = text.split('>').map(str::to_owned).collect();
    let Some(last) = names.pop() else { return Err(missing(text)) };
    let mut level = below;
    for (at, name) in names.iter().enumerate() {
        let found = level.items.iter().find(|item| item.name == *name).ok_or_else(|| missing(name))?;
        if !is_single_bucket(found) {
            let (kind, next) = (answered_as(found), names.get(at + 1).unwrap_or(&last));
            return Err(WrongPath::Illegal(format!("Can't sort by a descendant of a [{kind}] aggregation [{next}]")));
        }
        level = &found.below;
    }
    let find = |name: &str| level.items.iter().find(|item| item.name == name);
    let (found, key) = split_key(&last)
        .into_iter()
        .find_map(|(name, key)| find(name).map(|found| (found, key.map(str::to_owned))))
        .ok_or_else(|| missing(split_key(&last).first().map_or(text, |(name, _)| name)))?;
    check_end(found, key.as_deref())?;
    names.push(found.name.clone());
    Ok((names, key))
}

/// The ways to read the end of a path: `name`, `name[key]`, `name.key` with any of its dots.
fn split_key(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut ways = vec![(text, None)];
    if let Some((name, key)) = text.split_once('[') {
        ways.push((name, Some(key.trim_end_matches(']'))));
    }
    ways.extend(text.rmatch_indices('.').map(|(at, _)| (&text[..at], text.get(at + 1..))));
    ways
}

fn missing(name: &str) -> WrongPath {
    WrongPath::Illegal(format!("Cannot find aggregation named [{name}]"))
}

fn is_single_bucket(aggregation: &Aggregation) -> bool {
    matches!(aggregation.kind, Kind::Filter(_) | Kind::Missing(_) | Kind::Global)
}

/// The name of what an aggregation over keywords answers.
fn answered_as(aggregation: &Aggregation) -> &str {
    match aggregation.type_name {
        "terms" => "sterms",
        "rare_terms" => "srareterms",
        "significant_terms" => "sigsterms",
        other => other,
    }
}

fn check_end(found: &Aggregation, key: Option<&str>) -> Result<(), WrongPath> {
    let name = &found.name;
    let illegal = |reason: String| Err(WrongPath::Illegal(reason));
    let several = "Missing value key in [null] which refers to a multi-value metric aggregation";
    match &found.kind {
        Kind::Pipeline(_) => Err(missing(name)),
        Kind::Filter(_) | Kind::Missing(_) | Kind::Global => match key {
            None | Some("doc_count") => Ok(()),
            Some(key) => illegal(format!(
                "Unknown value key [{key}] for single-bucket aggregation [{name}]. Either use [doc_count] as key or drop the key all together."
            )),
        },
        Kind::Stats(stats) if stats.has_several_values() => match key {
            None => illegal(several.to_owned()),
            Some(key) if stats.knows(key) => Ok(()),
            Some(key) => illegal(format!(
                "No enum constant org.elasticsearch.search.aggregations.metrics.InternalStats.Metrics.{key}"
            )),
        },
        Kind::Percentiles(percentiles) if percentiles.has_several_values() => match key {
            None => illegal(several.to_owned()),
            Some(key) if key.parse::<f64>().is_ok() => Ok(()),
            Some(key) => Err(WrongPath::NoNumber(format!("For input string: \"{key}\""))),
        },
        Kind::TopMetrics(_) => Ok(()),
        Kind::TopHits(_) => Err(WrongPath::Hits),
        Kind::Stats(_) | Kind::Cardinality(_) | Kind::Percentiles(_) | Kind::WeightedAvg(_) => match key {
            None | Some("value") => Ok(()),
            Some(key) => illegal(format!(
                "Unknown value key [{key}] for single-value metric aggregation [{name}]. Either use [value] as key or drop the key all together"
            )),
        },
        _ => illegal(format!("Can't sort a [{}] aggregation [{name}]", answered_as(found))),
    }
}

/// A bucket to be put in order.
pub(super) struct Ranked {
    pub(super) bucket: u32,
    pub(super) doc_count: u64,
    pub(super) key: u64,
    metrics: Vec<f64>,
}

impl Ranked {
    /// Reads what the criteria ask of a bucket.
    pub(super) fn new(bucket: u32, doc_count: u64, key: u64, criteria: &[Criterion], below: &Children) -> Self {
        let metrics = criteria
            .iter()
            .filter_map(|criterion| match criterion {
                Criterion::Metric { path, key, .. } => Some(below.order_value(bucket, path, key.as_deref())),
                _ => None,
            })
            .collect();
        Self { bucket, doc_count, key, metrics }
    }
}

/// Compares by the criteria, then by key ascending. What has no number is the largest.
pub(super) fn compare(
    left: &Ranked,
    right: &Ranked,
    criteria: &[Criterion],
    keys: impl Fn(u64, u64) -> Ordering,
) -> Ordering {
    let directed = |ordering: Ordering, ascending: bool| if ascending { ordering } else { ordering.reverse() };
    let mut metrics = left.metrics.iter().zip(&right.metrics);
    for criterion in criteria {
        let ordering = match criterion {
            Criterion::Count { ascending } => directed(left.doc_count.cmp(&right.doc_count), *ascending),
            Criterion::Key { ascending } => directed(keys(left.key, right.key), *ascending),
            Criterion::Metric { ascending, .. } => {
                let ordering = metrics.next().map_or(Ordering::Equal, |(left, right)| number_order(*left, *right));
                directed(ordering, *ascending)
            }
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    keys(left.key, right.key)
}

fn number_order(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}
