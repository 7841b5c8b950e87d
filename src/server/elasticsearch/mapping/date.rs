//! Date formats with Elasticsearch's meaning: named ones (`strict_date_optional_time`, `epoch_millis`, ...), patterns of Java's
//! `DateTimeFormatter`, and several of them joined by `||`.
//!
//! Three uses: a document's value to an instant, a query's value to an instant with its missing parts filled low or high, and an
//! instant to text. Years go beyond four digits, so the calendar is computed here; jiff answers only what a zone's offset is.

mod calendar;
mod error;
mod named;
mod pattern;

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use self::calendar::{Civil, NANOS_PER_MILLI, NANOS_PER_SECOND};
pub(crate) use self::error::DateError;
use self::pattern::{Item, Parsed};

/// The format of a date field that declares none.
pub(crate) const DEFAULT_FORMAT: &str = "strict_date_optional_time||epoch_millis";

/// A point in time: seconds since 1970 (floored) and the nanoseconds behind them (0 to 999,999,999).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

impl Instant {
    pub(crate) fn from_millis(millis: i64) -> Self {
        let nanos = u32::try_from(millis.rem_euclid(1000)).unwrap_or(0) * NANOS_PER_MILLI;
        Self { seconds: millis.div_euclid(1000), nanos }
    }

    pub(crate) fn from_nanos(nanos: i64) -> Self {
        let rest = u32::try_from(nanos.rem_euclid(i64::from(NANOS_PER_SECOND))).unwrap_or(0);
        Self { seconds: nanos.div_euclid(i64::from(NANOS_PER_SECOND)), nanos: rest }
    }

    /// Milliseconds since 1970, the rest cut off; `None` beyond 64 bits.
    pub(crate) fn millis(self) -> Option<i64> {
        self.seconds.checked_mul(1000)?.checked_add(i64::from(self.nanos / NANOS_PER_MILLI))
    }

    /// Nanoseconds since 1970; `None` beyond 64 bits.
    pub(crate) fn nanos(self) -> Option<i64> {
        self.seconds.checked_mul(i64::from(NANOS_PER_SECOND))?.checked_add(i64::from(self.nanos))
    }
}

/// One or several ways to read a date; the first is also how dates are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DateFormat {
    pattern: String,
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Clone, PartialEq)]
enum Alternative {
    EpochMillis,
    EpochSecond,
    /// `iso`: the values are checked after the text is read, as Elasticsearch's own ISO parser does.
    Items {
        items: Vec<Item>,
        iso: bool,
    },
}

impl Default for DateFormat {
    fn default() -> Self {
        let iso = named::items("strict_date_optional_time").unwrap_or_default();
        let alternatives = vec![Alternative::Items { items: iso, iso: true }, Alternative::EpochMillis];
        Self { pattern: DEFAULT_FORMAT.to_owned(), alternatives }
    }
}

impl DateFormat {
    /// Reads a format: names and Java patterns, several joined by `||`.
    ///
    /// # Errors
    /// [`DateError::Pattern`] with Elasticsearch's text.
    pub(crate) fn parse_pattern(pattern: &str) -> Result<DateFormat, DateError> {
        let stripped = pattern.strip_prefix('8').unwrap_or(pattern);
        let alternatives =
            stripped.split("||").map(|part| Alternative::compile(part, pattern)).collect::<Result<_, _>>()?;
        Ok(Self { pattern: pattern.to_owned(), alternatives })
    }

    /// The format as declared.
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// A document's value as milliseconds since 1970: missing parts are filled low, no zone means UTC.
    pub(crate) fn parse_millis(&self, text: &str) -> Result<i64, DateError> {
        self.parse_rounded(text, false, &TimeZone::UTC)
    }

    /// A document's value as nanoseconds since 1970, within 1970 to 2262-04-11.
    pub(crate) fn parse_nanos(&self, text: &str) -> Result<i64, DateError> {
        let instant = self.parse_instant(text, false, &TimeZone::UTC)?;
        if instant.seconds < 0 {
            return Err(DateError::BeforeEpoch { text: java_instant(instant) });
        }
        instant.nanos().ok_or_else(|| DateError::AfterNanos { text: java_instant(instant) })
    }

    /// A query's value as milliseconds since 1970. Missing parts are filled with their first or last value (a missing month or day
    /// is always the first); `zone` applies where the text has none.
    pub(crate) fn parse_rounded(&self, text: &str, round_up: bool, zone: &TimeZone) -> Result<i64, DateError> {
        let instant = self.parse_instant(text, round_up, zone)?;
        instant.millis().ok_or_else(|| self.out_of_range(text))
    }

    /// Like [`Self::parse_rounded`], to the nanosecond.
    pub(crate) fn parse_instant(&self, text: &str, round_up: bool, zone: &TimeZone) -> Result<Instant, DateError> {
        if text.is_empty() {
            return Err(DateError::Empty);
        }
        let mut first_error = None;
        for alternative in &self.alternatives {
            match alternative.parse(text, round_up, zone) {
                Ok(instant) => return Ok(instant),
                Err(AlternativeError::InvalidDate(reason)) if self.alternatives.len() == 1 || alternative.is_iso() => {
                    return Err(self.invalid(text, reason, alternative.is_iso()));
                }
                Err(error) => _ = first_error.get_or_insert(error),
            }
        }
        let cause = match first_error {
            Some(error) if self.alternatives.len() == 1 => error.describe(text),
            _ => "Failed to parse with all enclosed parsers".to_owned(),
        };
        Err(DateError::Unparsable { text: text.to_owned(), format: self.pattern.clone(), cause })
    }

    /// Milliseconds since 1970 in the first format, as local time of `zone`.
    pub(crate) fn format(&self, millis: i64, zone: &TimeZone) -> String {
        self.render(Instant::from_millis(millis), zone)
    }

    /// Nanoseconds since 1970 in the first format.
    pub(crate) fn format_nanos(&self, nanos: i64, zone: &TimeZone) -> String {
        self.render(Instant::from_nanos(nanos), zone)
    }

    fn render(&self, instant: Instant, zone: &TimeZone) -> String {
        match self.alternatives.first() {
            None | Some(Alternative::EpochMillis) => render_epoch(instant, 1000),
            Some(Alternative::EpochSecond) => render_epoch(instant, 1),
            Some(Alternative::Items { items, .. }) => pattern::format(items, instant, zone),
        }
    }

    fn invalid(&self, text: &str, reason: String, iso: bool) -> DateError {
        if iso {
            return DateError::Invalid { reason };
        }
        let cause = format!("Text '{text}' could not be parsed: {reason}");
        DateError::Unparsable { text: text.to_owned(), format: self.pattern.clone(), cause }
    }

    fn out_of_range(&self, text: &str) -> DateError {
        DateError::OutOfRange { text: text.to_owned(), format: self.pattern.clone() }
    }
}

/// Why one alternative does not read a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AlternativeError {
    /// The text stops fitting at this byte.
    At(usize),
    /// The text goes on behind the last part.
    Trailing(usize),
    /// A part has a value that no date has.
    Value(String),
    /// Each part is possible, the day is not (30 February).
    InvalidDate(String),
}

impl AlternativeError {
    fn describe(&self, text: &str) -> String {
        match self {
            Self::At(at) => format!("Text '{text}' could not be parsed at index {at}"),
            Self::Trailing(at) => format!("Text '{text}' could not be parsed, unparsed text found at index {at}"),
            Self::Value(reason) | Self::InvalidDate(reason) => format!("Text '{text}' could not be parsed: {reason}"),
        }
    }
}

impl Alternative {
    fn compile(part: &str, whole: &str) -> Result<Self, DateError> {
        match part {
            "epoch_millis" => return Ok(Self::EpochMillis),
            "epoch_second" => return Ok(Self::EpochSecond),
            _ => {}
        }
        if let Some(items) = named::items(part) {
            return Ok(Self::Items { items, iso: named::is_iso(part) });
        }
        let items = pattern::compile(part, pattern::Dialect::Java)
            .map_err(|reason| DateError::Pattern { pattern: whole.to_owned(), reason })?;
        Ok(Self::Items { items, iso: false })
    }

    fn is_iso(&self) -> bool {
        matches!(self, Self::Items { iso: true, .. })
    }

    fn parse(&self, text: &str, round_up: bool, zone: &TimeZone) -> Result<Instant, AlternativeError> {
        match self {
            Self::EpochMillis => parse_epoch(text, 1000, false),
            Self::EpochSecond => parse_epoch(text, 1, round_up),
            Self::Items { items, .. } => {
                let mut parsed = Parsed::default();
                let end = pattern::parse(items, text.as_bytes(), 0, &mut parsed)?;
                if end < text.len() {
                    return Err(AlternativeError::Trailing(end));
                }
                parsed.resolve(round_up, zone)
            }
        }
    }
}

/// `[-]digits[.digits]` in units of which a second has `per_second`.
fn parse_epoch(text: &str, per_second: i64, round_up: bool) -> Result<Instant, AlternativeError> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(whole) || whole.len() > 19 {
        return Err(AlternativeError::At(0));
    }
    let fraction_max = if per_second == 1 { 9 } else { 6 };
    if fraction.is_some_and(|fraction| !numeric(fraction) || fraction.len() > fraction_max) {
        return Err(AlternativeError::Trailing(text.len() - fraction.map_or(0, str::len)));
    }
    let unit_nanos = i128::from(NANOS_PER_SECOND) / i128::from(per_second);
    let whole: i128 = whole.parse().map_err(|_| AlternativeError::At(0))?;
    let mut total = whole * unit_nanos;
    match fraction {
        Some(fraction) => {
            let width = u32::try_from(fraction.len()).unwrap_or(0);
            let digits: i128 = fraction.parse().map_err(|_| AlternativeError::At(0))?;
            total += digits * unit_nanos / 10_i128.pow(width);
        }
        None if round_up => total += unit_nanos - 1,
        None => {}
    }
    if negative {
        total = -total;
    }
    let per = i128::from(NANOS_PER_SECOND);
    let seconds = i64::try_from(total.div_euclid(per)).map_err(|_| AlternativeError::At(0))?;
    Ok(Instant { seconds, nanos: u32::try_from(total.rem_euclid(per)).unwrap_or(0) })
}

/// Whole units, and the rest as a fraction without closing zeros.
fn render_epoch(instant: Instant, per_second: i128) -> String {
    let per = i128::from(NANOS_PER_SECOND);
    let total = i128::from(instant.seconds) * per + i128::from(instant.nanos);
    let unit = per / per_second;
    let mut text = if total < 0 { String::from("-") } else { String::new() };
    let total = total.abs();
    let width = if per_second == 1 { 9 } else { 6 };
    _ = write!(text, "{}", total / unit);
    if total % unit != 0 {
        let fraction = format!("{:0width$}", total % unit);
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text
}

/// `Instant.toString`: no fraction where there is none.
fn java_instant(instant: Instant) -> String {
    let pattern = if instant.nanos == 0 { "strict_date_time_no_millis" } else { "strict_date_time" };
    named::items(pattern).map_or_else(String::new, |items| pattern::format(&items, instant, &TimeZone::UTC))
}

/// Local date and time of an instant in a zone, with the offset that holds there.
fn local(instant: Instant, zone: &TimeZone) -> (Civil, i32) {
    let offset = calendar::offset_at(zone, instant.seconds);
    (Civil::from_seconds(instant.seconds.saturating_add(i64::from(offset)), instant.nanos), offset)
}

#[cfg(test)]
mod tests;
