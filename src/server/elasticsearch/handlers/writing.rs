//! What single-document writes and `_bulk` share: one operation as asked, done on its index, and its answer as bytes.

mod answer;
mod merge;
mod run;
mod update;

use bytes::Bytes;

use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::http::Params;
use crate::server::elasticsearch::search::fetch::SourceFilter;
use crate::server::elasticsearch::state::parse_time_value;
use crate::server::elasticsearch::storage::engine::{Condition, Written};

pub(super) use answer::{Shape, put_string, write_done, write_failed};
pub(super) use run::{refresh, run, target};
pub(super) use update::UpdateBody;

/// Longest `_id`, in bytes.
pub(super) const ID_BYTES_MAX: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Index,
    Create,
    Update,
    Delete,
}

impl Action {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One operation as a request asks for it.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) action: Action,
    pub(super) index: String,
    pub(super) id: Option<String>,
    pub(super) routing: Option<String>,
    pub(super) condition: Condition,
    pub(super) retry_on_conflict: u32,
    pub(super) require_alias: bool,
    pub(super) require_data_stream: bool,
    pub(super) pipeline: Option<String>,
    /// The document of an index or create.
    pub(super) source: Bytes,
    pub(super) update: Option<UpdateBody>,
    /// What an update shows of the document after it.
    pub(super) shown: Option<SourceFilter>,
}

/// An operation done.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) id: String,
    pub(super) written: Written,
    pub(super) noop: bool,
    /// `get` of an update's answer: the document after it.
    pub(super) shown: Option<Vec<u8>>,
}

/// An operation refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    pub(super) id: Option<String>,
    pub(super) error: ApiError,
}

pub(super) type ItemResult = Result<Done, Box<Refused>>;

/// When a write has to be visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefreshPolicy {
    None,
    Immediate,
    WaitFor,
}

impl RefreshPolicy {
    pub(super) fn read(params: &Params) -> Result<Self, ApiError> {
        match params.get("refresh") {
            None | Some("false") => Ok(Self::None),
            Some("" | "true") => Ok(Self::Immediate),
            Some("wait_for") => Ok(Self::WaitFor),
            Some(other) => Err(ApiError::illegal_argument(format!("Unknown value for refresh: [{other}]."))),
        }
    }
}

/// `version` and `version_type`, as parameters or in a bulk line. Without a version, versions are the node's own.
#[derive(Debug, Clone, Default)]
pub(super) struct Versioning {
    pub(super) version: Option<i64>,
    pub(super) version_type: Option<String>,
    pub(super) if_seq_no: Option<i64>,
    pub(super) if_primary_term: Option<i64>,
}

impl Versioning {
    pub(super) fn from_params(params: &Params) -> Result<Self, ApiError> {
        let long = |name: &str| match params.get(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                ApiError::illegal_argument(format!("Failed to parse long parameter [{name}] with value [{text}]"))
            }),
        };
        Ok(Self {
            version: long("version")?,
            version_type: params.get("version_type").map(str::to_owned),
            if_seq_no: long("if_seq_no")?,
            if_primary_term: long("if_primary_term")?,
        })
    }

    /// The condition asked for. What does not go together is noted in `problems`, for the request's validation.
    ///
    /// # Errors
    /// A version type that there is none of.
    pub(super) fn condition(&self, action: Action, problems: &mut Vec<String>) -> Result<Condition, ApiError> {
        let kind = self.version_type.as_deref().unwrap_or("internal");
        let or_equal = match kind {
            "internal" => None,
            "external" => Some(false),
            "external_gte" => Some(true),
            other => return Err(ApiError::illegal_argument(format!("No version type match [{other}]"))),
        };
        if let Some(problem) = self.sequence_problem() {
            problems.push(problem);
        }
        let sequence = match (self.if_seq_no, self.if_primary_term) {
            (Some(seq_no), Some(term)) => u64::try_from(seq_no).ok().zip(u64::try_from(term).ok()),
            _ => None,
        };
        if let Some((seq_no, primary_term)) = sequence {
            if action == Action::Create {
                problems.push("create operations do not support compare and set. use index instead".into());
            }
            if or_equal.is_some() || self.version.is_some() {
                problems.push("compare and write operations can not use versioning".into());
            }
            return Ok(Condition::SeqNo { seq_no, primary_term });
        }
        match (or_equal, self.version) {
            (None, None) => Ok(Condition::None),
            (None, Some(_)) => {
                problems.push(
                    "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead"
                        .into(),
                );
                Ok(Condition::None)
            }
            (Some(or_equal), version) => {
                if action == Action::Create {
                    problems.push(format!(
                        "create operations only support internal versioning. use index instead. version_type [{}]",
                        kind.to_uppercase()
                    ));
                }
                let valid = version.and_then(|version| u64::try_from(version).ok());
                let Some(version) = valid else {
                    let shown = version.unwrap_or(-3);
                    let kind = kind.to_uppercase();
                    problems.push(format!("illegal version value [{shown}] for version type [{kind}]"));
                    return Ok(Condition::None);
                };
                Ok(Condition::External { version, or_equal })
            }
        }
    }

    fn sequence_problem(&self) -> Option<String> {
        match (self.if_seq_no, self.if_primary_term) {
            (Some(_), None | Some(0)) => Some("ifSeqNo is set, but primary term is [0]".into()),
            (None, Some(term)) if term != 0 => Some(format!("ifSeqNo is unassigned, but primary term is [{term}]")),
            _ => None,
        }
    }
}

/// Problems of a request as one refusal: `Validation Failed: 1: ..;2: ..;`.
pub(super) fn validation(problems: &[String]) -> Result<(), ApiError> {
    if problems.is_empty() {
        return Ok(());
    }
    let listed: String = problems.iter().enumerate().map(|(at, problem)| format!("{}: {problem};", at + 1)).collect();
    Err(ApiError::new(400, "action_request_validation_exception", format!("Validation Failed: {listed}")))
}

pub(super) fn check_id(id: &str, problems: &mut Vec<String>) {
    if id.len() > ID_BYTES_MAX {
        problems
            .push(format!("id [{id}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}", id.len()));
    }
}

/// `_source`, `_source_includes`, `_source_excludes` as parameters; none where none is given.
pub(super) fn source_filter(params: &Params) -> Result<Option<SourceFilter>, ApiError> {
    let list = |name: &str| -> Vec<String> {
        let text = params.get(name).unwrap_or_default();
        text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let (mut includes, excludes) = (list("_source_includes"), list("_source_excludes"));
    match params.get("_source") {
        Some("false") => return Ok(Some(SourceFilter::NONE)),
        Some("true" | "") => {}
        Some(_) => includes = list("_source"),
        None if includes.is_empty() && excludes.is_empty() => return Ok(None),
        None => {}
    }
    Ok(Some(SourceFilter::new(includes, excludes)))
}

/// `timeout` must be a time; `wait_for_active_shards` can only be what one node has.
pub(super) fn check_waits(params: &Params) -> Result<(), ApiError> {
    if let Some(text) = params.get("timeout") {
        parse_time_value(text, "timeout")?;
    }
    for name in ["include_source_on_error", "list_executed_pipelines"] {
        params.bool(name, false)?;
    }
    match params.get("wait_for_active_shards") {
        None | Some("0" | "1") => Ok(()),
        Some(text) if text == "all" || text.parse::<u32>().is_ok() => {
            let reason = format!(
                "Not enough active copies to meet shard count of [{}] (have 1, needed {text})",
                text.to_uppercase()
            );
            Err(ApiError::new(503, "unavailable_shards_exception", reason))
        }
        Some(text) => Err(ApiError::illegal_argument(format!("cannot parse ActiveShardCount[{text}]"))),
    }
}

/// A refusal without an id.
pub(super) fn refused(id: Option<&str>, error: ApiError) -> Box<Refused> {
    Box::new(Refused { id: id.map(str::to_owned), error })
}

/// 404 for a name that had to be an alias, or a data stream, and is none.
pub(super) fn not_that_kind(name: &str, flag: &str, what: &str) -> ApiError {
    let reason = format!("no such index [{name}] and [{flag}] request flag is [true] and [{name}] is not {what}");
    let exception = Exception::new("index_not_found_exception", reason).with("index_uuid", "_na_").with("index", name);
    ApiError::from_exception(404, exception)
}
