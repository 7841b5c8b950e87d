//! Index settings: flat, with text values as Elasticsearch stores them; each known one is checked, an unknown one refused.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::units::{check_byte_size, parse_time_value};
use crate::server::elasticsearch::error::{ApiError, ErrorBody, Exception};
use crate::server::elasticsearch::http::similar::did_you_mean_above;

/// The settings of one index or template, by full name (`index.number_of_shards`). Values are text, or lists of text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct IndexSettings {
    values: BTreeMap<String, Value>,
}

/// What values a setting takes.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Int {
        min: i64,
    },
    Bool,
    Time,
    Bytes,
    OneOf(&'static [&'static str]),
    /// Any text, or a list of texts.
    Text,
}

/// A setting that can be set when an index is made, and later where it is `dynamic`.
struct Known {
    name: &'static str,
    kind: Kind,
    dynamic: bool,
}

const fn fixed(name: &'static str, kind: Kind) -> Known {
    Known { name, kind, dynamic: false }
}

const fn dynamic(name: &'static str, kind: Kind) -> Known {
    Known { name, kind, dynamic: true }
}

/// The settings this node knows. Those that would change answers and are not served (`analysis.*`, `sort.*`, `mapping.coerce`,
/// `query.default_field`, pipelines) are not here: they are refused as unknown. Those about replicas, merging and slow logs have
/// nothing to act on and are only kept, and so are the bounds on requests beside `max_result_window`. The limit on fields is fixed.
const KNOWN: &[Known] = &[
    fixed("index.number_of_shards", Kind::Int { min: 1 }),
    fixed("index.number_of_routing_shards", Kind::Int { min: 1 }),
    fixed("index.codec", Kind::OneOf(&["default", "best_compression"])),
    fixed("index.mode", Kind::OneOf(&["standard"])),
    fixed("index.soft_deletes.enabled", Kind::Bool),
    fixed("index.store.type", Kind::OneOf(&["fs", "hybridfs", "mmapfs", "niofs"])),
    dynamic("index.auto_expand_replicas", Kind::Text),
    dynamic("index.blocks.read_only", Kind::Bool),
    dynamic("index.blocks.read_only_allow_delete", Kind::Bool),
    dynamic("index.blocks.write", Kind::Bool),
    fixed("index.gc_deletes", Kind::Time),
    dynamic("index.hidden", Kind::Bool),
    dynamic("index.highlight.max_analyzed_offset", Kind::Int { min: 1 }),
    dynamic("index.mapping.depth.limit", Kind::Int { min: 1 }),
    dynamic("index.mapping.field_name_length.limit", Kind::Int { min: 1 }),
    dynamic("index.mapping.nested_fields.limit", Kind::Int { min: 0 }),
    dynamic("index.mapping.nested_objects.limit", Kind::Int { min: 0 }),
    dynamic("index.mapping.total_fields.limit", Kind::OneOf(&["1000"])),
    dynamic("index.max_docvalue_fields_search", Kind::Int { min: 0 }),
    dynamic("index.max_inner_result_window", Kind::Int { min: 1 }),
    dynamic("index.max_ngram_diff", Kind::Int { min: 0 }),
    dynamic("index.max_regex_length", Kind::Int { min: 1 }),
    dynamic("index.max_rescore_window", Kind::Int { min: 1 }),
    dynamic("index.max_result_window", Kind::Int { min: 1 }),
    dynamic("index.max_script_fields", Kind::Int { min: 0 }),
    dynamic("index.max_shingle_diff", Kind::Int { min: 0 }),
    dynamic("index.max_terms_count", Kind::Int { min: 1 }),
    dynamic("index.merge.policy.max_merged_segment", Kind::Bytes),
    dynamic("index.merge.scheduler.max_thread_count", Kind::Int { min: 1 }),
    dynamic("index.number_of_replicas", Kind::Int { min: 0 }),
    dynamic("index.priority", Kind::Int { min: 0 }),
    dynamic("index.refresh_interval", Kind::Time),
    dynamic("index.requests.cache.enable", Kind::Bool),
    dynamic("index.search.idle.after", Kind::Time),
    dynamic("index.translog.durability", Kind::OneOf(&["request", "async", "REQUEST", "ASYNC"])),
    dynamic("index.translog.flush_threshold_size", Kind::Bytes),
    dynamic("index.translog.sync_interval", Kind::Time),
    dynamic("index.unassigned.node_left.delayed_timeout", Kind::Time),
];

/// Families of settings with free names below them.
pub(crate) const KNOWN_PREFIXES: &[&str] =
    &["index.routing.allocation.", "index.search.slowlog.", "index.indexing.slowlog."];

/// Settings that the server itself writes.
const PRIVATE: [&str; 4] = ["index.uuid", "index.creation_date", "index.provided_name", "index.version.created"];

/// The index version that 9.2.4 writes.
const INDEX_VERSION: &str = "9039003";

/// Every known setting by its full name, and whether it can change later.
pub(crate) fn known_settings() -> impl Iterator<Item = (&'static str, bool)> {
    KNOWN.iter().map(|known| (known.name, known.dynamic))
}

impl IndexSettings {
    /// Reads `{"number_of_shards":1}`, `{"index":{..}}` or flat names; values become text. Nulls are kept (they reset a setting).
    pub(crate) fn parse(body: &Map<String, Value>) -> IndexSettings {
        let mut flat = BTreeMap::new();
        flatten("", body, &mut flat);
        let prefixed = flat.into_iter().map(|(name, value)| {
            let name = if name.starts_with("index.") { name } else { format!("index.{name}") };
            (name, value)
        });
        IndexSettings { values: prefixed.collect() }
    }

    /// Refuses names that are not known and values that do not fit: the first fault, the others "suppressed" in it.
    pub(crate) fn validate(&self) -> Result<(), ApiError> {
        let is_known = |fault: &&ApiError| fault.exception().is_some_and(|e| !e.reason.starts_with("unknown setting"));
        let faults = self.faults();
        // Elasticsearch lists unknown names first, each kind from the last name to the first.
        let ordered: Vec<&ApiError> =
            faults.iter().filter(|f| !is_known(f)).chain(faults.iter().filter(is_known)).collect();
        let Some((first, others)) = ordered.split_first() else { return Ok(()) };
        let suppressed = others.iter().filter_map(|fault| fault.exception().map(Exception::to_json)).collect();
        Err(with_suppressed((*first).clone(), suppressed))
    }

    /// Every fault, from the last name to the first.
    pub(crate) fn faults(&self) -> Vec<ApiError> {
        let checked = self.values.iter().rev().map(|(name, value)| match kind_of(name) {
            None => Err(ApiError::illegal_argument(unknown_setting(name))),
            Some(_) if value.is_null() => Ok(()),
            Some(_) if name == "index.auto_expand_replicas" => value.as_str().map_or(Ok(()), check_replica_range),
            Some(kind) => check_value(name, value, kind),
        });
        checked.filter_map(Result::err).collect()
    }

    /// The settings of a change that cannot be changed while the index is open.
    pub(crate) fn not_dynamic(&self) -> Vec<&str> {
        let fixed = |name: &str| KNOWN.iter().any(|known| known.name == name && !known.dynamic);
        self.values.keys().map(String::as_str).filter(|name| fixed(name)).collect()
    }

    /// Lays another over this one; its nulls remove.
    #[must_use]
    pub(crate) fn overlaid(&self, change: &IndexSettings) -> IndexSettings {
        let mut values = self.values.clone();
        for (name, value) in &change.values {
            if value.is_null() {
                values.remove(name);
            } else {
                values.insert(name.clone(), value.clone());
            }
        }
        IndexSettings { values }
    }

    /// The settings of a new index: those asked for, the defaults that are always written, and the server's own.
    pub(crate) fn for_new_index(&self, name: &str, uuid: &str, created_millis: i64) -> IndexSettings {
        let mut settings = self.clone();
        settings.values.retain(|_, value| !value.is_null());
        let replicas =
            if self.text("index.auto_expand_replicas").is_some_and(|range| range != "false") { "0" } else { "1" };
        for (key, value) in [
            ("index.number_of_shards", "1".to_owned()),
            ("index.number_of_replicas", replicas.to_owned()),
            ("index.routing.allocation.include._tier_preference", "data_content".to_owned()),
        ] {
            settings.values.entry(key.into()).or_insert(Value::String(value));
        }
        for (key, value) in [
            ("index.provided_name", name.to_owned()),
            ("index.uuid", uuid.to_owned()),
            ("index.creation_date", created_millis.to_string()),
            ("index.version.created", INDEX_VERSION.to_owned()),
        ] {
            settings.values.insert(key.into(), Value::String(value));
        }
        settings
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    pub(crate) fn number_of_shards(&self) -> u64 {
        u64::try_from(self.int("index.number_of_shards", 1)).unwrap_or(1)
    }

    pub(crate) fn number_of_replicas(&self) -> u64 {
        u64::try_from(self.int("index.number_of_replicas", 1)).unwrap_or(1)
    }

    pub(crate) fn max_result_window(&self) -> usize {
        usize::try_from(self.int("index.max_result_window", 10_000)).unwrap_or(10_000)
    }

    /// How long the version of a deleted document is remembered.
    pub(crate) fn gc_deletes(&self) -> Option<Duration> {
        let millis = parse_time_value(self.text("index.gc_deletes")?, "").ok()?;
        u64::try_from(millis).ok().map(Duration::from_millis)
    }

    /// How often writes become visible by themselves; none where that is switched off (`-1`).
    pub(crate) fn refresh_interval(&self) -> Option<Duration> {
        let millis =
            self.text("index.refresh_interval").and_then(|text| parse_time_value(text, "").ok()).unwrap_or(1_000);
        u64::try_from(millis).ok().map(Duration::from_millis)
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.flag("index.hidden")
    }

    /// The block that forbids writing, in Elasticsearch's words.
    pub(crate) fn write_block(&self) -> Option<&'static str> {
        if self.flag("index.blocks.read_only") {
            Some("FORBIDDEN/5/index read-only (api)")
        } else if self.flag("index.blocks.read_only_allow_delete") {
            Some(
                "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block; for more information, see https://www.elastic.co/docs/troubleshoot/elasticsearch/fix-watermark-errors?version=9.2",
            )
        } else if self.flag("index.blocks.write") {
            Some("FORBIDDEN/8/index write (api)")
        } else {
            None
        }
    }

    /// Names and values, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Keeps the settings whose name `keep` likes.
    #[must_use]
    pub(crate) fn filtered(&self, keep: impl Fn(&str) -> bool) -> IndexSettings {
        let kept = self.values.iter().filter(|(name, _)| keep(name));
        IndexSettings { values: kept.map(|(name, value)| (name.clone(), value.clone())).collect() }
    }

    /// Flat, as `flat_settings=true` shows it and as it is stored.
    pub(crate) fn to_flat_json(&self) -> Value {
        Value::Object(self.values.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Nested under `index`, in the order in which Elasticsearch shows the usual ones.
    pub(crate) fn to_json(&self) -> Value {
        const LAST: [&str; 6] = [
            "index.number_of_shards",
            "index.provided_name",
            "index.creation_date",
            "index.number_of_replicas",
            "index.uuid",
            "index.version.created",
        ];
        let rank = |name: &str| {
            let routing = !name.starts_with("index.routing.");
            (routing, LAST.iter().position(|last| *last == name).map_or(0, |at| at + 1))
        };
        let mut names: Vec<&String> = self.values.keys().collect();
        names.sort_by_key(|name| rank(name));
        let mut root = Map::new();
        for name in names {
            if let Some(value) = self.values.get(name) {
                insert_nested(&mut root, name, value.clone());
            }
        }
        Value::Object(root)
    }
}

fn flatten(prefix: &str, body: &Map<String, Value>, flat: &mut BTreeMap<String, Value>) {
    for (key, value) in body {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(members) => flatten(&name, members, flat),
            Value::Array(items) => {
                flat.insert(name, Value::Array(items.iter().map(|item| Value::String(text_of(item))).collect()));
            }
            Value::Null => {
                flat.insert(name, Value::Null);
            }
            other => {
                flat.insert(name, Value::String(text_of(other)));
            }
        }
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn insert_nested(level: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            level.insert(name.to_owned(), value);
        }
        Some((first, rest)) => match level.entry(first.to_owned()).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(members) => insert_nested(members, rest, value),
            // `a` and `a.b` both set: Elasticsearch shows the second flat.
            _ => {
                level.insert(name.to_owned(), value);
            }
        },
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    let known = KNOWN.iter().find(|known| known.name == name).map(|known| known.kind);
    known.or_else(|| KNOWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)).then_some(Kind::Text))
}

fn unknown_setting(name: &str) -> String {
    let known = KNOWN.iter().map(|known| known.name).filter(|_| !PRIVATE.contains(&name));
    let hint = did_you_mean_above(0.7, name, known);
    if hint.is_empty() {
        format!(
            "unknown setting [{name}] please check that any required plugins are installed, or check the breaking changes documentation for removed settings"
        )
    } else {
        format!("unknown setting [{name}]{hint}")
    }
}

fn with_suppressed(error: ApiError, suppressed: Vec<Value>) -> ApiError {
    match error.body {
        ErrorBody::Exception { exception, .. } if !suppressed.is_empty() => {
            let root_cause = Some(exception.clone());
            let exception = exception.with("suppressed", Value::Array(suppressed));
            ApiError { body: ErrorBody::Exception { exception, root_cause }, ..error }
        }
        body => ApiError { body, ..error },
    }
}

fn check_value(name: &str, value: &Value, kind: Kind) -> Result<(), ApiError> {
    let Some(text) = value.as_str() else {
        return match kind {
            Kind::Text => Ok(()),
            _ => Err(ApiError::illegal_argument(format!("Failed to parse value {value} for setting [{name}]"))),
        };
    };
    match kind {
        Kind::Text => Ok(()),
        Kind::Bytes => check_byte_size(text, name),
        Kind::Time => parse_time_value(text, name).map(|_| ()),
        Kind::Bool if matches!(text, "true" | "false") => Ok(()),
        Kind::Bool => Err(ApiError::illegal_argument(format!(
            "Failed to parse value [{text}] as only [true] or [false] are allowed."
        ))),
        Kind::OneOf(values) if values.contains(&text) => Ok(()),
        Kind::OneOf(values) => Err(ApiError::illegal_argument(format!(
            "unknown value for [{name}] must be one of [{}] but was: {text}",
            values.join(", ")
        ))),
        Kind::Int { min } => check_int(name, text, min),
    }
}

fn check_int(name: &str, text: &str, min: i64) -> Result<(), ApiError> {
    let Ok(number) = text.parse::<i32>() else {
        let cause = Exception::new("number_format_exception", format!("For input string: \"{text}\""));
        let exception = Exception::new(
            "illegal_argument_exception",
            format!("Failed to parse value [{text}] for setting [{name}]"),
        );
        return Err(ApiError::from_exception(400, exception.caused_by(cause)));
    };
    if i64::from(number) < min {
        return Err(ApiError::illegal_argument(format!(
            "Failed to parse value [{text}] for setting [{name}] must be >= {min}"
        )));
    }
    if name == "index.number_of_shards" && number > 1024 {
        return Err(ApiError::illegal_argument(format!(
            "Failed to parse value [{text}] for setting [{name}] must be <= 1024"
        )));
    }
    Ok(())
}

/// `false`, `0-1`, `0-all`.
fn check_replica_range(range: &str) -> Result<(), ApiError> {
    let well_formed = range == "false"
        || range.split_once('-').is_some_and(|(min, max)| {
            min.parse::<u32>().is_ok_and(|min| max == "all" || max.parse::<u32>().is_ok_and(|max| min <= max))
        });
    if well_formed {
        return Ok(());
    }
    Err(ApiError::illegal_argument(format!(
        "failed to parse [index.auto_expand_replicas] from value: [{range}] at index {}",
        range.find('-').map_or(-1_i64, |at| i64::try_from(at).unwrap_or(-1))
    )))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> IndexSettings {
        IndexSettings::parse(body.as_object().unwrap())
    }

    fn reason(body: Value) -> String {
        parse(body).validate().unwrap_err().exception().unwrap().reason.clone()
    }

    #[test]
    fn all_ways_to_write_a_setting_are_one() {
        let expected = json!({"index.number_of_shards": "2", "index.refresh_interval": "5s"});
        for body in [
            json!({"number_of_shards": 2, "refresh_interval": "5s"}),
            json!({"index": {"number_of_shards": "2", "refresh_interval": "5s"}}),
            json!({"index.number_of_shards": 2, "index": {"refresh_interval": "5s"}}),
        ] {
            assert_eq!(parse(body).to_flat_json(), expected);
        }
    }

    #[test]
    fn wrong_settings_are_refused_in_elasticsearchs_words() {
        let unknown = "please check that any required plugins are installed, or check the breaking changes documentation for removed settings";
        for (body, expected) in [
            (json!({"index.bogus": 1}), format!("unknown setting [index.bogus] {unknown}")),
            (json!({"uuid": "a"}), format!("unknown setting [index.uuid] {unknown}")),
            (
                json!({"refreshinterval": 1}),
                "unknown setting [index.refreshinterval] did you mean [index.refresh_interval]?".into(),
            ),
            (json!({"number_of_shards": 0}), "Failed to parse value [0] for setting [index.number_of_shards] must be >= 1".into()),
            (json!({"number_of_shards": "abc"}), "Failed to parse value [abc] for setting [index.number_of_shards]".into()),
            (
                json!({"refresh_interval": 5}),
                "failed to parse setting [index.refresh_interval] with value [5] as a time value: unit is missing or unrecognized".into(),
            ),
            (json!({"blocks.write": "maybe"}), "Failed to parse value [maybe] as only [true] or [false] are allowed.".into()),
        ] {
            assert_eq!(reason(body), expected);
        }
    }

    #[test]
    fn a_new_index_shows_what_elasticsearch_shows() {
        let shown =
            parse(json!({"number_of_replicas": 0, "refresh_interval": "5s"})).for_new_index("i", "u", 7).to_json();
        assert_eq!(
            shown.to_string(),
            r#"{"index":{"routing":{"allocation":{"include":{"_tier_preference":"data_content"}}},"refresh_interval":"5s","number_of_shards":"1","provided_name":"i","creation_date":"7","number_of_replicas":"0","uuid":"u","version":{"created":"9039003"}}}"#
        );
    }

    #[test]
    fn nulls_reset() {
        let before = parse(json!({"refresh_interval": "5s", "priority": 1}));
        assert_eq!(
            before.overlaid(&parse(json!({"refresh_interval": null}))).to_flat_json(),
            json!({"index.priority": "1"})
        );
    }

    proptest! {
        #[test]
        fn any_setting_is_taken_or_refused(name in "[a-z._]{0,12}", value in ".{0,8}") {
            let settings = parse(json!({name: value}));
            let _checked = settings.validate();
            let _shown = settings.to_json();
        }
    }
}
