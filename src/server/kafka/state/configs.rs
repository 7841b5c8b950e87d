//! Topic configuration: the 33 keys of Apache Kafka 4.1, their defaults, and what a value must look like.
//!
//! A value that would change nothing here although a real broker acts on it is refused, so that nobody relies on it;
//! retention and cleanup are the exception, kept but not enforced yet (`docs/compatibility.md` says so).
//! Source: <https://kafka.apache.org/documentation/#topicconfigs>.

use std::collections::BTreeMap;

use crate::server::kafka::storage::log::LogSettings;

/// `config_type` of DescribeConfigs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueType {
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// What a value must look like.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Boolean,
    /// A boolean that only has its default: the other value asks for what is not here.
    BooleanOnly(bool),
    Integer(i64, i64),
    Fraction,
    OneOf(&'static [&'static str]),
    /// A comma-separated list of these.
    ListOf(&'static [&'static str]),
    AnyList,
}

/// One topic configuration key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConfigKey {
    pub(crate) name: &'static str,
    /// The broker's key that gives the default, shown as a synonym; empty where a real broker shows none.
    pub(crate) broker_name: &'static str,
    pub(crate) default: &'static str,
    pub(crate) value_type: ValueType,
    rule: Rule,
}

const INT_MAX: i64 = i32::MAX as i64;

const fn key(
    name: &'static str,
    broker_name: &'static str,
    default: &'static str,
    value_type: ValueType,
    rule: Rule,
) -> ConfigKey {
    ConfigKey { name, broker_name, default, value_type, rule }
}

/// Every key, by name.
#[rustfmt::skip]
pub(crate) static KEYS: &[ConfigKey] = {
    use Rule::{AnyList, Boolean as Bool, BooleanOnly, Fraction, Integer, ListOf, OneOf};
    use ValueType::{Boolean, Double, Int, List, Long, String};
    &[
        key("cleanup.policy", "log.cleanup.policy", "delete", List, ListOf(&["delete", "compact"])),
        key("compression.gzip.level", "compression.gzip.level", "-1", Int, Integer(-1, 9)),
        key("compression.lz4.level", "compression.lz4.level", "9", Int, Integer(1, 17)),
        key("compression.type", "compression.type", "producer", String, OneOf(&["producer"])),
        key("compression.zstd.level", "compression.zstd.level", "3", Int, Integer(-131_072, 22)),
        key("delete.retention.ms", "log.cleaner.delete.retention.ms", "86400000", Long, Integer(0, i64::MAX)),
        key("file.delete.delay.ms", "log.segment.delete.delay.ms", "60000", Long, Integer(0, i64::MAX)),
        key("flush.messages", "log.flush.interval.messages", "9223372036854775807", Long, Integer(1, i64::MAX)),
        key("flush.ms", "", "9223372036854775807", Long, Integer(i64::MAX, i64::MAX)),
        key("follower.replication.throttled.replicas", "", "", List, AnyList),
        key("index.interval.bytes", "log.index.interval.bytes", "4096", Int, Integer(0, INT_MAX)),
        key("leader.replication.throttled.replicas", "", "", List, AnyList),
        key("local.retention.bytes", "log.local.retention.bytes", "-2", Long, Integer(-2, i64::MAX)),
        key("local.retention.ms", "log.local.retention.ms", "-2", Long, Integer(-2, i64::MAX)),
        key("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", "9223372036854775807", Long, Integer(1, i64::MAX)),
        key("max.message.bytes", "message.max.bytes", "1048588", Int, Integer(0, INT_MAX)),
        key("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", "3600000", Long, Integer(0, i64::MAX)),
        key("message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms", "9223372036854775807", Long, Integer(0, i64::MAX)),
        key("message.timestamp.type", "log.message.timestamp.type", "CreateTime", String, OneOf(&["CreateTime", "LogAppendTime"])),
        key("min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", "0.5", Double, Fraction),
        key("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", "0", Long, Integer(0, i64::MAX)),
        key("min.insync.replicas", "min.insync.replicas", "1", Int, Integer(1, INT_MAX)),
        key("preallocate", "log.preallocate", "false", Boolean, BooleanOnly(false)),
        key("remote.log.copy.disable", "", "false", Boolean, Bool),
        key("remote.log.delete.on.disable", "", "false", Boolean, Bool),
        key("remote.storage.enable", "", "false", Boolean, BooleanOnly(false)),
        key("retention.bytes", "log.retention.bytes", "-1", Long, Integer(-1, i64::MAX)),
        key("retention.ms", "", "604800000", Long, Integer(-1, i64::MAX)),
        key("segment.bytes", "log.segment.bytes", "1073741824", Int, Integer(1_048_576, INT_MAX)),
        key("segment.index.bytes", "log.index.size.max.bytes", "10485760", Int, Integer(4, INT_MAX)),
        key("segment.jitter.ms", "", "0", Long, Integer(0, i64::MAX)),
        key("segment.ms", "", "604800000", Long, Integer(1, i64::MAX)),
        key("unclean.leader.election.enable", "unclean.leader.election.enable", "false", Boolean, Bool),
    ]
};

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<&'static ConfigKey> {
    KEYS.iter().find(|key| key.name == name)
}

impl ConfigKey {
    /// Checks a value; the error is the message a client shows.
    fn check(&self, value: &str) -> Result<(), String> {
        let value = value.trim();
        let ok = match self.rule {
            Rule::Boolean => parse_bool(value).is_some(),
            Rule::BooleanOnly(only) => parse_bool(value) == Some(only),
            Rule::Integer(min, max) => value.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number)),
            Rule::Fraction => value.parse::<f64>().is_ok_and(|number| (0.0..=1.0).contains(&number)),
            Rule::OneOf(choices) => choices.contains(&value),
            Rule::ListOf(choices) => value.split(',').all(|item| choices.contains(&item.trim())),
            Rule::AnyList => true,
        };
        if ok { Ok(()) } else { Err(self.refusal(value)) }
    }

    fn refusal(&self, value: &str) -> String {
        let must = match self.rule {
            Rule::Boolean => "must be true or false".to_owned(),
            Rule::BooleanOnly(only) => format!("this broker supports only {only}"),
            Rule::Integer(min, max) if min == max => format!("this broker supports only {min}"),
            Rule::Integer(min, max) => match value.parse::<i64>() {
                Ok(number) if number < min => format!("Value must be at least {min}"),
                Ok(_) => format!("Value must be no more than {max}"),
                Err(_) if self.value_type == ValueType::Int => "Not a number of type INT".to_owned(),
                Err(_) => "Not a number of type LONG".to_owned(),
            },
            Rule::Fraction => "must be a number from 0 to 1".to_owned(),
            Rule::OneOf(choices) | Rule::ListOf(choices) => format!("this broker supports {}", choices.join(", ")),
            Rule::AnyList => String::new(),
        };
        format!("Invalid value {value} for configuration {}: {must}", self.name)
    }
}

fn parse_bool(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The configuration of one topic: what was set, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicConfig {
    set: BTreeMap<String, String>,
    pub(crate) log: LogSettings,
    pub(crate) max_message_bytes: usize,
    pub(crate) log_append_time: bool,
    pub(crate) timestamp_before_max_ms: i64,
    pub(crate) timestamp_after_max_ms: i64,
    pub(crate) min_insync_replicas: i64,
    pub(crate) is_compacted: bool,
}

impl TopicConfig {
    /// Checks every key and value; the error is the message a client shows.
    pub(crate) fn new(set: BTreeMap<String, String>) -> Result<Self, String> {
        for (name, value) in &set {
            find(name).ok_or_else(|| format!("Unknown topic config name: {name}"))?.check(value)?;
        }
        let integer = |name: &str| value_of(&set, name).trim().parse::<i64>().unwrap_or(0);
        let log = LogSettings {
            segment_bytes: u64::try_from(integer("segment.bytes")).unwrap_or(0),
            segment_ms: integer("segment.ms"),
            index_interval_bytes: u64::try_from(integer("index.interval.bytes")).unwrap_or(0),
            flush_messages: integer("flush.messages"),
        };
        Ok(Self {
            log,
            max_message_bytes: usize::try_from(integer("max.message.bytes")).unwrap_or(0),
            log_append_time: value_of(&set, "message.timestamp.type").trim() == "LogAppendTime",
            timestamp_before_max_ms: integer("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: integer("message.timestamp.after.max.ms"),
            min_insync_replicas: integer("min.insync.replicas"),
            is_compacted: value_of(&set, "cleanup.policy").contains("compact"),
            set,
        })
    }

    /// The keys that were set on the topic.
    pub(crate) fn set(&self) -> &BTreeMap<String, String> {
        &self.set
    }

    /// The value in force.
    pub(crate) fn value<'a>(&'a self, key: &'a ConfigKey) -> &'a str {
        self.set.get(key.name).map_or(key.default, String::as_str)
    }
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self::new(BTreeMap::new()).expect("nothing set, nothing refused")
    }
}

fn value_of<'a>(set: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    set.get(name).map_or_else(|| find(name).map_or("", |key| key.default), String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<TopicConfig, String> {
        TopicConfig::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_33_keys_of_kafka_are_there_and_their_defaults_are_legal() {
        assert_eq!(KEYS.len(), 33);
        assert!(KEYS.is_sorted_by(|a, b| a.name < b.name));
        for key in KEYS {
            assert_eq!(config(&[(key.name, key.default)]).map(drop), Ok(()), "{}", key.name);
        }
    }

    #[test]
    fn values_in_force_follow_what_is_set() {
        let config = config(&[("max.message.bytes", "10"), ("cleanup.policy", "delete, compact")]).expect("legal");
        assert_eq!(config.max_message_bytes, 10);
        assert!(config.is_compacted);
        assert_eq!(TopicConfig::default().log.segment_bytes, 1 << 30);
    }

    #[test]
    fn unknown_keys_and_bad_values_are_named() {
        for (pairs, part) in [
            ([("no.such", "1")], "no.such"),
            ([("retention.ms", "-2")], "retention.ms"),
            ([("retention.ms", "soon")], "soon"),
            ([("compression.type", "gzip")], "producer"),
            ([("min.cleanable.dirty.ratio", "1.5")], "0 to 1"),
            ([("preallocate", "true")], "false"),
        ] {
            let refusal = config(&pairs).expect_err("refused");
            assert!(refusal.contains(part), "{refusal}");
        }
    }
}
