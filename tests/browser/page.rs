//! One browser with the page in it: acts as a reader would, and reads what is shown.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

use crate::driver::{Own, ZONE_OFFSET_MS};
use crate::stage::Stage;

/// How long the page may take for anything.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Time, value: the points of one series.
pub(crate) type Points = Vec<(i64, f64)>;

pub(crate) struct Page {
    pub(crate) client: Client,
    pub(crate) stage: Arc<Stage>,
    _turn: SemaphorePermit<'static>,
}

impl Page {
    /// A new browser, at this place of the page: `#/view/...`.
    pub(crate) async fn open(stage: &Arc<Stage>, hash: &str) -> Self {
        let turn = Stage::turn().await;
        let client = stage.driver.browser().await;
        let page = Self { client, stage: Arc::clone(stage), _turn: turn };
        page.go(&format!("{}/app/dashboards{hash}", stage.origin())).await;
        page
    }

    pub(crate) async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Ends the browser, after a look at what it logged: nothing went wrong, and nothing was asked of another host.
    pub(crate) async fn close(self) {
        self.close_but_for(&[]).await;
    }

    /// The same; errors that hold one of these texts are expected.
    pub(crate) async fn close_but_for(self, expected: &[&str]) {
        let errors: Vec<String> =
            self.console().await.into_iter().filter(|line| !expected.iter().any(|text| line.contains(text))).collect();
        assert!(errors.is_empty(), "on the console: {errors:#?}");
        let origin = format!("{}/", self.stage.origin());
        let requests = self.requests().await;
        assert!(requests.iter().any(|url| url.starts_with(&origin)), "no request was recorded: {requests:?}");
        let is_own = |url: &String| url.starts_with(&origin) || url.starts_with("data:") || url.starts_with("blob:");
        let others: Vec<&String> = requests.iter().filter(|url| !is_own(url)).collect();
        assert!(others.is_empty(), "asked of other hosts: {others:?}");
        self.client.close().await.unwrap();
    }

    /// Errors on the console, and whatever it says about security.
    async fn console(&self) -> Vec<String> {
        let entries = Own::send(&self.client, "se/log", json!({"type": "browser"})).await;
        let is_bad = |entry: &&Value| entry["level"] == "SEVERE" || entry["source"] == "security";
        entries.as_array().unwrap().iter().filter(is_bad).map(Value::to_string).collect()
    }

    /// Every address that the page asked for.
    async fn requests(&self) -> Vec<String> {
        let entries = Own::send(&self.client, "se/log", json!({"type": "performance"})).await;
        let address = |entry: &Value| {
            let entry: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let (method, params) = (entry["message"]["method"].as_str()?, &entry["message"]["params"]);
            let url = match method {
                "Network.requestWillBeSent" => &params["request"]["url"],
                "Network.webSocketCreated" => &params["url"],
                _ => return None,
            };
            url.as_str().map(str::to_owned)
        };
        entries.as_array().unwrap().iter().filter_map(address).collect()
    }

    /// A command of Chrome's own protocol.
    pub(crate) async fn chrome(&self, command: &str, params: &Value) -> Value {
        Own::send(&self.client, "goog/cdp/execute", json!({"cmd": command, "params": params})).await
    }

    // --- Waiting ------------------------------------------------------------------------------------------------------

    /// Runs a script's body in the page.
    pub(crate) async fn run(&self, script: &str, arguments: Value) -> Value {
        let Value::Array(arguments) = arguments else { panic!("arguments are a list") };
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("{error}: {script}"))
    }

    /// Waits until `look` gives `expected`.
    pub(crate) async fn becomes<T: PartialEq + Debug>(&self, what: &str, expected: &T, look: impl AsyncFn() -> T) {
        let started = Instant::now();
        loop {
            let seen = look().await;
            if &seen == expected {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "{what}:\nseen     {seen:?}\nexpected {expected:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until an expression holds.
    pub(crate) async fn until(&self, what: &str, expression: &str) {
        let script = format!("return !!({expression})");
        self.becomes(what, &json!(true), async || self.run(&script, json!([])).await).await;
    }

    /// Waits until every panel shows something, charts with their lines.
    pub(crate) async fn settled(&self) {
        let started = Instant::now();
        loop {
            let open = self.run(UNSETTLED, json!([])).await;
            if open.as_array().is_some_and(Vec::is_empty) {
                return;
            }
            if started.elapsed() > DEADLINE {
                let (said, asked) = (self.console().await, self.requests().await);
                panic!("these wait for ever: {open}\non the console: {said:#?}\nasked for: {asked:#?}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    // --- Acting -------------------------------------------------------------------------------------------------------

    /// Clicks as soon as it can be done: what is there may be drawn anew in between.
    pub(crate) async fn click(&self, css: &str) {
        let started = Instant::now();
        loop {
            let found = self.client.find(Locator::Css(css)).await;
            let clicked = match found {
                Ok(element) => element.click().await,
                Err(error) => Err(error),
            };
            let Err(error) = clicked else { return };
            assert!(started.elapsed() < DEADLINE, "{css}: {error}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Writes a query over the one that is there, and sends it.
    pub(crate) async fn ask(&self, query: &str) {
        let input = self.client.find(Locator::Css(".query-input")).await.unwrap();
        input.clear().await.unwrap();
        input.send_keys(&format!("{query}\u{e007}")).await.unwrap();
    }

    /// Chooses an instrument in the control, as the only one.
    pub(crate) async fn choose(&self, instrument: &str) {
        self.click(".control-options .control-button").await;
        self.click(&format!("[popover]:popover-open input[data-key='{instrument}']")).await;
        self.click("h1").await;
        self.until("the list of instruments closes", "!document.querySelector('[popover]:popover-open')").await;
    }

    /// Sets an absolute time range in the time picker.
    pub(crate) async fn set_time(&self, from_ms: i64, to_ms: i64) {
        self.click(".time-button").await;
        self.until("the time picker opens", "document.querySelector('[popover]:popover-open .absolute')").await;
        // What the field's own parts take when typed differs by language.
        let script = "document.querySelectorAll('[popover]:popover-open .absolute input').forEach((input, at) => {
            input.value = arguments[at];
            input.dispatchEvent(new Event('input'));
        })";
        self.run(script, json!([wall(from_ms), wall(to_ms)])).await;
        self.click("[popover]:popover-open .absolute button").await;
    }

    // --- Reading ------------------------------------------------------------------------------------------------------

    pub(crate) async fn text(&self, css: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.textContent ?? null";
        self.run(script, json!([css])).await.as_str().unwrap_or_else(|| panic!("no {css}")).to_owned()
    }

    /// State by panel: drawn, empty, error, unsupported.
    pub(crate) async fn states(&self) -> BTreeMap<String, String> {
        let script = "return Object.fromEntries([...document.querySelectorAll('[data-panel]')].map(
            ({ dataset }) => [dataset.panel, dataset.state ?? 'none']))";
        serde_json::from_value(self.run(script, json!([])).await).unwrap()
    }

    /// These columns of a panel's table, row by row; nothing while there is no table.
    pub(crate) async fn table(&self, panel: &str, columns: [&str; 3]) -> Vec<[String; 3]> {
        serde_json::from_value(self.run(TABLE, json!([panel, columns])).await).unwrap()
    }

    /// The points of a panel's chart that have a value, by the name of their series.
    pub(crate) async fn chart(&self, panel: &str) -> BTreeMap<String, Points> {
        let script = "const chart = document.querySelector(`[data-panel='${arguments[0]}'] .js-plotly-plot`);
            return (chart?.data ?? []).filter(({ name, meta }) => name && meta?.shape).map(({ name, x, y }) => [name,
                [...x].map((x, at) => [Date.parse(`${x}Z`), y[at]]).filter(([, y]) => Number.isFinite(y))])";
        let series: Vec<(String, Points)> = serde_json::from_value(self.run(script, json!([panel])).await).unwrap();
        // Plotly is given the reader's wall clock.
        let at = |(wall_ms, value)| (wall_ms - ZONE_OFFSET_MS, value);
        series.into_iter().map(|(name, points)| (name, points.into_iter().map(at).collect())).collect()
    }
}

const TABLE: &str = "
    const table = document.querySelector(`[data-panel='${arguments[0]}'] table`);
    if (!table) return [];
    const heads = [...table.tHead.rows].at(-1).cells;
    const places = arguments[1].map((title) => [...heads].findIndex((head) => head.textContent.trim() === title));
    return [...table.tBodies[0].rows].map((row) => places.map((at) => row.cells[at]?.textContent.trim() ?? `no such column`));
";

/// Panels that await an answer or have an empty place where a chart should be.
const UNSETTLED: &str = "
    if (document.querySelector('#main > .wait')) return ['the dashboard'];
    return [...document.querySelectorAll('[data-panel]')].filter((panel) => {
        if (!panel.dataset.state || panel.getAttribute('aria-busy') !== 'false') return true;
        if (panel.dataset.state !== 'drawn') return false;
        const hosts = [...panel.querySelectorAll('.chart-host')];
        return hosts.some((host) => !host.firstElementChild || (host._fullLayout && host._fullLayout.width !== host.clientWidth));
    }).map(({ dataset }) => dataset.panel);
";

/// As a field for a date and time takes it, in the browser's zone.
fn wall(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms + ZONE_OFFSET_MS).unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A link to a dashboard with an absolute time range, and more.
pub(crate) fn link(dashboard: &str, from_ms: i64, to_ms: i64, more: &str) -> String {
    let iso = |ms| jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
    format!("#/view/{dashboard}?from={}&to={}{more}", iso(from_ms), iso(to_ms))
}
