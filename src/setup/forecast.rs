//! The index of forecasts: its documents are a set that is replaced as a whole.
//!
//! What differs is written and what no longer holds is deleted in one bulk request that ends with a refresh, so a reader sees
//! the old set and then the new one. Documents that are as they should be are not touched.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::SetupError;
use crate::client::{ElasticsearchAddress, ElasticsearchClient, JSON, NDJSON};

/// `es/mapping_stock_forecast.json`, the body of `PUT /<index>`.
const INDEX_JSON: &str = include_str!("../../es/mapping_stock_forecast.json");
/// A search gives no more documents at once, so a set is never larger.
pub const FORECASTS_MAX: usize = 10_000;

/// What came of it, in documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ForecastOutcome {
    pub written: usize,
    pub removed: usize,
}

/// Whether the index is there.
pub async fn has_forecasts(elasticsearch: &ElasticsearchAddress, index: &str) -> Result<bool, SetupError> {
    Ok(owner(&elasticsearch.connect()?, index).await?.is_some())
}

/// Makes `documents`, by id, what the index holds; makes the index where it is missing and there is something to write.
///
/// # Errors
/// An index of this name that stockdev has not made is left alone.
pub async fn replace_forecasts(
    elasticsearch: &ElasticsearchAddress,
    index: &str,
    documents: &BTreeMap<String, Value>,
) -> Result<ForecastOutcome, SetupError> {
    if documents.len() > FORECASTS_MAX {
        let reason = format!("{} are too many, at most {FORECASTS_MAX} are kept", documents.len());
        return Err(SetupError::Forecasts { index: index.to_owned(), reason });
    }
    let client = elasticsearch.connect()?;
    let present = match owner(&client, index).await? {
        Some(true) => present(&client, index).await?,
        Some(false) => return Err(SetupError::NotOurs { index: index.to_owned() }),
        None if documents.is_empty() => return Ok(ForecastOutcome::default()),
        None => {
            create(&client, index).await?;
            BTreeMap::new()
        }
    };
    let change = Change::between(&present, documents);
    if !change.body.is_empty() {
        write(&client, index, change.body).await?;
    }
    Ok(change.outcome)
}

/// `None` where there is no such index, else whether it is one that stockdev made.
async fn owner(client: &ElasticsearchClient, index: &str) -> Result<Option<bool>, SetupError> {
    let path = format!("/{index}/_mapping");
    let answer = client.send(Method::Get, &path, None, JSON).await?;
    match answer.status {
        200 => {
            let mappings = answer.json().and_then(|body| body.as_object()?.values().next().cloned());
            let manager = mappings.as_ref().and_then(|found| found.pointer("/mappings/_meta/managed_by"));
            Ok(Some(manager.and_then(Value::as_str) == Some("stockdev")))
        }
        404 => Ok(None),
        _ => Err(client.refused(&format!("GET {path}"), &answer).into()),
    }
}

async fn create(client: &ElasticsearchClient, index: &str) -> Result<(), SetupError> {
    let path = format!("/{index}");
    let answer = client.send(Method::Put, &path, Some(Bytes::from_static(INDEX_JSON.as_bytes())), JSON).await?;
    match answer.status {
        200 => Ok(()),
        _ => Err(client.refused(&format!("PUT {path}"), &answer).into()),
    }
}

/// Its documents by id.
async fn present(client: &ElasticsearchClient, index: &str) -> Result<BTreeMap<String, Value>, SetupError> {
    // One that was killed may have written and not refreshed.
    let path = format!("/{index}/_refresh");
    let answer = client.send(Method::Post, &path, None, JSON).await?;
    if answer.status != 200 {
        return Err(client.refused(&format!("POST {path}"), &answer).into());
    }
    let path = format!("/{index}/_search");
    let search = json!({"size": FORECASTS_MAX, "query": {"match_all": {}}});
    let answer = client.send(Method::Post, &path, Some(search.to_string().into()), JSON).await?;
    let body = answer.json().filter(|_| answer.status == 200);
    let Some(body) = body else { return Err(client.refused(&format!("POST {path}"), &answer).into()) };
    let hits = body.pointer("/hits/hits").and_then(Value::as_array);
    let document = |hit: &Value| Some((hit.get("_id")?.as_str()?.to_owned(), hit.get("_source")?.clone()));
    Ok(hits.into_iter().flatten().filter_map(document).collect())
}

async fn write(client: &ElasticsearchClient, index: &str, body: String) -> Result<(), SetupError> {
    let path = format!("/{index}/_bulk?refresh=true");
    let answer = client.send(Method::Post, &path, Some(body.into()), NDJSON).await?;
    let told = answer.json().filter(|_| answer.status == 200);
    let Some(told) = told else { return Err(client.refused(&format!("POST {path}"), &answer).into()) };
    match told.get("errors").and_then(Value::as_bool) {
        Some(false) => Ok(()),
        _ => Err(SetupError::Forecasts { index: index.to_owned(), reason: first_error(&told) }),
    }
}

fn first_error(told: &Value) -> String {
    let items = told.get("items").and_then(Value::as_array).into_iter().flatten();
    let mut reasons = items.filter_map(|item| item.as_object()?.values().next()?.pointer("/error/reason")?.as_str());
    reasons.next().unwrap_or("no reason given").to_owned()
}

/// What makes one set of documents another.
struct Change {
    /// Of a bulk request; empty where there is nothing to do.
    body: String,
    outcome: ForecastOutcome,
}

impl Change {
    fn between(present: &BTreeMap<String, Value>, wanted: &BTreeMap<String, Value>) -> Self {
        let differs = |(id, document): &(&String, &Value)| present.get(*id) != Some(&read_back(document));
        let written: Vec<_> = wanted.iter().filter(differs).collect();
        let ids: BTreeSet<&String> = wanted.keys().collect();
        let removed: Vec<_> = present.keys().filter(|id| !ids.contains(id)).collect();
        let mut body = String::new();
        for (id, document) in &written {
            body.push_str(&format!("{}\n{document}\n", json!({"index": {"_id": id}})));
        }
        for id in &removed {
            body.push_str(&format!("{}\n", json!({"delete": {"_id": id}})));
        }
        Self { body, outcome: ForecastOutcome { written: written.len(), removed: removed.len() } }
    }
}

/// A document as it is read from an answer: a number that was written is not to the last bit the one that is read.
fn read_back(document: &Value) -> Value {
    serde_json::from_str(&document.to_string()).unwrap_or_else(|_| document.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::TEMPLATE_JSON;

    fn set(documents: &[(&str, Value)]) -> BTreeMap<String, Value> {
        documents.iter().map(|(id, document)| ((*id).to_owned(), document.clone())).collect()
    }

    #[test]
    fn only_what_differs_is_written_and_what_no_longer_holds_is_deleted() {
        let present = set(&[("same", json!({"v": 1})), ("other", json!({"v": 1})), ("gone", json!({"v": 1}))]);
        let wanted = set(&[("same", json!({"v": 1})), ("other", json!({"v": 2})), ("new \"id\"", json!({"v": 3}))]);
        let change = Change::between(&present, &wanted);
        assert_eq!(change.outcome, ForecastOutcome { written: 2, removed: 1 });
        let lines: Vec<Value> = change.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = [
            json!({"index": {"_id": "new \"id\""}}),
            json!({"v": 3}),
            json!({"index": {"_id": "other"}}),
            json!({"v": 2}),
            json!({"delete": {"_id": "gone"}}),
        ];
        assert_eq!(lines, expected);
        let digits = set(&[("long", json!({"v": 3_691.885_953_208_948_6, "w": 3_699.658_471_948_707}))]);
        let stored = digits.iter().map(|(id, document)| (id.clone(), read_back(document))).collect();
        assert_eq!(Change::between(&stored, &digits).outcome, ForecastOutcome::default());
        let none = Change::between(&wanted, &wanted);
        assert_eq!((none.body.as_str(), none.outcome), ("", ForecastOutcome::default()));
    }

    #[test]
    fn the_mapping_says_that_it_is_ours_and_types_what_ticks_have_as_ticks_have_it() {
        let index: Value = serde_json::from_str(INDEX_JSON).unwrap();
        assert_eq!(index.pointer("/mappings/_meta/managed_by"), Some(&json!("stockdev")));
        let template: Value = serde_json::from_str(TEMPLATE_JSON).unwrap();
        for field in ["timestamp", "instrument_token"] {
            let path = format!("/mappings/properties/{field}/type");
            assert_eq!(index.pointer(&path), template.pointer(&format!("/template{path}")), "{field}");
        }
    }

    #[test]
    fn the_first_item_that_failed_gives_the_reason() {
        let told = json!({"errors": true, "items": [
            {"index": {"status": 201}}, {"index": {"status": 400, "error": {"type": "t", "reason": "no date"}}}]});
        assert_eq!(first_error(&told), "no date");
        assert_eq!(first_error(&json!({})), "no reason given");
    }
}
