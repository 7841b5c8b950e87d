//! From the pipeline's counters to events of a phase.

use std::future::Future;
use std::time::Duration;

use super::context::Context;
use crate::pipeline::Progress;
use crate::report::Running;

/// How often counters are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// Waits for `work` and shows how far it is.
pub(super) async fn watch<T>(
    cx: &Context,
    running: &Running,
    progress: &Progress,
    unit: &'static str,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            _ = looks.tick() => {
                let seen = progress.snapshot();
                cx.report.progress_or_wait(running, seen.done, seen.total, unit, seen.note);
            }
        }
    }
}
