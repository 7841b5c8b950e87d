//! The dashboard on the embedded stack: the commands, the server's figures, and what `explain` says of the searches.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::cli_support::Sandbox;
use crate::support::http;

const SHIPPED: &str = include_str!("../../es/stock-stream-dashboard.ndjson");

#[test]
fn explain_compiles_every_shipped_panel_without_any_server() {
    let sandbox = Sandbox::new();
    let range = ["--from", "2024-03-01T00:00:00Z", "--to", "2024-03-01T06:15:00Z", "--time-zone", "Asia/Kolkata"];
    let ran = sandbox.run(&[&["dashboard", "explain", "--output", "json"], &range[..]].concat()).expect(0);
    let document = ran.document();
    assert_eq!(document["dashboard"]["id"], "stock-stream-dashboard");
    let panels = document["panels"].as_array().unwrap();
    assert!(panels.len() >= 9, "{document:#}");
    for panel in panels {
        assert_eq!(panel["unsupported"], Value::Null, "{panel:#}");
        for layer in panel["layers"].as_array().unwrap() {
            assert_eq!((&layer["index"], &layer["search"]["size"]), (&json!("stock-stream"), &json!(0)), "{layer:#}");
            assert!(!layer["columns"].as_object().unwrap().is_empty(), "{layer:#}");
            let range = &layer["search"]["query"]["bool"]["filter"];
            assert!(range.to_string().contains("2024-03-01T06:15:00.000Z"), "{layer:#}");
        }
    }
    let text = sandbox.run(&["dashboard", "explain"]).expect(0).stdout;
    assert!(text.contains("POST /stock-stream/_search\n{"), "{text}");
}

#[test]
fn a_panel_that_is_not_drawn_is_explained_in_its_place() {
    let sandbox = Sandbox::new();
    let panels = json!([
        {"type": "map", "panelIndex": "m", "gridData": {"x": 0, "y": 0, "w": 24, "h": 15, "i": "m"}, "embeddableConfig": {}},
        {"type": "visualization", "panelIndex": "t", "gridData": {"x": 24, "y": 0, "w": 24, "h": 15, "i": "t"},
         "embeddableConfig": {"savedVis": {"type": "markdown", "title": "", "params": {"markdown": "# Notes"}}}},
    ]);
    let dashboard = json!({
        "type": "dashboard", "id": "d", "references": [], "typeMigrationVersion": "8.9.0",
        "attributes": {"title": "Mine", "panelsJSON": panels.to_string(), "optionsJSON": "{}"},
    });
    std::fs::write(sandbox.work().join("mine.ndjson"), format!("{dashboard}\n")).unwrap();
    let document = sandbox.run(&["dashboard", "explain", "mine.ndjson", "--output", "json"]).expect(0).document();
    let unsupported: Vec<(&str, bool)> = document["panels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|panel| (panel["panel"].as_str().unwrap(), panel["unsupported"].is_string()))
        .collect();
    assert_eq!(unsupported, [("m", true), ("t", false)]);
    let absent = sandbox.run(&["dashboard", "explain", "mine.ndjson", "--id", "x"]).expect(2);
    assert!(absent.stderr.contains("has no dashboard `x`"), "{}", absent.stderr);
}

#[test]
fn the_embedded_stack_has_the_dashboard_and_gives_it_back_as_it_is_in_the_file() {
    let sandbox = Sandbox::new();
    let up = sandbox.run(&["up", "--ports", "auto", "--output", "json"]).expect(0).document();
    let kibana = up["endpoints"]["kibana"].as_str().unwrap().to_owned();
    let url = format!("{kibana}/app/dashboards#/view/stock-stream-dashboard");
    assert_eq!(up["dashboard"], url);
    let opened = sandbox.run(&["dashboard", "open", "--print"]).expect(0);
    assert_eq!(opened.stdout.trim_end(), url);
    let listed = sandbox.run(&["dashboard", "list", "--output", "json"]).expect(0).document();
    assert_eq!((&listed["total"], &listed["dashboards"][0]["title"]), (&json!(1), &json!("Stock stream")));

    let written = sandbox.run(&["dashboard", "export", "--output", "json"]).expect(0).document();
    assert_eq!((&written["outcome"], &written["file"]), (&json!("created"), &json!("stock-stream-dashboard.ndjson")));
    assert_eq!(std::fs::read_to_string(sandbox.work().join("stock-stream-dashboard.ndjson")).unwrap(), SHIPPED);
    let again = sandbox.run(&["dashboard", "export", "stock-stream-dashboard", "stock-stream-dashboard.ndjson"]);
    assert!(again.expect(0).stdout.contains("unchanged"));
    assert_eq!(sandbox.run(&["dashboard", "export", "stock-stream-dashboard", "-"]).expect(0).stdout, SHIPPED);

    // Each panel draws what is in the index.
    let address: SocketAddr = kibana.strip_prefix("http://").unwrap().parse().unwrap();
    let ask = r#"{"from":"now-1d","to":"now+1h","time_zone":"Asia/Kolkata","inspect":true}"#;
    let path = "/api/stockdev/dashboards/stock-stream-dashboard/figures";
    let answer = http::send_with(address, "POST", path, &[("kbn-xsrf", "true")], ask.as_bytes());
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["done"], true);
    let figures: Vec<&Value> = lines.iter().filter(|line| line.get("panel").is_some()).collect();
    assert!(figures.len() >= 9, "{text}");
    for line in figures {
        let kind = line["figure"]["kind"].as_str().unwrap();
        assert!(!["empty", "error", "unsupported"].contains(&kind), "{line:#}");
        assert_eq!(line["searches"][0]["response"]["timed_out"], false, "{line:#}");
    }
}
