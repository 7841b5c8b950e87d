//! A copied link shows another reader the same.

use crate::data::{self, COLUMNS, LATEST};
use crate::page::{Page, link};
use crate::stage::{DASHBOARD, Stage};
use crate::truth::{self, Range};
use serde_json::json;

#[tokio::test]
async fn a_link_copied_after_choosing_time_query_and_instrument_shows_the_same() {
    let Some(stage) = Stage::shared() else { return };
    let all = Range::of_all(&stage);
    let part = all.part(40, 80);
    let rows = truth::latest(&stage, part, &[]);
    let instrument = rows[1][0].clone();
    let query = format!("instrument_token: ({} or {instrument}) and last_quantity > 10", rows[0][0]);

    let page = Page::open(&stage, &link(DASHBOARD, all.from_ms, all.to_ms, "")).await;
    page.settled().await;
    page.set_time(part.from_ms, part.to_ms).await;
    page.ask(&query).await;
    page.choose(&instrument).await;
    let filter = [json!({"term": {"instrument_token": instrument}}), json!({"range": {"last_quantity": {"gt": 10}}})];
    data::shows(&page, part, &filter).await;
    let address = page.client.current_url().await.unwrap().to_string();
    let latest = stage.panel(LATEST);
    let shown = (state(&page).await, page.table(&latest, COLUMNS).await);
    page.close().await;

    let other = Page::open(&stage, "").await;
    other.go(&address).await;
    data::shows(&other, part, &filter).await;
    assert_eq!((state(&other).await, other.table(&latest, COLUMNS).await), shown);
    other.close().await;
}

#[tokio::test]
async fn back_and_forward_go_through_what_was_chosen() {
    let Some(stage) = Stage::shared() else { return };
    let all = Range::of_all(&stage);
    let instrument = truth::latest(&stage, all, &[])[0][0].clone();
    let filter = [json!({"term": {"instrument_token": instrument}})];
    let page = Page::open(&stage, &link(DASHBOARD, all.from_ms, all.to_ms, "")).await;
    data::shows(&page, all, &[]).await;
    page.ask(&format!("instrument_token: {instrument}")).await;
    data::shows(&page, all, &filter).await;
    page.client.back().await.unwrap();
    data::shows(&page, all, &[]).await;
    page.client.forward().await.unwrap();
    data::shows(&page, all, &filter).await;
    page.close().await;
}

/// What the bar and the controls say.
async fn state(page: &Page) -> (String, String, String) {
    let query = page.run("return document.querySelector('.query-input').value", json!([])).await;
    let query = query.as_str().unwrap().to_owned();
    (page.text(".time-button span").await, query, page.text(".control-options .control-value").await)
}
