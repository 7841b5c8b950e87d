//! The end of a run: the stack goes, and then nothing of it is there any more.

use std::path::Path;

use super::check::{Outcome, Trouble};
use crate::cli::context::{Context, Found};
use crate::cli::down;
use crate::stack::{ProjectFolders, ProjectLock, embedded, listening_holder};

/// Lines of each log that a report quotes.
const LOG_LINES: usize = 40;
const LOG_BYTES_MAX: usize = 16 << 10;

/// Takes the project down and looks for what is left: processes, ports, files.
pub(super) async fn take_down(cx: &Context, lock: ProjectLock) -> Outcome {
    let project = cx.project();
    let found = Found::look(&project).map_err(|failure| Trouble::from(&failure))?;
    let is_external = found.server.is_none();
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
        let ports = [server.kafka_port, server.elasticsearch_port];
        left.extend(ports.iter().filter(|port| is_ours(port)).map(|port| format!("port {port}")));
    }
    let files = [&project.root, &project.ephemeral_data, &project.lock];
    left.extend(files.iter().filter(|path| path.exists()).map(|path| path.display().to_string()));
    match left.first() {
        None if is_external => Ok("the record of the project is gone; the servers are not stockdev's".to_owned()),
        None => Ok("no process, no port, no file".to_owned()),
        Some(first) => Err(Trouble::wrong(format!("{} thing(s) are left, the first is {first}", left.len()))
            .tried("stockdev down")
            .got(left.join("\n"))),
    }
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
