//! The ports that `up` would take, and who holds those that are taken.

use serde_json::{Value, json};

use super::Engine;
use super::check::{Check, Group};
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::stack::{PortPlan, Record, StackKind, listening_holder, machine};

const PORT_TAKEN: u8 = 11;

/// Checks the ports of the five services: those asked for, else those that the project remembers, else the defaults.
pub(super) fn checks(base: Option<u16>, engine: &Engine, cx: &Context) -> Result<Vec<Check>, Failure> {
    let record = Record::load(&cx.project()).ok().flatten();
    let plan = PortPlan::choose(base, false, record.as_ref().map(|record| &record.ports))
        .ok_or_else(|| Failure::new(ErrorId::Usage, "the ports after --port-base go beyond 65535"))?;
    // Where the engine is elsewhere, so are the ports of its containers.
    let both: &[StackKind] = match engine.remote_host() {
        Some(_) => &[StackKind::Embedded],
        None => &[StackKind::Embedded, StackKind::Docker],
    };
    let wanted = [
        ("kafka", plan.ports.kafka, both),
        ("elasticsearch", plan.ports.elasticsearch, both),
        ("kibana", plan.ports.kibana, both),
        ("gcs", plan.ports.gcs, &[StackKind::Embedded]),
        ("bigquery", plan.ports.bigquery, &[StackKind::Embedded]),
    ];
    Ok(wanted.into_iter().map(|(service, port, stacks)| check(service, port, stacks, engine, cx)).collect())
}

fn check(service: &str, port: u16, stacks: &'static [StackKind], engine: &Engine, cx: &Context) -> Check {
    let needed = format!("{port} free on 127.0.0.1 and ::1, for {service}");
    let id = format!("port-{service}");
    let Err(error) = machine::port_is_free(port) else {
        return Check::new(Group::Ports, id, format!("{port} is free"), needed).field("port", json!(port));
    };
    if error.kind() != std::io::ErrorKind::AddrInUse {
        let check = Check::new(Group::Ports, id, format!("{port} can't be listened on: {error}"), needed);
        return blocking(check.field("port", json!(port)).fix("stockdev up --port-base 9300"), stacks, 1);
    }
    let holder = Holder::of(port, engine, cx);
    let check = Check::new(Group::Ports, id, format!("{port} is taken by {}", holder.text), needed)
        .field("port", json!(port))
        .field("holder", holder.document);
    if holder.is_this_project {
        return check;
    }
    blocking(check.fix(format!("{}, or stockdev up --ports auto", holder.free)), stacks, PORT_TAKEN)
}

/// What no stack needs is only told.
fn blocking(check: Check, stacks: &'static [StackKind], code: u8) -> Check {
    if stacks.is_empty() { check.advice() } else { check.blocking(stacks, code) }
}

struct Holder {
    text: String,
    /// The command that frees the port.
    free: String,
    is_this_project: bool,
    document: Value,
}

impl Holder {
    /// A container first: the process that listens for it is the engine's, and nothing to kill.
    fn of(port: u16, engine: &Engine, cx: &Context) -> Self {
        let containers = engine.answers().map(|survey| survey.containers.as_slice()).unwrap_or_default();
        let publishes = |ports: &[u16]| ports.contains(&port) && engine.remote_host().is_none();
        if let Some(container) = containers.iter().find(|container| publishes(&container.published_ports)) {
            let document = json!({"container": container.name, "project": container.project});
            return match &container.project {
                Some(project) => Self::of_project(project, format!("container `{}`", container.name), document, cx),
                None => Self {
                    text: format!("container `{}`", container.name),
                    free: format!("docker stop {}", container.name),
                    is_this_project: false,
                    document,
                },
            };
        }
        let Some(process) = listening_holder(port, &cx.folders) else {
            return Self {
                text: "a process that this user may not see".to_owned(),
                free: format!("ss -ltnp 'sport = :{port}' shows it to root"),
                is_this_project: false,
                document: Value::Null,
            };
        };
        let document = json!({"pid": process.pid, "command": process.command, "project": process.project});
        match &process.project {
            Some(project) => Self::of_project(project, format!("pid {}", process.pid), document, cx),
            None => Self {
                text: format!("pid {} \"{}\"", process.pid, process.command),
                free: format!("kill {}", process.pid),
                is_this_project: false,
                document,
            },
        }
    }

    fn of_project(project: &str, who: String, document: Value, cx: &Context) -> Self {
        Self {
            text: format!("project `{project}` ({who})"),
            free: format!("stockdev down --project {project}"),
            is_this_project: project == cx.global.project.as_ref(),
            document,
        }
    }
}
