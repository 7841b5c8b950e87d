//! `GET .../live`: server-sent events whenever the indices behind a dashboard have changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use super::forecast;
use super::shown::stored;
use crate::server::http::uri::encode;
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};

/// How often Elasticsearch is asked.
const EVERY: Duration = Duration::from_millis(250);
/// While it does not answer.
const EVERY_AWAY: Duration = Duration::from_secs(2);
/// A comment tells proxies, and us, that the other side is still there.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

pub(super) fn live(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let shown = stored(&kibana, request.path("id"))?;
        let indices: BTreeSet<String> =
            shown.views.values().map(|view| view.index.clone()).chain(forecast::indices(&shown)).collect();
        let Ok(place) = Arc::clone(&kibana.watchers).try_acquire_owned() else {
            return Err(ApiError::new(503, "Too many pages watch this server at once"));
        };
        let (sender, events) = mpsc::channel(1);
        let path = format!(
            "/{}/_count?ignore_unavailable=true",
            indices.iter().map(|index| encode(index)).collect::<Vec<_>>().join(",")
        );
        tokio::spawn(async move {
            tokio::select! {
                () = watch(&kibana, &path, &sender) => {}
                () = sender.closed() => {}
                () = kibana.closing.cancelled() => {}
            }
            drop(place);
        });
        Ok(Response::stream("text/event-stream", events))
    })
}

/// Sends until nobody listens.
async fn watch(kibana: &Kibana, path: &str, events: &mpsc::Sender<Bytes>) {
    let (mut known, mut told) = (None, Instant::now());
    loop {
        let documents = count(kibana, path).await;
        let event = match documents {
            Some(now) if known != Some(now) => Some(format!("event: change\ndata: {{\"documents\":{now}}}\n\n")),
            _ if told.elapsed() >= ALIVE_EVERY => Some(": still here\n\n".to_owned()),
            _ => None,
        };
        known = documents.or(known);
        if let Some(event) = event {
            told = Instant::now();
            if events.send(Bytes::from(event)).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(if documents.is_some() { EVERY } else { EVERY_AWAY }).await;
    }
}

async fn count(kibana: &Kibana, path: &str) -> Option<u64> {
    match kibana.search.get(path).await {
        Ok((200, answer)) => answer.get("count").and_then(Value::as_u64),
        Ok(_) | Err(_) => None,
    }
}
