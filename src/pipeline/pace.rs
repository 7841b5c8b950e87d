//! When a tick is due: so many a second, or as its timestamp says, faster. Pure: the clock is the caller's.

use std::time::Duration;

use jiff::Timestamp;

/// How fast ticks are sent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Pace {
    /// As fast as they are acknowledged.
    #[default]
    Unpaced,
    /// Ticks a second.
    Rate(f64),
    /// By their timestamps, so many times faster.
    Speed(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PaceError {
    #[error("a rate of {0} ticks a second: it has to be more than 0")]
    Rate(f64),
    #[error("a speed of {0}x: it has to be more than 0")]
    Speed(f64),
    #[error("a rate and a speed both: take one of them")]
    Both,
}

impl Pace {
    pub fn new(rate: Option<f64>, speed: Option<f64>) -> Result<Self, PaceError> {
        let works = |value: f64| value.is_finite() && value > 0.0;
        match (rate, speed) {
            (None, None) => Ok(Self::Unpaced),
            (Some(_), Some(_)) => Err(PaceError::Both),
            (Some(rate), None) if works(rate) => Ok(Self::Rate(rate)),
            (Some(rate), None) => Err(PaceError::Rate(rate)),
            (None, Some(speed)) if works(speed) => Ok(Self::Speed(speed)),
            (None, Some(speed)) => Err(PaceError::Speed(speed)),
        }
    }
}

/// A backlog longer than this is forgiven: after a stall the stream goes on at its rate, not in one burst.
const BACKLOG_MAX: Duration = Duration::from_secs(1);

/// Says of each tick how long to wait for it.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    /// Since the run's start: when the tick counted as number 0 was due.
    origin: Duration,
    sent: u64,
    first: Option<Timestamp>,
}

impl Pacer {
    pub fn new(pace: Pace) -> Self {
        Self { pace, origin: Duration::ZERO, sent: 0, first: None }
    }

    /// The next tick's due time, since the run's start; `now` is the time since the run's start.
    pub fn due(&mut self, timestamp: Timestamp, now: Duration) -> Duration {
        let offset = match self.pace {
            Pace::Unpaced => return now,
            #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are more than any run sends")]
            Pace::Rate(rate) => seconds(self.sent as f64 / rate),
            Pace::Speed(speed) => {
                let first = *self.first.get_or_insert(timestamp);
                // Ticks out of order are due at once.
                seconds(timestamp.duration_since(first).as_secs_f64() / speed)
            }
        };
        self.sent += 1;
        let due = self.origin.saturating_add(offset);
        let forgiven = now.saturating_sub(due).saturating_sub(BACKLOG_MAX);
        self.origin = self.origin.saturating_add(forgiven);
        due.saturating_add(forgiven)
    }

    /// A stream that begins anew (`--loop`) is timed from here on.
    pub fn restart(&mut self, now: Duration) {
        if matches!(self.pace, Pace::Speed(_)) {
            (self.origin, self.first) = (now, None);
        }
    }
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value.max(0.0)).unwrap_or(Duration::MAX / 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Sends with a clock that overshoots each wait; gives how long `count` ticks took.
    fn run(pacer: &mut Pacer, count: u32, overshoot: Duration) -> Duration {
        let mut now = Duration::ZERO;
        for _ in 0..count {
            let due = pacer.due(at(0), now);
            now = if due > now { due + overshoot } else { now };
        }
        now
    }

    #[test]
    fn a_rate_is_held_within_one_percent_though_each_wait_overshoots() {
        for rate in [1.0, 50.0, 1_000.0, 20_000.0] {
            let count = 20_000;
            let took = run(&mut Pacer::new(Pace::Rate(rate)), count + 1, Duration::from_micros(1_100)).as_secs_f64();
            let expected = f64::from(count) / rate;
            assert!((took - expected).abs() / expected < 0.01, "{rate}: {took} for {expected}");
        }
    }

    #[test]
    fn timestamps_are_followed_at_their_speed() {
        let mut pacer = Pacer::new(Pace::Speed(10.0));
        let due: Vec<u64> = [100, 110, 105, 200]
            .map(|second| u64::try_from(pacer.due(at(second), Duration::ZERO).as_millis()).unwrap())
            .to_vec();
        assert_eq!(due, [0, 1_000, 500, 10_000]);
    }

    #[test]
    fn a_stall_is_not_made_up_for_in_a_burst() {
        let mut pacer = Pacer::new(Pace::Rate(10.0));
        assert_eq!(pacer.due(at(0), Duration::ZERO), Duration::ZERO);
        let stalled = Duration::from_secs(100);
        let overdue = (0..1000).take_while(|_| pacer.due(at(0), stalled) <= stalled).count();
        assert!(overdue <= 11, "{overdue} ticks at once");
    }

    #[test]
    fn a_pace_has_to_be_positive_and_one() {
        assert_eq!(Pace::new(None, None), Ok(Pace::Unpaced));
        assert_eq!(Pace::new(Some(0.0), None), Err(PaceError::Rate(0.0)));
        assert_eq!(Pace::new(None, Some(-1.0)), Err(PaceError::Speed(-1.0)));
        assert!(Pace::new(None, Some(f64::INFINITY)).is_err());
        assert_eq!(Pace::new(Some(1.0), Some(1.0)), Err(PaceError::Both));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn due_times_of_a_rate_never_go_back(rate in 0.001f64..1e6, steps in proptest::collection::vec(0u64..3_000_000, 1..50)) {
            let mut pacer = Pacer::new(Pace::Rate(rate));
            let (mut now, mut before) = (Duration::ZERO, Duration::ZERO);
            for step in steps {
                now += Duration::from_micros(step);
                let due = pacer.due(at(0), now);
                prop_assert!(due >= before);
                before = due;
            }
        }
    }
}
