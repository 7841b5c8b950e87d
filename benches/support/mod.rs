//! What the benchmarks share: the program under test as a project of its own, and what a process used.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

pub(crate) type Failure = Box<dyn std::error::Error>;

/// A project of the program under test; `down` when dropped.
pub(crate) struct Stack {
    home: tempfile::TempDir,
    pub(crate) kafka: String,
    pub(crate) elasticsearch: String,
    pub(crate) kibana: String,
    pid: u64,
}

impl Stack {
    /// `up` with these flags, on free ports.
    pub(crate) fn up(flags: &[&str]) -> Result<Self, Failure> {
        let home = tempfile::tempdir()?;
        let up = json(command(&home, &[&["up", "--ports", "auto"], flags].concat()))?;
        let endpoint = |name: &str| up["endpoints"][name].as_str().map(str::to_owned).ok_or("`up` names no endpoint");
        let (kafka, elasticsearch, kibana) = (endpoint("kafka")?, endpoint("elasticsearch")?, endpoint("kibana")?);
        let pid =
            json(command(&home, &["status"]))?["services"][0]["pid"].as_u64().ok_or("`status` names no process")?;
        Ok(Self { home, kafka, elasticsearch, kibana, pid })
    }

    /// The document of a command of this project.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<serde_json::Value, Failure> {
        json(command(&self.home, arguments))
    }

    /// Of the background process.
    pub(crate) fn used(&self) -> String {
        let used = processor_time(&self.pid.to_string());
        format!("{:.2} CPU s, peak memory {}", used.as_secs_f64(), memory(&self.pid.to_string(), "VmHWM:"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Err(error) = json(command(&self.home, &["down"])) {
            eprintln!("the embedded stack was not stopped: {error}");
        }
    }
}

fn command(home: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockdev"));
    command.args(arguments).args(["--stack", "embedded", "--output", "json", "--progress", "none"]);
    for folder in ["XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
        command.env(folder, home.path());
    }
    command.current_dir(home).stdin(Stdio::null()).stderr(Stdio::inherit());
    command
}

fn json(mut command: Command) -> Result<serde_json::Value, Failure> {
    let output = command.output()?;
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout)?)
    } else {
        Err(format!("{command:?}: {}", output.status).into())
    }
}

/// User and system time of a process; zero where there is no `/proc`.
pub(crate) fn processor_time(pid: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    // The kernel counts in hundredths of a second, whatever its own clock.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

pub(crate) fn memory(pid: &str, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.map_or_else(|| "unknown".into(), |size| size.trim().to_owned())
}
