//! What is in Elasticsearch, asked as anyone could: counts, ids, a search and aggregations, held against the ticks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check::{Outcome, Trouble};
use super::expected::{Content, Expected};
use super::http::Http;
use super::kafka::Message;
use crate::pipeline::{INDEX, TOPIC};
use crate::report::count;

/// Ids asked for at once.
const IDS_MAX: usize = 1_000;
/// Hits asked for.
const HITS: usize = 5;
/// A date histogram of the run has at most so many buckets.
const BUCKETS_MAX: usize = 2_000;
/// Sums of doubles depend on their order.
const TOLERANCE: f64 = 1e-9;

/// The documents that are looked at: all, or those of certain messages where others may be there too.
pub(super) fn scope(messages: Option<&[Message]>) -> Value {
    match messages {
        None => json!({"match_all": {}}),
        Some(messages) => json!({"ids": {"values": messages.iter().map(id).collect::<Vec<_>>()}}),
    }
}

/// As the indexer names the document of a message.
fn id(message: &Message) -> String {
    format!("{TOPIC}+{}+{}", message.partition, message.offset)
}

pub(super) async fn check_count(http: &Http, scope: &Value, expected: u64) -> Outcome {
    http.post_nothing(&format!("/{INDEX}/_refresh")).await?.success()?;
    let path = format!("/{INDEX}/_count");
    let answer = http.post(&path, &json!({"query": scope})).await?.success()?;
    match answer.get("count").and_then(Value::as_u64) {
        Some(found) if found == expected => Ok(format!("{} documents, one for each tick", count(found))),
        Some(found) => {
            let text = format!("{} documents, but {} ticks", count(found), count(expected));
            Err(Trouble::wrong(text).tried(format!("POST {path}")).next("stockdev logs elasticsearch"))
        }
        None => Err(Trouble::wrong("the answer has no count").tried(path).got(answer.to_string())),
    }
}

/// Each message has its document; with the count, no other has one.
pub(super) async fn check_ids(http: &Http, messages: &[Message]) -> Outcome {
    let path = format!("/{INDEX}/_mget?_source=false");
    let mut missing = Vec::new();
    for chunk in messages.chunks(IDS_MAX) {
        let ids: Vec<String> = chunk.iter().map(id).collect();
        let answer = http.post(&path, &json!({"ids": ids})).await?.success()?;
        let docs = answer.get("docs").and_then(Value::as_array).cloned().unwrap_or_default();
        let found = |(place, id): (usize, &String)| {
            let doc = docs.get(place)?;
            let is_it = doc.get("_id").and_then(Value::as_str) == Some(id);
            (is_it && doc.get("found") == Some(&Value::Bool(true))).then_some(())
        };
        missing.extend(ids.iter().enumerate().filter(|item| found(*item).is_none()).map(|(_, id)| id.clone()));
    }
    match missing.first() {
        None => Ok(format!("each of {} messages has its document", count(messages.len() as u64))),
        Some(first) => {
            let number = count(missing.len() as u64);
            let text = format!("{number} message(s) have no document, the first is `{first}`");
            let shown = missing.iter().take(10).cloned().collect::<Vec<_>>().join(" ");
            Err(Trouble::wrong(text).tried(format!("POST {path}")).got(shown))
        }
    }
}

/// The latest documents, in order, whole.
pub(super) async fn check_search(http: &Http, scope: &Value, expected: &Expected) -> Outcome {
    let path = format!("/{INDEX}/_search");
    let body = json!({
        "query": scope, "size": HITS, "track_total_hits": true,
        "sort": [{"timestamp": "desc"}, {"instrument_token": "asc"}],
    });
    let answer = http.post(&path, &body).await?.success()?;
    let wrong = |text: String| Err(Trouble::wrong(text).tried(format!("POST {path}, the {HITS} latest")));
    let total = answer.pointer("/hits/total/value").and_then(Value::as_u64);
    if total != Some(expected.ticks) {
        let total = total.map_or_else(|| "no number of".to_owned(), count);
        return wrong(format!("the search finds {total} documents, but there are {} ticks", count(expected.ticks)));
    }
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array).cloned().unwrap_or_default();
    let found: Vec<(i64, &str)> = hits
        .iter()
        .filter_map(|hit| {
            let at = |place: &str| hit.pointer(place);
            Some((at("/sort/0")?.as_i64()?, at("/sort/1")?.as_str()?))
        })
        .collect();
    let latest = expected.latest(HITS);
    if found != latest {
        return wrong(format!("the latest documents are {found:?}, but the latest ticks are {latest:?}"));
    }
    for hit in &hits {
        let name = hit.get("_id").and_then(Value::as_str).unwrap_or_default();
        let content = hit.get("_source").and_then(Value::as_object).and_then(Content::of);
        if !content.is_some_and(|content| expected.holds(&content)) {
            return wrong(format!("the document `{name}` is no tick of the source"));
        }
        if !name.strip_prefix(TOPIC).is_some_and(|rest| rest.starts_with('+')) {
            return wrong(format!("the id `{name}` is not made of topic, partition and offset"));
        }
    }
    Ok(format!("the {} latest documents are the latest ticks, whole", hits.len()))
}

/// Count, sum, largest and average price by instrument.
pub(super) async fn check_aggregations(http: &Http, scope: &Value, expected: &Expected) -> Outcome {
    let path = format!("/{INDEX}/_search");
    let metric = |kind: &str| json!({kind: {"field": "last_price"}});
    let body = json!({
        "query": scope, "size": 0,
        "aggs": {"by": {
            "terms": {"field": "instrument_token", "size": expected.instruments.len() + 10},
            "aggs": {"count": metric("value_count"), "sum": metric("sum"), "max": metric("max"), "avg": metric("avg")},
        }},
    });
    let answer = http.post(&path, &body).await?.success()?;
    let buckets = answer.pointer("/aggregations/by/buckets").and_then(Value::as_array).cloned().unwrap_or_default();
    let found: BTreeMap<&str, &Value> =
        buckets.iter().filter_map(|bucket| Some((bucket.get("key")?.as_str()?, bucket))).collect();
    let mut differences = Vec::new();
    for (token, instrument) in &expected.instruments {
        let Some(bucket) = found.get(token.as_str()) else {
            differences.push(format!("instrument {token} has no bucket"));
            continue;
        };
        let number = u32::try_from(instrument.ticks.len()).map_or(f64::MAX, f64::from);
        for (name, place, wanted) in [
            ("documents", "/doc_count", number),
            ("value_count", "/count/value", number),
            ("sum", "/sum/value", instrument.price_sum),
            ("max", "/max/value", instrument.price_max),
            ("avg", "/avg/value", instrument.price_sum / number),
        ] {
            let value = bucket.pointer(place).and_then(Value::as_f64);
            if !value.is_some_and(|value| is_close(value, wanted)) {
                let value = value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
                differences.push(format!("instrument {token}: {name} is {value}, the ticks give {wanted}"));
            }
        }
    }
    let strangers = found.keys().filter(|token| !expected.instruments.contains_key(**token));
    differences.extend(strangers.map(|token| format!("instrument {token} has no ticks")));
    match differences.first() {
        None => Ok(format!("count, sum, max and avg of {} instrument(s) are the source's", found.len())),
        Some(first) => {
            let shown = differences.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
            Err(Trouble::wrong(first.clone()).tried(format!("POST {path}, terms by instrument")).got(shown))
        }
    }
}

/// Documents by time: each interval, and the total.
pub(super) async fn check_histogram(http: &Http, scope: &Value, expected: &Expected) -> Outcome {
    let intervals = [("1m", 60_000), ("1h", 3_600_000), ("1d", 86_400_000)];
    let fitting = intervals.into_iter().find(|(_, millis)| expected.histogram(*millis).len() <= BUCKETS_MAX);
    let Some((interval, millis)) = fitting else {
        return Err(Trouble::Skip("the ticks are spread over too many days".to_owned()));
    };
    let wanted = expected.histogram(millis);
    let path = format!("/{INDEX}/_search");
    let body = json!({
        "query": scope, "size": 0,
        "aggs": {"times": {"date_histogram": {"field": "timestamp", "fixed_interval": interval, "min_doc_count": 1}}},
    });
    let answer = http.post(&path, &body).await?.success()?;
    let buckets = answer.pointer("/aggregations/times/buckets").and_then(Value::as_array).cloned().unwrap_or_default();
    let found: BTreeMap<i64, u64> = buckets
        .iter()
        .filter_map(|bucket| Some((bucket.get("key")?.as_i64()?, bucket.get("doc_count")?.as_u64()?)))
        .collect();
    if found == wanted {
        return Ok(format!("{} intervals of {interval}, as many documents in each as ticks", found.len()));
    }
    let all: std::collections::BTreeSet<i64> = found.keys().chain(wanted.keys()).copied().collect();
    let number = |map: &BTreeMap<i64, u64>, key: i64| map.get(&key).copied().unwrap_or(0);
    let rows: Vec<String> = all
        .into_iter()
        .filter(|key| number(&found, *key) != number(&wanted, *key))
        .take(10)
        .map(|key| {
            let start = jiff::Timestamp::from_millisecond(key).map_or_else(|_| key.to_string(), |t| t.to_string());
            format!("{start}: {} documents, {} ticks", number(&found, key), number(&wanted, key))
        })
        .collect();
    let first = rows.first().cloned().unwrap_or_default();
    Err(Trouble::wrong(first).tried(format!("POST {path}, by {interval}")).got(rows.join("\n")))
}

fn is_close(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= TOLERANCE * found.abs().max(wanted.abs()).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_may_differ_in_their_last_digits_only() {
        assert!(is_close(0.1 + 0.2, 0.3) && is_close(1e15, 1e15 + 0.25) && is_close(0.0, -0.0));
        assert!(!is_close(2_000.0, 2_000.01) && !is_close(f64::NAN, 1.0) && !is_close(0.0, 1e-6));
    }

    #[test]
    fn an_id_is_topic_partition_and_offset() {
        let message = Message { partition: 2, offset: 17, key: None, content: None };
        assert_eq!(scope(Some(&[message])), json!({"ids": {"values": ["stock-stream+2+17"]}}));
    }
}
