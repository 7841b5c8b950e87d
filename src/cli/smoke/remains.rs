//! The end of a run: the stack goes, and then nothing of it is there any more.

use std::path::Path;

use super::check::{Outcome, Trouble};
use crate::cli::context::{Context, Found};
use crate::cli::down;
use crate::cli::failures;
use crate::cli::up::search_engine;
use crate::stack::docker::{Engine, EngineAddress, Service};
use crate::stack::{ProjectFolders, ProjectLock, StackKind, embedded, listening_holder};

/// Lines of each log that a report quotes.
const LOG_LINES: usize = 40;
const LOG_BYTES_MAX: usize = 16 << 10;

/// Takes the project down and looks for what is left: processes, ports, files.
pub(super) async fn take_down(cx: &Context, lock: ProjectLock) -> Outcome {
    let project = cx.project();
    let found = Found::look(&project).map_err(|failure| Trouble::from(&failure))?;
    let record = found.record.as_ref();
    let is_docker = record.is_some_and(|record| record.stack == StackKind::Docker);
    let is_external = found.server.is_none() && !is_docker;
    let search = search_engine(record).found.filter(|_| is_docker);
    down::take_down(cx, &project, false, &lock).await.map_err(|failure| Trouble::from(&failure))?;
    down::tidy(cx, lock);
    let mut left: Vec<String> =
        embedded::serving(&project).iter().map(|process| format!("process {}", process.pid)).collect();
    if let Some(server) = &found.server {
        if server.process.is_alive() {
            left.push(format!("process {}", server.process.pid));
        }
        // Another program may have taken a port since; that is no business of ours.
        let is_ours =
            |port: &u16| listening_holder(*port, &cx.folders).is_some_and(|holder| holder.pid == server.process.pid);
        let ports = server.ports.all();
        left.extend(ports.iter().filter(|port| is_ours(port)).map(|port| format!("port {port}")));
    }
    if let Some(address) = search {
        left.extend(of_engine(&address, cx.global.project.as_ref()).await?);
    }
    let files = [&project.root, &project.ephemeral_data, &project.lock];
    left.extend(files.iter().filter(|path| path.exists()).map(|path| path.display().to_string()));
    match left.first() {
        None if is_external => Ok("the record of the project is gone; the servers are not stockdev's".to_owned()),
        None if is_docker => Ok("no container, no network, no volume, no file".to_owned()),
        None => Ok("no process, no port, no file".to_owned()),
        Some(first) => Err(Trouble::wrong(format!("{} thing(s) are left, the first is {first}", left.len()))
            .tried("stockdev down")
            .got(left.join("\n"))),
    }
}

/// What the engine still has of the project.
async fn of_engine(address: &EngineAddress, project: &str) -> Result<Vec<String>, Trouble> {
    let left = async { Engine::connect(address).await?.left_of(project).await };
    left.await.map_err(|error| Trouble::from(&failures::engine(&error)))
}

/// The ends of the containers' logs, in the form of [`logs`].
pub(super) async fn container_logs(cx: &Context) -> String {
    let record = Found::look(&cx.project()).ok().and_then(|found| found.record);
    let Some(address) = record.as_ref().and_then(|record| search_engine(Some(record)).found) else {
        return String::new();
    };
    let mut text = String::new();
    let Ok(engine) = Engine::connect(&address).await else { return text };
    for container in engine.containers(Some(cx.global.project.as_ref())).await.unwrap_or_default() {
        let name = container.service.map_or("unknown", Service::name);
        for line in engine.last_lines(&container.id, LOG_LINES).await {
            text.push_str(&format!("{name} | {line}\n"));
        }
    }
    text
}

/// The ends of the services' logs, each line behind its service's name.
pub(super) fn logs(project: &ProjectFolders) -> String {
    let folder = project.logs();
    let parts = embedded::LOG_NAMES.iter().map(|name| tail(name, &embedded::log_path(&folder, name)));
    parts.collect::<Vec<_>>().concat()
}

fn tail(name: &str, path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let end = bytes.get(bytes.len().saturating_sub(LOG_BYTES_MAX)..).unwrap_or_default();
    let text = String::from_utf8_lossy(end);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default();
    last.iter().map(|line| format!("{name} | {line}\n")).collect()
}
