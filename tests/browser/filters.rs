//! Filters by a click, by the dialog and by suggestions in the query bar; the last two without a mouse.

use serde_json::{Value, json};

use crate::data::shows;
use crate::objects;
use crate::page::{Page, link};
use crate::stage::{DASHBOARD, Stage};
use crate::truth::{self, Range};

const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const DOWN: &str = "\u{e015}";
const ESCAPE: &str = "\u{e00c}";
/// A list under an input is open, and holds something.
const LIST: &str = "document.querySelector('.suggestions:not([hidden]) [role=option]')";

impl Page {
    /// To whatever has the focus.
    async fn keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    async fn pills(&self) -> Vec<String> {
        let script =
            "return [...document.querySelectorAll('.bar > .pills .pill-label')].map(({ textContent }) => textContent)";
        serde_json::from_value(self.run(script, json!([])).await).unwrap()
    }

    /// Opens the dialog, writes a field as far as it needs to be, and takes it from the list; the operator has the focus.
    async fn begin_filter(&self, field: &str) {
        self.run("document.querySelector('.add-filter').focus()", json!([])).await;
        self.keys(ENTER).await;
        self.until("the fields are listed", LIST).await;
        self.keys(field).await;
        self.until("the list is narrowed", &format!("[...document.querySelectorAll('.filter-form [role=option]')].every(({{ textContent }}) => textContent.includes('{field}'))")).await;
        self.keys(&format!("{DOWN}{ENTER}{TAB}")).await;
        self.until("the operator has the focus", "document.activeElement.matches('.filter-form select')").await;
    }
}

#[tokio::test]
async fn a_click_on_a_cell_of_a_heatmap_filters_by_its_row_and_its_column() {
    let Some(stage) = Stage::shared() else { return };
    let mapping = json!({"mappings": {"properties": {"word": {"type": "keyword"}, "side": {"type": "keyword"}}}});
    stage.elasticsearch("PUT", "/grid", &mapping);
    for (word, side) in [("one", "buy"), ("one", "buy"), ("one", "sell"), ("two", "sell"), ("two", "buy")] {
        stage.elasticsearch("POST", "/grid/_doc?refresh=true", &json!({"word": word, "side": side}));
    }
    let panels = [("Grid", "lens", objects::grid("grid", "word", "side"))];
    stage.import(&[objects::data_view("grid"), objects::dashboard("grid", "Grid", "grid", &panels)]);
    let page = Page::open(&stage, "#/view/grid").await;
    page.settled().await;
    // The second column of the first row, in the middle.
    let place = page
        .run(
            "const host = document.querySelector('.chart-host'), { xaxis, yaxis } = host._fullLayout;
            const box = host.getBoundingClientRect();
            return [box.left + xaxis._offset + xaxis.l2p(1), box.top + yaxis._offset + yaxis.l2p(0)]",
            json!([]),
        )
        .await;
    for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
        let event = json!({"type": kind, "x": place[0], "y": place[1], "button": if kind == "mouseMoved" { "none" } else { "left" }, "clickCount": 1});
        page.chrome("Input.dispatchMouseEvent", &event).await;
    }
    page.becomes("the pills", &vec!["side: buy".to_owned(), "word: two".to_owned()], async || page.pills().await).await;
    let cells = "return document.querySelector('.js-plotly-plot').data[0].z.map((row) => row.length)";
    page.becomes("one cell is left", &json!([1]), async || page.run(cells, json!([])).await).await;
    page.close().await;
}

#[tokio::test]
async fn the_dialog_adds_filters_by_keyboard_with_values_to_choose_from() {
    let Some(stage) = Stage::shared() else { return };
    let all = Range::of_all(&stage);
    let rows = truth::latest(&stage, all, &[]);
    let page = Page::open(&stage, &link(DASHBOARD, all.from_ms, all.to_ms, "")).await;
    page.settled().await;

    // is: the field and its value are both taken from lists.
    page.begin_filter("instrument_tok").await;
    page.keys(TAB).await;
    page.until("the values are listed", LIST).await;
    let first = page.text(".filter-values [role=option] .suggestion-text").await;
    assert!(rows.iter().any(|row| row[0] == first), "{first} is no instrument");
    // Escape closes the list and not the dialog.
    page.keys(ESCAPE).await;
    page.until(
        "the list closes, the dialog stays",
        &format!("!{LIST} && document.querySelector('.filter-box:popover-open')"),
    )
    .await;
    page.keys(DOWN).await;
    page.until("the list is back", LIST).await;
    page.keys(&format!("{DOWN}{ENTER}{ENTER}")).await;
    page.becomes("the pill", &vec![format!("instrument_token: {first}")], async || page.pills().await).await;
    page.until("the focus is back", "document.activeElement.matches('.add-filter')").await;
    shows(&page, all, &[json!({"term": {"instrument_token": first}})]).await;
    page.click(".pill-remove").await;

    // is one of, the third operator: two values.
    page.begin_filter("instrument_tok").await;
    page.keys(&format!("{DOWN}{DOWN}{TAB}")).await;
    for row in &rows[1..3] {
        page.keys(&row[0]).await;
        page.until("the value is listed", &format!("{LIST}?.textContent.startsWith('{}')", row[0])).await;
        page.keys(&format!("{DOWN}{ENTER}")).await;
        page.until("the value is taken", "document.activeElement.value === ''").await;
    }
    page.run("document.querySelector('.filter-form .primary-button').focus()", json!([])).await;
    page.keys(ENTER).await;
    let tokens = json!([rows[1][0], rows[2][0]]);
    shows(&page, all, &[json!({"terms": {"instrument_token": tokens}})]).await;

    // between, of a number: what is no number is refused in words.
    page.begin_filter("last_quantity").await;
    page.keys(&format!("{DOWN}{DOWN}{DOWN}{DOWN}{DOWN}{DOWN}{TAB}many{ENTER}")).await;
    page.until("the error", "document.querySelector('.filter-error:not([hidden])')?.textContent.includes('many')")
        .await;
    page.run("document.activeElement.select()", json!([])).await;
    page.keys(&format!("10{TAB}1000{ENTER}")).await;
    let filters =
        [json!({"terms": {"instrument_token": tokens}}), json!({"range": {"last_quantity": {"gte": 10, "lt": 1000}}})];
    shows(&page, all, &filters).await;

    // exists takes no value.
    page.begin_filter("last_quantity").await;
    page.keys(&format!("{DOWN}{DOWN}{DOWN}{DOWN}{TAB}")).await;
    page.until("no place for a value", "!document.querySelector('.filter-values input')").await;
    page.run("document.querySelector('.filter-form').requestSubmit()", json!([])).await;
    page.becomes("the pills", &3, async || page.pills().await.len()).await;
    shows(&page, all, &filters).await;

    // A field that is none is refused, and nothing changes.
    page.run("document.querySelector('.add-filter').focus()", json!([])).await;
    page.keys(ENTER).await;
    page.until("the fields are listed", LIST).await;
    page.keys(&format!("nonsense{ENTER}")).await;
    page.until("the error", "document.querySelector('.filter-error:not([hidden])')?.textContent.includes('nonsense')")
        .await;
    page.keys(ESCAPE).await;
    page.until("the dialog closes", "!document.querySelector('.filter-box:popover-open')").await;
    assert_eq!(page.pills().await.len(), 3);
    page.close().await;
}

#[tokio::test]
async fn the_query_bar_suggests_fields_then_operators_then_values_by_keyboard() {
    let Some(stage) = Stage::shared() else { return };
    let all = Range::of_all(&stage);
    let rows = truth::latest(&stage, all, &[]);
    let page = Page::open(&stage, &link(DASHBOARD, all.from_ms, all.to_ms, "")).await;
    page.settled().await;
    let kind = |kind: &str| format!("document.querySelector('.query-bar .suggestion-{kind}')");
    let value = "return document.querySelector('.query-input').value";

    page.run("document.querySelector('.query-input').focus()", json!([])).await;
    page.keys("instrument_tok").await;
    page.until("fields", &kind("field")).await;
    page.keys(&format!("{DOWN}{ENTER}")).await;
    page.until("operators", &kind("operator")).await;
    page.keys(&format!("{DOWN}{ENTER}")).await;
    page.until("values", &kind("value")).await;
    assert_eq!(page.run(value, json!([])).await, "instrument_token : ");
    page.keys(&rows[1][0]).await;
    page.until("values that begin so", &format!("{LIST}?.textContent.includes('\"{}\"') && document.querySelectorAll('.query-bar [role=option]').length === 1", rows[1][0])).await;
    page.until(
        "the input tells that its list is open",
        "document.querySelector('.query-input').ariaExpanded === 'true'",
    )
    .await;
    page.keys(DOWN).await;
    page.until("the chosen entry is told", "document.getElementById(document.querySelector('.query-input').getAttribute('aria-activedescendant'))?.ariaSelected === 'true'").await;
    page.keys(ENTER).await;
    page.until("conjunctions", &kind("joint")).await;
    let query = format!("instrument_token : \"{}\" ", rows[1][0]);
    assert_eq!(page.run(value, json!([])).await, query);
    // Nothing is chosen now: Enter asks.
    page.keys(ENTER).await;
    shows(&page, all, &[json!({"term": {"instrument_token": rows[1][0]}})]).await;

    // Inside a list of values, too; what was typed keeps its text when the list is closed.
    page.ask("").await;
    page.keys("instrument_token: (").await;
    page.until("values", &kind("value")).await;
    page.keys(ESCAPE).await;
    page.until("the list closes", &format!("!{LIST}")).await;
    assert_eq!(page.run(value, json!([])).await, "instrument_token: (");
    page.close().await;
}

#[tokio::test]
async fn a_formula_without_a_value_is_not_said_to_have_no_documents() {
    let Some(stage) = Stage::shared() else { return };
    let mapping = json!({"mappings": {"properties": {"at": {"type": "date"}, "n": {"type": "long"}}}});
    stage.elasticsearch("PUT", "/rare", &mapping);
    stage.elasticsearch("POST", "/rare/_doc?refresh=true", &json!({"at": "2024-03-01T09:15:00Z", "n": 7}));
    let mut view = objects::data_view("rare");
    view["attributes"]["timeFieldName"] = json!("at");
    let panels = [("Change", "lens", objects::over_time("rare", "at", "differences(max(n))"))];
    stage.import(&[view, objects::dashboard("rare", "Rare", "rare", &panels)]);
    let reason = async |from: &str, to: &str| {
        let page = Page::open(&stage, &format!("#/view/rare?from={from}&to={to}")).await;
        page.settled().await;
        page.until("an empty state", "document.querySelector('[data-panel=p0]').dataset.state === 'empty'").await;
        let text = page.text("[data-panel=p0] .message").await;
        page.close().await;
        text
    };
    let text = reason("2024-02-15T00:00:00Z", "2024-03-15T00:00:00Z").await;
    assert!(
        text.contains("documents match between 2024-02-15") && text.contains("has no value in any bucket"),
        "{text}"
    );
    assert!(!text.contains("no documents"), "{text}");
    let text = reason("2023-02-15T00:00:00Z", "2023-03-15T00:00:00Z").await;
    assert!(text.contains("no documents between 2023-02-15"), "{text}");
}

#[tokio::test]
async fn values_with_hostile_text_are_offered_as_text() {
    let Some(stage) = Stage::shared() else { return };
    let hostile = "<img src=x onerror=\"window.wasExecuted=1\">";
    stage.elasticsearch("PUT", "/offers", &json!({"mappings": {"properties": {"word": {"type": "keyword"}}}}));
    stage.elasticsearch("POST", "/offers/_doc?refresh=true", &json!({"word": hostile}));
    let panels = [("Words", "lens", objects::counts("Words", "offers", "word", "lnsDatatable", objects::table()))];
    stage.import(&[objects::data_view("offers"), objects::dashboard("offers", "Offers", "offers", &panels)]);
    let page = Page::open(&stage, "#/view/offers").await;
    page.settled().await;
    page.run("document.querySelector('.query-input').focus()", json!([])).await;
    page.keys("word : ").await;
    page.until("the value as text", &format!("{LIST}?.textContent.includes('<img src=x')")).await;
    page.keys(&format!("{DOWN}{ENTER}{ENTER}")).await;
    page.becomes("the row", &Value::from(hostile), async || page.text("[data-panel=p0] tbody td").await.into()).await;
    page.begin_filter("word").await;
    page.keys(TAB).await;
    page.until("the value as text", &format!("{LIST}?.textContent.includes('<img src=x')")).await;
    page.keys(&format!("{DOWN}{ENTER}{ENTER}")).await;
    page.becomes("the pill", &vec![format!("word: {hostile}")], async || page.pills().await).await;
    page.until("nothing was executed", "window.wasExecuted === undefined && !document.querySelector('img')").await;
    page.close().await;
}
