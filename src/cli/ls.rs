//! `ls`: the projects on this machine, running or left behind.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use super::context::{Context, Found};
use super::down::{ask_engine, everything};
use super::failure::Failure;
use super::up::search_engine;
use crate::stack::docker::{Container, Engine};
use crate::stack::{Record, StackKind};

/// List the projects on this machine, running or left behind
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  stockdev ls\n  stockdev ls --output json")]
pub(super) struct LsArgs {}

pub(super) async fn run(_args: &LsArgs, cx: &Context) -> Result<u8, Failure> {
    let names = everything(cx).await?;
    let asked = ask_engine(cx, async |engine| Ok((engine.address.address.clone(), engine.containers(None).await?)));
    let mut engines: BTreeMap<String, Option<Vec<Container>>> =
        asked.await.into_iter().map(|(address, containers)| (address, Some(containers))).collect();
    let mut rows = vec![["PROJECT", "STACK", "STATE", "PID", "KAFKA", "ELASTICSEARCH", "FOLDER"].map(str::to_owned)];
    let mut documents = Vec::new();
    for name in &names {
        let project = cx.folders.project(name);
        let (row, document) = match Found::look(&project) {
            Ok(found) => {
                if let Some(record) = &found.record
                    && let Some(docker) = &record.docker
                    && !engines.contains_key(&docker.engine)
                {
                    engines.insert(docker.engine.clone(), containers_at(record).await);
                }
                describe(name.as_ref(), &found, &engines)
            }
            // One project that can't be read does not hide the others.
            Err(failure) => unreadable(name.as_ref(), &failure),
        };
        rows.push(row);
        documents.push(document);
    }
    let text = if names.is_empty() { "no projects".to_owned() } else { table(&rows) };
    cx.result(&text, &json!({"projects": documents}));
    Ok(0)
}

/// All containers of ours at the engine of this project; `None` where it can't be asked.
async fn containers_at(record: &Record) -> Option<Vec<Container>> {
    let address = search_engine(Some(record)).found?;
    Engine::connect(&address).await.ok()?.containers(None).await.ok()
}

fn describe(name: &str, found: &Found, engines: &BTreeMap<String, Option<Vec<Container>>>) -> ([String; 7], Value) {
    let endpoints = found.endpoints();
    let docker = found.record.as_ref().and_then(|record| record.docker.as_ref());
    let is_unknown = docker.is_some_and(|docker| !matches!(engines.get(&docker.engine), Some(Some(_))));
    let containers = engines.values().flatten().flatten();
    let own: Vec<&Container> = containers.filter(|container| container.project == name).collect();
    let state = match (found.running().is_some() || endpoints.is_some(), &found.damage) {
        (true, _) => "running",
        (false, Some(_)) => "damaged",
        (false, None) => "stopped",
    };
    // What containers do, the engine knows better than any record.
    let running = own.iter().filter(|container| container.is_running()).count();
    let state = match (own.len(), found.record.as_ref().map(|record| record.stack)) {
        (0, Some(StackKind::Docker)) if is_unknown => "unknown",
        (0, Some(StackKind::Docker)) => "stopped",
        (0, _) => state,
        (all, _) if running == all => "running",
        (_, _) if running == 0 => "stopped",
        _ => "degraded",
    };
    let pid = found.running().map(|server| server.process.pid);
    let stack = match &found.record {
        Some(record) => record.stack.to_string(),
        None if own.is_empty() => "embedded".to_owned(),
        None => "docker".to_owned(),
    };
    let folder = found.record.as_ref().map(|record| record.folder.display().to_string());
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let row = [
        name.to_owned(),
        stack.clone(),
        state.to_owned(),
        or_dash(pid.map(|pid| pid.to_string())),
        or_dash(endpoints.as_ref().map(|endpoints| endpoints.kafka.clone())),
        or_dash(endpoints.as_ref().map(|endpoints| endpoints.elasticsearch.clone())),
        or_dash(folder.clone()),
    ];
    let document = json!({
        "project": name, "stack": stack, "state": state, "pid": pid, "endpoints": endpoints, "folder": folder,
    });
    (row, document)
}

fn unreadable(name: &str, failure: &Failure) -> ([String; 7], Value) {
    let dash = || "-".to_owned();
    let row = [name.to_owned(), dash(), "unreadable".to_owned(), dash(), dash(), dash(), failure.message.clone()];
    (row, json!({"project": name, "state": "unreadable", "message": failure.message}))
}

/// Columns as wide as their widest cell.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
