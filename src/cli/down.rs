//! `down`: stops the project and removes what it left, by what its state folder says.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::context::{Context, Found};
use super::failure::Failure;
use super::failures;
use super::purge;
use crate::report::{bytes, count};
use crate::stack::embedded::{self, StopOutcome};
use crate::stack::{LiveFile, ProcessId, ProjectFolders, ProjectLock, ProjectName, StackKind, project_names, remove};

/// Stop the project and remove everything of it
///
/// Twice, after a crash, or with nothing there, it is a success all the same.
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev down\n  \
    stockdev down --keep-data        the next `up` finds the data\n  \
    stockdev down --purge            external stack: also what `up` made on the servers\n  \
    stockdev down --all              every project of this machine")]
pub(super) struct DownArgs {
    /// Leave the data for the next `up`
    #[arg(long)]
    keep_data: bool,
    /// External stack: also remove the topic, index and template that this project made on the servers
    #[arg(long, conflicts_with = "keep_data")]
    purge: bool,
    /// Every project of this machine
    #[arg(long)]
    all: bool,
}

/// What `down` did to one project.
#[derive(Debug, Default)]
pub(super) struct TakenDown {
    stopped: Vec<u32>,
    killed: Vec<u32>,
    removed: Vec<String>,
    kept: Option<String>,
    /// Made by the project on an external stack, and removed there.
    purged: Vec<String>,
    /// The same, and left.
    left: Vec<String>,
}

pub(super) async fn run(args: &DownArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let names = match args.all {
        true => project_names(&cx.folders).map_err(|error| failures::file(&error))?,
        false => vec![cx.global.project.clone()],
    };
    let (mut lines, mut documents, mut first_failure) = (Vec::new(), Vec::new(), None);
    for name in names {
        match down_one(cx, &name, args).await {
            Ok(down) => {
                lines.push(down.text(name.as_ref()));
                documents.push(down.document(name.as_ref()));
            }
            // With --all, one project that can't go does not keep the others.
            Err(failure) if args.all => {
                cx.tell(&failure);
                first_failure.get_or_insert(failure.exit_code);
            }
            Err(failure) => return Err(failure),
        }
    }
    if args.all {
        let text = if lines.is_empty() { "no projects".to_owned() } else { lines.join("\n") };
        cx.result(&text, &json!({"state": "down", "projects": documents}));
    } else {
        cx.result(&lines.join("\n"), &documents.pop().unwrap_or_default());
    }
    Ok(first_failure.unwrap_or(0))
}

async fn down_one(cx: &Context, name: &ProjectName, args: &DownArgs) -> Result<TakenDown, Failure> {
    let project = cx.folders.project(name);
    if !project.root.exists() && !project.lock.exists() && !project.ephemeral_data.exists() {
        return Ok(TakenDown::default());
    }
    let lock = ProjectLock::take(&project).map_err(|error| failures::lock(&error, name.as_ref()))?;
    let mut stopped = TakenDown::default();
    let external = Found::look(&project)?.record.filter(|record| record.stack == StackKind::External);
    let created = external.as_ref().map(|record| purge::names(&record.created)).unwrap_or_default();
    if let Some(record) = external.filter(|_| args.purge) {
        // The live stream writes into what is to go.
        if let Some(live) = LiveFile::load(&project).map_err(|error| failures::file(&error))? {
            stop(cx, &live.process, &mut stopped).await;
        }
        stopped.purged = purge::purge(cx, &project, record).await?;
    }
    let mut down = take_down(cx, &project, args.keep_data, &lock).await?;
    down.stopped.extend(stopped.stopped);
    down.killed.extend(stopped.killed);
    down.left = if args.purge { Vec::new() } else { created };
    down.purged = stopped.purged;
    tidy(cx, lock);
    Ok(down)
}

/// Gives the lock back. Where nothing of the project is left, its lock file goes too, and empty folders above.
pub(super) fn tidy(cx: &Context, lock: ProjectLock) {
    if lock.root().exists() {
        return;
    }
    if let Err(error) = lock.remove() {
        cx.report.detail(&error.to_string());
    }
    // Other projects may still need these folders: only empty ones go.
    for folder in [&cx.folders.state, &cx.folders.runtime] {
        let _in_use = std::fs::remove_dir(folder).is_err();
    }
}

/// Stops the project's processes and removes its files; the lock is the caller's, to prove that nobody else is at it.
pub(super) async fn take_down(
    cx: &Context,
    project: &ProjectFolders,
    keep_data: bool,
    _lock: &ProjectLock,
) -> Result<TakenDown, Failure> {
    let found = Found::look(project)?;
    let mut down = TakenDown::default();
    // The live stream first: it writes into the servers.
    let live = LiveFile::load(project).map_err(|error| failures::file(&error))?;
    let processes =
        live.map(|live| live.process).into_iter().chain(found.server.as_ref().map(|server| server.process.clone()));
    for process in processes {
        stop(cx, &process, &mut down).await;
    }
    // A file that was cut short names none of them; they run all the same.
    for process in embedded::serving(project) {
        stop(cx, &process, &mut down).await;
    }
    let data = found.record.as_ref().map_or_else(|| project.data(), |record| record.data.clone());
    if keep_data && found.record.as_ref().is_some_and(|record| record.stack == StackKind::Embedded) {
        keep(&found, project, &mut down)?;
        down.kept = Some(data.display().to_string());
        return Ok(down);
    }
    for path in [&data, &project.ephemeral_data, &project.root] {
        // A record never names a folder outside the project's own two places; one that does is damaged.
        let is_ours = path.starts_with(&project.root) || *path == project.ephemeral_data;
        if is_ours && remove(path).map_err(|error| failures::file(&error))? {
            down.removed.push(path.display().to_string());
        }
    }
    down.removed.retain(|path| *path != data.display().to_string() || !data.starts_with(&project.root));
    Ok(down)
}

async fn stop(cx: &Context, process: &ProcessId, down: &mut TakenDown) {
    match embedded::stop(process).await {
        StopOutcome::WasGone => {}
        StopOutcome::Orderly => down.stopped.push(process.pid),
        StopOutcome::Killed => {
            cx.report.note(&format!("pid {} did not stop in time and was killed", process.pid));
            down.killed.push(process.pid);
        }
    }
}

/// Data and record stay; what the processes wrote of themselves goes.
fn keep(found: &Found, project: &ProjectFolders, down: &mut TakenDown) -> Result<(), Failure> {
    if let Some(mut record) = found.record.clone() {
        record.live = None;
        record.save(project).map_err(|error| failures::file(&error))?;
    }
    for path in [project.server(), project.live(), project.logs()] {
        if remove(&path).map_err(|error| failures::file(&error))? {
            down.removed.push(path.display().to_string());
        }
    }
    Ok(())
}

impl TakenDown {
    fn is_nothing(&self) -> bool {
        self.stopped.is_empty() && self.killed.is_empty() && self.removed.is_empty()
    }

    fn text(&self, name: &str) -> String {
        if self.is_nothing() && self.kept.is_none() {
            return format!("project `{name}`: nothing to do");
        }
        let pids: Vec<String> = self.stopped.iter().chain(&self.killed).map(u32::to_string).collect();
        let stopped =
            if pids.is_empty() { "nothing ran".to_owned() } else { format!("stopped pid {}", pids.join(", ")) };
        let data = self.kept.as_ref().map(|path| format!("; data kept in {path}")).unwrap_or_default();
        let removed: Vec<String> = self.removed.iter().map(|path| format!("\n  removed {path}")).collect();
        let purged: Vec<String> = self.purged.iter().map(|what| format!("\n  removed {what} on the servers")).collect();
        let left = match self.left.is_empty() {
            true => String::new(),
            false => format!("\n  left on the servers: {} (--purge removes what a project made)", self.left.join(", ")),
        };
        format!("project `{name}`: {stopped}{data}{}{}{left}", removed.concat(), purged.concat())
    }

    fn document(&self, name: &str) -> Value {
        json!({
            "state": "down",
            "project": name,
            "stopped": self.stopped,
            "killed": self.killed,
            "removed": self.removed,
            "kept": self.kept,
            "purged": self.purged,
            "left": self.left,
        })
    }
}

/// For people: `3 services, 41 MiB`.
pub(super) fn memory_text(rss: Option<u64>) -> String {
    rss.map_or_else(|| "-".to_owned(), bytes)
}

/// For people: a number, or a dash.
pub(super) fn count_text(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), count)
}
