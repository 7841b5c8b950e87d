//! Is this JSON text a tick? Types, required fields and the shape of the depth are checked; nothing is re-encoded.
//!
//! Unknown fields pass: an exchange may add some, and the index takes them.

use std::ops::Range;

use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    error::{Problem, excerpt},
    time,
};

/// Levels a side may have: exchanges publish 5 or 20.
const DEPTH_LEVELS_MAX: usize = 20;

/// What the pipeline needs to know of a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TickFacts {
    pub(crate) token: u64,
    pub(crate) instant: Timestamp,
    pub(crate) has_offset: bool,
    /// Where in the text the timestamp's value stands, with its quotes.
    pub(crate) timestamp_span: Range<usize>,
}

/// What is wrong, and at which byte of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) offset: usize,
    pub(crate) field: Option<String>,
    pub(crate) problem: Problem,
}

#[derive(Deserialize)]
struct RawTick<'a> {
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    instrument_token: Option<&'a RawValue>,
    #[serde(borrow)]
    last_price: Option<&'a RawValue>,
    #[serde(borrow)]
    volume: Option<&'a RawValue>,
    #[serde(borrow)]
    sell_quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    last_quantity: Option<&'a RawValue>,
    #[serde(borrow)]
    change: Option<&'a RawValue>,
    #[serde(borrow)]
    average_price: Option<&'a RawValue>,
    #[serde(borrow)]
    open: Option<&'a RawValue>,
    #[serde(borrow)]
    high: Option<&'a RawValue>,
    #[serde(borrow)]
    low: Option<&'a RawValue>,
    #[serde(borrow)]
    close: Option<&'a RawValue>,
    #[serde(borrow)]
    depth: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawDepth<'a> {
    #[serde(borrow)]
    buy: Option<&'a RawValue>,
    #[serde(borrow)]
    sell: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawLevel<'a> {
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    orders: Option<&'a RawValue>,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
}

/// Checks one JSON text.
pub(crate) fn check(text: &[u8], zone: &TimeZone) -> Result<TickFacts, Flaw> {
    match check_plain(text, zone) {
        Some(facts) => Ok(facts),
        None => check_closely(text, zone),
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "fields are there for their types to be checked")]
struct PlainTick<'a> {
    timestamp: &'a str,
    instrument_token: u64,
    last_price: f64,
    volume: u64,
    sell_quantity: u64,
    last_quantity: u64,
    change: f64,
    average_price: f64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    depth: Option<PlainDepth>,
}

#[derive(Deserialize)]
struct PlainDepth {
    buy: Vec<PlainLevel>,
    sell: Vec<PlainLevel>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "as above")]
struct PlainLevel {
    price: f64,
    orders: u64,
    quantity: u64,
}

/// In one pass, for ticks as they should be; `None` when a closer look is needed, to name what is wrong (or to find it
/// right after all: `12.0` shares).
fn check_plain(text: &[u8], zone: &TimeZone) -> Option<TickFacts> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let tick: PlainTick<'_> = serde_json::from_str(text).ok()?;
    let is_long = |value: u64| i64::try_from(value).is_ok();
    let levels_fit = |levels: &[PlainLevel]| {
        levels.len() <= DEPTH_LEVELS_MAX && levels.iter().all(|l| is_long(l.orders) && is_long(l.quantity))
    };
    let wholes = [tick.instrument_token, tick.volume, tick.sell_quantity, tick.last_quantity];
    let depth_fits = tick.depth.as_ref().is_none_or(|depth| levels_fit(&depth.buy) && levels_fit(&depth.sell));
    if !wholes.into_iter().all(is_long) || !depth_fits {
        return None;
    }
    let parsed = time::parse(tick.timestamp, zone)?;
    // Borrowed, so it stands in the text as it is, between quotes.
    let start = tick.timestamp.as_ptr().addr().checked_sub(text.as_ptr().addr())?.checked_sub(1)?;
    let timestamp_span = start..start + tick.timestamp.len() + 2;
    Some(TickFacts {
        token: tick.instrument_token,
        instant: parsed.instant,
        has_offset: parsed.has_offset,
        timestamp_span,
    })
}

fn check_closely(text: &[u8], zone: &TimeZone) -> Result<TickFacts, Flaw> {
    let text = std::str::from_utf8(text).map_err(|error| Flaw {
        offset: error.valid_up_to(),
        field: None,
        problem: Problem::NotUtf8,
    })?;
    let start = text.len() - text.trim_start().len();
    if !text[start..].starts_with('{') {
        let problem = match excerpt(text.as_bytes()) {
            found if found.is_empty() => Problem::Nothing,
            found => Problem::NotAnObject { found },
        };
        return Err(Flaw { offset: start, field: None, problem });
    }
    let tick: RawTick<'_> = serde_json::from_str(text).map_err(|error| syntax_flaw(text, 0, None, &error))?;
    let checker = Checker { text };
    let token = checker.whole("instrument_token", tick.instrument_token)?;
    let (timestamp_span, parsed) = checker.timestamp(tick.timestamp, zone)?;
    for (field, value) in [
        ("last_price", tick.last_price),
        ("change", tick.change),
        ("average_price", tick.average_price),
        ("open", tick.open),
        ("high", tick.high),
        ("low", tick.low),
        ("close", tick.close),
    ] {
        checker.number(field, value)?;
    }
    for (field, value) in
        [("volume", tick.volume), ("sell_quantity", tick.sell_quantity), ("last_quantity", tick.last_quantity)]
    {
        checker.whole(field, value)?;
    }
    if let Some(depth) = tick.depth {
        checker.depth(depth)?;
    }
    Ok(TickFacts { token, instant: parsed.instant, has_offset: parsed.has_offset, timestamp_span })
}

/// A finite number, as JSON or CSV text.
pub(crate) fn number(text: &str) -> Result<f64, Problem> {
    let wrong = || Problem::WrongValue { expected: "a number", found: excerpt(text.as_bytes()) };
    let value: f64 = text.parse().map_err(|_| wrong())?;
    if value.is_finite() { Ok(value) } else { Err(wrong()) }
}

/// A whole number that is not negative and fits 63 bits (what Elasticsearch calls a long); `12.0` counts as 12.
pub(crate) fn whole(text: &str) -> Result<u64, Problem> {
    let digits = match text.split_once('.') {
        Some((digits, fraction)) if !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0') => digits,
        _ => text,
    };
    match digits.parse::<u64>() {
        Ok(value) if i64::try_from(value).is_ok() => Ok(value),
        _ => Err(Problem::WrongValue { expected: "a whole number from 0", found: excerpt(text.as_bytes()) }),
    }
}

struct Checker<'a> {
    text: &'a str,
}

impl<'a> Checker<'a> {
    fn number(&self, field: &str, value: Option<&RawValue>) -> Result<f64, Flaw> {
        let value = self.present(field, value)?;
        number(value.get()).map_err(|problem| self.flaw(field, value, problem))
    }

    fn whole(&self, field: &str, value: Option<&RawValue>) -> Result<u64, Flaw> {
        let value = self.present(field, value)?;
        whole(value.get()).map_err(|problem| self.flaw(field, value, problem))
    }

    fn timestamp(&self, value: Option<&RawValue>, zone: &TimeZone) -> Result<(Range<usize>, time::ParsedTime), Flaw> {
        let value = self.present("timestamp", value)?;
        let parsed = value
            .get()
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .and_then(|text| time::parse(text, zone))
            .ok_or_else(|| self.flaw("timestamp", value, time_problem(value.get().trim_matches('"'))))?;
        let start = self.offset_of(value);
        Ok((start..start + value.get().len(), parsed))
    }

    fn depth(&self, value: &RawValue) -> Result<(), Flaw> {
        const EXPECTED: &str = "an object with the arrays `buy` and `sell`";
        if !value.get().starts_with('{') {
            return Err(self.wrong("depth", value, EXPECTED));
        }
        let depth: RawDepth<'_> = serde_json::from_str(value.get())
            .map_err(|error| syntax_flaw(value.get(), self.offset_of(value), Some("depth"), &error))?;
        self.side("depth.buy", depth.buy)?;
        self.side("depth.sell", depth.sell)
    }

    fn side(&self, field: &str, value: Option<&RawValue>) -> Result<(), Flaw> {
        const EXPECTED: &str = "an array of at most 20 objects with `price`, `orders` and `quantity`";
        let value = self.present(field, value)?;
        let levels: Vec<&RawValue> =
            serde_json::from_str(value.get()).map_err(|_| self.wrong(field, value, EXPECTED))?;
        if levels.len() > DEPTH_LEVELS_MAX {
            return Err(self.wrong(field, value, EXPECTED));
        }
        levels.iter().enumerate().try_for_each(|(index, level)| self.level(field, index, level))
    }

    fn level(&self, side: &str, index: usize, value: &RawValue) -> Result<(), Flaw> {
        const EXPECTED: &str = "an object with `price`, `orders` and `quantity`";
        let name = |part: &str| format!("{side}[{index}]{part}");
        if !value.get().starts_with('{') {
            return Err(self.wrong(&name(""), value, EXPECTED));
        }
        let level: RawLevel<'_> = serde_json::from_str(value.get())
            .map_err(|error| syntax_flaw(value.get(), self.offset_of(value), Some(&name("")), &error))?;
        let within = |part: &str, part_value: Option<&'_ RawValue>, check: fn(&str) -> Result<(), Problem>| {
            let Some(found) = part_value else {
                return Err(Flaw { offset: self.offset_of(value), field: Some(name(part)), problem: Problem::Missing });
            };
            check(found.get()).map_err(|problem| self.flaw(&name(part), found, problem))
        };
        within(".price", level.price, |text| number(text).map(|_| ()))?;
        within(".orders", level.orders, |text| whole(text).map(|_| ()))?;
        within(".quantity", level.quantity, |text| whole(text).map(|_| ()))
    }

    fn present<'v>(&self, field: &str, value: Option<&'v RawValue>) -> Result<&'v RawValue, Flaw> {
        value.ok_or_else(|| Flaw { offset: 0, field: Some(field.to_owned()), problem: Problem::Missing })
    }

    fn wrong(&self, field: &str, value: &RawValue, expected: &'static str) -> Flaw {
        let found = excerpt(value.get().as_bytes());
        self.flaw(field, value, Problem::WrongValue { expected, found })
    }

    fn flaw(&self, field: &str, value: &RawValue, problem: Problem) -> Flaw {
        Flaw { offset: self.offset_of(value), field: Some(field.to_owned()), problem }
    }

    /// Where a borrowed value stands in the text it was borrowed from.
    fn offset_of(&self, value: &RawValue) -> usize {
        value.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr()).min(self.text.len())
    }
}

pub(crate) fn time_problem(found: &str) -> Problem {
    let expected = "a time as `YYYY-MM-DD HH:MM:SS.ffffff` or ISO 8601";
    Problem::WrongValue { expected, found: excerpt(found.as_bytes()) }
}

/// serde_json says line and column (in bytes, from 1); the flaw wants the byte.
fn syntax_flaw(text: &str, base: usize, field: Option<&str>, error: &serde_json::Error) -> Flaw {
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let offset = base + (line_start + error.column().saturating_sub(1)).min(text.len());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    let problem = if error.is_eof() { Problem::Truncated } else { Problem::Json(message) };
    Flaw { offset, field: field.map(ToOwned::to_owned), problem }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tick::time::default_zone;

    const GOOD: &str = r#"{"timestamp": "2024-01-02 09:15:00.123456", "instrument_token": 408065, "last_price": 1012.35, "volume": 184223, "sell_quantity": 98120, "last_quantity": 25, "change": -0.41, "average_price": 1010.92, "open": 1015.0, "high": 1018.2, "low": 1008.0, "close": 1016.5, "depth": {"buy": [{"price": 1012.3, "orders": 4, "quantity": 310}], "sell": [{"price": 1012.4, "orders": 1, "quantity": 5}]}}"#;

    fn flaw(text: &str) -> (Option<String>, String) {
        let flaw = check(text.as_bytes(), &default_zone()).expect_err(text);
        (flaw.field, flaw.problem.to_string())
    }

    #[test]
    fn a_tick_gives_its_key_instant_and_where_its_timestamp_stands() {
        let facts = check(GOOD.as_bytes(), &default_zone()).unwrap();
        assert_eq!(facts.token, 408_065);
        assert_eq!(facts.instant.to_string(), "2024-01-02T03:45:00.123456Z");
        assert_eq!(&GOOD[facts.timestamp_span], r#""2024-01-02 09:15:00.123456""#);
    }

    #[test]
    fn the_quick_way_and_the_close_look_find_the_same() {
        let facts = check_plain(GOOD.as_bytes(), &default_zone());
        assert_eq!(facts, check_closely(GOOD.as_bytes(), &default_zone()).ok());
        assert!(facts.is_some());
        let decimal = GOOD.replace("184223", "184223.0");
        assert!(check_plain(decimal.as_bytes(), &default_zone()).is_none());
        assert!(check(decimal.as_bytes(), &default_zone()).is_ok());
    }

    #[test]
    fn a_wrong_field_is_named_with_its_value() {
        let replaced = |from: &str, to: &str| flaw(&GOOD.replace(from, to));
        let field = |name: &str| Some(name.to_owned());
        assert_eq!(replaced("1012.35", "\"abc\""), (field("last_price"), "expected a number, found `\"abc\"`".into()));
        assert_eq!(replaced("184223", "-1"), (field("volume"), "expected a whole number from 0, found `-1`".into()));
        assert_eq!(replaced("408065", "4e5").0, field("instrument_token"));
        assert_eq!(replaced("408065", "9223372036854775808").0, field("instrument_token"));
        assert_eq!(replaced("\"open\": 1015.0, ", ""), (field("open"), "is missing or null".into()));
        assert_eq!(replaced("1015.0", "null"), (field("open"), "is missing or null".into()));
        assert_eq!(replaced("2024-01-02 09", "2024-13-02 09").0, field("timestamp"));
        assert_eq!(replaced("1012.3,", "true,").0, field("depth.buy[0].price"));
        assert_eq!(replaced("\"orders\": 1,", "").0, field("depth.sell[0].orders"));
        assert_eq!(replaced("\"sell\": [", "\"ask\": [").0, field("depth.sell"));
        assert_eq!(replaced("1018.2", "1e999").0, field("high"));
    }

    #[test]
    fn what_is_no_json_object_is_said_to_be_none() {
        assert_eq!(flaw("NaN").1, "expected a tick as a JSON object, found `NaN`");
        assert_eq!(flaw("[1]").1, "expected a tick as a JSON object, found `[1]`");
        assert!(flaw(&GOOD.replace("1012.35", "NaN")).1.starts_with("not JSON: "));
        assert_eq!(flaw(&GOOD[..100]).1, "the input ends inside a tick");
        assert!(flaw(&format!("{GOOD} {GOOD}")).1.starts_with("not JSON: trailing characters"));
    }

    #[test]
    fn a_tick_without_depth_is_one_of_an_index() {
        let start = GOOD.find(", \"depth\"").unwrap();
        let text = format!("{}}}", &GOOD[..start]);
        assert!(check(text.as_bytes(), &default_zone()).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn damaged_text_never_panics_and_the_flaw_lies_inside_it(at in 0usize..400, byte: u8, cut in 0usize..420) {
            let mut text = GOOD.as_bytes().to_vec();
            let at = at.min(text.len() - 1);
            text[at] = byte;
            text.truncate(cut);
            let closely = check_closely(&text, &default_zone());
            if let Some(facts) = check_plain(&text, &default_zone()) {
                prop_assert_eq!(Ok(&facts), closely.as_ref(), "both ways agree");
            }
            if let Err(flaw) = closely {
                prop_assert!(flaw.offset <= text.len());
            }
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(check(&bytes, &default_zone()));
        }
    }
}
