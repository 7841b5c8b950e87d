//! Queries: the typed tree of the query DSL, its parser, and the plan that runs it over an index.
//!
//! Reading follows a request: [`parse`] makes a [`Query`] (what is malformed is refused with its place), [`plan`] asks the
//! mapping what each field is and gives a tantivy query (what does not fit a field is a shard failure).

mod boolean;
mod compound;
mod full_text;
mod leaf;
pub(crate) mod options;
mod pattern;
mod plan;
mod query_string;
pub(crate) mod range;
mod term;

use options::{boost, closing, text};

use self::boolean::BoolQuery;
use self::compound::{BoostingQuery, DisMaxQuery, NestedQuery};
pub(crate) use self::full_text::operator_named;
use self::full_text::{MatchQuery, MultiMatchQuery};
pub(crate) use self::leaf::NumberColumn;
use self::pattern::PatternQuery;
pub(crate) use self::plan::{filtered, own_exception, plan};
use self::query_string::{QueryStringQuery, SimpleQueryString};
use self::range::RangeQuery;
use self::term::{TermQuery, TermsQuery};
use super::fault::{Fault, did_you_mean, place};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::error::{ApiError, Exception};

/// Levels of queries in queries: `indices.query.bool.max_nested_depth`.
const DEPTH_MAX: usize = 30;

/// One query of the tree.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) boost: f32,
    /// `_name`, which hits list under `matched_queries`.
    pub(crate) name: Option<String>,
    pub(crate) kind: QueryKind,
}

#[derive(Debug, Clone)]
pub(crate) enum QueryKind {
    MatchAll,
    MatchNone,
    Term(TermQuery),
    Terms(TermsQuery),
    Ids(Vec<String>),
    Match(Box<MatchQuery>),
    MultiMatch(Box<MultiMatchQuery>),
    Range(Box<RangeQuery>),
    Bool(Box<BoolQuery>),
    ConstantScore(Box<Query>),
    Boosting(Box<BoostingQuery>),
    DisMax(Box<DisMaxQuery>),
    Nested(NestedQuery),
    Exists(String),
    Pattern(PatternQuery),
    QueryString(Box<QueryStringQuery>),
    SimpleQueryString(Box<SimpleQueryString>),
    /// Matches nothing where an index would refuse it.
    Lenient(Box<Query>),
}

/// The queries served, by name.
pub(crate) const QUERY_NAMES: &[&str] = &[
    "bool",
    "boosting",
    "constant_score",
    "dis_max",
    "exists",
    "fuzzy",
    "ids",
    "match",
    "match_all",
    "match_bool_prefix",
    "match_none",
    "match_phrase",
    "match_phrase_prefix",
    "multi_match",
    "nested",
    "prefix",
    "query_string",
    "range",
    "regexp",
    "simple_query_string",
    "term",
    "terms",
    "wildcard",
];

impl Query {
    pub(crate) fn new(kind: QueryKind) -> Self {
        Self { boost: 1.0, name: None, kind }
    }

    pub(crate) fn match_all() -> Self {
        Self::new(QueryKind::MatchAll)
    }

    /// Every query in the tree that has a name.
    pub(crate) fn named(&self) -> Vec<&Query> {
        let mut found = Vec::new();
        self.collect_named(&mut found);
        found
    }

    fn collect_named<'a>(&'a self, found: &mut Vec<&'a Query>) {
        if self.name.is_some() {
            found.push(self);
        }
        match &self.kind {
            QueryKind::Bool(query) => {
                let clauses = [&query.must, &query.filter, &query.should, &query.must_not];
                clauses.into_iter().flatten().for_each(|clause| clause.collect_named(found));
            }
            QueryKind::ConstantScore(inner) | QueryKind::Lenient(inner) => inner.collect_named(found),
            QueryKind::Boosting(query) => {
                query.positive.collect_named(found);
                query.negative.collect_named(found);
            }
            QueryKind::DisMax(query) => query.queries.iter().for_each(|inner| inner.collect_named(found)),
            _ => {}
        }
    }
}

/// Reads a query: an object with one key, the query's name.
///
/// # Errors
/// 400 in Elasticsearch's words for what it would refuse while parsing.
pub(crate) fn parse(json: &Json, src: &Source<'_>) -> Result<Query, ApiError> {
    parse_clause(json, src, 0).map_err(Fault::into_api)
}

/// The same below other queries, whose parsers repeat where an inner one stopped.
pub(crate) fn parse_clause(json: &Json, src: &Source<'_>, depth: usize) -> Result<Query, Fault> {
    let start = json.span.start;
    if depth > DEPTH_MAX {
        let reason = "The nested depth of the query exceeds the maximum nested depth for queries set in \
                      [indices.query.bool.max_nested_depth]";
        return Err(Fault::illegal(start, reason));
    }
    let Some(members) = json.as_object() else {
        return Err(Fault::parsing(src, json.span.end, "[_na] query malformed, must start with start_object"));
    };
    let Some(member) = members.first() else {
        let at = closing(json);
        let place = place(src, at);
        return Err(Fault::illegal(at, format!("query malformed, empty clause found at {place}")));
    };
    let (name, body) = (member.key.as_str(), &member.value);
    if body.as_object().is_none() {
        let reason = format!("[{name}] query malformed, no start_object after query name");
        return Err(Fault::parsing(src, body.span.start, reason));
    }
    let query = parse_named(name, body, src, depth)?;
    if let Some(second) = members.get(1) {
        let reason = format!("[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]");
        return Err(Fault::parsing(src, second.key_span.start, reason));
    }
    Ok(query)
}

fn parse_named(name: &str, body: &Json, src: &Source<'_>, depth: usize) -> Result<Query, Fault> {
    match name {
        "match_all" => parse_plain(body, src, name, QueryKind::MatchAll),
        "match_none" => parse_plain(body, src, name, QueryKind::MatchNone),
        "term" => term::parse_term(body, src),
        "terms" => term::parse_terms(body, src),
        "ids" => term::parse_ids(body, src),
        "match" => full_text::parse_match(body, src),
        "match_phrase" => full_text::parse_phrase(body, src),
        "match_phrase_prefix" => full_text::parse_phrase_prefix(body, src),
        "match_bool_prefix" => full_text::parse_bool_prefix(body, src),
        "multi_match" => full_text::parse_multi(body, src),
        "range" => range::parse(body, src),
        "bool" => boolean::parse(body, src, depth),
        "constant_score" => compound::parse_constant_score(body, src, depth),
        "boosting" => compound::parse_boosting(body, src, depth),
        "dis_max" => compound::parse_dis_max(body, src, depth),
        "nested" => compound::parse_nested(body, src, depth),
        "exists" => parse_exists(body, src),
        "prefix" => pattern::parse_prefix(body, src),
        "wildcard" => pattern::parse_wildcard(body, src),
        "regexp" => pattern::parse_regexp(body, src),
        "fuzzy" => pattern::parse_fuzzy(body, src),
        "query_string" => query_string::parse(body, src),
        "simple_query_string" => query_string::parse_simple(body, src),
        unknown => Err(unknown_query(unknown, body, src)),
    }
}

fn unknown_query(name: &str, body: &Json, src: &Source<'_>) -> Fault {
    let at = body.span.start;
    let cause =
        Exception::new("named_object_not_found_exception", format!("{} unknown field [{name}]", place(src, at)));
    let fault = Fault::parsing(src, at, format!("unknown query [{name}]{}", did_you_mean(name, QUERY_NAMES)));
    Fault { exception: fault.exception.caused_by(cause), ..fault }
}

/// `match_all` and `match_none`: no options but the common ones.
fn parse_plain(body: &Json, src: &Source<'_>, name: &str, kind: QueryKind) -> Result<Query, Fault> {
    let mut query = Query::new(kind);
    for member in body.as_object().unwrap_or_default() {
        match member.key.as_str() {
            "boost" => query.boost = boost(&member.value, src)?,
            "_name" => query.name = Some(text(&member.value, src)?),
            other => {
                let fault = Fault::content(src, member.key_span.start, &format!("[{name}] unknown field [{other}]"));
                return Err(fault.repeated(src, member.value.span.start));
            }
        }
    }
    Ok(query)
}

fn parse_exists(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let mut field = None;
    for member in body.as_object().unwrap_or_default() {
        match member.key.as_str() {
            "field" => field = Some(text(&member.value, src)?),
            "boost" => query.boost = boost(&member.value, src)?,
            "_name" => query.name = Some(text(&member.value, src)?),
            _ => return Err(options::unsupported(src, "exists", member)),
        }
    }
    let Some(field) = field else {
        return Err(Fault::parsing(src, closing(body), "[exists] must be provided with a [field]"));
    };
    query.kind = QueryKind::Exists(field);
    Ok(query)
}

/// What `?q=` asks.
pub(crate) fn query_string_of(text: &str, default_field: Option<&str>, all_clauses: bool, lenient: bool) -> Query {
    let mut query = QueryStringQuery::new(text.to_owned());
    query.fields = default_field.map(|field| (field.to_owned(), 1.0)).into_iter().collect();
    query.all_clauses = all_clauses;
    query.lenient = lenient;
    Query::new(QueryKind::QueryString(Box::new(query)))
}
