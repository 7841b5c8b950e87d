//! When ticks happen: evenly spaced within trading sessions, shaken by some microseconds.

use jiff::{
    ToSpan,
    civil::{Date, DateTime, Time, Weekday, time},
};
use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

use super::{Hours, SimulatorOptions};

const OPENING: Time = time(9, 15, 0, 0);
const CLOSING: Time = time(15, 30, 0, 0);
const SESSION_MICROS: i64 = (6 * 60 + 15) * 60 * 1_000_000;
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// When a tick happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) local: DateTime,
    /// Counts sessions, from 0.
    pub(super) session: u64,
    /// How much of the session is over, 0 to 1.
    pub(super) progress: f64,
}

#[derive(Debug)]
pub(super) struct Sessions {
    hours: Hours,
    /// Between two ticks.
    interval_micros: f64,
    random: ChaCha8Rng,
    /// Where this session's first tick is.
    first: Option<DateTime>,
    /// From there to the session's end.
    room_micros: i64,
    session: u64,
    /// Ticks of this session so far.
    made: f64,
}

impl Sessions {
    pub(super) fn new(options: &SimulatorOptions, random: ChaCha8Rng) -> Self {
        let first = match options.hours {
            Hours::Market => first_opening(options.start),
            Hours::AroundTheClock => Some(options.start),
        };
        let mut sessions = Self {
            hours: options.hours,
            interval_micros: 1_000_000.0 / options.rate,
            random,
            first: None,
            room_micros: 0,
            session: 0,
            made: 0.0,
        };
        sessions.begin(first);
        sessions
    }

    /// `None` at the end of the calendar.
    pub(super) fn next(&mut self) -> Option<Moment> {
        if micros(self.made * self.interval_micros) > self.room_micros {
            let next = self.first?.date().tomorrow().ok()?;
            let first = match self.hours {
                Hours::Market => trading_day(next).map(|day| day.to_datetime(OPENING)),
                Hours::AroundTheClock => Some(next.to_datetime(Time::midnight())),
            };
            self.session += 1;
            self.begin(first);
        }
        let first = self.first?;
        let even = micros(self.made * self.interval_micros);
        self.made += 1.0;
        let at = (even + self.shake()).min(self.room_micros);
        let local = first.checked_add(at.microseconds()).ok()?;
        Some(Moment { local, session: self.session, progress: self.progress(at) })
    }

    fn begin(&mut self, first: Option<DateTime>) {
        self.first = first;
        self.made = 0.0;
        self.room_micros = first.map_or(0, |first| {
            let since_midnight = micros_of_day(first.time());
            match self.hours {
                Hours::Market => micros_of_day(CLOSING) - since_midnight,
                Hours::AroundTheClock => DAY_MICROS - 1 - since_midnight,
            }
        });
    }

    /// Up to half an interval, so that order is kept; at most a second.
    fn shake(&mut self) -> i64 {
        let bound = micros(self.interval_micros / 2.0).clamp(1, 1_000_000);
        i64::try_from(self.random.next_u64() % bound.unsigned_abs()).unwrap_or_default()
    }

    fn progress(&self, at: i64) -> f64 {
        let length = match self.hours {
            Hours::Market => SESSION_MICROS,
            Hours::AroundTheClock => DAY_MICROS,
        };
        // Below 2^53: exact.
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a day are far below 2^53")]
        let ratio = (length - self.room_micros + at) as f64 / length as f64;
        ratio.clamp(0.0, 1.0)
    }
}

/// Whole microseconds; what is beyond a session counts as beyond it.
#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, which is beyond any session")]
fn micros(value: f64) -> i64 {
    value as i64
}

fn micros_of_day(time: Time) -> i64 {
    let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    seconds * 1_000_000 + i64::from(time.subsec_nanosecond()) / 1_000
}

/// The start itself when it is within a session, else the next opening.
fn first_opening(start: DateTime) -> Option<DateTime> {
    let is_trading = trading_day(start.date()) == Some(start.date());
    if is_trading && start.time() >= OPENING && start.time() < CLOSING {
        return Some(start);
    }
    let day = if is_trading && start.time() >= CLOSING { start.date().tomorrow().ok()? } else { start.date() };
    trading_day(day).map(|day| day.to_datetime(OPENING))
}

/// This day, or the Monday after it. Exchange holidays are not known.
fn trading_day(day: Date) -> Option<Date> {
    match day.weekday() {
        Weekday::Saturday => day.checked_add(2.days()).ok(),
        Weekday::Sunday => day.checked_add(1.day()).ok(),
        _ => Some(day),
    }
}
