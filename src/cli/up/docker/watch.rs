//! A container while the data comes: when it ends it is started again, a few times; the stream waits meanwhile and goes on.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::evidence;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::stack::docker::{Ended, Engine, Service, cause_of};

/// A service is started again this often in one run.
const RESTARTS_MAX: u32 = 3;

/// Ends only with a failure: when the container is gone for good.
pub(super) async fn keep_running(engine: &Engine, service: Service, id: String, cx: &Context) -> Failure {
    let mut restarts = 0;
    loop {
        let ended = match engine.ended(&id).await {
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
        if container.is_running() {
            continue;
        }
        restarts += 1;
        if restarts > RESTARTS_MAX {
            let failure = evidence::died(engine, service, &id, ended, cx).await;
            return evidence::keep(engine, failure, cx).await.left("the other containers run; the data is kept");
        }
        say(engine, service, &id, ended, container.memory_limit, restarts, cx).await;
        if let Err(error) = engine.start(&id).await {
            return failures::engine(&error);
        }
    }
}

/// The first of what ends only with a failure.
pub(super) async fn first(watched: impl Iterator<Item = impl Future<Output = Failure>>) -> Failure {
    let mut watched: FuturesUnordered<_> = watched.collect();
    match watched.next().await {
        Some(failure) => failure,
        None => std::future::pending().await,
    }
}

async fn say(
    engine: &Engine,
    service: Service,
    id: &str,
    ended: Ended,
    limit: Option<u64>,
    restarts: u32,
    cx: &Context,
) {
    let lines = engine.last_lines(id, 5).await;
    let cause = cause_of(service, Some(ended), &lines, limit);
    cx.report.note(&format!(
        "{} ended with exit code {}: {}; starting it again ({restarts} of {RESTARTS_MAX})",
        service.title(),
        ended.exit_code,
        cause.meaning
    ));
}
