//! The search request: body and URL parameters as one typed tree.

use std::time::Duration;

use super::fault::{Fault, parse_body};
use super::fetch::{FetchOptions, FieldRequest, SourceFilter};
use super::query::options::{Scalar, boolean, float, int, text};
use super::query::{self, Query};
use super::sort::{self, SortField, SortTarget};
use crate::server::elasticsearch::aggs::{self, Aggregations};
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::Params;

/// Hits counted exactly unless the request says otherwise.
const TRACKED_HITS: u64 = 10_000;

/// URL parameters of `_search`, beside the universal ones and those that choose indices.
pub(crate) const SEARCH_PARAMS: &[&str] = &[
    "_source",
    "_source_excludes",
    "_source_includes",
    "allow_no_indices",
    "allow_partial_search_results",
    "analyze_wildcard",
    "analyzer",
    "batched_reduce_size",
    "ccs_minimize_roundtrips",
    "default_operator",
    "df",
    "docvalue_fields",
    "expand_wildcards",
    "explain",
    "from",
    "ignore_throttled",
    "ignore_unavailable",
    "include_named_queries_score",
    "lenient",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "preference",
    "q",
    "request_cache",
    "rest_total_hits_as_int",
    "routing",
    "search_type",
    "seq_no_primary_term",
    "size",
    "sort",
    "stats",
    "stored_fields",
    "terminate_after",
    "timeout",
    "track_scores",
    "track_total_hits",
    "typed_keys",
    "version",
];

/// Everything a search asks for.
#[derive(Debug, Clone)]
pub(crate) struct SearchRequest {
    pub(crate) query: Option<Query>,
    pub(crate) post_filter: Option<Query>,
    pub(crate) from: usize,
    pub(crate) size: usize,
    /// Empty: by score.
    pub(crate) sort: Vec<SortField>,
    pub(crate) search_after: Option<Vec<Option<Scalar>>>,
    pub(crate) fetch: FetchOptions,
    pub(crate) track_total_hits: TrackHits,
    pub(crate) track_scores: bool,
    pub(crate) min_score: Option<f32>,
    pub(crate) terminate_after: Option<u64>,
    /// Whether work of earlier searches may be used: it does unless told otherwise.
    pub(crate) request_cache: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) aggs: Option<Aggregations>,
    /// Some aggregation shows or sorts by scores.
    pub(crate) aggs_need_scores: bool,
    /// Index names or patterns, with what the scores of their hits are multiplied by.
    pub(crate) indices_boost: Vec<(String, f32)>,
    pub(crate) typed_keys: bool,
    pub(crate) total_as_int: bool,
}

/// How far hits are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrackHits {
    Exact,
    UpTo(u64),
    Never,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self {
            query: None,
            post_filter: None,
            from: 0,
            size: 10,
            sort: Vec::new(),
            search_after: None,
            fetch: FetchOptions::default(),
            track_total_hits: TrackHits::UpTo(TRACKED_HITS),
            track_scores: false,
            min_score: None,
            terminate_after: None,
            request_cache: true,
            timeout: None,
            aggs: None,
            aggs_need_scores: false,
            indices_boost: Vec::new(),
            typed_keys: false,
            total_as_int: false,
        }
    }
}

impl SearchRequest {
    /// Reads a request; an empty body asks for everything. `uri` is for messages.
    ///
    /// # Errors
    /// 400 in Elasticsearch's words for whatever no index could answer.
    pub(crate) fn parse(body: &[u8], params: &Params, uri: &str) -> Result<SearchRequest, ApiError> {
        let mut request = SearchRequest::default();
        if !body.iter().all(u8::is_ascii_whitespace) {
            let json = parse_body(body)?;
            request.read_body(&json, &Source(body)).map_err(ApiError::from)?;
        }
        request.read_params(params, uri)?;
        request.validate()?;
        Ok(request)
    }

    fn read_body(&mut self, json: &Json, src: &Source<'_>) -> Result<(), SearchFault> {
        let Some(members) = json.as_object() else {
            let found = json.token_name();
            let reason = format!("Expected [START_OBJECT] but found [{found}]");
            return Err(Fault::parsing(src, json.span.start, reason).into());
        };
        for member in members {
            self.read_member(member, src)?;
        }
        Ok(())
    }

    fn read_member(&mut self, member: &Member, src: &Source<'_>) -> Result<(), SearchFault> {
        let value = &member.value;
        let object = value.as_object().is_some();
        let scalar = !value.is_null() && !object && value.as_array().is_none();
        match member.key.as_str() {
            "query" if object => self.query = Some(query::parse(value, src)?),
            "post_filter" if object => self.post_filter = Some(query::parse(value, src)?),
            "aggs" | "aggregations" if object => {
                // An empty level is no level: the answer has no `aggregations`.
                self.aggs = Some(aggs::parse(value, src)?).filter(|aggs| !aggs.is_empty());
                self.aggs_need_scores = mentions_scores(value);
            }
            "from" if scalar => self.from = from(int(value, src)?)?,
            "size" if scalar => self.size = size(int(value, src)?)?,
            "sort" if !value.is_null() => self.sort = sort::parse(value, src)?,
            "search_after" => match value.as_array() {
                Some(items) => self.search_after = Some(after(items, src)?),
                None => return Err(unknown_key(member, src).into()),
            },
            "track_total_hits" if scalar => self.track_total_hits = track_hits(value, src)?,
            "track_scores" if scalar => self.track_scores = boolean(value, src)?,
            "min_score" if scalar => self.min_score = Some(float(value, src)?),
            "terminate_after" if scalar => self.terminate_after = terminate_after(int(value, src)?)?,
            "timeout" if scalar => self.timeout = time(&text(value, src)?, "timeout")?,
            "indices_boost" => self.indices_boost = indices_boost(value, src)?,
            // A dashboard always sends these; a false or an empty one asks for nothing.
            "explain" | "profile" | "include_named_queries_score" if scalar && !boolean(value, src)? => {}
            "runtime_mappings" if value.as_object().is_some_and(|fields| !fields.is_empty()) => {
                let reason = "[runtime_mappings] is not served by this node: it has no runtime fields";
                return Err(ApiError::illegal_argument(reason).into());
            }
            "runtime_mappings" | "script_fields" | "ext" if value.as_object().is_some_and(<[Member]>::is_empty) => {}
            "stats" if value.as_array().is_some() => {}
            _ if self.fetch.read(member, src)? => {}
            _ => return Err(unknown_key(member, src).into()),
        }
        Ok(())
    }

    fn read_params(&mut self, params: &Params, uri: &str) -> Result<(), ApiError> {
        if let Some(query) = query_of_params(params, uri)? {
            self.query = Some(query);
        }
        if let Some(value) = params.int("from")? {
            self.from = from(value)?;
        }
        if let Some(value) = params.int("size")? {
            self.size = size(value)?;
        }
        if let Some(text) = params.get("sort") {
            self.sort = sort::parse_param(text);
        }
        self.request_cache = params.bool("request_cache", true)?;
        if let Some(value) = params.int("terminate_after")? {
            self.terminate_after = terminate_after(value)?;
        }
        if let Some(text) = params.get("timeout") {
            self.timeout = time(text, "timeout")?;
        }
        self.track_scores = params.bool("track_scores", self.track_scores)?;
        self.typed_keys = params.bool("typed_keys", false)?;
        self.total_as_int = params.bool("rest_total_hits_as_int", false)?;
        self.read_fetch_params(params)?;
        self.read_total_params(params)?;
        check_ignored_params(params)
    }

    fn read_fetch_params(&mut self, params: &Params) -> Result<(), ApiError> {
        if let Some(filter) = source_of_params(params) {
            self.fetch.source = Some(filter);
        }
        if let Some(text) = params.get("stored_fields") {
            self.fetch.set_stored_fields(&list(text));
        }
        if let Some(text) = params.get("docvalue_fields") {
            let request = |pattern| FieldRequest { pattern, format: None, include_unmapped: false };
            self.fetch.docvalue_fields = list(text).into_iter().map(request).collect();
        }
        self.fetch.version = params.bool("version", self.fetch.version)?;
        self.fetch.seq_no_primary_term = params.bool("seq_no_primary_term", self.fetch.seq_no_primary_term)?;
        Ok(())
    }

    fn read_total_params(&mut self, params: &Params) -> Result<(), ApiError> {
        let given = params.get("track_total_hits");
        if let Some(text) = given {
            self.track_total_hits = match text {
                "" | "true" => TrackHits::Exact,
                "false" => TrackHits::Never,
                number => track_number(number.parse().map_err(|_| {
                    ApiError::illegal_argument(format!(
                        "Failed to parse int parameter [track_total_hits] with value [{number}]"
                    ))
                })?)?,
            };
        }
        if !self.total_as_int {
            return Ok(());
        }
        match self.track_total_hits {
            TrackHits::UpTo(limit) if given.is_some() || limit != TRACKED_HITS => {
                Err(ApiError::illegal_argument(format!(
                    "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {limit}"
                )))
            }
            TrackHits::UpTo(_) => {
                self.track_total_hits = TrackHits::Exact;
                Ok(())
            }
            TrackHits::Exact | TrackHits::Never => Ok(()),
        }
    }

    fn validate(&self) -> Result<(), ApiError> {
        if self.search_after.is_some() && self.from > 0 {
            let reason = "Validation Failed: 1: [from] parameter must be set to 0 when [search_after] is used;";
            return Err(ApiError::new(400, "action_request_validation_exception", reason));
        }
        Ok(())
    }

    /// The order asked for; one by descending score alone is the default and shows no sort values.
    pub(crate) fn ordered_by_score(&self) -> bool {
        match self.sort.as_slice() {
            [] => true,
            [only] => only.target == SortTarget::Score && only.descending,
            _ => false,
        }
    }
}

/// What reading a body runs into: errors of this module's making, and whole answers from the parsers of its parts.
enum SearchFault {
    Fault(Fault),
    Api(ApiError),
}

impl From<Fault> for SearchFault {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ApiError> for SearchFault {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<SearchFault> for ApiError {
    fn from(fault: SearchFault) -> Self {
        match fault {
            SearchFault::Fault(fault) => fault.into_api(),
            SearchFault::Api(error) => error,
        }
    }
}

/// `top_hits` shows scores unless it sorts by something else, and anything may be ordered by `_score`.
fn mentions_scores(json: &Json) -> bool {
    match &json.value {
        JsonValue::Object(members) => members.iter().any(|Member { key, value, .. }| match key.as_str() {
            "_score" => true,
            "top_hits" => !is_sorted(value) || mentions_scores(value),
            _ => mentions_scores(value),
        }),
        JsonValue::Array(items) => items.iter().any(mentions_scores),
        JsonValue::String(text) => text == "_score",
        _ => false,
    }
}

/// Options of `top_hits` with an order and without scores beside it.
fn is_sorted(options: &Json) -> bool {
    let tracks = options.get("track_scores").is_some_and(|track| track.as_bool() != Some(false));
    options.get("sort").is_some_and(|sort| sort.as_array().is_none_or(|sorts| !sorts.is_empty())) && !tracks
}

fn unknown_key(member: &Member, src: &Source<'_>) -> Fault {
    let found = member.value.token_name();
    Fault::parsing(src, member.value.span.start, format!("Unknown key for a {found} in [{}].", member.key))
}

fn from(value: i64) -> Result<usize, ApiError> {
    usize::try_from(value)
        .map_err(|_| ApiError::illegal_argument(format!("[from] parameter cannot be negative but was [{value}]")))
}

fn size(value: i64) -> Result<usize, ApiError> {
    usize::try_from(value)
        .map_err(|_| ApiError::illegal_argument(format!("[size] parameter cannot be negative, found [{value}]")))
}

fn terminate_after(value: i64) -> Result<Option<u64>, ApiError> {
    match u64::try_from(value) {
        Ok(0) => Ok(None),
        Ok(limit) => Ok(Some(limit)),
        Err(_) => Err(ApiError::illegal_argument("terminateAfter must be > 0")),
    }
}

fn after(items: &[Json], src: &Source<'_>) -> Result<Vec<Option<Scalar>>, Fault> {
    if items.is_empty() {
        return Err(Fault::illegal(0, "Values must contains at least one value."));
    }
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        if item.as_object().is_some() || item.as_array().is_some() {
            let reason = format!(
                "Expected [VALUE_STRING] or [VALUE_NUMBER] or [VALUE_BOOLEAN] or [VALUE_NULL] but found [{}] inside search_after.",
                item.token_name()
            );
            return Err(Fault::parsing(src, item.span.start, reason));
        }
        values.push(Scalar::read(item, src));
    }
    Ok(values)
}

fn track_hits(json: &Json, src: &Source<'_>) -> Result<TrackHits, SearchFault> {
    Ok(match &json.value {
        JsonValue::Bool(true) => TrackHits::Exact,
        JsonValue::Bool(false) => TrackHits::Never,
        JsonValue::String(text) if text == "true" => TrackHits::Exact,
        JsonValue::String(text) if text == "false" => TrackHits::Never,
        _ => track_number(int(json, src)?)?,
    })
}

fn track_number(value: i64) -> Result<TrackHits, ApiError> {
    match (value, u64::try_from(value)) {
        (-1, _) => Ok(TrackHits::Never),
        (2_147_483_647, _) => Ok(TrackHits::Exact),
        (_, Ok(limit)) => Ok(TrackHits::UpTo(limit)),
        (_, Err(_)) => Err(ApiError::illegal_argument(format!(
            "[track_total_hits] parameter must be positive or equals to -1, got {value}"
        ))),
    }
}

/// `[{"index": 2.0}]`, or an object.
fn indices_boost(json: &Json, src: &Source<'_>) -> Result<Vec<(String, f32)>, Fault> {
    let items: Vec<&Json> = match json.as_array() {
        Some(items) => items.iter().collect(),
        None => vec![json],
    };
    let mut boosts = Vec::new();
    for item in items {
        let Some(members) = item.as_object() else {
            let reason = format!("Expected [START_OBJECT] in [null] but found [{}]", item.token_name());
            return Err(Fault::parsing(src, item.span.start, reason));
        };
        for member in members {
            boosts.push((member.key.clone(), float(&member.value, src)?));
        }
    }
    Ok(boosts)
}

/// A time value such as `5s`; -1 is none.
pub(crate) fn time(text: &str, setting: &str) -> Result<Option<Duration>, ApiError> {
    let refused = |what: &str| {
        ApiError::illegal_argument(format!(
            "failed to parse setting [{setting}] with value [{text}] as a time value: {what}"
        ))
    };
    if text == "-1" {
        return Ok(None);
    }
    if text == "0" {
        return Ok(Some(Duration::ZERO));
    }
    let normalized = text.trim().to_ascii_lowercase();
    let (number, unit) =
        normalized.split_at(normalized.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(normalized.len()));
    let nanos: u64 = match unit {
        "nanos" => 1,
        "micros" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return Err(refused("unit is missing or unrecognized")),
    };
    let number: u64 = number.parse().map_err(|_| ApiError::illegal_argument(format!("failed to parse [{text}]")))?;
    Ok(Some(Duration::from_nanos(number.saturating_mul(nanos))))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `_source`, `_source_includes`, `_source_excludes`.
pub(crate) fn source_of_params(params: &Params) -> Option<SourceFilter> {
    let paths = |name: &str| params.get(name).map(list);
    let (includes, excludes) = (paths("_source_includes"), paths("_source_excludes"));
    match params.get("_source") {
        Some("false") if includes.is_none() && excludes.is_none() => Some(SourceFilter::NONE),
        Some("true" | "") | None if includes.is_none() && excludes.is_none() => {
            params.get("_source").map(|_| SourceFilter::ALL)
        }
        Some("true" | "false" | "") | None => {
            Some(SourceFilter::new(includes.unwrap_or_default(), excludes.unwrap_or_default()))
        }
        Some(paths) => Some(SourceFilter::new(includes.unwrap_or_else(|| list(paths)), excludes.unwrap_or_default())),
    }
}

/// `q` with its options, as a `query_string` query.
pub(crate) fn query_of_params(params: &Params, uri: &str) -> Result<Option<Query>, ApiError> {
    let options = ["analyze_wildcard", "analyzer", "default_operator", "df", "lenient"];
    let given: Vec<&str> = options.into_iter().filter(|name| params.get(name).is_some()).collect();
    if params.get("q").is_none() && !given.is_empty() {
        let path = uri.split('?').next().unwrap_or_default();
        let reason = format!(
            "request [{path}] contains parameters [{}] but missing query string parameter 'q'.",
            given.join(", ")
        );
        return Err(ApiError::illegal_argument(reason));
    }
    if let Some(name) = params.get("analyzer").filter(|name| *name != "standard") {
        return Err(ApiError::illegal_argument(format!("analyzer [{name}] not found")));
    }
    params.bool("analyze_wildcard", false)?;
    let lenient = params.bool("lenient", false)?;
    let all_clauses = match params.get("default_operator") {
        None => false,
        Some(name) => query::operator_named(name).map_err(|exception| ApiError::from_exception(400, exception))?,
    };
    let Some(text) = params.get("q") else { return Ok(None) };
    Ok(Some(query::query_string_of(text, params.get("df"), all_clauses, lenient)))
}

/// Parameters that change nothing here: one node, one shard an index, no choice. Their values are still checked.
fn check_ignored_params(params: &Params) -> Result<(), ApiError> {
    if params.bool("explain", false)? {
        return Err(ApiError::illegal_argument("[explain] is not served by this node"));
    }
    match params.get("search_type") {
        None | Some("query_then_fetch" | "dfs_query_then_fetch") => {}
        Some(other) => return Err(ApiError::illegal_argument(format!("No search type for [{other}]"))),
    }
    for name in
        ["allow_partial_search_results", "ccs_minimize_roundtrips", "include_named_queries_score", "ignore_throttled"]
    {
        params.bool(name, false)?;
    }
    if params.int("batched_reduce_size")?.is_some_and(|size| size < 2) {
        return Err(ApiError::illegal_argument("batchedReduceSize must be >= 2"));
    }
    if params.int("max_concurrent_shard_requests")?.is_some_and(|count| count < 1) {
        return Err(ApiError::illegal_argument("maxConcurrentShardRequests must be >= 1"));
    }
    if params.int("pre_filter_shard_size")?.is_some_and(|size| size < 1) {
        return Err(ApiError::illegal_argument("preFilterShardSize must be >= 1"));
    }
    Ok(())
}
