//! What can be wrong with a time, an interval or a shift; each variant carries the text it is about.

/// Why a text is no time, interval, duration or shift.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    #[error("`{0}` is no time: write `now-15m`, `now/d`, or a date such as `2024-03-01T09:15:00Z`")]
    Date(String),
    #[error("`{text}` cannot be read from `{rest}` on: write `+1h`, `-7d` or `/d`, with a unit of `ms s m h d w M y`")]
    DateMath { text: String, rest: String },
    #[error("`{0}` is outside the years that can be computed with")]
    OutOfRange(String),
    #[error("`{0}` is no interval: write `auto`, or a number and a unit such as `30s`, `5m`, `1h`, `1d`")]
    Interval(String),
    #[error("`{0}` is no interval: weeks, months, quarters and years come one at a time (`1w`, `1M`, `1q`, `1y`)")]
    SeveralCalendarUnits(String),
    #[error("`{0}` is no duration: write a number and a unit of `s m h d w M y`, such as `15m`")]
    Duration(String),
    #[error("`{0}` is no time shift: write `1d`, `previous`, `startAt(<date>)` or `endAt(<date>)`")]
    Shift(String),
    #[error("the date of `{0}` lies after the time range")]
    ShiftAfterRange(String),
}
