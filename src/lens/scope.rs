//! What a refresh of a dashboard fixes for all of its panels: the time range, the zone, the query, the filters.

use jiff::tz::TimeZone;
use serde_json::Value;

/// A query as Kibana stores it: `{"query":"...","language":"kuery"|"lucene"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub language: Language,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Kuery,
    Lucene,
}

impl Query {
    pub fn kuery(text: impl Into<String>) -> Self {
        Self { language: Language::Kuery, text: text.into() }
    }

    /// Of Kibana's form; `None` for anything else (an ES|QL query, say).
    pub fn read(value: &Value) -> Option<Self> {
        let language = match value.get("language").and_then(Value::as_str) {
            Some("kuery") | None => Language::Kuery,
            Some("lucene") => Language::Lucene,
            Some(_) => return None,
        };
        Some(Self { language, text: value.get("query")?.as_str()?.to_owned() })
    }
}

/// Milliseconds since the epoch, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    pub from_ms: i64,
    pub to_ms: i64,
}

impl TimeRange {
    pub fn length_ms(self) -> i64 {
        self.to_ms.saturating_sub(self.from_ms)
    }
}

/// What is the same for all panels of one refresh.
#[derive(Debug, Clone)]
pub struct Scope {
    pub range: TimeRange,
    /// `now`, fixed once per refresh.
    pub now_ms: i64,
    pub time_zone: TimeZone,
    pub query: Option<Query>,
    /// Saved filters of the dashboard, the page and its controls, as Kibana stores them (`{meta, query, $state}`).
    pub filters: Vec<Value>,
}

impl Scope {
    /// As Elasticsearch takes it; a zone without a name is UTC.
    pub fn zone_name(&self) -> &str {
        self.time_zone.iana_name().unwrap_or("UTC")
    }
}
