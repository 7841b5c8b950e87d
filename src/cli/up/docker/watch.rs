//! The containers while the data comes: one that ends is started again, a few times; the stream waits meanwhile and goes on.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::evidence;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::stack::docker::{Ended, Engine, EngineError, Service, cause_of};

/// A service is started again this often in one run.
const RESTARTS_MAX: u32 = 3;

/// Ends only with a failure: when a container is gone for good.
pub(in crate::cli::up) async fn watch(engine: Engine, services: &[Service], cx: &Context) -> Failure {
    let containers = match engine.containers(Some(cx.global.project.as_ref())).await {
        Ok(containers) => containers,
        Err(error) => return failures::engine(&error),
    };
    let watched = containers.into_iter().filter_map(|container| Some((container.service?, container.id)));
    let mut ends: FuturesUnordered<_> = watched
        .filter(|(service, _)| services.contains(service))
        .map(|(service, id)| ended(&engine, service, id))
        .collect();
    let mut restarts: BTreeMap<Service, u32> = BTreeMap::new();
    while let Some((service, id, outcome)) = ends.next().await {
        let ended_how = match outcome {
            Ok(ended) => ended,
            Err(error) => return failures::engine(&error),
        };
        let there = match engine.inspect(&id).await {
            Ok(there) => there,
            Err(error) => return failures::engine(&error),
        };
        let Some(container) = there else {
            return Failure::new(ErrorId::ServiceDied, format!("the container of {} was removed", service.title()))
                .left("the other containers run; the data is kept")
                .next(format!("stockdev up{}", cx.project_flag()), "make it anew and go on");
        };
        // Somebody else may have started it again already.
        if !container.is_running() {
            let tries = restarts.entry(service).or_default();
            *tries += 1;
            if *tries > RESTARTS_MAX {
                let failure = evidence::died(&engine, service, &id, ended_how, cx).await;
                return evidence::keep(&engine, failure, cx).await.left("the other containers run; the data is kept");
            }
            let lines = engine.last_lines(&id, 5).await;
            let cause = cause_of(service, Some(ended_how), &lines, container.memory_limit);
            cx.report.note(&format!(
                "{} ended with exit code {}: {}; starting it again ({tries} of {RESTARTS_MAX})",
                service.title(),
                ended_how.exit_code,
                cause.meaning
            ));
            if let Err(error) = engine.start(&id).await {
                return failures::engine(&error);
            }
        }
        ends.push(ended(&engine, service, id));
    }
    std::future::pending().await
}

async fn ended(engine: &Engine, service: Service, id: String) -> (Service, String, Result<Ended, EngineError>) {
    let outcome = engine.ended(&id).await;
    (service, id, outcome)
}
