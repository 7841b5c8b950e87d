//! What a failure leaves to look at: the service's last lines on the screen, its whole log in a file that `down` does not touch.

use std::time::Duration;

use futures_util::StreamExt;

use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::stack::docker::{Cause, Ended, Engine, LogRange, Remedy, Service, cause_of};
use crate::stack::{create_private_folder, replace_file};

/// Lines that are shown with the failure.
const LINES_SHOWN: usize = 20;
/// Lines of a log that are kept.
const LINES_KEPT: usize = 5_000;

/// A service whose container ended.
pub(super) async fn died(engine: &Engine, service: Service, id: &str, ended: Ended, cx: &Context) -> Failure {
    let lines = engine.last_lines(id, LINES_SHOWN).await;
    let limit = engine.inspect(id).await.ok().flatten().and_then(|container| container.memory_limit);
    let cause = cause_of(service, Some(ended), &lines, limit);
    let failure =
        Failure::new(ErrorId::ServiceDied, format!("{} ended with exit code {}", service.title(), ended.exit_code))
            .got(cause.meaning.clone());
    let failure = remedy(failure, &cause, service, cx);
    with_lines(failure, service, lines)
}

/// A service that runs and does not answer.
pub(super) async fn silent(engine: &Engine, service: Service, id: &str, reason: &str, waited: Duration) -> Failure {
    let lines = engine.last_lines(id, LINES_SHOWN).await;
    let cause = cause_of(service, None, &lines, None);
    let failure = Failure::new(
        ErrorId::Deadline,
        format!("{} did not become ready within {} s", service.title(), waited.as_secs()),
    )
    .tried("asked it until the deadline (--timeout)")
    .got(format!("{reason}\n{}", cause.meaning))
    .next("stockdev up --timeout 10m", "give it more time");
    with_lines(failure, service, lines)
}

fn remedy(failure: Failure, cause: &Cause, service: Service, cx: &Context) -> Failure {
    let flag = cx.project_flag();
    match cause.remedy {
        Remedy::MoreMemory if service == Service::Kibana => failure
            .next("stockdev doctor", "see how much memory the engine has")
            .next(format!("stockdev up{flag} --without kibana"), "do without Kibana"),
        Remedy::MoreMemory => failure
            .next("stockdev doctor", "see how much memory the engine has")
            .next(format!("stockdev up{flag} --stack embedded"), "the same protocols in a tenth of the memory"),
        Remedy::MoreDisk => {
            failure.next("docker system df", "see what takes the space").next("stockdev doctor", "see what is free")
        }
        Remedy::OtherImage => failure
            .next("stockdev doctor", "see the engine's architecture")
            .next(format!("stockdev up{flag} --{}-image IMAGE", service.name()), "name another image"),
        Remedy::OtherData => failure.next(format!("stockdev down{flag}"), "remove the kept data, then `up` again"),
        Remedy::ReadLog => failure,
    }
}

fn with_lines(mut failure: Failure, service: Service, lines: Vec<String>) -> Failure {
    failure.log_lines = lines.into_iter().map(|line| format!("{} | {line}", service.name())).collect();
    failure
}

/// Writes the logs of the project's containers to files, and names the failed one's in `failure`.
pub(super) async fn keep(engine: &Engine, failure: Failure, cx: &Context) -> Failure {
    let folder = cx.project().failed_logs;
    let Ok(containers) = engine.containers(Some(cx.global.project.as_ref())).await else { return failure };
    if containers.is_empty() || create_private_folder(&folder).is_err() {
        return failure;
    }
    let mut failure = failure;
    for container in containers {
        let Some(service) = container.service else { continue };
        let range = LogRange { tail: Some(LINES_KEPT), ..LogRange::default() };
        let lines: Vec<String> =
            engine.log_lines(&container.id, range).filter_map(|line| std::future::ready(line.ok())).collect().await;
        let path = folder.join(format!("{}.log", service.name()));
        let text = lines.join("\n") + "\n";
        let is_it = failure.log_lines.first().is_some_and(|line| line.starts_with(service.name()));
        if replace_file(&path, text.as_bytes()).is_ok() && is_it {
            failure = failure.log(path);
        }
    }
    failure
}
