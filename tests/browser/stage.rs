//! What a test needs before it can look: a stack with the sample in it, and a chromedriver.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cli_support::Sandbox;
use crate::driver::{Driver, Programs};
use crate::http;

pub(crate) const DASHBOARD: &str = "stock-stream-dashboard";

/// Browsers at once: each keeps a core busy while it draws.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// The stage of the tests that only read, for as long as one of them runs. A static that owned it would never be dropped.
static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());

pub(crate) struct Stage {
    // Dropped in this order: browsers before the stack they look at.
    pub(crate) driver: Driver,
    pub(crate) sandbox: Sandbox,
    pub(crate) kibana: SocketAddr,
    pub(crate) elasticsearch: SocketAddr,
}

impl Stage {
    /// For a test that changes nothing that another looks at. None where there is no browser.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let programs = Programs::find()?;
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        Some(shared.upgrade().unwrap_or_else(|| {
            let stage = Arc::new(Self::start(programs));
            *shared = Arc::downgrade(&stage);
            stage
        }))
    }

    /// For a test that changes the data.
    pub(crate) fn own() -> Option<Arc<Self>> {
        Some(Arc::new(Self::start(Programs::find()?)))
    }

    fn start(programs: Programs) -> Self {
        let sandbox = Sandbox::new();
        let up =
            sandbox.run(&["up", "--stack", "embedded", "--ports", "auto", "--output", "json"]).expect(0).document();
        let address = |name: &str| {
            let url = up["endpoints"][name].as_str().unwrap_or_else(|| panic!("no {name}: {up}"));
            url.trim_start_matches("http://").parse().unwrap()
        };
        let (kibana, elasticsearch) = (address("kibana"), address("elasticsearch"));
        Self { driver: Driver::start(programs), sandbox, kibana, elasticsearch }
    }

    pub(crate) async fn turn() -> SemaphorePermit<'static> {
        BROWSERS.acquire().await.unwrap()
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.kibana)
    }

    /// The frame of a dashboard, as the page is told it.
    pub(crate) fn dashboard(&self, id: &str) -> Value {
        let answer = http::send(self.kibana, "GET", &format!("/api/stockdev/dashboards/{id}"), "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The shipped dashboard's panel of this title.
    pub(crate) fn panel(&self, title: &str) -> String {
        let dashboard = self.dashboard(DASHBOARD);
        let panels = dashboard["panels"].as_array().unwrap();
        let found = panels.iter().find(|panel| panel["title"] == title);
        found.unwrap_or_else(|| panic!("no panel `{title}`: {dashboard}"))["id"].as_str().unwrap().to_owned()
    }

    /// Imports saved objects, one a line.
    pub(crate) fn import(&self, objects: &[Value]) {
        let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
        let body = format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"objects.ndjson\"\r\n\
             Content-Type: application/ndjson\r\n\r\n{lines}\r\n--frontier--\r\n"
        );
        let headers = [("content-type", "multipart/form-data; boundary=frontier"), ("kbn-xsrf", "true")];
        let target = "/api/saved_objects/_import?overwrite=true";
        let answer = http::send_with(self.kibana, "POST", target, &headers, body.as_bytes());
        assert!(answer.status == 200 && answer.json()["success"] == true, "{}", answer.text());
    }

    pub(crate) fn elasticsearch(&self, method: &str, target: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = http::send(self.elasticsearch, method, target, &body);
        assert!((200..300).contains(&answer.status), "{method} {target}: {}", answer.text());
        answer.json()
    }
}
