//! What an aggregation answers, before it is JSON: a tree that pipelines still read and extend.

use serde_json::{Map, Value};

use crate::server::elasticsearch::error::{ApiError, ErrorBody, Exception};

/// `search.max_buckets`: buckets of one answer, all levels together.
const BUCKETS_MAX: usize = 65_536;

#[derive(Debug)]
pub(super) struct NamedOutcome {
    pub(super) name: String,
    pub(super) meta: Option<Value>,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) struct Outcome {
    /// The name before `#` under `typed_keys`.
    pub(super) kind: &'static str,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// A metric: its members.
    Metric(Map<String, Value>),
    Single {
        /// Members before `doc_count`.
        head: Map<String, Value>,
        doc_count: u64,
        below: Vec<NamedOutcome>,
    },
    Multi {
        /// Members before `buckets`.
        head: Map<String, Value>,
        buckets: Vec<Bucket>,
        keyed: bool,
    },
}

#[derive(Debug)]
pub(super) struct Bucket {
    /// The member's name where buckets are keyed, and the bucket's name in the `keys` of `max_bucket`.
    pub(super) name: String,
    /// Members before `doc_count`.
    pub(super) head: Map<String, Value>,
    pub(super) doc_count: u64,
    /// Members between `doc_count` and the sub-aggregations.
    pub(super) tail: Map<String, Value>,
    pub(super) below: Vec<NamedOutcome>,
}

/// Counts the buckets of one answer.
#[derive(Debug, Default)]
pub(super) struct Budget {
    used: usize,
}

impl Budget {
    pub(super) fn take(&mut self, buckets: usize) -> Result<(), ApiError> {
        self.used = self.used.saturating_add(buckets);
        if self.used <= BUCKETS_MAX {
            return Ok(());
        }
        let reason = format!(
            "Trying to create too many buckets. Must be less than or equal to: [{BUCKETS_MAX}] but this number of buckets was exceeded. This limit can be set by changing the [search.max_buckets] cluster level setting."
        );
        Err(reduce_error(Exception::new("too_many_buckets_exception", reason).with("max_buckets", BUCKETS_MAX)))
    }
}

/// A search that failed after its shards had answered.
pub(super) fn reduce_error(exception: Exception) -> ApiError {
    ApiError { status: 400, body: ErrorBody::Reduce(exception), headers: Vec::new() }
}

impl Outcome {
    pub(super) fn metric(kind: &'static str, members: Map<String, Value>) -> Self {
        Self { kind, body: Body::Metric(members) }
    }
}

/// The answer of one level as JSON.
pub(super) fn render(outcomes: Vec<NamedOutcome>, typed_keys: bool) -> Map<String, Value> {
    let mut members = Map::new();
    render_into(&mut members, outcomes, typed_keys);
    members
}

fn render_into(members: &mut Map<String, Value>, outcomes: Vec<NamedOutcome>, typed_keys: bool) {
    for NamedOutcome { name, meta, outcome } in outcomes {
        let name = if typed_keys { format!("{}#{name}", outcome.kind) } else { name };
        let mut body = Map::new();
        if let Some(meta) = meta {
            body.insert("meta".into(), meta);
        }
        render_body(&mut body, outcome.body, typed_keys);
        members.insert(name, Value::Object(body));
    }
}

fn render_body(members: &mut Map<String, Value>, body: Body, typed_keys: bool) {
    match body {
        Body::Metric(metric) => members.extend(metric),
        Body::Single { head, doc_count, below } => {
            members.extend(head);
            members.insert("doc_count".into(), doc_count.into());
            render_into(members, below, typed_keys);
        }
        Body::Multi { head, buckets, keyed } => {
            members.extend(head);
            let buckets = if keyed {
                let entries =
                    buckets.into_iter().map(|bucket| (bucket.name.clone(), render_bucket(bucket, typed_keys)));
                Value::Object(entries.collect())
            } else {
                Value::Array(buckets.into_iter().map(|bucket| render_bucket(bucket, typed_keys)).collect())
            };
            members.insert("buckets".into(), buckets);
        }
    }
}

fn render_bucket(bucket: Bucket, typed_keys: bool) -> Value {
    let mut members = bucket.head;
    members.insert("doc_count".into(), bucket.doc_count.into());
    members.extend(bucket.tail);
    render_into(&mut members, bucket.below, typed_keys);
    Value::Object(members)
}
