//! `up` on the docker stack: what is here is adopted, what is missing is made, what fails leaves its log and nothing else.
//!
//! [`prepare`] looks and decides, and changes nothing. [`Containers`] gets images, makes containers, asks each service until it
//! answers as its protocol says, and sees to them while the data comes: that comes as soon as the services that it needs answer.

mod args;
mod evidence;
mod fault;
mod phases;
mod prepare;
mod services;
mod watch;

use super::answers::Answers;
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
use phases::Board;
pub(super) use prepare::{DockerPlan, Registry, prepare};
use watch::{first, keep_running};

/// The containers of a stack, from what was found to what runs.
#[derive(Debug)]
pub(super) struct Containers {
    docker: DockerPlan,
    credentials: Option<Credentials>,
    board: Board,
    was_running: bool,
}

impl Containers {
    /// Adopts what runs, or records what is to be made before anything is.
    pub(super) fn intend(
        plan: &mut Plan,
        docker: DockerPlan,
        args: &UpArgs,
        cx: &Context,
        started: &mut Started,
    ) -> Result<Self, Failure> {
        started.engine = Some(docker.engine.clone());
        // The folder may be gone, and containers or volumes still be there: those are not this run's to remove.
        started.fresh &= !docker.existed();
        let credentials = credentials(&docker, &plan.project)?;
        if let Some(credentials) = &credentials {
            cx.report.mask(credentials.password.expose());
        }
        let was_running = docker.is_running();
        if was_running {
            cx.report.skip(Phase::Pull, "nothing to pull");
            cx.report.skip(Phase::Start, &format!("already running: {}", names(&docker.found)));
            docker.say_kept(&args.docker, cx);
        }
        let before = plan.record.clone();
        docker.record_into(&mut plan.record, docker.spec.ports, !was_running);
        // Whatever happens from here on, `down` finds it.
        if !was_running || plan.found.record.is_none() || before != plan.record {
            save(plan)?;
        }
        started.server |= !was_running;
        let board = Board::new(&docker.spec.services, &docker.to_pull);
        Ok(Self { docker, credentials, board, was_running })
    }

    /// Where the services are to answer.
    pub(super) fn endpoints(&self) -> Endpoints {
        self.docker.spec.endpoints()
    }

    /// All of them ran before.
    pub(super) fn was_running(&self) -> bool {
        self.was_running
    }

    /// Something of the project was there before this run.
    pub(super) fn existed(&self) -> bool {
        self.docker.existed()
    }

    /// Brings them up and sees to them for as long as the run lasts; ends only with a failure. `answers` hears of each service.
    pub(super) async fn keep_up(&self, answers: &Answers, args: &UpArgs, cx: &Context) -> Failure {
        if !self.was_running {
            return services::keep_up(&self.docker, self.credentials.as_ref(), &self.board, answers, args, cx).await;
        }
        let found = self.docker.found.iter().filter_map(|container| Some((container.service?, container.id.clone())));
        let ours = found.filter(|(service, _)| self.docker.spec.services.contains(service));
        first(ours.map(|(service, id)| keep_running(&self.docker.engine, service, id, cx))).await
    }

    /// All of them answer: records where.
    pub(super) fn settle(&self, plan: &mut Plan, cx: &Context) -> Result<(), Failure> {
        if self.was_running {
            return Ok(());
        }
        self.docker.record_into(&mut plan.record, self.board.ports(self.docker.spec.ports), false);
        save(plan)?;
        if let Some(remote) = self.docker.engine.address.remote_host() {
            cx.report.note(&format!(
                "the engine is on another machine: the services answer at {remote}, to whoever reaches it"
            ));
        }
        Ok(())
    }

    /// What did not come up: its log is kept, and what this run made is removed, unless it is to be looked at.
    pub(super) async fn give_up(
        &self,
        plan: &mut Plan,
        args: &UpArgs,
        cx: &Context,
        failure: Failure,
        started: &Started,
    ) -> Failure {
        let docker = &self.docker;
        docker.engine.settle().await;
        if self.was_running || self.board.is_whole() {
            return failure;
        }
        let failure = evidence::keep(&docker.engine, failure, cx).await;
        if args.docker.keep_on_failure {
            docker.record_into(&mut plan.record, self.board.ports(docker.spec.ports), false);
            let saved = save(plan);
            let failure = failure
                .left("the containers are left to be looked at (--keep-on-failure)")
                .next(format!("stockdev down{}", cx.project_flag()), "remove them");
            return saved.err().unwrap_or(failure);
        }
        let project = cx.global.project.as_ref();
        let removed = match started.fresh {
            true => {
                docker.engine.remove_project(Some(project), false).await.map(|_| "what this run started was removed")
            }
            false => remove_made(docker, project).await.map(|()| "what this run started was removed; the data is kept"),
        };
        match removed {
            Ok(left) => {
                let again = format!("stockdev up{} --keep-on-failure", cx.project_flag());
                let is_a_container = matches!(failure.id, ErrorId::ServiceDied | ErrorId::Deadline);
                let failure = match is_a_container {
                    true => failure.next(again, "leave the containers to be looked at"),
                    false => failure,
                };
                forget(plan, docker, started).err().unwrap_or_else(|| failure.left(left))
            }
            Err(error) => failure
                .left(format!("could not clean up: {error}"))
                .next(format!("stockdev down{}", cx.project_flag()), "clean up"),
        }
    }
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

/// Nothing runs of what was recorded as under way.
fn forget(plan: &mut Plan, docker: &DockerPlan, started: &Started) -> Result<(), Failure> {
    if docker.found.is_empty() {
        plan.record.endpoints = None;
    }
    if let Some(record) = &mut plan.record.docker {
        record.changing = false;
    }
    // A project that did not exist before leaves no folder behind either.
    match started.fresh {
        true => remove(&plan.project.root).map(drop).map_err(|error| failures::file(&error)),
        false => save(plan),
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
