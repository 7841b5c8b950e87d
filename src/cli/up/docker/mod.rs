//! `up` on the docker stack: what is here is adopted, what is missing is made, what fails leaves its log and nothing else.
//!
//! [`prepare`] looks and decides, and changes nothing; [`bring_up`] gets images, makes containers and waits until each service
//! answers as its protocol says; [`watch`] sees to them while the data comes.

mod args;
mod evidence;
mod fault;
mod phases;
mod prepare;
mod services;
mod watch;

use super::plan::Plan;
use super::{Started, UpArgs};
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::report::Phase;
use crate::stack::docker::{Container, Credentials, EngineError};
use crate::stack::{Endpoints, ProjectFolders, remove};

pub(in crate::cli) use args::DockerArgs;
pub(in crate::cli) use fault::fault;
pub(super) use prepare::{DockerPlan, Registry, prepare};
pub(super) use watch::watch;

/// Brings the containers up; tells where they answer, and whether all ran before.
pub(super) async fn bring_up(
    plan: &mut Plan,
    docker: &mut DockerPlan,
    args: &UpArgs,
    cx: &Context,
    started: &mut Started,
) -> Result<(Endpoints, bool), Failure> {
    started.engine = Some(docker.engine.clone());
    // The folder may be gone, and containers or volumes still be there: those are not this run's to remove.
    started.fresh &= !docker.existed();
    let credentials = credentials(docker, &plan.project)?;
    if let Some(credentials) = &credentials {
        cx.report.mask(credentials.password.expose());
    }
    if docker.is_running() {
        cx.report.skip(Phase::Pull, "nothing to pull");
        cx.report.skip(Phase::Start, &format!("already running: {}", names(&docker.found)));
        docker.say_kept(&args.docker, &plan.project, cx);
        let before = plan.record.clone();
        docker.record_into(&mut plan.record, false);
        if plan.found.record.is_none() || before != plan.record {
            save(plan)?;
        }
        return Ok((docker.spec.endpoints(), true));
    }
    // The intent first: whatever happens from here on, `down` finds it.
    docker.record_into(&mut plan.record, true);
    save(plan)?;
    started.server = true;
    let outcome = services::bring_up(docker, credentials.as_ref(), args, cx).await;
    if let Err(failure) = outcome {
        return Err(give_up(plan, docker, args, cx, failure, started).await);
    }
    docker.record_into(&mut plan.record, false);
    save(plan)?;
    if let Some(remote) = docker.engine.address.remote_host() {
        cx.report
            .note(&format!("the engine is on another machine: the services answer at {remote}, to whoever reaches it"));
    }
    Ok((docker.spec.endpoints(), false))
}

fn save(plan: &Plan) -> Result<(), Failure> {
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))
}

fn names(containers: &[Container]) -> String {
    containers.iter().map(|container| container.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The credentials of a secured stack: those there are, else new ones.
fn credentials(docker: &DockerPlan, project: &ProjectFolders) -> Result<Option<Credentials>, Failure> {
    if !docker.spec.secure {
        return Ok(None);
    }
    if let Some(credentials) = Credentials::load(project).map_err(|error| failures::credentials(&error))? {
        return Ok(Some(credentials));
    }
    if let Some(container) = docker.found.iter().find(|container| container.is_secure) {
        return Err(Failure::new(
            ErrorId::CredentialsLost,
            "the credentials of this stack are gone with its state folder",
        )
        .got(format!("container `{}` asks for them", container.name))
        .left("nothing was changed")
        .next("stockdev down", "remove the stack and its data, then `up` again"));
    }
    let credentials = Credentials::generate().map_err(|error| failures::credentials(&error))?;
    credentials.save(project).map_err(|error| failures::credentials(&error))?;
    Ok(Some(credentials))
}

/// What did not come up: its log is kept, and what this run made is removed, unless it is to be looked at.
async fn give_up(
    plan: &mut Plan,
    docker: &DockerPlan,
    args: &UpArgs,
    cx: &Context,
    failure: Failure,
    started: &Started,
) -> Failure {
    docker.engine.settle().await;
    let failure = evidence::keep(&docker.engine, failure, cx).await;
    if args.docker.keep_on_failure {
        docker.record_into(&mut plan.record, false);
        let saved = save(plan);
        let failure = failure
            .left("the containers are left to be looked at (--keep-on-failure)")
            .next(format!("stockdev down{}", cx.project_flag()), "remove them");
        return saved.err().unwrap_or(failure);
    }
    let project = cx.global.project.as_ref();
    let removed = match started.fresh {
        true => docker.engine.remove_project(Some(project), false).await.map(|_| "what this run started was removed"),
        false => remove_made(docker, project).await.map(|()| "what this run started was removed; the data is kept"),
    };
    match removed {
        Ok(left) => {
            if docker.found.is_empty() {
                plan.record.endpoints = None;
            }
            if let Some(record) = &mut plan.record.docker {
                record.changing = false;
            }
            // A project that did not exist before leaves no folder behind either.
            let tidied = if started.fresh {
                remove(&plan.project.root).map(drop).map_err(|error| failures::file(&error))
            } else {
                save(plan)
            };
            tidied.err().unwrap_or_else(|| failure.left(left))
        }
        Err(error) => failure
            .left(format!("could not clean up: {error}"))
            .next(format!("stockdev down{}", cx.project_flag()), "clean up"),
    }
}

/// Removes the containers that were not there before; volumes stay.
async fn remove_made(docker: &DockerPlan, project: &str) -> Result<(), EngineError> {
    let was_there = |container: &Container| docker.found.iter().any(|found| found.id == container.id);
    for container in docker.engine.containers(Some(project)).await? {
        if !was_there(&container) {
            docker.engine.remove(&container.id).await?;
        }
    }
    Ok(())
}
