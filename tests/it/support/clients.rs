//! Foreign clients: where they are, and running one to its end.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Above what any client needs on a busy machine; its own deadlines are shorter.
const CLIENT_DEADLINE: Duration = Duration::from_secs(150);

/// A name that no other test and no other run uses: the broker may be a shared one.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("stockdev-{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn clients() -> PathBuf {
    env::var_os("STOCKDEV_TEST_CLIENTS").map_or_else(|| root().join("target/test-clients"), PathBuf::from)
}

/// None, said aloud, if the client is not installed; a failure where all of them must be.
pub(crate) fn installed(path: &Path) -> Option<PathBuf> {
    let found = if path.components().count() == 1 {
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).map(|dir| dir.join(path)).find(|file| file.exists())
    } else {
        Some(path.to_owned()).filter(|path| path.exists())
    };
    if found.is_none() {
        let required = env::var("STOCKDEV_REQUIRE_CLIENTS").is_ok_and(|value| value == "1");
        assert!(!required, "`{}` is not there: run `scripts/install-test-clients`", path.display());
        println!("skipped: `{}` is not there (`scripts/install-test-clients` installs it)", path.display());
    }
    found
}

pub(crate) struct Ran {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    /// Both streams, for failures.
    pub(crate) all: String,
}

/// Runs to its end, or fails the test at the deadline. Output goes through files, so that no pipe can fill up.
pub(crate) fn run(command: &mut Command, stdin: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let [input, stdout, stderr] = ["in", "out", "err"].map(|name| dir.path().join(name));
    fs::write(&input, stdin).unwrap();
    let mut child = command
        .stdin(Stdio::from(fs::File::open(&input).unwrap()))
        .stdout(Stdio::from(fs::File::create(&stdout).unwrap()))
        .stderr(Stdio::from(fs::File::create(&stderr).unwrap()))
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let deadline = Instant::now() + CLIENT_DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let (stdout, stderr) = (read(&stdout), read(&stderr));
    let all = format!("{command:?}\n{stdout}\n{stderr}");
    let status = status.unwrap_or_else(|| panic!("not done after {CLIENT_DEADLINE:?}: {all}"));
    Ran { success: status.success(), stdout, all }
}

/// The document at the end of what a client's program prints, when it is given the server and a name of its own.
#[track_caller]
pub(crate) fn walk(mut command: Command, url: &str, name: &str) -> Value {
    let ran = run(command.arg(url).arg(name), "");
    assert!(ran.success, "{}", ran.all);
    let last = ran.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", ran.all))
}
