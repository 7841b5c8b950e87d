//! The forecast panel: it comes with the forecasts, shows what is in Elasticsearch, and goes with them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::driver::ZONE_OFFSET_MS;
use crate::looks::{FAULTS, THEMES, WIDTHS, draw_all, folder, found, shot};
use crate::page::{Page, Points, link};
use crate::stage::{DASHBOARD, Stage};
use crate::truth::{self, Range};

const PANEL: &str = "[data-panel='stockdev-forecast']";
const FORECASTS: &str = "/forecast-stock-stream";
const MINUTE: i64 = 60_000;

/// What a panel of small charts shows, by instrument.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    prices: BTreeMap<String, Points>,
    forecasts: BTreeMap<String, Points>,
    low: BTreeMap<String, Points>,
    high: BTreeMap<String, Points>,
}

fn predict(stage: &Stage) {
    stage.sandbox.run(&["up", "--push-gcs", "--bigquery"]).expect(0);
}

/// What each chart has drawn, without the last tick, where lines end or begin.
async fn shown(page: &Page) -> Shown {
    let script = "const all = {prices: {}, forecasts: {}, low: {}, high: {}};
        for (const chart of document.querySelectorAll(`${arguments[0]} .forecast-chart`)) {
            const data = chart.querySelector('.js-plotly-plot')?.data ?? [];
            const points = ({ x, y }) => x.map((x, at) => [Date.parse(`${x}Z`), y[at]]);
            const [price, forecast] = ['price', 'forecast'].map((kind) => data.find(({ meta }) => meta?.kind === kind));
            if (!price || !forecast) continue;
            const own = (trace) => points(trace).slice(forecast.meta.rows[0].rows.length ? 0 : 1);
            all.prices[chart.dataset.instrument] = points(price).slice(0, -1);
            all.forecasts[chart.dataset.instrument] = own(forecast);
            [all.low[chart.dataset.instrument], all.high[chart.dataset.instrument]] = [own(data[0]), own(data[1])];
        }
        return all";
    let mut all = page.run(script, json!([PANEL])).await;
    let mut taken = |name: &str| {
        let lines: BTreeMap<String, Points> = serde_json::from_value(all[name].take()).unwrap();
        // Plotly is given the reader's wall clock.
        let moved = |points: Points| {
            points.into_iter().map(|(wall_ms, value)| (wall_ms - ZONE_OFFSET_MS, rounded(value))).collect()
        };
        lines.into_iter().map(|(name, points)| (name, moved(points))).collect()
    };
    Shown { prices: taken("prices"), forecasts: taken("forecasts"), low: taken("low"), high: taken("high") }
}

/// The same by searches of the test's own.
fn expected(stage: &Stage, range: Range, more: &[Value]) -> Shown {
    let query = json!({"bool": {"filter": more}});
    let found = stage.elasticsearch(
        "POST",
        &format!("{FORECASTS}/_search"),
        &json!({"size": 1000, "sort": ["timestamp"], "query": query}),
    );
    let mut all = Shown::default();
    for hit in found["hits"]["hits"].as_array().unwrap() {
        let source = &hit["_source"];
        let at = source["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let add = |lines: &mut BTreeMap<String, Points>, name: &str| {
            let instrument = source["instrument_token"].as_str().unwrap().to_owned();
            lines.entry(instrument).or_default().push((at, rounded(source[name].as_f64().unwrap())));
        };
        add(&mut all.forecasts, "forecast_value");
        add(&mut all.low, "prediction_interval_lower_bound");
        add(&mut all.high, "prediction_interval_upper_bound");
    }
    let ends = horizon(stage);
    let from_ms = (ends.from_ms - 4 * (ends.to_ms - ends.from_ms)).max(range.from_ms);
    let prices = truth::prices(stage, Range { from_ms, ..range }, MINUTE, more).into_iter();
    all.prices = prices
        .map(|(name, points)| (name, points.into_iter().map(|(at, price)| (at, rounded(price))).collect()))
        .collect();
    all
}

/// JSON that is read several times loses the last bit of a number.
fn rounded(value: f64) -> f64 {
    format!("{value:.6}").parse().unwrap()
}

/// From the first to the last forecast of all.
fn horizon(stage: &Stage) -> Range {
    let ends =
        json!({"size": 0, "aggs": {"first": {"min": {"field": "timestamp"}}, "last": {"max": {"field": "timestamp"}}}});
    let answer = stage.elasticsearch("POST", &format!("{FORECASTS}/_search"), &ends);
    let end = |name: &str| format!("{:.0}", answer["aggregations"][name]["value"].as_f64().unwrap()).parse().unwrap();
    Range { from_ms: end("first"), to_ms: end("last") }
}

async fn is_there(page: &Page, is_there: bool) {
    let sign = if is_there { "" } else { "!" };
    page.until("the panel comes or goes", &format!("{sign}document.querySelector(`{PANEL}`)")).await;
}

#[tokio::test]
async fn the_panel_comes_with_the_forecasts_shows_what_elasticsearch_has_and_goes_with_them() {
    let Some(stage) = Stage::own() else { return };
    let all = Range::of_all(&stage);
    let page = Page::open(&stage, &link(DASHBOARD, all.from_ms, all.to_ms, "&every=0")).await;
    page.settled().await;
    is_there(&page, false).await;

    // No interval: the stream of changes brings it.
    predict(&stage);
    is_there(&page, true).await;
    page.settled().await;
    page.becomes("all charts", &expected(&stage, all, &[]), async || shown(&page).await).await;
    assert_eq!(shown(&page).await.forecasts.len(), 5);
    // The range ends with the last tick, the axis with the horizon.
    let script =
        "return Date.parse(`${document.querySelector(`${arguments[0]} .js-plotly-plot`).layout.xaxis.range[1]}Z`)";
    let end = page.run(script, json!([PANEL])).await.as_i64().unwrap() - ZONE_OFFSET_MS;
    assert_eq!(end, horizon(&stage).to_ms);
    assert!(end > all.to_ms + 5 * MINUTE, "{end} {all:?}");
    assert!(page.text(&format!("{PANEL} .forecast-legend")).await.contains("95% interval"));

    let instrument = expected(&stage, all, &[]).prices.keys().nth(1).unwrap().clone();
    page.choose(&instrument).await;
    let chosen = [json!({"term": {"instrument_token": instrument}})];
    page.becomes("the chosen one", &expected(&stage, all, &chosen), async || shown(&page).await).await;
    let label = page
        .run("return document.querySelector(`${arguments[0]} [role=img]`).getAttribute('aria-label')", json!([PANEL]))
        .await;
    assert!(label.as_str().unwrap().starts_with(&format!("{instrument}: last price ")), "{label}");
    tells(&page).await;
    inspects(&page).await;

    page.ask("last_price < 0").await;
    page.until("there are no ticks", &format!("document.querySelector(`{PANEL}[data-state=empty]`)")).await;
    page.ask("").await;
    page.becomes("the chosen one again", &expected(&stage, all, &chosen), async || shown(&page).await).await;

    stage.elasticsearch("DELETE", FORECASTS, &Value::Null);
    is_there(&page, false).await;
    page.settled().await;
    assert!(page.states().await.values().all(|state| state == "drawn"));
    page.close().await;
}

/// The pointer over the end of a chart: what is predicted there.
async fn tells(page: &Page) {
    let script = "const box = document.querySelector(`${arguments[0]} .chart-host`);
        box.scrollIntoView({ block: 'center' });
        const { right, top, height } = box.getBoundingClientRect();
        return { x: right - 14, y: top + height / 2 }";
    let tip = "const tip = document.querySelector('.tooltip:not([hidden])')?.textContent ?? '';
        return tip.includes('Forecast') && tip.includes('95% interval') && !tip.includes('Last price')";
    // A chart that is drawn anew meanwhile has seen no pointer.
    page.becomes("the tooltip tells the forecast and its interval", &json!(true), async || {
        let place = page.run(script, json!([PANEL])).await;
        let (x, y) = (place["x"].as_f64().unwrap(), &place["y"]);
        for by in [6.0, 3.0, 0.0] {
            page.chrome("Input.dispatchMouseEvent", &json!({"type": "mouseMoved", "x": x - by, "y": y})).await;
        }
        page.run(tip, json!([])).await
    })
    .await;
}

async fn inspects(page: &Page) {
    page.click(&format!("{PANEL} .panel-actions button")).await;
    page.until("the four searches are shown", "document.querySelectorAll('dialog.inspect pre').length === 9").await;
    page.click("dialog.inspect header button").await;
}

#[tokio::test]
async fn the_forecasts_fit_at_every_width_in_both_themes() {
    let Some(stage) = Stage::own() else { return };
    predict(&stage);
    let page = Page::open(&stage, &format!("#/view/{DASHBOARD}?paused=1")).await;
    is_there(&page, true).await;
    page.settled().await;
    let mut faults = Vec::new();
    for width in WIDTHS {
        for theme in THEMES {
            draw_all(&page, width, theme).await;
            shot(&page, &format!("forecast-{width}-{theme}")).await;
            faults.extend(found(&page, FAULTS, &format!("{width} {theme}")).await);
            let charts = "const boxes = [...document.querySelectorAll(`${arguments[0]} .forecast-chart`)].map((chart) => chart.getBoundingClientRect());
                return boxes.length === 5 && boxes.every(({ left, right, width, height }) => left >= 0 && right <= innerWidth && width > 200 && height > 150)";
            assert_eq!(page.run(charts, json!([PANEL])).await, json!(true), "{width} {theme}");
        }
    }
    assert!(faults.is_empty(), "{} (screenshots in {}):\n{}", faults.len(), folder().display(), faults.join("\n"));
    page.close().await;
}
