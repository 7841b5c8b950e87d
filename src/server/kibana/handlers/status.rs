//! `GET /api/status`: whether saved objects and Elasticsearch are there.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::kibana::Kibana;
use crate::server::kibana::http::{HandlerFuture, Request, Response};

/// Who waits for us asks again; so a slow Elasticsearch is told early.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn status(kibana: Arc<Kibana>, _: Request) -> HandlerFuture {
    Box::pin(async move {
        let fault = fault(&kibana).await;
        let status = if fault.is_none() { 200 } else { 503 };
        Ok(Response::json(&document(&kibana, fault.as_deref())).with_status(status))
    })
}

/// What is wrong with Elasticsearch.
async fn fault(kibana: &Kibana) -> Option<String> {
    match tokio::time::timeout(PATIENCE, kibana.search.get("/")).await {
        Ok(Ok((200, document))) if document.get("version").is_some() => None,
        Ok(Ok((status, _))) => Some(format!("Elasticsearch answered with status {status}")),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("Elasticsearch did not answer within {} s", PATIENCE.as_secs())),
    }
}

fn document(kibana: &Kibana, fault: Option<&str>) -> Value {
    let level = if fault.is_none() { "available" } else { "unavailable" };
    let overall = fault.unwrap_or("All services and plugins are available");
    let elasticsearch = fault.unwrap_or("Elasticsearch is available");
    json!({
        "name": "stockdev",
        "uuid": kibana.uuid,
        "version": {
            "number": kibana.config.version,
            // No build of Kibana: no hash of one.
            "build_hash": "0".repeat(40),
            "build_number": 70281,
            "build_snapshot": false,
            "build_date": "2026-01-01T00:00:00.000Z",
        },
        "status": {
            "overall": {"level": level, "summary": overall},
            "core": {
                "elasticsearch": {"level": level, "summary": elasticsearch},
                "savedObjects": {"level": "available", "summary": "Saved objects are read"},
            },
            "plugins": {},
        },
        "metrics": {"last_updated": kibana.now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()},
    })
}
