//! What must be found, computed from the ticks themselves: nothing here has been through a pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::tick::{ReadError, ReadOptions, TickSource, TimeShift};

/// A source's ticks, as those who read them in Kafka or Elasticsearch must see them.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) ticks: u64,
    /// By token, as text: that is the message's key and the document's keyword.
    pub(super) instruments: BTreeMap<String, Instrument>,
    /// The names of all fields that occur.
    pub(super) fields: BTreeSet<String>,
}

/// The ticks of one instrument, in their order.
#[derive(Debug, Default)]
pub(super) struct Instrument {
    pub(super) ticks: Vec<Seen>,
    pub(super) last_price: f64,
    pub(super) price_sum: f64,
    pub(super) price_max: f64,
}

/// What is kept of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Stands for all fields but the timestamp.
    pub(super) fields: u64,
    /// After the shift.
    pub(super) instant: Timestamp,
}

/// A tick as a reader of JSON sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub(super) token: String,
    pub(super) last_price: f64,
    pub(super) fields: u64,
    /// As it is written.
    pub(super) timestamp: String,
}

impl Expected {
    /// Reads the whole source. Blocks.
    pub(super) fn read(
        source: &TickSource,
        read: &ReadOptions,
        skip_invalid: bool,
        shift: TimeShift,
    ) -> Result<Self, ReadError> {
        let mut expected = Self::default();
        for record in source.open(read)? {
            let record = match record {
                Ok(record) => record,
                Err(error) if skip_invalid && error.is_recoverable() => continue,
                Err(error) => return Err(error),
            };
            // The reader has checked it.
            let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(&record.json) else { continue };
            let Some(content) = Content::of(&fields) else { continue };
            expected.ticks += 1;
            expected.fields.extend(fields.into_iter().map(|(name, _)| name));
            let instrument = expected.instruments.entry(content.token).or_default();
            instrument.price_max = match instrument.ticks.is_empty() {
                true => content.last_price,
                false => instrument.price_max.max(content.last_price),
            };
            instrument.price_sum += content.last_price;
            instrument.last_price = content.last_price;
            instrument.ticks.push(Seen { fields: content.fields, instant: shift.apply(record.timestamp) });
        }
        Ok(expected)
    }

    /// The latest instant.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.instruments.values().flat_map(|instrument| &instrument.ticks).map(|tick| tick.instant).max()
    }

    /// Ticks by the interval of `interval_ms` they lie in.
    pub(super) fn histogram(&self, interval_ms: i64) -> BTreeMap<i64, u64> {
        let mut buckets = BTreeMap::new();
        for tick in self.instruments.values().flat_map(|instrument| &instrument.ticks) {
            let start = millis(tick.instant).div_euclid(interval_ms) * interval_ms;
            *buckets.entry(start).or_insert(0) += 1;
        }
        buckets
    }

    /// The `count` latest by millisecond, then by token.
    pub(super) fn latest(&self, count: usize) -> Vec<(i64, &str)> {
        let mut all: Vec<(i64, &str)> = self
            .instruments
            .iter()
            .flat_map(|(token, instrument)| instrument.ticks.iter().map(|tick| (millis(tick.instant), token.as_str())))
            .collect();
        all.sort_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.cmp(two.1)));
        all.truncate(count);
        all
    }

    /// Whether an instrument has a tick with just this content.
    pub(super) fn holds(&self, content: &Content) -> bool {
        let Ok(instant) = content.timestamp.parse::<Timestamp>() else { return false };
        let wanted = Seen { fields: content.fields, instant };
        self.instruments.get(&content.token).is_some_and(|instrument| instrument.ticks.contains(&wanted))
    }
}

/// As Elasticsearch keeps dates.
pub(super) fn millis(instant: Timestamp) -> i64 {
    instant.as_nanosecond().div_euclid(1_000_000).try_into().unwrap_or(i64::MAX)
}

impl Content {
    /// Reads a message or document; `None` when it is no tick.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        Self::of(&serde_json::from_slice(json).ok()?)
    }

    pub(super) fn of(tick: &Map<String, Value>) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        for (name, value) in tick.iter().filter(|(name, _)| *name != "timestamp") {
            name.hash(&mut hasher);
            value.to_string().hash(&mut hasher);
        }
        Some(Self {
            token: tick.get("instrument_token")?.as_u64()?.to_string(),
            last_price: tick.get("last_price")?.as_f64()?,
            fields: hasher.finish(),
            timestamp: tick.get("timestamp")?.as_str()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::SAMPLE_TICKS;

    fn sample(shift: TimeShift) -> Expected {
        Expected::read(&TickSource::Sample, &ReadOptions::default(), false, shift).unwrap()
    }

    #[test]
    fn the_sample_is_all_there_and_moves_with_the_shift() {
        let (here, moved) = (sample(TimeShift::NONE), sample(TimeShift::from_micros(1_500)));
        assert_eq!(here.ticks, SAMPLE_TICKS);
        let counted: usize = here.instruments.values().map(|instrument| instrument.ticks.len()).sum();
        assert_eq!(u64::try_from(counted).unwrap(), SAMPLE_TICKS);
        assert_eq!(moved.last().unwrap().duration_since(here.last().unwrap()).as_micros(), 1_500);
        assert_eq!(here.histogram(60_000).values().sum::<u64>(), SAMPLE_TICKS);
        assert_eq!(here.latest(5)[0].0, millis(here.last().unwrap()));
        assert!(here.fields.contains("depth"));
    }

    #[test]
    fn any_other_field_is_another_content_and_another_time_is_not() {
        let tick = br#"{"timestamp":"2024-01-02T09:15:00+05:30","instrument_token":1,"last_price":2.5,"open":1.0}"#;
        let content = Content::parse(tick).unwrap();
        assert_eq!((content.token.as_str(), content.last_price), ("1", 2.5));
        let changed = |from: &str, to: &str| {
            Content::parse(std::str::from_utf8(tick).unwrap().replace(from, to).as_bytes()).unwrap().fields
        };
        assert_eq!(changed("09:15", "09:16"), content.fields);
        assert_ne!(changed("\"open\":1.0", "\"open\":1.1"), content.fields);
        assert_ne!(changed("\"open\"", "\"opened\""), content.fields);
        assert_eq!(Content::parse(b"{}"), None);
        assert_eq!(Content::parse(b"nonsense"), None);
    }
}
