//! Ctrl-C and SIGTERM: the first asks for an orderly end, a second one forces it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::context::Context;

/// Signals closer together than this count as one: some program launchers send each twice.
const SAME_PRESS: Duration = Duration::from_millis(100);

/// Whether this run was asked to stop.
#[derive(Debug, Default)]
pub(super) struct Stop {
    requested: CancellationToken,
    forced: CancellationToken,
    signal: AtomicU8,
}

/// What asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Interrupt,
    Terminate,
}

impl Stop {
    /// Starts to listen. Needs a runtime.
    pub(super) fn listen(&self, cx: Arc<Context>) -> std::io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            let mut first: Option<Instant> = None;
            loop {
                let asked = tokio::select! {
                    Some(()) = interrupt.recv() => Asked::Interrupt,
                    Some(()) = terminate.recv() => Asked::Terminate,
                    else => return,
                };
                match first {
                    None => {
                        first = Some(Instant::now());
                        cx.stop.request(asked);
                    }
                    Some(at) if at.elapsed() >= SAME_PRESS => cx.stop.forced.cancel(),
                    Some(_) => {}
                }
            }
        });
        Ok(())
    }

    fn request(&self, asked: Asked) {
        self.signal.store(if asked == Asked::Interrupt { 2 } else { 15 }, Ordering::SeqCst);
        self.requested.cancel();
    }

    /// Ends when this run was asked to stop.
    pub(super) async fn requested(&self) {
        self.requested.cancelled().await;
    }

    pub(super) fn is_requested(&self) -> bool {
        self.requested.is_cancelled()
    }

    /// A token for the pipeline.
    pub(super) fn token(&self) -> CancellationToken {
        self.requested.child_token()
    }

    /// Ends when it was asked a second time.
    pub(super) async fn forced(&self) {
        self.forced.cancelled().await;
    }

    pub(super) fn asked(&self) -> Option<Asked> {
        match self.signal.load(Ordering::SeqCst) {
            2 => Some(Asked::Interrupt),
            15 => Some(Asked::Terminate),
            _ => None,
        }
    }
}
