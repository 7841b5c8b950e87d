//! Processes we started, told apart from later ones that got the same number.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process: its number and when it started, because numbers are used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: u32,
    /// Opaque: two processes with the same number have different ones.
    pub started: String,
}

impl ProcessId {
    /// This process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Self { pid, started: started(pid).unwrap_or_default() }
    }

    /// Whether that very process is still there (a zombie is not).
    pub fn is_alive(&self) -> bool {
        started(self.pid).is_some_and(|started| started == self.started)
    }
}

/// Asks the process to stop (SIGTERM). Does nothing when it is gone.
pub fn signal_terminate(process: &ProcessId) {
    signal(process, Signal::TERM);
}

/// Stops the process at once (SIGKILL).
pub fn signal_kill(process: &ProcessId) {
    signal(process, Signal::KILL);
}

fn signal(process: &ProcessId, signal: Signal) {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid
        && process.is_alive()
    {
        // It may end between the check and the signal: that is what we want anyway.
        let _gone = kill_process(pid, signal).is_err();
    }
}

/// Waits until the process is gone, at most until `limit` has passed.
pub async fn wait_gone(process: &ProcessId, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while process.is_alive() {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    true
}

/// Processes with `arguments` in a row on their command line, where the system tells. For what a lost file no longer names.
#[cfg(target_os = "linux")]
pub(crate) fn with_arguments(arguments: &[&OsStr]) -> Vec<ProcessId> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found = pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.windows(arguments.len().max(1)).any(|words| {
            words.len() == arguments.len()
                && words.iter().zip(arguments).all(|(word, wanted)| *word == wanted.as_encoded_bytes())
        })
    });
    found.filter_map(|pid| Some(ProcessId { pid, started: started(pid)? })).collect()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn with_arguments(_arguments: &[&OsStr]) -> Vec<ProcessId> {
    Vec::new()
}

/// Resident memory, where the system tells.
pub fn memory_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Field 22 of `/proc/<pid>/stat` (clock ticks since boot) and the boot it counts from.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may itself hold blanks and parentheses.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    let ticks = fields.nth(18)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{ticks}@{}", boot.trim().get(..8).unwrap_or("")))
}

#[cfg(not(target_os = "linux"))]
fn started(pid: u32) -> Option<String> {
    let output =
        std::process::Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, start) = text.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| start.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_a_later_one_of_its_number_is_not_it() {
        let current = ProcessId::current();
        assert!(current.is_alive());
        assert!(!ProcessId { started: "1@other".into(), ..current }.is_alive());
    }

    #[test]
    fn an_ended_child_is_not_alive_even_before_it_is_reaped() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = ProcessId { pid: child.id(), started: started(child.id()).unwrap() };
        assert!(process.is_alive());
        signal_kill(&process);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert!(runtime.block_on(wait_gone(&process, Duration::from_secs(10))));
        child.wait().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_found_by_its_own_arguments_only() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "read line", "--file", "/one of/a kind"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pids = |words: &[&str]| -> Vec<u32> {
            let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
            with_arguments(&words).iter().map(|process| process.pid).collect()
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while pids(&["--file", "/one of/a kind"]) != [child.id()] {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        assert_eq!(pids(&["--file", "/one of/a"]), [0; 0]);
        assert_eq!(pids(&[]), [0; 0]);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn memory_of_this_process_is_known_on_linux() {
        if cfg!(target_os = "linux") {
            assert!(memory_bytes(std::process::id()).unwrap() > 100_000);
        }
    }
}
