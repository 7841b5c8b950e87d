//! chromedriver and the browsers it starts: found, run on a port of its own choosing, and all gone when dropped.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper::http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli_support::wait_for;
use crate::http;

/// Half an hour off the full hours, so that a mistake with zones shows.
pub(crate) const ZONE: &str = "Asia/Kolkata";
pub(crate) const ZONE_OFFSET_MS: i64 = 19_800_000;

const QUIT_WITHIN: Duration = Duration::from_secs(10);

/// Where the two programs are.
pub(crate) struct Programs {
    chromium: PathBuf,
    chromedriver: PathBuf,
}

impl Programs {
    /// None, said aloud, where one is missing; a failure where they must be there.
    pub(crate) fn find() -> Option<Self> {
        let chromium = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| on_path(name));
        let chromedriver = on_path("chromedriver");
        let missing = match (chromium, chromedriver) {
            (Some(chromium), Some(chromedriver)) => return Some(Self { chromium, chromedriver }),
            (None, _) => "chromium",
            (_, None) => "chromedriver",
        };
        let is_required = std::env::var("STOCKDEV_REQUIRE_BROWSER").is_ok_and(|value| value == "1");
        assert!(!is_required, "`{missing}` is not there: `apt install chromium chromium-driver`");
        // Past the harness, which shows what a passing test prints to nobody.
        let _ =
            writeln!(std::io::stderr(), "SKIPPED: `{missing}` is not there (`apt install chromium chromium-driver`)");
        None
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A chromedriver. Whatever its browsers write lies in a folder of its own.
pub(crate) struct Driver {
    child: Child,
    address: SocketAddr,
    chromium: PathBuf,
    folder: tempfile::TempDir,
}

impl Driver {
    pub(crate) fn start(programs: Programs) -> Self {
        let folder = tempfile::Builder::new().prefix("stockdev-browser-").tempdir().unwrap();
        let log = folder.path().join("chromedriver.log");
        let output = File::create(&log).unwrap();
        let child = Command::new(&programs.chromedriver)
            .arg("--port=0")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .env("TZ", ZONE)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        // From here on a failure takes it down again.
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut driver = Self { child, address: unknown, chromium: programs.chromium, folder };
        let port = wait_for("chromedriver's port", || {
            assert!(driver.child.try_wait().unwrap().is_none(), "chromedriver ended: {}", read(&log));
            port_in(&read(&log))
        });
        driver.address.set_port(port);
        driver
    }

    /// A browser of its own, with everything recorded that it logs and asks for.
    pub(crate) async fn browser(&self) -> Client {
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {
                "binary": self.chromium,
                // Containers give no sandbox and little shared memory. The rest keeps the browser itself from the network.
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1440,1000",
                    "--lang=en", "--no-first-run", "--disable-sync", "--disable-background-networking",
                    "--disable-component-update", "--disable-extensions",
                ],
            },
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object was written") };
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://{}", self.address))
            .await
            .unwrap_or_else(|error| {
                panic!("no browser: {error}\n{}", read(&self.folder.path().join("chromedriver.log")))
            })
    }

    /// Processes that were started with this driver's folder: its browsers and their helpers.
    fn leftovers(&self) -> Vec<Pid> {
        let folder = self.folder.path().as_os_str().as_encoded_bytes();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let of_ours = entries.filter(|entry| {
            fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| line.windows(folder.len()).any(|part| part == folder))
        });
        of_ours.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).collect()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It ends its browsers and then itself, also those that a failed test left open.
        if self.address.port() != 0 {
            let ask = format!("GET /shutdown HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
            let _ = http::exchange(self.address, ask.as_bytes(), false);
        }
        let started = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < QUIT_WITHIN {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in self.leftovers() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// One of chromedriver's own commands, which the client library does not know.
#[derive(Debug)]
pub(crate) struct Own {
    name: &'static str,
    body: Value,
}

impl Own {
    pub(crate) async fn send(client: &Client, name: &'static str, body: Value) -> Value {
        client.issue_cmd(Self { name, body }).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.name))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

fn read(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

/// `ChromeDriver was started successfully on port 33789.`
fn port_in(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("started successfully on port"))?;
    line.trim_end_matches('.').rsplit(' ').next()?.parse().ok()
}
