//! The forecast panel below the shipped dashboard: no object of it is stored; it is there while there are forecasts.

use serde_json::{Value, json};

use super::draw::{Drawn, off_thread};
use super::once::Searches;
use super::shown::Shown;
use crate::lens::figure::Figure;
use crate::lens::forecast::{self, DASHBOARD, Known, Latest, PANEL, Places, TITLE, Window, search};
use crate::lens::kql::KqlError;
use crate::lens::scope::Scope;

/// The panel's frame; `None` for a dashboard that never has it.
pub(super) fn frame(shown: &Shown) -> Option<Value> {
    let description = "What BigQuery's model of each instrument predicts, as `up --bigquery` left it in Elasticsearch";
    (shown.dashboard.id == DASHBOARD).then(|| {
        json!({
            "id": PANEL, "title": TITLE, "description": description, "section": null, "kind": "forecast",
            "hides_title": false, "time": null,
        })
    })
}

/// Where its data are, if it is asked for.
pub(super) fn places(shown: &Shown, asked: Option<&[String]>) -> Option<Places> {
    let is_asked = asked.is_none_or(|panels| panels.iter().any(|panel| panel == PANEL));
    let has_panel = is_asked && shown.dashboard.id == DASHBOARD;
    shown.views.values().filter(|_| has_panel).find_map(Places::of)
}

/// The indices that are behind it, whether or not they are there.
pub(super) fn indices(shown: &Shown) -> Vec<String> {
    let views = shown.views.values().filter(|_| shown.dashboard.id == DASHBOARD);
    views.filter_map(|view| forecast::index_of(&view.index)).collect()
}

/// `None` where there are no forecasts.
pub(super) async fn panel(asks: &Searches, places: &Places, scope: &Scope) -> Option<Drawn> {
    let mut searches = Vec::new();
    let figure = match draw(asks, places, scope, &mut searches).await {
        Ok(figure) => figure?,
        Err(message) => Figure::Error { message, hint: None },
    };
    Some(Drawn { figure, searches })
}

async fn draw(
    asks: &Searches,
    places: &Places,
    scope: &Scope,
    searches: &mut Vec<Value>,
) -> Result<Option<Figure>, String> {
    let answer = asks.ask(&places.index, &search::known(), searches).await?;
    let Some(known) = Known::read(&answer)? else { return Ok(None) };
    let wrong = |error: KqlError| error.to_string();
    let request = search::latest(places, scope, &known.instruments).map_err(wrong)?;
    let latest = Latest::read(asks.ask(&places.view.index, &request, searches).await?.as_ref())?;
    let missed = forecast::missed(&known, &latest, scope);
    let Window::Of(window) = latest.window(&known, scope) else { return Ok(missed) };
    if missed.is_some() {
        return Ok(missed);
    }
    let request = search::prices(places, scope, window, &latest).map_err(wrong)?;
    let prices = asks.ask(&places.view.index, &request, searches).await?;
    let forecasts = asks.ask(&places.index, &search::forecasts(window, &latest), searches).await?;
    let (places, scope) = (places.clone(), scope.clone());
    let work = move || forecast::draw(&places, &scope, window, &latest, &prices, &forecasts);
    off_thread(work).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::kibana::search::Answer;
    use crate::server::kibana::testing::{Server, Stub};

    const SHIPPED: &str = include_str!("../../../../es/stock-stream-dashboard.ndjson");
    const MINUTE: i64 = 60_000;

    /// An Elasticsearch with these answers to the search for what is known, and one instrument.
    fn answers(known: (u16, Value)) -> impl Fn(&str, Option<&Value>) -> Answer + Send + Sync + 'static {
        move |path, body| {
            let field = |kind: &str| json!({kind: {"type": kind, "searchable": true, "aggregatable": true}});
            let fields = json!({"timestamp": field("date"), "instrument_token": field("keyword"), "last_price": field("double")});
            let price = json!({"top": [{"sort": [0], "metrics": {"last_price": 7.5}}]});
            let asked = body.map(Value::to_string).unwrap_or_default();
            match (path.split('?').next(), asked) {
                (Some("/stock-stream/_field_caps"), _) => {
                    Ok((200, json!({"indices": ["stock-stream"], "fields": fields})))
                }
                (Some("/forecast-stock-stream/_search"), asked) if asked.contains("\"first\"") => Ok(known.clone()),
                (Some("/forecast-stock-stream/_search"), _) => Ok((
                    200,
                    json!({"hits": {"hits": [{"_source": {
                    "instrument_token": "1", "timestamp": "1970-01-01T00:40:00.000Z", "forecast_value": 8.0}}]}}),
                )),
                (Some("/stock-stream/_search"), asked) if asked.contains("over_time") => Ok((
                    200,
                    json!({"aggregations": {
                    "instruments": {"buckets": [{"key": "1", "over_time": {"buckets": [{"key": 35 * MINUTE, "price": price}]}}]}}}),
                )),
                (Some("/stock-stream/_search"), _) => Ok((
                    200,
                    json!({"aggregations": {
                    "count": {"value": 1}, "last": {"value": 39 * MINUTE},
                    "instruments": {"buckets": [{"key": "1", "at": {"value": 39 * MINUTE}, "price": price}]}}}),
                )),
                _ => Ok((404, json!({"error": {"reason": path}, "status": 404}))),
            }
        }
    }

    fn some() -> (u16, Value) {
        let ends = json!({"instruments": {"buckets": [{"key": "1"}]}, "first": {"value": 40 * MINUTE}, "last": {"value": 45 * MINUTE}});
        (200, json!({"aggregations": ends}))
    }

    /// The panel's line of a dashboard, alone and inspected.
    async fn line(known: (u16, Value), objects: &str, dashboard: &str) -> Option<Value> {
        let server = Server::start_with(tempfile::tempdir().unwrap(), Stub(answers(known))).await;
        let (status, answer) = server.import("?overwrite=true", "a.ndjson", objects).await;
        assert_eq!((status, &answer["success"]), (200, &json!(true)), "{answer}");
        let (_, frame) = server.get(&format!("/api/stockdev/dashboards/{dashboard}")).await;
        assert_eq!(frame["forecast"].is_object(), dashboard == DASHBOARD, "{frame}");
        let ask =
            json!({"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T01:00:00Z", "panels": [PANEL], "inspect": true});
        let (status, lines) = server.call("POST", &format!("/api/stockdev/dashboards/{dashboard}/figures"), ask).await;
        assert_eq!(status, 200, "{lines}");
        let lines: Vec<Value> =
            lines.as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.first().unwrap()["range"].is_object() && lines.last().unwrap()["done"] == true, "{lines:?}");
        lines.into_iter().find(|line| line["panel"] == PANEL)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_panel_is_a_line_with_its_searches_while_there_are_forecasts() {
        let line = line(some(), SHIPPED, DASHBOARD).await.unwrap();
        let chart = &line["figure"]["charts"][0];
        assert_eq!((&line["figure"]["kind"], &chart["name"]), (&json!("forecast"), &json!("1")), "{line:#}");
        assert_eq!((&chart["prices"]["y"], &chart["forecast"]["y"]), (&json!([7.5]), &json!([8.0])));
        assert_eq!((&line["figure"]["from"], &line["figure"]["to"]), (&json!(20 * MINUTE), &json!(45 * MINUTE)));
        let indices: Vec<&Value> = line["searches"].as_array().unwrap().iter().map(|search| &search["index"]).collect();
        assert_eq!(
            json!(indices),
            json!(["forecast-stock-stream", "stock-stream", "stock-stream", "forecast-stock-stream"])
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn without_forecasts_and_on_dashboards_of_others_there_is_no_panel() {
        for none in [
            json!({"hits": {"hits": []}}),
            json!({"aggregations": {"instruments": {"buckets": []}, "first": {"value": null}}}),
        ] {
            assert_eq!(line((200, none), SHIPPED, DASHBOARD).await, None);
        }
        let other = SHIPPED.replace(DASHBOARD, "mine");
        assert_eq!(line(some(), &other, "mine").await, None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_search_that_is_refused_is_the_panels_own_error() {
        let line = line((400, json!({"error": {"reason": "no luck"}})), SHIPPED, DASHBOARD).await.unwrap();
        assert_eq!(line["figure"]["kind"], "error");
        assert!(line["figure"]["message"].as_str().unwrap().contains("no luck"), "{line}");
    }
}
