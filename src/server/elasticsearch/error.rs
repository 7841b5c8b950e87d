//! What the search node answers when it declines: the three error bodies of Elasticsearch's REST layer, built in one place.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// An exception as Elasticsearch describes it: `type`, `reason`, extra members, and what caused it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exception {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) reason: String,
    /// Members after `reason`, in order (`line`, `col`, `index_uuid`, `index`, ...).
    pub(crate) extras: Vec<(&'static str, Value)>,
    pub(crate) caused_by: Option<Box<Exception>>,
}

impl Exception {
    pub(crate) fn new(kind: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self { kind: kind.into(), reason: reason.into(), extras: Vec::new(), caused_by: None }
    }

    #[must_use]
    pub(crate) fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.extras.push((member, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, cause: Exception) -> Self {
        self.caused_by = Some(Box::new(cause));
        self
    }

    /// `type`, `reason` and extras, without the cause: an entry of `root_cause`.
    pub(crate) fn head(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("type".into(), self.kind.as_ref().into());
        members.insert("reason".into(), self.reason.as_str().into());
        for (member, value) in &self.extras {
            members.insert((*member).into(), value.clone());
        }
        members
    }

    /// The whole exception with its chain of causes: the `error` of a bulk item, or the body of a cause.
    pub(crate) fn to_json(&self) -> Value {
        let mut members = self.head();
        if let Some(cause) = &self.caused_by {
            members.insert("caused_by".into(), cause.to_json());
        }
        Value::Object(members)
    }
}

/// One request declined.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) body: ErrorBody,
    /// Headers beside the usual ones, such as `Allow`.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// The shapes an error body has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ErrorBody {
    /// `{"error":{"root_cause":[..],"type":..,"reason":..},"status":N}`; the root cause is the exception itself unless another is given.
    Exception { exception: Exception, root_cause: Option<Exception> },
    /// `{"error":"text","status":N}`, or without the status for a path that no handler serves.
    Text { text: String, with_status: bool },
    /// A query, sort or aggregation that a shard refused: `search_phase_execution_exception`.
    Shard(ShardFailure),
    /// A search whose shards answered but whose answers could not be brought together: no root cause, phase `fetch`.
    Reduce(Exception),
}

/// Why the only shard of an index failed a search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ShardFailure {
    pub(crate) index: String,
    pub(crate) node: String,
    pub(crate) exception: Exception,
}

impl ApiError {
    /// An exception with its HTTP status.
    pub(crate) fn new(status: u16, kind: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self::from_exception(status, Exception::new(kind, reason))
    }

    pub(crate) fn from_exception(status: u16, exception: Exception) -> Self {
        Self { status, body: ErrorBody::Exception { exception, root_cause: None }, headers: Vec::new() }
    }

    /// 400 `illegal_argument_exception`, the commonest refusal.
    pub(crate) fn illegal_argument(reason: impl Into<String>) -> Self {
        Self::new(400, "illegal_argument_exception", reason)
    }

    /// `{"error":"text","status":N}`.
    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        Self { status, body: ErrorBody::Text { text: text.into(), with_status: true }, headers: Vec::new() }
    }

    /// A search that the shard of `index` refused.
    pub(crate) fn shard(status: u16, index: &str, node: &str, exception: Exception) -> Self {
        let failure = ShardFailure { index: index.into(), node: node.into(), exception };
        Self { status, body: ErrorBody::Shard(failure), headers: Vec::new() }
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The exception inside, where there is one.
    pub(crate) fn exception(&self) -> Option<&Exception> {
        match &self.body {
            ErrorBody::Exception { exception, .. } => Some(exception),
            ErrorBody::Text { .. } => None,
            ErrorBody::Shard(failure) => Some(&failure.exception),
            ErrorBody::Reduce(exception) => Some(exception),
        }
    }

    /// The whole body as the client reads it.
    pub(crate) fn to_json(&self) -> Value {
        match &self.body {
            ErrorBody::Exception { .. } => json!({"error": self.error_json(), "status": self.status}),
            ErrorBody::Shard(_) | ErrorBody::Reduce(_) => json!({"error": self.error_json(), "status": self.status}),
            ErrorBody::Text { text, with_status: true } => json!({"error": text, "status": self.status}),
            ErrorBody::Text { text, with_status: false } => json!({"error": text}),
        }
    }

    /// The member `error` alone: what `_msearch` and `_mget` put into an item.
    pub(crate) fn error_json(&self) -> Value {
        match &self.body {
            ErrorBody::Exception { exception, root_cause } => exception_json(exception, root_cause.as_ref()),
            ErrorBody::Text { text, .. } => Value::String(text.clone()),
            ErrorBody::Shard(failure) => failure.to_json(),
            ErrorBody::Reduce(exception) => json!({
                "root_cause": [], "type": "search_phase_execution_exception", "reason": "", "phase": "fetch",
                "grouped": true, "failed_shards": [], "caused_by": exception.to_json(),
            }),
        }
    }
}

fn exception_json(exception: &Exception, root_cause: Option<&Exception>) -> Value {
    let mut members = Map::new();
    members.insert("root_cause".into(), json!([root_cause.unwrap_or(exception).head()]));
    members.extend(exception.head());
    if let Some(cause) = &exception.caused_by {
        members.insert("caused_by".into(), cause.to_json());
    }
    Value::Object(members)
}

impl ShardFailure {
    /// A query that a shard could not make for an exception of Elasticsearch's own is listed as that exception.
    fn root_cause(&self) -> &Exception {
        match self.exception.caused_by.as_deref() {
            Some(cause)
                if cause.kind == "parse_exception" && self.exception.reason.starts_with("failed to create query") =>
            {
                cause
            }
            _ => &self.exception,
        }
    }

    /// Plain Java exceptions repeat themselves as `caused_by`; Elasticsearch's own do not (measured on 9.2.4).
    fn to_json(&self) -> Value {
        let head = Exception { caused_by: None, ..self.exception.clone() };
        let mut members = Map::new();
        members.insert("root_cause".into(), json!([self.root_cause().head()]));
        members.insert("type".into(), "search_phase_execution_exception".into());
        members.insert("reason".into(), "all shards failed".into());
        members.insert("phase".into(), "query".into());
        members.insert("grouped".into(), true.into());
        members.insert(
            "failed_shards".into(),
            json!([{"shard": 0, "index": self.index, "node": self.node, "reason": self.exception.to_json()}]),
        );
        if matches!(
            self.exception.kind.as_ref(),
            "illegal_argument_exception" | "number_format_exception" | "unsupported_operation_exception"
        ) {
            let inner = self.exception.clone();
            members.insert("caused_by".into(), head.caused_by(inner).to_json());
        }
        Value::Object(members)
    }
}
