//! The renderer for pipes and logs: whole lines, no escape, no carriage return.
//!
//! One line when a phase starts, one when it ends, and between them a heartbeat at most every ten seconds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::event::{Event, Phase, PhaseState};
use super::numbers::{count, seconds};

const HEARTBEAT: Duration = Duration::from_secs(10);

/// Turns events into lines; writes nothing itself.
#[derive(Debug, Default)]
pub(super) struct Lines {
    last_line: BTreeMap<Phase, Instant>,
}

impl Lines {
    /// The line that `event` is worth at the time `now`, if any.
    pub(super) fn line(&mut self, event: &Event, now: Instant) -> Option<String> {
        let name = event.phase.name();
        let message = event.message.as_deref().unwrap_or("");
        let time = seconds(Duration::from_millis(event.elapsed_ms));
        match event.state {
            PhaseState::Started => {
                self.last_line.insert(event.phase, now);
                Some(join(name, "...", message))
            }
            PhaseState::Progress => {
                let last = self.last_line.get(&event.phase).copied()?;
                if now.duration_since(last) < HEARTBEAT {
                    return None;
                }
                self.last_line.insert(event.phase, now);
                Some(format!("{name:<9} ... {} after {time}", amount(event)))
            }
            PhaseState::Finished if message.is_empty() => Some(format!("{name:<9} done in {time}")),
            PhaseState::Finished => Some(format!("{name:<9} done in {time}: {message}")),
            PhaseState::Skipped => Some(join(name, "skipped:", message)),
            PhaseState::Failed => Some(format!("{name:<9} failed after {time}")),
        }
    }
}

fn join(name: &str, word: &str, message: &str) -> String {
    format!("{name:<9} {word} {message}").trim_end().to_owned()
}

/// How far a phase is: `1,200 of 2,000 ticks (60 %)`.
pub(super) fn amount(event: &Event) -> String {
    let unit = event.unit.unwrap_or("");
    let done = event.done.unwrap_or(0);
    let text = match event.total {
        Some(total) if total > 0 => {
            let percent = u128::from(done) * 100 / u128::from(total);
            format!("{} of {} {unit} ({percent} %)", count(done), count(total))
        }
        _ => format!("{} {unit}", count(done)),
    };
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(state: PhaseState, done: u64, elapsed_ms: u64, message: &str) -> Event {
        Event {
            phase: Phase::Stream,
            state,
            done: Some(done),
            total: Some(2000),
            unit: Some("ticks"),
            elapsed_ms,
            message: (!message.is_empty()).then(|| message.to_owned()),
        }
    }

    #[test]
    fn a_phase_is_a_start_line_an_end_line_and_heartbeats_ten_seconds_apart() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut seen = vec![lines.line(&event(PhaseState::Started, 0, 0, "sample"), at(0))];
        for second in 1..=21 {
            seen.push(lines.line(&event(PhaseState::Progress, second * 10, second * 1000, ""), at(second)));
        }
        seen.push(lines.line(&event(PhaseState::Finished, 2000, 21_500, "2,000 ticks"), at(22)));
        let seen: Vec<String> = seen.into_iter().flatten().collect();
        assert_eq!(
            seen,
            [
                "stream    ... sample",
                "stream    ... 100 of 2,000 ticks (5 %) after 10.00 s",
                "stream    ... 200 of 2,000 ticks (10 %) after 20.00 s",
                "stream    done in 21.50 s: 2,000 ticks",
            ]
        );
        assert!(seen.iter().all(|line| !line.contains(['\u{1b}', '\r'])));
    }

    #[test]
    fn skipped_and_failed_say_so() {
        let mut lines = Lines::default();
        let now = Instant::now();
        assert_eq!(
            lines.line(&event(PhaseState::Skipped, 0, 0, "in place"), now).as_deref(),
            Some("stream    skipped: in place")
        );
        assert_eq!(
            lines.line(&event(PhaseState::Failed, 0, 5, ""), now).as_deref(),
            Some("stream    failed after 5 ms")
        );
    }
}
