//! `POST /api/stockdev/dashboards/<id>/figures`: a line for each panel as soon as it is drawn.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::ask::Ask;
use super::draw::{self, Colours, Drawn, Views};
use super::forecast;
use super::once::Searches;
use super::shown::shown;
use crate::lens::figure::ColourBook;
use crate::lens::filter;
use crate::lens::forecast::{PANEL, Places};
use crate::lens::object::Panel;
use crate::lens::scope::Scope;
use crate::lens::view::DataView;
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};

/// Panels that are searched for at once.
const AT_ONCE: usize = 4;
/// Lines that wait to be sent.
const LINES_MAX: usize = 8;

pub(super) fn figures(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let ask = Ask::read(&request, kibana.now().as_millisecond())?;
        let shown = shown(&kibana, request.path("id")).await?;
        let scope = ask.scope(&shown)?;
        check(&scope, shown.views.values().next())?;
        let colours = if shown.dashboard.options.syncs_colors { ColourBook::shared() } else { ColourBook::per_panel() };
        let has_order = shown.dashboard.options.syncs_colors;
        let wanted = |panel: &Panel| ask.panels.as_ref().is_none_or(|ids| ids.contains(&panel.id));
        let forecasts = forecast::places(&shown, ask.panels.as_deref());
        let mut panels = Vec::new();
        for panel in shown.dashboard.panels.into_iter().filter(wanted) {
            let scope = ask.within(&scope, panel.time.as_ref())?;
            panels.push((panel, scope));
        }
        let (sender, lines) = mpsc::channel(LINES_MAX);
        let work = Work {
            asks: Searches::new(kibana, ask.inspects),
            views: Arc::new(shown.views),
            colours: Arc::new(Mutex::new(colours)),
            forecasts,
            inspects: ask.inspects,
        };
        tokio::spawn(async move { work.run(panels, &scope, has_order, sender).await });
        Ok(Response::stream("application/x-ndjson", lines))
    })
}

/// A query that is wrong is wrong for all panels: it is said once.
fn check(scope: &Scope, view: Option<&DataView>) -> Result<(), ApiError> {
    let unknown = DataView::default();
    let queries: Vec<_> = scope.query.iter().collect();
    let checked = filter::clauses(&queries, &scope.filters, view.unwrap_or(&unknown), scope.zone_name());
    checked.map(|_| ()).map_err(|error| match error.pointer() {
        Some(pointer) => ApiError::bad_request(format!("{error}\n{pointer}")),
        None => ApiError::bad_request(error.to_string()),
    })
}

struct Work {
    asks: Searches,
    views: Views,
    colours: Colours,
    /// Where the forecast panel's data are, if it is wanted.
    forecasts: Option<Places>,
    inspects: bool,
}

impl Work {
    /// Ends early when nobody reads any more.
    async fn run(self, panels: Vec<(Panel, Scope)>, scope: &Scope, has_order: bool, lines: mpsc::Sender<Bytes>) {
        let started = Instant::now();
        let range = json!({"range": {"from": scope.range.from_ms, "to": scope.range.to_ms}});
        if lines.send(line(&range)).await.is_err() {
            return;
        }
        let work = stream::iter(panels.iter().map(|(panel, scope)| self.one(panel, scope)));
        // Shared colours go by the order in which names come up.
        let drawn = if has_order { work.buffered(AT_ONCE).boxed() } else { work.buffer_unordered(AT_ONCE).boxed() };
        let mut drawn = std::pin::pin!(drawn);
        while let Some(figure) = drawn.next().await {
            if lines.send(figure).await.is_err() {
                return;
            }
        }
        // Last, because it stands below all others and has the most searches.
        if let Some(figure) = self.forecast(scope).await
            && lines.send(figure).await.is_err()
        {
            return;
        }
        let done = json!({"done": true, "took_ms": millis(started)});
        if lines.send(line(&done)).await.is_err() {
            tracing::debug!("the page left before its last figure");
        }
    }

    async fn one(&self, panel: &Panel, scope: &Scope) -> Bytes {
        let started = Instant::now();
        let drawn = draw::panel(&self.asks, panel, &self.views, scope, &self.colours).await;
        self.written(&panel.id, drawn, started)
    }

    async fn forecast(&self, scope: &Scope) -> Option<Bytes> {
        let started = Instant::now();
        let drawn = forecast::panel(&self.asks, self.forecasts.as_ref()?, scope).await?;
        Some(self.written(PANEL, drawn, started))
    }

    fn written(&self, panel: &str, drawn: Drawn, started: Instant) -> Bytes {
        let figure = serde_json::to_value(&drawn.figure).unwrap_or_else(
            |error| json!({"kind": "error", "message": format!("the figure can't be written: {error}"), "hint": null}),
        );
        let mut document = json!({"panel": panel, "figure": figure, "took_ms": millis(started)});
        if let (true, Some(map)) = (self.inspects, document.as_object_mut()) {
            map.insert("searches".to_owned(), Value::Array(drawn.searches));
        }
        line(&document)
    }
}

fn line(document: &Value) -> Bytes {
    Bytes::from(format!("{document}\n"))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
