//! This machine: memory, disk, limits, clock, folders.

use std::time::SystemTime;

use jiff::Zoned;
use serde_json::json;

use super::check::{Check, Group};
use crate::cli::context::Context;
use crate::report::{bytes, count};
use crate::stack::StackKind;
use crate::stack::machine::{self, Disk, Memory};

const EMBEDDED: &[StackKind] = &[StackKind::Embedded];
const ALL: &[StackKind] = &[StackKind::Embedded, StackKind::Docker];
const FAILED: u8 = 1;
const TOO_LITTLE: u8 = 13;

const MEMORY_EMBEDDED: u64 = 150 << 20;
/// Room for the data, their index and its merges.
const DISK_COMFORTABLE: u64 = 1 << 30;
const DISK_LEAST: u64 = 100 << 20;
const MAP_COUNT: u64 = 262_144;
/// Sockets of clients, segments of the index, log files.
const OPEN_FILES: u64 = 1_024;

pub(super) fn checks(cx: &Context) -> Vec<Check> {
    [memory(), Some(disk(cx)), map_count(), Some(open_files()), Some(clock()), Some(folders(cx))]
        .into_iter()
        .flatten()
        .collect()
}

/// `None` where the system does not tell.
fn memory() -> Option<Check> {
    let memory = Memory::look()?;
    let found = format!("{} available of {}", bytes(memory.available), bytes(memory.total));
    let needed = format!("{} for the embedded stack", bytes(MEMORY_EMBEDDED));
    let check = Check::new(Group::Machine, "memory", found, needed)
        .field("total_bytes", json!(memory.total))
        .field("available_bytes", json!(memory.available));
    let too_little = memory.available < MEMORY_EMBEDDED;
    Some(if too_little { check.fix("close other programs").blocking(EMBEDDED, TOO_LITTLE) } else { check })
}

fn disk(cx: &Context) -> Check {
    let state = cx.project().root;
    let needed = format!("{} free where the data are", bytes(DISK_COMFORTABLE));
    let Some(disk) = Disk::of(&state) else {
        return Check::new(Group::Machine, "disk", format!("unknown at {}", state.display()), needed).advice();
    };
    let found = format!("{} of {} free at {}", bytes(disk.free), bytes(disk.total), disk.folder.display());
    let check = Check::new(Group::Machine, "disk", found, needed)
        .field("folder", json!(disk.folder))
        .field("free_bytes", json!(disk.free))
        .fix("make room, or put the state elsewhere: `export XDG_STATE_HOME=DIR`");
    match disk.free {
        0..DISK_LEAST => check.blocking(EMBEDDED, TOO_LITTLE),
        DISK_LEAST..DISK_COMFORTABLE => check.advice(),
        _ => check.without_fix(),
    }
}

fn map_count() -> Option<Check> {
    let have = machine::max_map_count()?;
    let needed = format!("{} or more for Elasticsearch in a container", count(MAP_COUNT));
    let check = Check::new(Group::Machine, "map-count", format!("vm.max_map_count is {}", count(have)), needed);
    Some(if have < MAP_COUNT {
        check
            .fix(format!("sudo sysctl -w vm.max_map_count={MAP_COUNT}   (a single node runs without, slower)"))
            .advice()
    } else {
        check
    })
}

fn open_files() -> Check {
    let (now, most) = machine::open_files();
    let text = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), count);
    let found = format!("{} a process, at most {}", text(now), text(most));
    let check = Check::new(Group::Machine, "open-files", found, format!("{} or more", count(OPEN_FILES)));
    if now.is_some_and(|now| now < OPEN_FILES) { check.fix("ulimit -n 4096").advice() } else { check }
}

fn clock() -> Check {
    let now = Zoned::now();
    let zone = now.time_zone().iana_name().unwrap_or("no name");
    let found = format!("{}, UTC{} ({zone})", now.strftime("%Y-%m-%d %H:%M:%S"), now.strftime("%:z"));
    let needed = "a clock that is right: the sample is shifted to end now";
    let check = Check::new(Group::Machine, "time", found, needed)
        .field("zone", json!(now.time_zone().iana_name()))
        .field("utc_offset_seconds", json!(now.offset().seconds()));
    if machine::clock_is_behind(SystemTime::now()) {
        check.detail("the clock stands before this program was installed").fix("set the clock").advice()
    } else {
        check
    }
}

fn folders(cx: &Context) -> Check {
    let folders = [&cx.folders.state, &cx.folders.runtime];
    let shut: Vec<String> = folders
        .into_iter()
        .filter(|folder| !machine::is_writable(folder))
        .map(|folder| folder.display().to_string())
        .collect();
    let needed = "the folders of state and locks can be written";
    if shut.is_empty() {
        let found = folders.map(|folder| folder.display().to_string()).join(", ");
        return Check::new(Group::Machine, "folders", found, needed);
    }
    Check::new(Group::Machine, "folders", format!("not writable: {}", shut.join(", ")), needed)
        .fix("export XDG_STATE_HOME=DIR XDG_RUNTIME_DIR=DIR")
        .blocking(ALL, FAILED)
}
