//! The answer to a search, key by key in Elasticsearch's order.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::fetch::{Hit, ObjectWriter, score_text};
use crate::server::elasticsearch::error::ShardFailure;

#[derive(Debug, Clone)]
pub(crate) struct SearchAnswer {
    pub(crate) timed_out: bool,
    pub(crate) terminated_early: Option<bool>,
    pub(crate) shards: ShardCounts,
    /// None where hits were not counted.
    pub(crate) total: Option<Total>,
    pub(crate) total_as_int: bool,
    pub(crate) max_score: Option<f32>,
    pub(crate) hits: Vec<Hit>,
    pub(crate) aggregations: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) value: u64,
    /// False where there are more.
    pub(crate) exact: bool,
}

/// The `_shards` of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ShardCounts {
    pub(crate) total: usize,
    pub(crate) failures: Vec<ShardFailure>,
}

impl ShardCounts {
    /// With `skipped`, as searches and counts show it.
    pub(crate) fn to_json(&self) -> Value {
        let failed = self.failures.len();
        let mut shards = json!({
            "total": self.total,
            "successful": self.total.saturating_sub(failed),
            "skipped": 0,
            "failed": failed,
        });
        if let (false, Value::Object(members)) = (self.failures.is_empty(), &mut shards) {
            let failures = self.failures.iter().map(|failure| {
                json!({
                    "shard": 0,
                    "index": failure.index,
                    "node": failure.node,
                    "reason": failure.exception.to_json(),
                })
            });
            members.insert("failures".into(), failures.collect());
        }
        shards
    }
}

impl SearchAnswer {
    /// Writes the answer; `status` closes it in an `_msearch`.
    pub(crate) fn write(&self, took: Duration, status: Option<u16>, out: &mut Vec<u8>) {
        let mut answer = ObjectWriter::new(out);
        answer.json("took", &u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into());
        answer.json("timed_out", &self.timed_out.into());
        if let Some(early) = self.terminated_early {
            answer.json("terminated_early", &early.into());
        }
        answer.json("_shards", &self.shards.to_json());
        self.write_hits(answer.key("hits"));
        if let Some(aggregations) = &self.aggregations {
            answer.json("aggregations", &Value::Object(aggregations.clone()));
        }
        if let Some(status) = status {
            answer.json("status", &status.into());
        }
        answer.end();
    }

    fn write_hits(&self, out: &mut Vec<u8>) {
        let mut hits = ObjectWriter::new(out);
        match self.total {
            Some(total) if self.total_as_int => hits.json("total", &total.value.into()),
            Some(total) => {
                let relation = if total.exact { "eq" } else { "gte" };
                hits.json("total", &json!({"value": total.value, "relation": relation}));
            }
            None if self.total_as_int => hits.json("total", &(-1).into()),
            None => {}
        }
        hits.raw("max_score", score_text(self.max_score).as_bytes());
        let list = hits.key("hits");
        list.push(b'[');
        for (at, hit) in self.hits.iter().enumerate() {
            if at > 0 {
                list.push(b',');
            }
            hit.write(list);
        }
        list.push(b']');
        hits.end();
    }
}
