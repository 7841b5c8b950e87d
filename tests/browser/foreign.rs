//! What others made: hostile text stays text, and a panel that nobody knows hurts no other.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::objects;
use crate::page::Page;
use crate::stage::Stage;

/// Each kind of figure that writes a value into the page in its own way.
fn kinds() -> Vec<(&'static str, Value)> {
    vec![
        ("lnsDatatable", objects::table()),
        ("lnsXY", objects::bars()),
        ("lnsXY", objects::split_bars()),
        ("lnsPie", objects::pie("donut")),
        ("lnsPie", objects::pie("treemap")),
        ("lnsPie", objects::pie("waffle")),
        ("lnsMetric", objects::metric()),
        ("lnsTagcloud", objects::tag_cloud()),
        ("lnsHeatmap", objects::heatmap()),
    ]
}

/// An index with one keyword, and its data view.
fn fill(stage: &Arc<Stage>, index: &str, values: &[&str]) {
    let mapping = json!({"mappings": {"properties": {"word": {"type": "keyword"}}}});
    stage.elasticsearch("PUT", &format!("/{index}"), &mapping);
    for value in values {
        stage.elasticsearch("POST", &format!("/{index}/_doc?refresh=true"), &json!({"word": value}));
    }
    stage.import(&[objects::data_view(index)]);
}

#[tokio::test]
async fn hostile_text_is_shown_as_text_and_executes_nothing() {
    let Some(stage) = Stage::shared() else { return };
    let hostile = "<img src=x onerror=\"window.wasExecuted=1\">";
    let link = "<a href=\"javascript:window.wasExecuted=2\">l</a><script>window.wasExecuted=3</script>";
    fill(&stage, "hostile", &[hostile, hostile, link]);
    let panels: Vec<(&str, &str, Value)> = kinds()
        .into_iter()
        .map(|(kind, state)| (hostile, "lens", objects::counts(hostile, "hostile", "word", kind, state)))
        .chain([(hostile, "visualization", json!({"savedVis": {
            "type": "markdown", "title": hostile,
            "params": {"markdown": format!("{hostile}\n\n[l](javascript:window.wasExecuted=4)\n\n{link}"), "fontSize": 12, "openLinksInNewTab": false},
            "data": {"aggs": [], "searchSource": {}},
        }, "enhancements": {}}))])
        .collect();
    stage.import(&[objects::dashboard("hostile", hostile, "hostile", &panels)]);

    let page = Page::open(&stage, "#/view/hostile").await;
    page.settled().await;
    let drawn = panels.iter().enumerate().map(|(at, _)| (format!("p{at}"), "drawn".to_owned())).collect();
    page.becomes("the panels' states", &drawn, async || page.states().await).await;

    assert_eq!(page.text("#title").await, hostile);
    assert_eq!(page.text("[data-panel=p0] h3").await, hostile);
    assert_eq!(page.text("[data-panel=p0] tbody tr:first-child td:first-child").await, hostile);
    assert_eq!(page.text("[data-panel=p6] .tile-title").await, hostile);
    // In the legend of a chart, the tooltip of its points, and the label of an axis, which is cut.
    assert_eq!(page.text("[data-panel=p2] .legend-text").await, hostile);
    page.until(
        "the label of the axis",
        "document.querySelector('[data-panel=p1] .js-plotly-plot').textContent.includes('<img src=x')",
    )
    .await;
    page.run(
        "document.querySelectorAll('.chart-host').forEach((host) => {
        const { left, top, width, height } = host.getBoundingClientRect();
        const at = { clientX: left + width / 2, clientY: top + height / 2, bubbles: true };
        (host.querySelector('.nsewdrag') ?? host).dispatchEvent(new MouseEvent('mousemove', at));
    })",
        json!([]),
    )
    .await;

    // As a filter pill, as a query, and in the inspector.
    page.click("[data-panel=p0] tbody tr:first-child .cell-button").await;
    page.until("the pill", "document.querySelector('.pill-label')?.textContent.includes('<img src=x')").await;
    page.becomes("one row is left", &json!(1), async || {
        page.run("return document.querySelectorAll('[data-panel=p0] tbody tr').length", json!([])).await
    })
    .await;
    page.click("[data-panel=p0] .panel-actions button:first-child").await;
    page.until("the inspector", "document.querySelector('dialog[open]')?.textContent.includes('<img src=x')").await;

    let found = page.run("return {
        executed: window.wasExecuted ?? null,
        images: document.querySelectorAll('img').length,
        scripts: [...document.querySelectorAll('script')].filter(({ src }) => !src.startsWith(location.origin)).length,
        handlers: [...document.querySelectorAll('*')].filter((node) => [...node.attributes].some(({ name }) => name.startsWith('on'))).length,
        links: [...document.querySelectorAll('a')].filter(({ href }) => /^javascript/i.test(href.baseVal ?? href)).length,
    }", json!([])).await;
    assert_eq!(found, json!({"executed": null, "images": 0, "scripts": 0, "handlers": 0, "links": 0}));
    // A script that was refused would be on the console.
    page.close().await;
}

#[tokio::test]
async fn a_hostile_link_executes_nothing() {
    let Some(stage) = Stage::shared() else { return };
    let hostile = "%3Cimg%20src%3Dx%20onerror%3Dwindow.wasExecuted%3D1%3E";
    let filter =
        "%5B%7B%22meta%22%3A%7B%22alias%22%3A%22%3Cimg%20src%3Dx%20onerror%3Dwindow.wasExecuted%3D2%3E%22%7D%7D%5D";
    let page = Page::open(&stage, &format!("#/view/{hostile}")).await;
    page.until("not found", "document.querySelector('.message.is-page')?.textContent.includes('<img src=x')").await;
    page.go(&format!(
        "{}/app/dashboards#/view/stock-stream-dashboard?from={hostile}&q={hostile}&c={hostile}&f={filter}",
        stage.origin()
    ))
    .await;
    page.until(
        "the words of the range",
        "document.querySelector('.time-button span')?.textContent.includes('<img src=x')",
    )
    .await;
    page.until("the error", "document.querySelector('.query-error:not([hidden])')?.textContent.includes('<img src=x')")
        .await;
    page.until("nothing was executed", "window.wasExecuted === undefined && !document.querySelector('img')").await;
    page.close_but_for(&["404 (Not Found)", "400 (Bad Request)"]).await;
}

#[tokio::test]
async fn a_panel_of_an_unknown_kind_says_so_in_its_place_and_the_others_are_drawn() {
    let Some(stage) = Stage::shared() else { return };
    fill(&stage, "words", &["one", "two", "two"]);
    let counts = |kind, state| objects::counts("Words", "words", "word", kind, state);
    let panels = [
        ("Table", "lens", counts("lnsDatatable", objects::table())),
        ("Frobnication", "lens", counts("lnsFrobnicate", objects::table())),
        ("Somebody's plugin", "frobnicator", json!({"anything": [1, 2, 3]})),
        ("Bars", "lens", counts("lnsXY", objects::bars())),
        ("Nothing at all", "lens", json!({})),
    ];
    stage.import(&[objects::dashboard("unknown", "Unknown kinds", "words", &panels)]);
    let page = Page::open(&stage, "#/view/unknown").await;
    page.settled().await;
    let states = page.states().await;
    let state = |panel: &str| states[panel].as_str();
    assert_eq!((state("p0"), state("p1"), state("p2"), state("p3")), ("drawn", "unsupported", "unsupported", "drawn"));
    assert!(["unsupported", "error"].contains(&state("p4")), "{states:?}");
    let table: Value = page.run("return [...document.querySelectorAll('[data-panel=p0] tbody tr')].map((row) => row.innerText.trim().split(/\\s+/))", json!([])).await;
    assert_eq!(table, json!([["two", "2"], ["one", "1"]]));
    assert!(page.text("[data-panel=p1] .message").await.contains("lnsFrobnicate"));
    assert!(page.text("[data-panel=p2] .message").await.contains("frobnicator"));
    page.close().await;
}
