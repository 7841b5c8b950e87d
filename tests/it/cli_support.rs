//! A stockdev of its own for each test: folders, project, and nothing left running in the end.

#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything that a test waits for may take, on a busy machine too.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// Looks until there is something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Temporary XDG folders and a project, taken down when dropped.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Standard output as exactly one JSON document.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Panics with everything that was printed unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("stockdev-test-").tempdir().unwrap();
        for name in ["state", "run", "config", "work"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The project's state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state/stockdev/stockdev")
    }

    /// The folder in which commands run.
    pub(crate) fn work(&self) -> PathBuf {
        self.path("work")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockdev"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("DOCKER_HOST", "unix:///nope")
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        Ran::of(&self.command(arguments).envs(variables.iter().copied()).output().unwrap())
    }

    /// `text` without what differs between runs: this sandbox's folder, times, process ids, ports.
    pub(crate) fn clean(&self, text: &str) -> String {
        let text = text.replace(&self.folder.path().display().to_string(), "[dir]");
        let rules = [
            (r"stockdev-[0-9a-f]{8}", "stockdev-[hash]"),
            (r"\b\d+ ms\b", "[time]"),
            (r"\b\d+\.\d\d s\b", "[time]"),
            (r"pid \d+", "pid [pid]"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
            (r"\[::1\]:\d+", "[::1]:[port]"),
            (r"\d+\.\d [KM]iB", "[size]"),
        ];
        rules.iter().fold(text, |text, (pattern, with)| {
            regex::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
        })
    }

    /// Files and folders below `folder`, for checks that nothing is left.
    pub(crate) fn everything_below(folder: &Path) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut found = Vec::new();
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                found.extend(Self::everything_below(&path));
            }
            found.push(path);
        }
        found
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let down = self.run(&["down", "--all", "-q"]);
        // A test that fails already says enough.
        if !std::thread::panicking() {
            assert_eq!(down.code, Some(0), "{down:?}");
        }
    }
}
