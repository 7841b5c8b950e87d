//! New ticks come to the page by themselves.

use serde_json::json;

use crate::data::{COLUMNS, LATEST, PRICES};
use crate::page::Page;
use crate::stage::{DASHBOARD, Stage};
use crate::truth::{self, Range};

#[tokio::test]
async fn new_ticks_appear_by_themselves() {
    let Some(stage) = Stage::own() else { return };
    let (latest, prices) = (stage.panel(LATEST), stage.panel(PRICES));
    // No interval: only the stream of changes can bring them.
    let page = Page::open(&stage, &format!("#/view/{DASHBOARD}?every=0")).await;
    page.settled().await;
    let mut rows = truth::latest(&stage, Range::of_all(&stage), &[]);
    page.becomes("the table", &rows, async || page.table(&latest, COLUMNS).await).await;
    page.until("the page listens", "document.querySelector('.time-picker[data-live=true]')").await;

    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let tick = json!({
        "timestamp": now, "instrument_token": rows[0][0].parse::<u64>().unwrap(), "last_price": 98765.25, "volume": 1234567,
        "sell_quantity": 10, "last_quantity": 5, "change": 1.5, "average_price": 98000.5, "open": 98000.0, "high": 99000.0,
        "low": 97000.0, "close": 98001.0, "depth": {"buy": [], "sell": []},
    });
    std::fs::write(stage.sandbox.work().join("new.json"), format!("[{tick}]")).unwrap();
    stage.sandbox.run(&["produce", "new.json"]).expect(0);
    stage.sandbox.run(&["index", "--until-caught-up"]).expect(0);

    rows[0][1] = "98,765.25".to_owned();
    rows[0][2] = "1,234,567".to_owned();
    page.becomes("the table with the new tick", &rows, async || page.table(&latest, COLUMNS).await).await;
    let instrument = &rows[0][0];
    page.becomes("the newest point of the chart", &Some(98765.25), async || {
        page.chart(&prices).await.get(instrument).and_then(|points| points.last()).map(|(_, price)| *price)
    })
    .await;
    page.close().await;
}
