//! What BigQuery's models predict lies beside the ticks in Elasticsearch, as `up --bigquery` leaves it there.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::cli_support::{Ran, Sandbox};
use crate::support::http;

const INDEX: &str = "forecast-stock-stream";
const UP: [&str; 8] = ["up", "--stack", "embedded", "--ports", "auto", "--bigquery", "--output", "json"];
const LAST_TICK: &str = "2024-01-02T10:00:00Z";
const FORECAST: &str = "SELECT instrument_token, UNIX_MILLIS(forecast_timestamp) AS at_ms, forecast_value, standard_error, confidence_level,
    prediction_interval_lower_bound, prediction_interval_upper_bound
    FROM ML.FORECAST(MODEL `${dataset}.price_forecaster_by_instrument`, STRUCT(10 AS horizon, 0.95 AS confidence_level))";

struct Stack {
    sandbox: Sandbox,
    elasticsearch: SocketAddr,
    /// What the last `up` says of the forecasts.
    told: Value,
}

impl Stack {
    fn up() -> Self {
        let sandbox = Sandbox::new();
        let document = sandbox.run(&UP).expect(0).document();
        let url = document["endpoints"]["elasticsearch"].as_str().unwrap();
        let elasticsearch = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self { sandbox, elasticsearch, told: document["cloud"]["bigquery"]["forecasts"].clone() }
    }

    fn again(&mut self) {
        self.told = self.sandbox.run(&UP).expect(0).document()["cloud"]["bigquery"]["forecasts"].clone();
    }

    fn send(&self, method: &str, target: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = http::send(self.elasticsearch, method, target, &body);
        assert!((200..300).contains(&answer.status), "{method} {target}: {}", answer.text());
        answer.json()
    }

    /// Documents by id, with their versions.
    fn documents(&self) -> BTreeMap<String, (u64, Value)> {
        let found = self.send("POST", &format!("/{INDEX}/_search"), &json!({"size": 1000, "version": true}));
        let hits = found["hits"]["hits"].as_array().unwrap().clone();
        let document = |hit: Value| {
            (hit["_id"].as_str().unwrap().to_owned(), (hit["_version"].as_u64().unwrap(), hit["_source"].clone()))
        };
        hits.into_iter().map(document).collect()
    }

    fn script(&self, name: &str, text: &str) -> Ran {
        std::fs::write(self.sandbox.work().join(name), text).unwrap();
        self.sandbox.run(&["bigquery", "run", name, "--format", "json"]).expect(0)
    }
}

fn millis(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn the_index_holds_what_the_model_predicts_on_the_clock_of_the_ticks() {
    let stack = Stack::up();
    let documents = stack.documents();
    let rows: Vec<Value> = serde_json::from_str(&stack.script("forecast.sql", FORECAST).stdout).unwrap();
    assert_eq!((rows.len(), documents.len()), (50, 50));
    assert_eq!(stack.told, json!({"index": INDEX, "documents": 50, "written": 50, "removed": 0}));
    let last = stack.send(
        "POST",
        "/stock-stream/_search",
        &json!({"size": 0, "aggs": {"last": {"max": {"field": "timestamp"}}}}),
    );
    let last_ms: i64 = format!("{:.0}", last["aggregations"]["last"]["value"].as_f64().unwrap()).parse().unwrap();
    let shift_ms = last_ms - millis(&json!(LAST_TICK));
    for row in &rows {
        let at = row["at_ms"].as_i64().unwrap();
        let of_row = |source: &&Value| {
            source["instrument_token"] == row["instrument_token"] && millis(&source["forecast_timestamp"]) == at
        };
        let source = documents.values().map(|(_, source)| source).find(of_row).unwrap_or_else(|| panic!("no {row}"));
        for (name, value) in row.as_object().unwrap().iter().filter(|(name, _)| *name != "at_ms") {
            assert_eq!(source[name], *value, "{name} of {source}");
        }
        // A tick is moved by microseconds, and Elasticsearch cuts where we round.
        assert!((millis(&source["timestamp"]) - at - shift_ms).abs() <= 1, "{source} with {shift_ms}");
    }
    let mapping = stack.send("GET", &format!("/{INDEX}/_mapping"), &Value::Null);
    assert_eq!(mapping[INDEX]["mappings"]["properties"]["instrument_token"]["type"], "keyword");
    assert!(
        mapping[INDEX]["mappings"]["properties"].get("last_price").is_none(),
        "the stream's template took it: {mapping}"
    );
}

#[test]
fn another_up_leaves_forecasts_that_hold_and_removes_those_that_do_not() {
    let mut stack = Stack::up();
    let before = stack.documents();
    stack.again();
    assert_eq!(stack.told, json!({"index": INDEX, "documents": 50, "written": 0, "removed": 0}));
    assert_eq!(stack.documents(), before);
    // One of another model, one that is wrong.
    let (id, (_, source)) = before.iter().next().unwrap();
    let mut wrong = source.clone();
    wrong["forecast_value"] = json!(1.0);
    let bulk = format!("{}\n{wrong}\n{}\n{source}\n", json!({"index": {"_id": id}}), json!({"index": {"_id": "old"}}));
    let target = format!("/{INDEX}/_bulk?refresh=true");
    let headers = [("content-type", "application/x-ndjson")];
    assert_eq!(http::send_with(stack.elasticsearch, "POST", &target, &headers, bulk.as_bytes()).status, 200);
    stack.again();
    assert_eq!(stack.told, json!({"index": INDEX, "documents": 50, "written": 1, "removed": 1}));
    let sources = |documents: BTreeMap<String, (u64, Value)>| {
        documents.into_iter().map(|(id, (_, source))| (id, source)).collect::<Vec<_>>()
    };
    assert_eq!(sources(stack.documents()), sources(before));

    // An index that somebody else has made is left as it is.
    stack.send("DELETE", &format!("/{INDEX}"), &Value::Null);
    stack.send("POST", &format!("/{INDEX}/_doc?refresh=true"), &json!({"mine": 1}));
    let ran = stack.sandbox.run(&UP).expect(1);
    let message = ran.document()["error"]["message"].to_string();
    assert!(message.contains("stockdev has not made it"), "{message}");
    assert_eq!(stack.documents().len(), 1);
}
