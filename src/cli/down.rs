//! `down`: stops the project and removes what it left, by what its state folder says.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::context::{Context, Found};
use super::failure::Failure;
use super::failures;
use super::purge;
use super::up::search_engine;
use crate::report::{bytes, count};
use crate::stack::docker::{Engine, EngineError, Removed};
use crate::stack::embedded::{self, StopOutcome};
use crate::stack::{
    LiveFile, ProcessId, ProjectFolders, ProjectLock, ProjectName, Record, StackKind, project_names, remove,
};

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
    /// External stack: also remove the topic, indices and template that this project made on the servers
    #[arg(long, conflicts_with = "keep_data")]
    purge: bool,
    /// Every project of this machine
    #[arg(long)]
    all: bool,
}

/// How long an engine may still be at what a killed `up` asked of it last.
const ENGINE_SETTLES: Duration = Duration::from_millis(1500);

/// What `down` did to one project.
#[derive(Debug, Default)]
pub(super) struct TakenDown {
    stopped: Vec<u32>,
    killed: Vec<u32>,
    removed: Vec<String>,
    kept: Option<String>,
    /// What the container engine was asked to remove.
    containers: Removed,
    /// Made by the project on an external stack, and removed there.
    purged: Vec<String>,
    /// The same, and left.
    left: Vec<String>,
}

pub(super) async fn run(args: &DownArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let names = match args.all {
        true => everything(cx).await?,
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
    let has_nothing = !project.root.exists() && !project.lock.exists() && !project.ephemeral_data.exists();
    if has_nothing && !is_at_engine(cx, name).await {
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

/// Projects with a state folder, and those that only the engine still knows.
pub(super) async fn everything(cx: &Context) -> Result<Vec<ProjectName>, Failure> {
    let mut names = project_names(&cx.folders).map_err(|error| failures::file(&error))?;
    let known = ask_engine(cx, async |engine| engine.projects().await).await.unwrap_or_default();
    names.extend(known.into_iter().filter_map(|name| name.parse().ok()));
    names.sort();
    names.dedup();
    Ok(names)
}

/// Whether the engine has anything of a project.
pub(super) async fn is_at_engine(cx: &Context, name: &ProjectName) -> bool {
    let left = ask_engine(cx, async |engine| engine.left_of(name.as_ref()).await).await;
    left.is_some_and(|left| !left.is_empty())
}

/// Asks the engine, where one answers: nobody waits for one that does not.
pub(super) async fn ask_engine<T>(
    cx: &Context,
    question: impl AsyncFnOnce(&Engine) -> Result<T, EngineError>,
) -> Option<T> {
    let address = search_engine(None).found?;
    let answer = async { question(&Engine::connect(&address).await?).await };
    match answer.await {
        Ok(answer) => Some(answer),
        Err(error) => {
            cx.report.detail(&format!("the container engine could not be asked: {error}"));
            None
        }
    }
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
    remove_containers(cx, project, found.record.as_ref(), keep_data, &mut down).await?;
    let data = found.record.as_ref().map_or_else(|| project.data(), |record| record.data.clone());
    let kept = match found.record.as_ref().map(|record| record.stack).filter(|_| keep_data) {
        Some(StackKind::Embedded) => Some(data.display().to_string()),
        Some(StackKind::Docker) => Some("the volumes".to_owned()),
        Some(StackKind::External) | None => None,
    };
    if kept.is_some() {
        keep(&found, project, &mut down)?;
        down.kept = kept;
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

/// Containers, network and volumes, by their labels. An engine that is needed and does not answer is a failure: what it
/// has would be forgotten otherwise.
async fn remove_containers(
    cx: &Context,
    project: &ProjectFolders,
    record: Option<&Record>,
    keep_data: bool,
    down: &mut TakenDown,
) -> Result<(), Failure> {
    let docker = record.and_then(|record| record.docker.as_ref());
    let search = search_engine(record);
    let Some(address) = &search.found else {
        return match docker {
            Some(_) => {
                Err(failures::no_engine(&search).left("the project's containers and its state folder are as before"))
            }
            None => Ok(()),
        };
    };
    let engine = match Engine::connect(address).await {
        Ok(engine) => engine,
        Err(error) if docker.is_some() => return Err(failures::engine(&error)),
        Err(error) => {
            cx.report.detail(&format!("no containers are looked for: {error}"));
            return Ok(());
        }
    };
    let name = project.root.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(docker) = docker.filter(|docker| docker.engine != address.address) {
        // Reached another way it is the same engine, and has the containers; another one does not.
        let left = engine.left_of(name).await.map_err(|error| failures::engine(&error))?;
        if left.is_empty() {
            return Err(failures::other_engine(&docker.engine, address, project));
        }
    }
    if docker.is_some_and(|docker| docker.changing) {
        // Whoever was making containers died in the middle: the engine may still be at the last one.
        tokio::time::sleep(ENGINE_SETTLES).await;
    }
    down.containers = engine.remove_project(Some(name), keep_data).await.map_err(|error| failures::engine(&error))?;
    Ok(())
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
        if record.stack == StackKind::Docker {
            record.endpoints = None;
        }
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
        self.stopped.is_empty() && self.killed.is_empty() && self.removed.is_empty() && self.containers.is_nothing()
    }

    fn text(&self, name: &str) -> String {
        if self.is_nothing() && self.kept.is_none() {
            return format!("project `{name}`: nothing to do");
        }
        let pids: Vec<String> = self.stopped.iter().chain(&self.killed).map(u32::to_string).collect();
        let stopped = match (pids.is_empty(), self.containers.containers.len()) {
            (true, 0) => "nothing ran".to_owned(),
            (true, 1) => "1 container removed".to_owned(),
            (true, count) => format!("{count} containers removed"),
            (false, _) => format!("stopped pid {}", pids.join(", ")),
        };
        let data = self.kept.as_ref().map(|path| format!("; data kept in {path}")).unwrap_or_default();
        let of_engine = [
            ("container", &self.containers.containers),
            ("network", &self.containers.networks),
            ("volume", &self.containers.volumes),
        ];
        let of_engine =
            of_engine.iter().flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind} {name}")));
        let removed: Vec<String> =
            of_engine.chain(self.removed.iter().cloned()).map(|what| format!("\n  removed {what}")).collect();
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
            "containers": self.containers.containers,
            "networks": self.containers.networks,
            "volumes": self.containers.volumes,
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
