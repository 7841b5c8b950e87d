//! `paths`: every folder and file that is used.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::failure::Failure;
use crate::config::{PROJECT_FILE, USER_FILE, find_files};
use crate::stack::Record;

/// Print every folder and file in use
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  stockdev paths\n  stockdev paths --output json")]
pub(super) struct PathsArgs {}

pub(super) fn run(_args: &PathsArgs, cx: &Context) -> Result<u8, Failure> {
    let project = cx.project();
    // A record that can't be read does not keep the folders from being named.
    let record = Record::load(&project).ok().flatten();
    let data = record.map_or_else(|| project.data(), |record| record.data);
    let here = std::env::current_dir().unwrap_or_default();
    let in_use = find_files(cx.global.config.as_deref(), &here, Some(&cx.folders.config));
    let in_use: Vec<String> = in_use.iter().map(|path| path.display().to_string()).collect();
    let rows = [
        ("state", project.root.display().to_string()),
        ("record", project.record().display().to_string()),
        ("data", data.display().to_string()),
        ("logs", project.logs().display().to_string()),
        ("failed runs", project.failed_logs.display().to_string()),
        ("lock", project.lock.display().to_string()),
        ("user settings", cx.folders.config.join(USER_FILE).display().to_string()),
        ("project settings", format!("{PROJECT_FILE} here or in a folder above")),
        ("settings in use", if in_use.is_empty() { "none".to_owned() } else { in_use.join(", ") }),
    ];
    let text = rows.iter().map(|(name, path)| format!("{name:<17} {path}")).collect::<Vec<_>>().join("\n");
    let document = json!({
        "project": cx.global.project.as_ref(),
        "state": project.root,
        "record": project.record(),
        "data": data,
        "logs": project.logs(),
        "failed_logs": project.failed_logs,
        "lock": project.lock,
        "user_settings": cx.folders.config.join(USER_FILE),
        "settings_in_use": in_use,
    });
    cx.result(&text, &document);
    Ok(0)
}
