//! The renderer for pipes and logs: whole lines, no escape, no carriage return.
//!
//! One line when a phase starts, one when it ends, and between them a heartbeat at most every ten seconds. When a phase
//! begins to wait for something it is said at once, and then with the heartbeats.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::event::{Event, Phase, PhaseState};
use super::numbers::{count, seconds};

const HEARTBEAT: Duration = Duration::from_secs(10);

/// Turns events into lines; writes nothing itself.
#[derive(Debug, Default)]
pub(super) struct Lines {
    last_line: BTreeMap<Phase, Instant>,
    /// When it was last said what a phase waits for.
    last_wait: BTreeMap<Phase, Instant>,
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
                let is_due = |last: Instant| now.duration_since(last) >= HEARTBEAT;
                // A wait that begins does not wait for its line; one that comes and goes gets no more than the others.
                let begins = event.message.is_some() && self.last_wait.get(&event.phase).copied().is_none_or(is_due);
                if !is_due(last) && !begins {
                    return None;
                }
                self.last_line.insert(event.phase, now);
                let text = format!("{name:<9} ... {} after {time}", amount(event));
                if event.message.is_none() {
                    return Some(text);
                }
                self.last_wait.insert(event.phase, now);
                Some(format!("{text}, {message}"))
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
    fn a_wait_is_said_when_it_begins_and_every_ten_seconds() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        let mut seen = vec![lines.line(&event(PhaseState::Started, 0, 0, ""), start)];
        for second in 1..=30u64 {
            let waiting =
                if (3..=14).contains(&second) { format!("waiting for Kafka, {} s", second - 3) } else { String::new() };
            let event = event(PhaseState::Progress, second.min(3) * 10, second * 1000, &waiting);
            seen.push(lines.line(&event, start + Duration::from_secs(second)));
        }
        // One that comes and goes within a second is not told again and again.
        for tenth in 301..=305 {
            let waiting = if tenth % 2 == 0 { "" } else { "waiting for Kafka, 1 s" };
            let event = event(PhaseState::Progress, 30, tenth * 100, waiting);
            seen.push(lines.line(&event, start + Duration::from_millis(tenth * 100)));
        }
        let seen: Vec<String> = seen.into_iter().flatten().collect();
        assert_eq!(
            seen,
            [
                "stream    ...",
                "stream    ... 30 of 2,000 ticks (1 %) after 3.00 s, waiting for Kafka, 0 s",
                "stream    ... 30 of 2,000 ticks (1 %) after 13.00 s, waiting for Kafka, 10 s",
                "stream    ... 30 of 2,000 ticks (1 %) after 23.00 s",
                "stream    ... 30 of 2,000 ticks (1 %) after 30.10 s, waiting for Kafka, 1 s",
            ]
        );
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
