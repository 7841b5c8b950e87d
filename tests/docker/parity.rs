//! The same ticks through the real servers and through the embedded ones: the same documents, the same answers.

use serde_json::{Value, json};

use crate::cli_support::Sandbox;
use crate::engine::Stack;

fn search(elasticsearch: &str, body: &Value) -> Value {
    let output = std::process::Command::new("curl")
        .args(["-sS", "--max-time", "60", "-H", "content-type: application/json", "-d", &body.to_string()])
        .arg(format!("{elasticsearch}/stock-stream/_search"))
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What dashboards ask: by time, by instrument, ranges, percentiles, the latest of each.
fn questions() -> Vec<Value> {
    let by_instrument = |aggs: Value| json!({"terms": {"field": "instrument_token", "size": 50, "order": {"_key": "asc"}}, "aggs": aggs});
    let over_time = |interval: &str, aggs: Value| json!({"date_histogram": {"field": "timestamp", "fixed_interval": interval, "time_zone": "Asia/Kolkata", "min_doc_count": 1}, "aggs": aggs});
    vec![
        json!({"size": 0, "track_total_hits": true, "aggs": {"0": over_time("1m", json!({"1": {"avg": {"field": "last_price"}}}))}}),
        json!({"size": 0, "aggs": {"0": by_instrument(json!({"1": over_time("10m", json!({"2": {"max": {"field": "last_price"}}, "3": {"min": {"field": "last_price"}}}))}))}}),
        json!({"size": 0, "aggs": {"0": over_time("5m", json!({"1": {"sum": {"field": "volume_traded"}}, "2": {"value_count": {"field": "volume_traded"}}}))}}),
        json!({"size": 0, "aggs": {"0": by_instrument(json!({"1": {"top_hits": {"size": 1, "sort": [{"timestamp": "desc"}, {"last_price": "desc"}], "_source": ["timestamp", "last_price"]}}}))}}),
        // Of up to some 2,000 values Elasticsearch's percentiles are exact; of more they are an estimate.
        json!({"size": 0, "aggs": {"0": by_instrument(json!({"1": {"percentiles": {"field": "last_price", "percents": [5, 50, 95]}}}))}}),
        json!({"size": 0, "aggs": {"2": {"stats": {"field": "last_price"}}, "3": {"cardinality": {"field": "instrument_token"}}}}),
        json!({"size": 0, "aggs": {"0": {"filters": {"filters": {"up": {"range": {"change": {"gt": 0}}}, "down": {"range": {"change": {"lt": 0}}}}}, "aggs": {"1": {"avg": {"field": "change"}}}}}}),
    ]
}

#[test]
fn the_same_ticks_give_the_same_documents_and_answers() {
    let Some(stack) = Stack::new() else { return };
    let real = stack.up(&["--time", "original"]).expect(0).document();
    let embedded = Sandbox::new();
    let ours = embedded
        .run(&["up", "--stack", "embedded", "--ports", "auto", "--time", "original", "--output", "json"])
        .expect(0)
        .document();
    let address = |up: &Value| up["endpoints"]["elasticsearch"].as_str().unwrap().to_owned();
    let (real, ours) = (address(&real), address(&ours));

    let all = json!({"size": 2000, "track_total_hits": true, "sort": [{"timestamp": "asc"}, {"_doc": "asc"}]});
    let documents = |elasticsearch: &str| {
        let answer = search(elasticsearch, &all);
        let mut documents: Vec<(String, Value)> = answer["hits"]["hits"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .iter()
            .map(|hit| (hit["_id"].as_str().unwrap().to_owned(), hit["_source"].clone()))
            .collect();
        documents.sort_by(|one, other| one.0.cmp(&other.0));
        documents
    };
    let (theirs, own) = (documents(&real), documents(&ours));
    assert_eq!(theirs.len(), 2000);
    assert_eq!(theirs, own);

    let shown = shipped_dashboard(&embedded, &ours);
    assert!(shown.len() > 10, "{shown:?}");
    for question in questions().into_iter().chain(shown) {
        let (theirs, own) = (search(&real, &question), search(&ours, &question));
        assert!(theirs["aggregations"].is_object(), "{question}: {theirs}");
        assert!(is_near(&theirs["aggregations"], &own["aggregations"]), "{question}\n{theirs}\n{own}");
        assert_eq!(theirs["hits"]["total"], own["hits"]["total"]);
    }
}

/// The searches behind the shipped dashboard's panels, over the time that the ticks have.
fn shipped_dashboard(sandbox: &Sandbox, elasticsearch: &str) -> Vec<Value> {
    let range =
        json!({"size": 0, "aggs": {"from": {"min": {"field": "timestamp"}}, "to": {"max": {"field": "timestamp"}}}});
    let range = search(elasticsearch, &range);
    let end = |name: &str| range["aggregations"][name]["value_as_string"].as_str().unwrap().to_owned();
    let explained = sandbox
        .run(&["dashboard", "explain", "--from", &end("from"), "--to", &end("to"), "--output", "json"])
        .expect(0)
        .document();
    let layers = explained["panels"].as_array().unwrap().iter().flat_map(|panel| panel["layers"].as_array().unwrap());
    layers.map(|layer| layer["search"].clone()).filter(Value::is_object).map(without_top_metrics).collect()
}

/// The same question with `top_hits`, which the freely licensed Elasticsearch has, too; buckets in the order of their keys where
/// they were ordered by such a value.
fn without_top_metrics(search: Value) -> Value {
    match search {
        Value::Object(fields) => {
            if let Some(top) = fields.get("top_metrics") {
                return json!({"top_hits": {"size": 1, "sort": top["sort"], "_source": false, "fields": [top["metrics"]["field"]]}});
            }
            let mut fields: serde_json::Map<String, Value> =
                fields.into_iter().map(|(name, value)| (name, without_top_metrics(value))).collect();
            if let Some(order) = fields.get_mut("order").filter(|order| order.to_string().contains('[')) {
                *order = json!({"_key": "asc"});
            }
            Value::Object(fields)
        }
        Value::Array(values) => values.into_iter().map(without_top_metrics).collect(),
        other => other,
    }
}

/// Equal, but for the last digits of sums that were added up in another order, and scores.
fn is_near(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_near(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| is_near(value, other)))
        }
        (one, other) => one == other,
    }
}
