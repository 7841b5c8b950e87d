//! What the panels show is what is in Elasticsearch, for every range, choice and query.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::page::{Page, Points, link};
use crate::stage::{DASHBOARD, Stage};
use crate::truth::{self, Range};

pub(crate) const PRICES: &str = "Last price by instrument";
pub(crate) const LATEST: &str = "Latest tick of each instrument";
pub(crate) const COLUMNS: [&str; 3] = ["Instrument", "Last price", "Volume"];

/// What a panel has drawn: points, rows, tiles, parts. More than none is data.
const MARKS: &str = "
    const marks = {};
    for (const panel of document.querySelectorAll('[data-panel]')) {
        const points = [...panel.querySelectorAll('.js-plotly-plot')].flatMap((chart) => chart.data).flatMap(
            ({ y, z }) => [...(y ?? []), ...(z ?? []).flat()]).filter((value) => Number.isFinite(value)).length;
        const cells = [...panel.querySelectorAll('tbody td, .tile-value, [data-node]')].filter(({ textContent }) => textContent.trim()).length;
        const words = [...panel.querySelectorAll('.markdown, .panel-body [aria-label]')].length;
        marks[panel.dataset.panel] = panel.dataset.figure === 'xy' || panel.dataset.figure === 'heatmap' ? points
            : panel.dataset.figure === 'table' || panel.dataset.figure === 'metric' ? cells : cells + words;
    }
    return marks;
";

#[tokio::test]
async fn every_panel_of_the_shipped_dashboard_draws_data() {
    let Some(stage) = Stage::shared() else { return };
    let page = Page::open(&stage, &format!("#/view/{DASHBOARD}")).await;
    page.settled().await;
    let dashboard = stage.dashboard(DASHBOARD);
    let ids: Vec<&str> =
        dashboard["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_str().unwrap()).collect();
    let drawn: BTreeMap<String, String> = ids.iter().map(|id| ((*id).to_owned(), "drawn".to_owned())).collect();
    page.becomes("the panels' states", &drawn, async || page.states().await).await;
    page.becomes("panels without data", &Vec::<String>::new(), async || {
        let marks: BTreeMap<String, u64> = serde_json::from_value(page.run(MARKS, json!([])).await).unwrap();
        marks.into_iter().filter(|(_, count)| *count == 0).map(|(id, _)| id).collect()
    })
    .await;
    assert_eq!(page.text("#title").await, dashboard["title"]);
    page.close().await;
}

#[tokio::test]
async fn the_bare_address_leads_to_the_dashboard() {
    let Some(stage) = Stage::shared() else { return };
    let page = Page::open(&stage, "").await;
    page.go(&format!("{}/", stage.origin())).await;
    page.settled().await;
    // Other tests may have imported more, and then it is the list.
    page.until("a dashboard or the list", "document.querySelector('[data-panel], .dashboards a')").await;
    page.close().await;
}

#[tokio::test]
async fn table_and_chart_show_what_elasticsearch_answers() {
    let Some(stage) = Stage::shared() else { return };
    let range = Range::of_all(&stage);
    let page = Page::open(&stage, &link(DASHBOARD, range.from_ms, range.to_ms, "")).await;
    shows(&page, range, &[]).await;
    page.close().await;
}

#[tokio::test]
async fn a_narrower_time_range_and_a_chosen_instrument_narrow_the_values() {
    let Some(stage) = Stage::shared() else { return };
    let all = Range::of_all(&stage);
    let page = Page::open(&stage, &link(DASHBOARD, all.from_ms, all.to_ms, "")).await;
    shows(&page, all, &[]).await;
    let part = all.part(30, 60);
    let (before, after) = (truth::latest(&stage, all, &[]), truth::latest(&stage, part, &[]));
    assert_ne!(before, after, "the ranges have to differ in what they show");
    page.set_time(part.from_ms, part.to_ms).await;
    shows(&page, part, &[]).await;

    let instrument = &after[1][0];
    page.choose(instrument).await;
    let chosen = json!({"term": {"instrument_token": instrument}});
    assert_eq!(truth::latest(&stage, part, std::slice::from_ref(&chosen)).len(), 1);
    shows(&page, part, &[chosen]).await;
    page.close().await;
}

#[tokio::test]
async fn a_quick_range_is_taken_over() {
    let Some(stage) = Stage::shared() else { return };
    let page = Page::open(&stage, &format!("#/view/{DASHBOARD}")).await;
    page.settled().await;
    page.click(".time-button").await;
    // The third of the list: an hour.
    page.click("[popover]:popover-open .quick-ranges button:nth-child(3)").await;
    page.becomes("the words of the range", &"Last 1 hour".to_owned(), async || page.text(".time-button span").await)
        .await;
    assert!(page.client.current_url().await.unwrap().as_str().contains("from=now-1h"));
    let panel = stage.panel(PRICES);
    page.until("a chart of an hour", &format!(
        "(() => {{ const chart = document.querySelector(`[data-panel='{panel}'] .js-plotly-plot`);
            const xs = (chart?.data ?? []).flatMap(({{ x, meta }}) => meta?.shape ? [...x] : []).map((x) => Date.parse(x));
            return xs.length && Math.max(...xs) - Math.min(...xs) <= 3_600_000; }})()"
    ))
    .await;
    page.close().await;
}

#[tokio::test]
async fn a_kql_query_filters() {
    let Some(stage) = Stage::shared() else { return };
    let all = Range::of_all(&stage);
    let rows = truth::latest(&stage, all, &[]);
    let (one, other) = (&rows[0][0], &rows[2][0]);
    let page = Page::open(&stage, &link(DASHBOARD, all.from_ms, all.to_ms, "")).await;
    page.settled().await;
    page.ask(&format!("instrument_token: ({one} or {other}) and last_quantity >= 50")).await;
    let filter =
        [json!({"terms": {"instrument_token": [one, other]}}), json!({"range": {"last_quantity": {"gte": 50}}})];
    assert_ne!(truth::latest(&stage, all, &filter), rows);
    shows(&page, all, &filter).await;
    page.ask("").await;
    shows(&page, all, &[]).await;
    page.close().await;
}

#[tokio::test]
async fn a_broken_kql_query_shows_its_error_and_breaks_nothing() {
    let Some(stage) = Stage::shared() else { return };
    let all = Range::of_all(&stage);
    let page = Page::open(&stage, &link(DASHBOARD, all.from_ms, all.to_ms, "")).await;
    shows(&page, all, &[]).await;
    page.ask("last_price > (").await;
    page.until(
        "the error below the query",
        "document.querySelector('.query-error:not([hidden])')?.textContent.includes('last_price > (')",
    )
    .await;
    page.until("the field says that it is wrong", "document.querySelector('.query-input[aria-invalid=true]')").await;
    // All that was there still is.
    shows(&page, all, &[]).await;
    assert!(page.states().await.values().all(|state| state == "drawn"));
    let instrument = truth::latest(&stage, all, &[])[0][0].clone();
    page.ask(&format!("instrument_token: {instrument}")).await;
    shows(&page, all, &[json!({"term": {"instrument_token": instrument}})]).await;
    page.until("the error goes", "document.querySelector('.query-error').hidden").await;
    page.close_but_for(&["400 (Bad Request)"]).await;
}

/// Waits until table and chart show exactly what a search of our own gives.
pub(crate) async fn shows(page: &Page, range: Range, more: &[Value]) {
    let (latest, prices) = (page.stage.panel(LATEST), page.stage.panel(PRICES));
    let expected = truth::latest(&page.stage, range, more);
    assert!(!expected.is_empty(), "nothing to compare in {range:?}");
    page.becomes("the table", &expected, async || page.table(&latest, COLUMNS).await).await;
    page.becomes("the chart", &None, async || {
        let seen = page.chart(&prices).await;
        let Some(interval_ms) = interval(&seen) else { return Some(format!("no interval in {seen:?}")) };
        let expected = truth::prices(&page.stage, range, interval_ms, more);
        let is_same =
            seen.keys().eq(expected.keys()) && seen.iter().all(|(name, points)| is_fit(points, &expected[name]));
        (!is_same).then(|| format!("chart {seen:?}\nsearch {expected:?}"))
    })
    .await;
}

/// The shortest step between two points of a series.
fn interval(chart: &BTreeMap<String, Points>) -> Option<i64> {
    chart.values().flat_map(|points| points.windows(2).map(|pair| pair[1].0 - pair[0].0)).min()
}

/// Whether `seen` has every point of `measured`, and between them only what lies on the straight line from one to the
/// next: the panel is set to fill gaps so.
fn is_fit(seen: &[(i64, f64)], measured: &[(i64, f64)]) -> bool {
    let at = |x: i64| {
        let next = measured.partition_point(|(other, _)| *other < x);
        match (next.checked_sub(1).map(|before| measured[before]), measured.get(next)) {
            (_, Some((other, y))) if *other == x => Some(*y),
            (Some((start, low)), Some((end, high))) => {
                Some(low + (high - low) * ((x - start) as f64 / (end - start) as f64))
            }
            _ => None,
        }
    };
    let has = |x: &i64| seen.iter().any(|(other, _)| other == x);
    measured.iter().all(|(x, _)| has(x)) && seen.iter().all(|(x, y)| at(*x).is_some_and(|line| (line - y).abs() < 1e-6))
}
