//! The container engine: where it is, what it is, and whether it has what the docker stack takes.

use serde_json::json;

use super::Engine;
use super::check::{Check, Group};
use crate::report::bytes;
use crate::stack::StackKind;
use crate::stack::docker::{self, EngineSurvey, RemoteHost, Service};
use crate::stack::machine::{self, Disk, Memory};

const DOCKER: &[StackKind] = &[StackKind::Docker];
const NO_ENGINE: u8 = 10;
const TOO_LITTLE: u8 = 13;

/// The watermarks that the docker stack sets at Elasticsearch, as free space. Elasticsearch's own defaults, 85 to 95 % of
/// the disk, stop many a laptop that has room enough.
const DISK_LOW: u64 = 1 << 30;
const DISK_FLOOD: u64 = 250 << 20;
/// More than clocks drift apart by themselves: a virtual machine that slept.
const CLOCKS_APART_SECONDS: i64 = 5;

pub(super) fn checks(engine: &Engine) -> Vec<Check> {
    let mut checks = vec![found(engine)];
    if let Some(survey) = engine.answers() {
        checks.extend([images(survey), architecture(survey), memory(engine, survey), disk(engine, survey)]);
        checks.extend(clock(survey));
    }
    checks
}

fn found(engine: &Engine) -> Check {
    let needed = "an engine that answers, for the docker stack";
    let check = match (&engine.search.found, &engine.survey) {
        (Some(address), Some(Ok(survey))) => {
            let rootless = if survey.rootless { ", rootless" } else { "" };
            let text = format!(
                "{} {}, API {}{rootless}, at {} ({})",
                survey.product, survey.version, survey.api_version, address.address, address.source
            );
            let check = Check::new(Group::Engine, "engine", text, needed).field(
                "engine",
                json!({
                    "address": address.address, "source": address.source.to_string(), "product": survey.product,
                    "version": survey.version, "api_version": survey.api_version, "rootless": survey.rootless,
                }),
            );
            match RemoteHost::of(address) {
                Some(host) => check.detail(format!("it is on another machine: its ports are reached at {host}")),
                None => check,
            }
        }
        (Some(address), survey) => {
            let why = match survey {
                Some(Err(error)) => error.to_string(),
                Some(Ok(_)) | None => "it was not asked".to_owned(),
            };
            Check::new(Group::Engine, "engine", format!("{} answers, but not this: {why}", address.address), needed)
                .fix("`docker info` says more; or use `--stack embedded`")
                .blocking(DOCKER, NO_ENGINE)
        }
        (None, _) => Check::new(Group::Engine, "engine", "none answers", needed)
            .fix("install or start Docker or Podman, or set `DOCKER_HOST`; `--stack embedded` needs none")
            .blocking(DOCKER, NO_ENGINE),
    };
    let tried: Vec<_> = engine
        .search
        .tried
        .iter()
        .map(
            |tried| json!({"address": tried.address, "source": tried.source.to_string(), "why": tried.why.to_string()}),
        )
        .collect();
    let check = check.field("tried", json!(tried));
    engine
        .search
        .tried
        .iter()
        .fold(check, |check, tried| check.detail(format!("{} ({}): {}", tried.address, tried.source, tried.why)))
}

fn images(survey: &EngineSurvey) -> Check {
    let wanted = super::images();
    let missing: Vec<_> = wanted.iter().filter(|(_, image)| !survey.images.contains(image)).collect();
    let names =
        |images: &[&(Service, String)]| images.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
    let needed = "those of Kafka, Elasticsearch and Kibana; `up` pulls what is missing";
    let check = if missing.is_empty() {
        Check::new(Group::Engine, "images", names(&wanted.iter().collect::<Vec<_>>()), needed)
    } else {
        let pulls: Vec<String> = missing.iter().map(|(_, image)| format!("docker pull {image}")).collect();
        let only_kibana = missing.iter().all(|(service, _)| *service == Service::Kibana);
        let without = if only_kibana { "; or `up --without kibana`" } else { "" };
        let found = format!("{} of {} present, missing: {}", survey.images.len(), wanted.len(), names(&missing));
        Check::new(Group::Engine, "images", found, needed).fix(format!("{}{without}", pulls.join(" && "))).advice()
    };
    check
        .field("present", json!(survey.images))
        .field("missing", json!(missing.iter().map(|(_, name)| name).collect::<Vec<_>>()))
}

fn architecture(survey: &EngineSurvey) -> Check {
    let here = machine::architecture();
    let there = survey.architecture.as_deref().map(machine::image_architecture);
    let found = format!("machine {here}, engine {}", there.unwrap_or("unknown"));
    let check = Check::new(Group::Engine, "architecture", found, "amd64 or arm64: the images exist for these");
    match there {
        Some("amd64" | "arm64") | None => check,
        Some(_) => check.fix("use `--stack embedded`").blocking(DOCKER, 1),
    }
}

fn memory(engine: &Engine, survey: &EngineSurvey) -> Check {
    let least_of_all = docker::needed(&[Service::Kafka, Service::Elasticsearch]);
    let with_kibana = docker::needed(&Service::ALL);
    let needed = format!("{}, with Kibana {}", bytes(least_of_all), bytes(with_kibana));
    let Some(total) = survey.memory_bytes else {
        return Check::new(Group::Engine, "engine-memory", "the engine does not say", needed);
    };
    let available = if engine.is_this_machine() { Memory::look().map(|memory| memory.available) } else { None };
    let now = available.map(|available| format!(", {} available now", bytes(available))).unwrap_or_default();
    let check = Check::new(Group::Engine, "engine-memory", format!("{}{now}", bytes(total)), needed)
        .field("total_bytes", json!(total))
        .field("available_bytes", json!(available));
    let give = if engine.is_this_machine() {
        "close other programs, or use `--stack embedded`"
    } else {
        "give the engine's machine more (Docker Desktop: Settings, Resources; `colima start --memory 4`)"
    };
    let least = available.unwrap_or(total).min(total);
    if total < least_of_all {
        check.fix(give).blocking(DOCKER, TOO_LITTLE)
    } else if least < least_of_all {
        check.fix(give).advice()
    } else if least < with_kibana {
        check.fix(format!("`up --without kibana`; or {give}")).advice()
    } else {
        check
    }
}

fn disk(engine: &Engine, survey: &EngineSurvey) -> Check {
    let needed = format!(
        "{} free (Elasticsearch's low watermark in the docker stack); below {} it stops all writes",
        bytes(DISK_LOW),
        bytes(DISK_FLOOD)
    );
    let folder = survey.data_folder.as_deref().unwrap_or_default();
    let disk = if engine.is_this_machine() { Disk::of(folder.as_ref()) } else { None };
    let Some(disk) = disk else {
        let found = "inside the engine's own machine, not seen from here";
        return Check::new(Group::Engine, "engine-disk", found, needed).field("folder", json!(folder));
    };
    let found = format!("{} of {} free below {folder}", bytes(disk.free), bytes(disk.total));
    let check = Check::new(Group::Engine, "engine-disk", found, needed)
        .field("folder", json!(folder))
        .field("free_bytes", json!(disk.free));
    let fix = "`docker system df` shows what takes it; remove what you no longer need";
    if disk.free < DISK_LOW { check.fix(fix).blocking(DOCKER, TOO_LITTLE) } else { check }
}

/// `None` when the engine does not say its time.
fn clock(survey: &EngineSurvey) -> Option<Check> {
    let there: jiff::Timestamp = survey.time.as_deref()?.parse().ok()?;
    let apart = jiff::Timestamp::now().as_second().saturating_sub(there.as_second());
    let needed = "the same time as this machine, within 5 s";
    if apart.abs() <= CLOCKS_APART_SECONDS {
        return Some(Check::new(Group::Engine, "engine-clock", "agrees with this machine's", needed));
    }
    let way = if apart > 0 { "behind" } else { "ahead" };
    let check = Check::new(Group::Engine, "engine-clock", format!("{} s {way}", apart.abs()), needed);
    Some(check.fix("restart the engine's machine: its clock stopped while this one slept").advice())
}
