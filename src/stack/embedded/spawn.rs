//! Starting and stopping the background process, seen from the command that does it.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::logs::log_path;
use super::services::Service;
use super::{ServeFailure, ServeOptions, ServerFile, ServerState};
use crate::stack::files::{FileError, create_private_folder, remove};
use crate::stack::folders::ProjectFolders;
use crate::stack::process::{ProcessId, signal_kill, signal_terminate, wait_gone, with_arguments};

const POLL: Duration = Duration::from_millis(2);
/// How long an orderly stop may take before the process is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("cannot start the background process: {0}")]
    Spawn(#[source] io::Error),
    #[error(transparent)]
    Failed(ServeFailure),
    #[error("the background process ended while it started ({status})")]
    Died { status: String },
    #[error("the background process was not ready after {0:?}")]
    TooLate(Duration),
}

/// How glibc's allocator keeps freed memory in the background process: by itself it takes an arena for each thread and
/// never gives most of it back, so that a few searches over a million documents leave 700 MB resident instead of 325.
/// Fewer arenas or lower thresholds cost more processor time than they save memory. Other C libraries pass over these.
const ALLOCATOR: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "2"), ("MALLOC_TRIM_THRESHOLD_", "8388608"), ("MALLOC_MMAP_THRESHOLD_", "4194304")];

/// How a process was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopOutcome {
    WasGone,
    Orderly,
    Killed,
}

/// Starts the background process and waits until it is ready. When it cannot be, nothing is left running.
pub async fn start(
    options: &ServeOptions,
    folders: &ProjectFolders,
    limit: Duration,
) -> Result<ServerFile, StartError> {
    create_private_folder(&options.logs)?;
    create_private_folder(&options.data)?;
    remove(&folders.server())?;
    let mut arguments: Vec<String> = vec![
        "__serve".into(),
        "--server-file".into(),
        options.server_file.display().to_string(),
        "--logs".into(),
        options.logs.display().to_string(),
        "--data-folder".into(),
        options.data.display().to_string(),
    ];
    for service in Service::ALL {
        arguments.extend([format!("--{}-port", service.name()), service.port(&options.ports).to_string()]);
    }
    if let Some(listen) = options.listen {
        arguments.extend(["--listen-on".into(), listen.to_string()]);
    }
    if options.or_any_port {
        arguments.push("--or-any-port".into());
    }
    if options.fsync {
        arguments.push("--sync".into());
    }
    if let Some((service, code)) = &options.fault {
        arguments.extend(["--fault".into(), format!("{service}:{code}")]);
    }
    let mut child = Kill(spawn_detached(&arguments, &allocator_settings(), &log_path(&options.logs, "stockdev"))?);
    let file = wait_ready(&mut child.0, folders, limit).await?;
    // From here on it lives without us.
    std::mem::forget(child);
    Ok(file)
}

/// What is not set already: a user's own setting stays.
fn allocator_settings() -> Vec<(String, String)> {
    let unset = ALLOCATOR.iter().filter(|(name, _)| std::env::var_os(name).is_none());
    unset.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Kills the process when the wait for it ends badly, also when the wait itself is dropped.
struct Kill(Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _already_gone = self.0.kill().is_err();
        let _already_reaped = self.0.wait().is_err();
    }
}

/// Starts this same program with `arguments`, detached: no terminal, no input, its output at the end of `log`. Secrets go
/// as `variables`, which other users can't see.
pub fn spawn_detached(arguments: &[String], variables: &[(String, String)], log: &Path) -> Result<Child, StartError> {
    let open = || OpenOptions::new().append(true).create(true).open(log);
    let out = open().map_err(FileError::new("open", log))?;
    let err = out.try_clone().map_err(FileError::new("open", log))?;
    let program = std::env::current_exe().map_err(StartError::Spawn)?;
    Command::new(program)
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(StartError::Spawn)
}

async fn wait_ready(child: &mut Child, folders: &ProjectFolders, limit: Duration) -> Result<ServerFile, StartError> {
    let deadline = Instant::now() + limit;
    loop {
        // The end is looked at first: what the process wrote before it ended is then sure to be seen.
        let ended = child.try_wait().map_err(StartError::Spawn)?;
        if let Some(file) = ServerFile::load(folders)? {
            match (file.state, file.failure.clone()) {
                (ServerState::Ready, _) if ended.is_none() => return Ok(file),
                (ServerState::Failed, Some(failure)) => return Err(StartError::Failed(failure)),
                _ => {}
            }
        }
        if let Some(status) = ended {
            return Err(StartError::Died { status: status.to_string() });
        }
        if Instant::now() >= deadline {
            return Err(StartError::TooLate(limit));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Background processes of this project, by their own command line: also those that a damaged file does not name.
pub fn serving(folders: &ProjectFolders) -> Vec<ProcessId> {
    with_arguments(&[OsStr::new("__serve"), OsStr::new("--server-file"), folders.server().as_os_str()])
}

/// Stops a process: in order, and if that takes too long, at once.
pub async fn stop(process: &ProcessId) -> StopOutcome {
    if !process.is_alive() {
        return StopOutcome::WasGone;
    }
    signal_terminate(process);
    if wait_gone(process, STOP_LIMIT).await {
        return StopOutcome::Orderly;
    }
    signal_kill(process);
    wait_gone(process, STOP_LIMIT).await;
    StopOutcome::Killed
}
