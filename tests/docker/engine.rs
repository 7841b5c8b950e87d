//! The engine as the tests see it: through docker's own command, so that nothing of stockdev's tells how stockdev did.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cli_support::{Ran, Sandbox};

pub(crate) const KAFKA: &str = "apache/kafka:4.1.2";
pub(crate) const ELASTICSEARCH: &str = "docker.elastic.co/elasticsearch/elasticsearch:9.2.4";

/// One stack at a time: two JVMs each are all that a small machine can start at once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A sandbox with a project name of its own, taken down when dropped.
pub(crate) struct Stack {
    pub(crate) sandbox: Sandbox,
    pub(crate) project: String,
    _turn: Option<MutexGuard<'static, ()>>,
}

/// What docker's command prints, in lines.
pub(crate) fn docker(arguments: &[&str]) -> Vec<String> {
    let output = Command::new("docker").args(arguments).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", output.status);
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn answers(arguments: &[&str]) -> bool {
    let run = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

/// Whether these tests can run here; says aloud when not.
fn is_possible() -> bool {
    let missing = if !answers(&["version"]) {
        Some("no container engine answers to `docker`".to_owned())
    } else {
        [KAFKA, ELASTICSEARCH]
            .iter()
            .find(|image| !answers(&["image", "inspect", image]))
            .map(|image| format!("image {image} is not here"))
    };
    match missing {
        None => true,
        Some(missing) if std::env::var_os("STOCKDEV_REQUIRE_ENGINE").is_some() => panic!("{missing}"),
        Some(missing) => {
            println!("SKIPPED: {missing}");
            false
        }
    }
}

impl Stack {
    /// Waits for its turn; nothing where there is no engine.
    pub(crate) fn new() -> Option<Self> {
        Self::with_turn(true)
    }

    /// A second one beside the first.
    pub(crate) fn another() -> Self {
        Self::with_turn(false).unwrap()
    }

    fn with_turn(waits: bool) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !is_possible() {
            return None;
        }
        let turn = waits.then(|| ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner));
        let project = format!("t{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Some(Self { sandbox: Sandbox::new(), project, _turn: turn })
    }

    /// A command of this project, on the real engine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        command
            .env("STOCKDEV_PROJECT", &self.project)
            .env_remove("DOCKER_HOST")
            .env("XDG_CACHE_HOME", self.sandbox.path("cache"));
        for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// `up` with the flags that every test needs, and these.
    pub(crate) fn up(&self, more: &[&str]) -> Ran {
        self.run(&self.up_arguments(more))
    }

    pub(crate) fn up_arguments<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments =
            vec!["up", "--stack", "docker", "--without", "kibana", "--output", "json", "--timeout", "300s"];
        if !more.iter().any(|flag| flag.starts_with("--port")) {
            arguments.extend(["--ports", "auto"]);
        }
        arguments.extend(more);
        arguments
    }

    /// `up` that tells events as they happen, instead of one document at the end.
    pub(crate) fn up_events<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = self.up_arguments(more);
        for argument in arguments.iter_mut().filter(|argument| **argument == "json") {
            *argument = "ndjson";
        }
        arguments
    }

    pub(crate) fn container(&self, service: &str) -> String {
        format!("stockdev-{}-{service}", self.project)
    }

    fn filter(&self) -> String {
        format!("label=dev.stockdev.project={}", self.project)
    }

    pub(crate) fn containers(&self) -> Vec<String> {
        docker(&["ps", "-aq", "--no-trunc", "--filter", &self.filter()])
    }

    pub(crate) fn volumes(&self) -> Vec<String> {
        docker(&["volume", "ls", "-q", "--filter", &self.filter()])
    }

    pub(crate) fn networks(&self) -> Vec<String> {
        docker(&["network", "ls", "-q", "--filter", &self.filter()])
    }

    /// Everything with this project's label, for checks that nothing is left.
    pub(crate) fn everything(&self) -> Vec<String> {
        [self.containers(), self.volumes(), self.networks()].concat()
    }

    #[track_caller]
    pub(crate) fn expect_nothing_left(&self) {
        assert_eq!(self.everything(), Vec::<String>::new());
        assert!(!self.sandbox.path("state/stockdev").join(&self.project).exists());
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let down = self.run(&["down", "-q"]);
        if !std::thread::panicking() {
            assert_eq!(down.code, Some(0), "{down:?}");
            assert_eq!(self.everything(), Vec::<String>::new());
        }
    }
}
