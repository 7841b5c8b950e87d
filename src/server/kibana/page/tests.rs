//! The page's API, over a socket, with a stand-in for Elasticsearch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::server::kibana::search::Answer;
use crate::server::kibana::testing::{Server, Stub, message};

const FIGURES: &str = "/api/stockdev/dashboards/d/figures";
const OPTIONS: &str = "/api/stockdev/dashboards/d/controls/c/options";
const VALUES: &str = "/api/stockdev/dashboards/d/values";

/// A tile that counts documents, a text, a map, and a list of symbols.
fn objects() -> String {
    objects_with(&["tile"])
}

/// The same with as many tiles as there are names, all alike.
fn objects_with(tiles: &[&str]) -> String {
    let layer = json!({"columnOrder": ["n"], "columns": {"n": {
        "label": "Ticks", "dataType": "number", "operationType": "count", "isBucketed": false, "scale": "ratio",
        "sourceField": "___records___", "params": {}}}});
    let chart = json!({
        "visualizationType": "lnsMetric", "type": "lens", "title": "Ticks",
        "references": [{"type": "index-pattern", "id": "v", "name": "indexpattern-datasource-layer-l"}],
        "state": {"datasourceStates": {"formBased": {"layers": {"l": layer}}}, "filters": [],
            "visualization": {"layerId": "l", "layerType": "data", "metricAccessor": "n"},
            "query": {"language": "kuery", "query": "symbol: B"}},
    });
    let grid = |id: &str| json!({"x": 0, "y": 0, "w": 24, "h": 8, "i": id});
    let tile = |id: &&str| json!({"type": "lens", "panelIndex": id, "gridData": grid(id), "embeddableConfig": {"attributes": chart}});
    let others = json!([
        {"type": "visualization", "panelIndex": "text", "gridData": grid("text"), "embeddableConfig": {"savedVis":
            {"type": "markdown", "title": "", "params": {"markdown": "*safe* <b>text</b>"}}}},
        {"type": "map", "panelIndex": "map", "gridData": grid("map"), "embeddableConfig": {}},
    ]);
    let panels: Vec<Value> = tiles.iter().map(tile).chain(others.as_array().unwrap().clone()).collect();
    let mut references: Vec<Value> = tiles
        .iter()
        .map(|id| json!({"type": "index-pattern", "id": "v", "name": format!("{id}:indexpattern-datasource-layer-l")}))
        .collect();
    references.push(json!({"type": "index-pattern", "id": "v", "name": "controlGroup_c:optionsListDataView"}));
    let control = json!({"c": {"type": "optionsListControl", "order": 0, "explicitInput": {
        "id": "c", "fieldName": "symbol", "title": "Symbol", "dataViewRefName": "controlGroup_c:optionsListDataView",
        "selectedOptions": ["A"], "sort": {"by": "_count", "direction": "desc"}}}});
    let dashboard = json!({
        "type": "dashboard", "id": "d", "typeMigrationVersion": "8.9.0", "coreMigrationVersion": "8.8.0",
        "references": references,
        "attributes": {"title": "D", "panelsJSON": Value::from(panels).to_string(), "optionsJSON": "{}",
            "controlGroupInput": {"panelsJSON": control.to_string()}},
    });
    let view = json!({
        "type": "index-pattern", "id": "v", "typeMigrationVersion": "8.0.0", "references": [],
        "attributes": {"title": "ticks", "timeFieldName": "at"},
    });
    format!("{view}\n{dashboard}\n")
}

fn fields() -> Value {
    let field = |kind: &str| json!({kind: {"type": kind, "searchable": true, "aggregatable": true}});
    let text = json!({"text": {"type": "text", "searchable": true, "aggregatable": false}});
    let fields = json!({"at": field("date"), "symbol": field("keyword"), "price": field("double"), "note": text});
    json!({"indices": ["ticks"], "fields": fields})
}

/// A server with the objects, and the bodies that Elasticsearch was sent.
async fn served(answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> (Server, Arc<Mutex<Vec<Value>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    let search = Stub(move |path: &str, body: Option<&Value>| -> Answer {
        match body {
            None if path.starts_with("/ticks/_field_caps") => Ok((200, fields())),
            Some(body) if path.starts_with("/ticks/_search") => {
                kept.lock().unwrap().push(body.clone());
                Ok((200, answer(body)))
            }
            _ => Ok((404, json!({"error": {"reason": path}, "status": 404}))),
        }
    });
    let server = Server::start_with(tempfile::tempdir().unwrap(), search).await;
    let (status, answer) = server.import("?overwrite=true", "a.ndjson", objects()).await;
    assert_eq!((status, &answer["success"]), (200, &json!(true)), "{answer}");
    (server, asked)
}

fn hits(count: u64) -> Value {
    json!({"took": 1, "timed_out": false, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {"total": {"value": count, "relation": "eq"}, "max_score": null, "hits": []}})
}

fn ask(more: &Value) -> Value {
    let mut body = json!({"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T01:00:00Z", "time_zone": "Asia/Kolkata"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The figures' lines, by panel.
fn lines(answer: &(u16, Value)) -> Vec<Value> {
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1.as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn figure<'l>(lines: &'l [Value], panel: &str) -> &'l Value {
    &lines.iter().find(|line| line["panel"] == panel).unwrap()["figure"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_panel_is_a_line_between_the_range_and_the_end() {
    let (server, asked) = served(|_| hits(7)).await;
    let lines =
        lines(&server.call("POST", FIGURES, ask(&json!({"query": {"language": "kuery", "query": "price > 1"}}))).await);
    assert_eq!(lines[0], json!({"range": {"from": 0, "to": 3_600_000}}));
    assert_eq!((lines.len(), &lines[4]["done"]), (5, &json!(true)));
    assert_eq!(figure(&lines, "tile")["tiles"][0]["value"], "7");
    assert_eq!(figure(&lines, "text")["html"], "<p><em>safe</em> &lt;b&gt;text&lt;/b&gt;</p>\n");
    assert_eq!(figure(&lines, "map")["kind"], "unsupported");
    // The panel's query, the page's, what the control has selected, and the range: all of them hold.
    let asked = asked.lock().unwrap();
    let filter = asked[0]["query"]["bool"]["filter"].to_string();
    assert_eq!(asked.len(), 1);
    for part in [
        r#"{"term":{"symbol":{"value":"B"}}}"#,
        r#"{"range":{"price":{"gt":"1"}}}"#,
        r#"{"match_phrase":{"symbol":"A"}}"#,
        "1970-01-01T01:00:00.000Z",
    ] {
        assert!(filter.contains(part), "{part} is not in {filter}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_panels_ask_is_asked_once() {
    let (server, asked) = served(|_| hits(7)).await;
    let (status, answer) = server.import("?overwrite=true", "a.ndjson", objects_with(&["tile", "twin", "third"])).await;
    assert_eq!((status, &answer["success"]), (200, &json!(true)), "{answer}");
    let lines = lines(&server.call("POST", FIGURES, ask(&json!({"inspect": true}))).await);
    assert_eq!(asked.lock().unwrap().len(), 1);
    for panel in ["tile", "twin", "third"] {
        assert_eq!(figure(&lines, panel)["tiles"][0]["value"], "7", "{panel}");
        let line = lines.iter().find(|line| line["panel"] == panel).unwrap();
        assert_eq!(line["searches"].as_array().map(Vec::len), Some(1), "{panel}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_panels_that_are_asked_for_come_and_searches_when_wanted() {
    let (server, _) = served(|_| hits(7)).await;
    let lines = lines(&server.call("POST", FIGURES, ask(&json!({"panels": ["tile"], "inspect": true}))).await);
    assert_eq!(lines.len(), 3);
    let search = &lines[1]["searches"][0];
    assert_eq!((&search["index"], &search["response"]["took"]), (&json!("ticks"), &json!(1)));
    assert_eq!(search["request"]["size"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_control_says_now_goes_before_what_was_saved() {
    let (server, asked) = served(|_| hits(0)).await;
    for (selection, expected) in [
        (
            json!({"selected": ["X", "Y"]}),
            Some(r#""should":[{"match_phrase":{"symbol":"X"}},{"match_phrase":{"symbol":"Y"}}]"#),
        ),
        (json!({"selected": []}), None),
        (json!({"exists": true}), Some(r#"{"exists":{"field":"symbol"}}"#)),
    ] {
        asked.lock().unwrap().clear();
        lines(&server.call("POST", FIGURES, ask(&json!({"controls": {"c": selection}, "panels": ["tile"]}))).await);
        let query = asked.lock().unwrap()[0]["query"].to_string();
        match expected {
            Some(expected) => assert!(query.contains(expected), "{query}"),
            None => assert!(!query.contains("match_phrase"), "{query}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_asked_is_refused_as_a_whole() {
    let (server, asked) = served(|_| hits(7)).await;
    for (more, expected) in [
        (json!({"query": {"language": "kuery", "query": "price > "}}), "at column 9"),
        (json!({"from": "nonsense"}), "[request body.from]"),
        (json!({"from": "1970-01-02T00:00:00Z"}), "is after"),
        (json!({"time_zone": "Mars/Olympus"}), "[request body.time_zone]"),
        (json!({"filters": {}}), "[request body.filters]"),
        (json!({"bogus": 1}), "[request body.bogus]: definition for this key is missing"),
    ] {
        let answer = server.call("POST", FIGURES, ask(&more)).await;
        let (status, message) = message(&answer);
        assert_eq!(status, 400, "{more}");
        assert!(message.contains(expected), "{message}");
    }
    assert!(asked.lock().unwrap().is_empty());
    let absent = server.call("POST", "/api/stockdev/dashboards/zz/figures", ask(&json!({}))).await;
    assert_eq!(message(&absent), (404, "Saved object [dashboard/zz] not found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_elasticsearch_is_its_panels_own() {
    let (server, _) = served(|_| json!({"error": {"type": "x", "reason": "no luck", "root_cause": [{"type": "x", "reason": "no luck"}]}, "status": 400})).await;
    let lines = lines(&server.call("POST", FIGURES, ask(&json!({}))).await);
    let tile = figure(&lines, "tile");
    assert_eq!(tile["kind"], "error");
    assert!(tile["message"].as_str().unwrap().contains("no luck"), "{tile}");
    assert_eq!(figure(&lines, "text")["kind"], "markdown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_offers_values_whatever_it_has_selected_itself() {
    let (server, asked) = served(|_| {
        let mut answer = hits(3);
        answer["aggregations"] = json!({"total": {"value": 2}, "values": {"buckets": [
            {"key": "A.B", "doc_count": 2}, {"key": "", "doc_count": 1}]}});
        answer
    })
    .await;
    let (status, answer) = server.call("POST", OPTIONS, ask(&json!({"search": "A."}))).await;
    let expected = json!({"total": 2, "options": [
        {"value": "A.B", "text": "A.B", "count": 2}, {"value": "", "text": "(empty)", "count": 1}]});
    assert_eq!((status, answer), (200, expected.clone()));
    let asked = asked.lock().unwrap();
    // What is typed is text, not a pattern.
    assert_eq!(asked[0]["aggs"]["values"]["terms"]["include"], r"A\..*");
    assert!(!asked[0]["query"].to_string().contains("match_phrase"), "{}", asked[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_a_field_are_offered_as_far_as_they_begin_with_what_is_typed() {
    let (server, asked) = served(|body| {
        let keys = if body.to_string().contains("price") { json!([12.5, 1.5, 21]) } else { json!(["A.B"]) };
        let bucket = |key: &Value| json!({"key": key, "doc_count": 2});
        let buckets: Vec<Value> = keys.as_array().unwrap().iter().map(bucket).collect();
        let mut answer = hits(3);
        answer["aggregations"] = json!({"total": {"value": 3}, "values": {"buckets": buckets}});
        answer
    })
    .await;
    let (status, answer) = server.call("POST", VALUES, ask(&json!({"field": "symbol", "search": "A."}))).await;
    let expected = json!({"total": 3, "options": [{"value": "A.B", "text": "A.B", "count": 2}]});
    assert_eq!((status, answer), (200, expected));
    assert_eq!(asked.lock().unwrap()[0]["aggs"]["values"]["terms"]["include"], r"A\..*");
    // Elasticsearch takes no pattern for numbers: those that do not fit are left out here.
    let (_, answer) = server.call("POST", VALUES, ask(&json!({"field": "price", "search": "1"}))).await;
    let values: Vec<&Value> = answer["options"].as_array().unwrap().iter().map(|option| &option["value"]).collect();
    assert_eq!(values, [&json!(12.5), &json!(1.5)]);
    assert_eq!(asked.lock().unwrap()[1]["aggs"]["values"]["terms"].get("include"), None);
    // Words in a text are no values; nothing is asked.
    let none = server.call("POST", VALUES, ask(&json!({"field": "note"}))).await;
    assert_eq!((none, asked.lock().unwrap().len()), ((200, json!({"options": [], "total": 0})), 2));
    for (more, expected) in [(json!({}), (400, "[request body.field]")), (json!({"field": "zz"}), (404, "[zz]"))] {
        let answer = server.call("POST", VALUES, ask(&more)).await;
        let (status, message) = message(&answer);
        assert!(status == expected.0 && message.contains(expected.1), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_told_with_what_a_filter_on_them_needs() {
    let (server, _) = served(|_| hits(0)).await;
    let (_, answer) = server.get("/api/stockdev/fields?dashboard=d").await;
    let field = |name: &str, kind: &str, is_listed: bool| json!({"name": name, "kind": kind, "view": "v", "is_listed": is_listed});
    let expected = [
        field("at", "date", true),
        field("note", "text", false),
        field("price", "float", true),
        field("symbol", "keyword", true),
    ];
    assert_eq!(answer, json!({"fields": expected}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_listens_is_told_when_the_number_of_documents_changes() {
    let count = Arc::new(AtomicU64::new(5));
    let told = Arc::clone(&count);
    let search = Stub(move |path: &str, _: Option<&Value>| -> Answer {
        match path.starts_with("/ticks/_count") {
            true => Ok((200, json!({"count": told.load(Ordering::Relaxed)}))),
            false => Ok((200, json!({"version": {}}))),
        }
    });
    let server = Server::start_with(tempfile::tempdir().unwrap(), search).await;
    assert_eq!(server.import("?overwrite=true", "a.ndjson", objects()).await.0, 200);
    let mut events = server.request("GET", "/api/stockdev/dashboards/d/live").send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    for expected in [5, 6] {
        count.store(expected, Ordering::Relaxed);
        let event = events.chunk().await.unwrap().unwrap();
        assert_eq!(event, format!("event: change\ndata: {{\"documents\":{expected}}}\n\n"));
    }
    // It ends with the server, at once.
    server.stop().await;
}
