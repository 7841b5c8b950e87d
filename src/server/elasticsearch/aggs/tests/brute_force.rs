//! Random requests over random documents, against an evaluator that knows nothing of columns, ordinals or blocks: it filters
//! lists of JSON documents, again and again.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::support::{difference, index, mapping, search};

pub(super) const FIELDS: [(&str, &str); 5] =
    [("k", "keyword"), ("n", "long"), ("p", "double"), ("t", "date"), ("b", "boolean")];

pub(super) fn document() -> impl Strategy<Value = Value> {
    let one_or_more = |value: BoxedStrategy<Value>| {
        prop_oneof![
            3 => value.clone(),
            1 => prop::collection::vec(value, 0..4).prop_map(Value::Array),
            1 => Just(Value::Null),
        ]
    };
    let keyword = prop::sample::select(vec!["a", "b", "c", "d", "ä"]).prop_map(Value::from).boxed();
    let long = (-4i64..4).prop_map(Value::from).boxed();
    let double = (-40i64..40).prop_map(|value| Value::from(value as f64 / 8.0)).boxed();
    // Around both changes of New York's clocks in 2024.
    let date = prop_oneof![1_709_900_000_000i64..1_710_300_000_000, 1_730_400_000_000i64..1_731_000_000_000];
    (
        one_or_more(keyword),
        one_or_more(long),
        one_or_more(double),
        prop::option::weighted(0.9, date),
        prop::option::weighted(0.8, any::<bool>()),
    )
        .prop_map(|(k, n, p, t, b)| {
            let members = [("k", k), ("n", n), ("p", p), ("t", t.into()), ("b", b.into())];
            let given = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(name, value)| (name.to_owned(), value)).collect())
        })
}

fn metric() -> impl Strategy<Value = Value> {
    let number = prop::sample::select(vec!["n", "p"]);
    let any = prop::sample::select(vec!["k", "n", "p", "t"]);
    let kinds = prop::sample::select(vec!["avg", "sum", "min", "max", "stats", "percentiles"]);
    prop_oneof![
        4 => (kinds, number, prop::option::weighted(0.2, -5i64..5)).prop_map(|(kind, field, missing)| {
            let mut options = json!({"field": field});
            if let Some(missing) = missing {
                options["missing"] = missing.into();
            }
            json!({kind: options})
        }),
        1 => (prop::sample::select(vec!["value_count", "cardinality"]), any)
            .prop_map(|(kind, field)| json!({kind: {"field": field}})),
    ]
}

fn bucket() -> impl Strategy<Value = Value> {
    let direction = || prop::sample::select(vec!["asc", "desc"]);
    let order = prop_oneof![
        direction().prop_map(|way| json!({"_count": way})),
        direction().prop_map(|way| json!({"_key": way})),
        direction().prop_map(|way| json!({"m": way})),
    ];
    let zones = prop::sample::select(vec!["UTC", "Asia/Kolkata", "America/New_York"]);
    prop_oneof![
        3 => (prop::sample::select(vec!["k", "n", "b"]), 1u64..6, 1u64..3, order).prop_map(|(field, size, least, order)| {
            json!({"terms": {"field": field, "size": size, "min_doc_count": least, "order": order}})
        }),
        2 => (prop::sample::select(vec!["n", "p"]), 1i64..6, -2i64..3, 0u64..2).prop_map(|(field, interval, offset, least)| {
            json!({"histogram": {"field": field, "interval": interval as f64 / 2.0, "offset": offset, "min_doc_count": least}})
        }),
        2 => (prop::sample::select(vec!["day", "month"]), zones.clone(), 0u64..2).prop_map(|(unit, zone, least)| {
            json!({"date_histogram": {"field": "t", "calendar_interval": unit, "time_zone": zone, "min_doc_count": least}})
        }),
        1 => (prop::sample::select(vec![7i64, 24, 36]), 0u64..2).prop_map(|(hours, least)| {
            json!({"date_histogram": {"field": "t", "fixed_interval": format!("{hours}h"), "min_doc_count": least}})
        }),
        1 => (prop::sample::select(vec!["n", "p"]), prop::collection::vec((-4i64..4, -4i64..6), 1..4)).prop_map(|(field, ends)| {
            let ranges: Vec<Value> = ends.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
            json!({"range": {"field": field, "ranges": ranges}})
        }),
        1 => prop::sample::select(vec!["a", "b", "zz"]).prop_map(|term| json!({"filter": {"term": {"k": term}}})),
        1 => Just(json!({"filters": {"filters": {"x": {"term": {"k": "a"}}, "y": {"match_all": {}}}, "other_bucket": true}})),
        1 => prop::sample::select(vec!["k", "n", "t"]).prop_map(|field| json!({"missing": {"field": field}})),
    ]
}

/// A level: always a metric `m` for orders to name, then a random metric and, above the ground, a bucket aggregation.
pub(super) fn level(depth: u32) -> BoxedStrategy<Value> {
    let m = prop::sample::select(vec!["avg", "max", "min", "sum"]).prop_map(|kind| json!({kind: {"field": "p"}}));
    if depth == 0 {
        return (m, metric()).prop_map(|(m, x)| json!({"m": m, "x": x})).boxed();
    }
    (m, metric(), bucket(), level(depth - 1))
        .prop_map(|(m, x, mut bucket, below)| {
            bucket["aggs"] = below;
            json!({"m": m, "x": x, "b": bucket})
        })
        .boxed()
}

fn values(document: &Value, field: &str) -> Vec<Value> {
    match &document[field] {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

fn numbers(document: &Value, options: &Value) -> Vec<f64> {
    let found = values(document, options["field"].as_str().unwrap());
    let mut found: Vec<f64> = found
        .iter()
        .map(|value| value.as_f64().unwrap_or_else(|| f64::from(u8::from(value.as_bool().unwrap_or_default()))))
        .collect();
    if found.is_empty()
        && let Some(missing) = options["missing"].as_f64()
    {
        found.push(missing);
    }
    found.sort_by(f64::total_cmp);
    found
}

/// The answer of one level for a list of documents.
fn evaluate(level: &Value, documents: &[&Value]) -> Value {
    let one = |(name, request): (&String, &Value)| (name.clone(), evaluate_one(request, documents));
    Value::Object(level.as_object().unwrap().iter().map(one).collect())
}

fn evaluate_one(request: &Value, documents: &[&Value]) -> Value {
    let (kind, options) = request.as_object().unwrap().iter().find(|(kind, _)| *kind != "aggs").unwrap();
    let below = request.get("aggs");
    let bucket = |mut head: Value, documents: &[&Value]| {
        head["doc_count"] = documents.len().into();
        if let Some(below) = below {
            head.as_object_mut().unwrap().extend(evaluate(below, documents).as_object().unwrap().clone());
        }
        head
    };
    match kind.as_str() {
        "terms" => terms(options, below, documents, &bucket),
        "histogram" => histogram(options, documents, &bucket),
        "date_histogram" => date_histogram(options, documents, &bucket),
        "range" => ranges(options, documents, &bucket),
        "filter" => bucket(json!({}), &matching(documents, &options["term"]["k"])),
        "missing" => {
            let field = options["field"].as_str().unwrap();
            bucket(json!({}), &keep(documents, |document| values(document, field).is_empty()))
        }
        "filters" => {
            let buckets = json!({
                "x": bucket(json!({}), &matching(documents, &json!("a"))),
                "y": bucket(json!({}), documents),
                "_other_": bucket(json!({}), &[]),
            });
            json!({"buckets": buckets})
        }
        metric => evaluate_metric(metric, options, documents),
    }
}

fn keep<'a>(documents: &[&'a Value], test: impl Fn(&Value) -> bool) -> Vec<&'a Value> {
    documents.iter().copied().filter(|document| test(document)).collect()
}

fn matching<'a>(documents: &[&'a Value], term: &Value) -> Vec<&'a Value> {
    keep(documents, |document| values(document, "k").contains(term))
}

type MakeBucket<'a> = &'a dyn Fn(Value, &[&Value]) -> Value;

fn terms(options: &Value, below: Option<&Value>, documents: &[&Value], bucket: MakeBucket<'_>) -> Value {
    let field = options["field"].as_str().unwrap();
    let keys: BTreeSet<String> =
        documents.iter().flat_map(|document| values(document, field)).map(|value| value.to_string()).collect();
    let mut found: Vec<(Value, Value)> = Vec::new();
    for text in keys {
        let key: Value = serde_json::from_str(&text).unwrap();
        let inside = keep(documents, |document| values(document, field).contains(&key));
        let head = match key.as_bool() {
            Some(value) => json!({"key": u8::from(value), "key_as_string": value.to_string()}),
            None => json!({"key": key}),
        };
        found.push((key, bucket(head, &inside)));
    }
    // Three stable sorts, the least important first: by key, then by what the order names.
    found.sort_by(|(left, _), (right, _)| match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.to_string().trim_matches('"').cmp(right.to_string().trim_matches('"')),
    });
    let (by, way) = options["order"].as_object().unwrap().iter().next().unwrap();
    let descending = way == "desc";
    let by_max = below.is_some_and(|below| below["m"].get("max").is_some());
    if by == "_key" && descending {
        found.reverse();
    } else if by != "_key" {
        let rank = |answer: &Value| match by.as_str() {
            "_count" => answer["doc_count"].as_f64().unwrap(),
            // Null is the largest, but `max` has it as the smallest.
            _ => answer["m"]["value"].as_f64().unwrap_or(if by_max { f64::MIN } else { f64::MAX }),
        };
        found.sort_by(|(_, left), (_, right)| {
            let ordering = rank(left).total_cmp(&rank(right));
            if descending { ordering.reverse() } else { ordering }
        });
    }
    let least = options["min_doc_count"].as_u64().unwrap();
    found.retain(|(_, answer)| answer["doc_count"].as_u64().unwrap() >= least);
    let size = usize::try_from(options["size"].as_u64().unwrap()).unwrap();
    let cut = found.split_off(size.min(found.len()));
    let other: u64 = cut.iter().map(|(_, answer)| answer["doc_count"].as_u64().unwrap()).sum();
    let buckets: Vec<Value> = found.into_iter().map(|(_, answer)| answer).collect();
    json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": other, "buckets": buckets})
}

fn histogram(options: &Value, documents: &[&Value], bucket: MakeBucket<'_>) -> Value {
    let (interval, offset) = (options["interval"].as_f64().unwrap(), options["offset"].as_f64().unwrap());
    let key_of = |value: f64| ((value - offset) / interval).floor() * interval + offset;
    let all: Vec<f64> = documents.iter().flat_map(|document| numbers(document, options)).map(key_of).collect();
    let least = options["min_doc_count"].as_u64().unwrap();
    let (Some(first), Some(last)) = (all.iter().copied().reduce(f64::min), all.iter().copied().reduce(f64::max)) else {
        return json!({"buckets": []});
    };
    let mut buckets = Vec::new();
    let mut key = first;
    while key <= last {
        let inside = keep(documents, |document| numbers(document, options).iter().any(|value| key_of(*value) == key));
        if inside.len() as u64 >= least {
            buckets.push(bucket(json!({"key": key}), &inside));
        }
        key += interval;
    }
    json!({"buckets": buckets})
}

fn date_histogram(options: &Value, documents: &[&Value], bucket: MakeBucket<'_>) -> Value {
    let zone = TimeZone::get(options["time_zone"].as_str().unwrap_or("UTC")).unwrap();
    let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap().to_zoned(zone.clone());
    let hours = options["fixed_interval"].as_str().map(|text| text.trim_end_matches('h').parse::<i64>().unwrap());
    let start = |millis: i64| -> Zoned {
        match (hours, options["calendar_interval"].as_str()) {
            (Some(hours), _) => at(millis.div_euclid(hours * 3_600_000) * hours * 3_600_000),
            (_, Some("day")) => at(millis).start_of_day().unwrap(),
            _ => at(millis).first_of_month().unwrap().start_of_day().unwrap(),
        }
    };
    let next = |from: &Zoned| -> Zoned {
        match (hours, options["calendar_interval"].as_str()) {
            (Some(hours), _) => from.checked_add(hours.hours()).unwrap(),
            (_, Some("day")) => from.checked_add(1.day()).unwrap().start_of_day().unwrap(),
            _ => from.checked_add(1.month()).unwrap(),
        }
    };
    let millis_of = |document: &Value| document["t"].as_i64();
    let all: Vec<i64> = documents.iter().copied().filter_map(millis_of).collect();
    let least = options["min_doc_count"].as_u64().unwrap();
    let (Some(first), Some(last)) = (all.iter().min(), all.iter().max()) else { return json!({"buckets": []}) };
    let mut buckets = Vec::new();
    let mut from = start(*first);
    while from.timestamp().as_millisecond() <= *last {
        let to = next(&from);
        let (low, high) = (from.timestamp().as_millisecond(), to.timestamp().as_millisecond());
        let inside =
            keep(documents, |document| millis_of(document).is_some_and(|millis| (low..high).contains(&millis)));
        if inside.len() as u64 >= least {
            let offset = if zone == TimeZone::UTC { "Z".to_owned() } else { from.strftime("%:z").to_string() };
            let text = format!("{}.000{offset}", from.strftime("%Y-%m-%dT%H:%M:%S"));
            buckets.push(bucket(json!({"key_as_string": text, "key": low}), &inside));
        }
        from = to;
    }
    json!({"buckets": buckets})
}

fn ranges(options: &Value, documents: &[&Value], bucket: MakeBucket<'_>) -> Value {
    let mut ends: Vec<(f64, f64)> = options["ranges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|range| (range["from"].as_f64().unwrap(), range["to"].as_f64().unwrap()))
        .collect();
    ends.sort_by(|left, right| left.partial_cmp(right).unwrap());
    let buckets: Vec<Value> = ends
        .into_iter()
        .map(|(from, to)| {
            let inside = keep(documents, |document| {
                numbers(document, options).iter().any(|value| *value >= from && *value < to)
            });
            bucket(json!({"key": format!("{from:?}-{to:?}"), "from": from, "to": to}), &inside)
        })
        .collect();
    json!({"buckets": buckets})
}

fn evaluate_metric(kind: &str, options: &Value, documents: &[&Value]) -> Value {
    let field = options["field"].as_str().unwrap();
    if field == "k" {
        let each = documents
            .iter()
            .map(|document| values(document, "k").iter().map(ToString::to_string).collect::<BTreeSet<String>>());
        let count = match kind {
            "value_count" => each.map(|set| set.len()).sum(),
            _ => each.flatten().collect::<BTreeSet<_>>().len(),
        };
        return json!({"value": count});
    }
    let mut all: Vec<f64> = documents.iter().flat_map(|document| numbers(document, options)).collect();
    all.sort_by(f64::total_cmp);
    let some = |value: f64| if all.is_empty() { Value::Null } else { json!(value) };
    // Of nothing the standard library gives -0, which an order would see.
    let (sum, count) = (all.iter().sum::<f64>() + 0.0, all.len());
    let (least, most) = (all.first().copied().unwrap_or_default(), all.last().copied().unwrap_or_default());
    match kind {
        "value_count" => json!({"value": count}),
        "cardinality" => json!({"value": all.iter().map(|value| value.to_bits()).collect::<BTreeSet<_>>().len()}),
        "sum" => json!({"value": sum}),
        "avg" => json!({"value": some(sum / count as f64)}),
        "min" => json!({"value": some(least)}),
        "max" => json!({"value": some(most)}),
        "stats" => {
            json!({"count": count, "min": some(least), "max": some(most), "avg": some(sum / count as f64), "sum": sum})
        }
        _ => {
            let percents = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];
            let entry = |percent: &f64| (format!("{percent:?}"), some(percentile(&all, *percent)));
            json!({"values": percents.iter().map(entry).collect::<Map<_, _>>()})
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the list")]
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = percent / 100.0 * sorted.len().saturating_sub(1) as f64;
    let at = |rank: f64| sorted.get(rank as usize).copied().unwrap_or_default();
    at(rank.floor()) + rank.fract() * (at(rank.ceil()) - at(rank.floor()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn random_requests_equal_the_naive_evaluation(
        documents in prop::collection::vec(document(), 0..60),
        requests in prop::collection::vec(level(2), 5),
        per_segment in 1usize..40,
        halves in any::<bool>(),
    ) {
        let mapping = mapping(&FIELDS);
        let middle = if halves { documents.len() / 2 } else { documents.len() };
        let (first, second) = documents.split_at(middle);
        let mut shards = vec![index("first", &mapping, first, per_segment)];
        if halves {
            shards.push(index("second", &mapping, second, per_segment));
        }
        let all: Vec<&Value> = documents.iter().collect();
        for request in requests {
            let body = json!({"aggs": request}).to_string();
            let ours = search(&shards, &body, false).map_err(|error| TestCaseError::fail(error.to_json().to_string()))?;
            let (ours, theirs) = (Value::Object(ours), evaluate(&request, &all));
            prop_assert_eq!(difference("", &ours, &theirs, 1e-9), None, "{}\n{}", body, ours);
        }
    }
}
