//! `query_string` and `simple_query_string`: queries in one line of text, expanded into the tree when the mapping is known.

mod lucene;
mod simple;

pub(crate) use self::lucene::expand;
pub(crate) use self::simple::expand_simple;
use super::boolean::BoolQuery;
use super::full_text::{
    Combination, MatchForm, MatchOptions, MultiMatchQuery, analyzer, boosted_field, boosted_fields, operator,
};
use super::options::{MinimumMatch, Scalar, boolean, boost, closing, float, int, text, unsigned, unsupported};
use super::pattern::{Fuzziness, rewrite};
use super::range::format;
use super::{Query, QueryKind};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::mapping::DateFormat;
use crate::server::elasticsearch::search::date_math;
use crate::server::elasticsearch::search::fault::Fault;
use jiff::tz::TimeZone;

#[derive(Debug, Clone)]
pub(crate) struct QueryStringQuery {
    pub(crate) query: String,
    /// Names or wildcards, with boosts; none means every field.
    pub(crate) fields: Vec<(String, f32)>,
    pub(crate) all_clauses: bool,
    pub(crate) lenient: bool,
    pub(crate) phrase_slop: u32,
    pub(crate) allow_leading_wildcard: bool,
    pub(crate) minimum_should_match: Option<MinimumMatch>,
    pub(crate) time_zone: Option<TimeZone>,
    pub(crate) format: Option<DateFormat>,
    pub(crate) combination: Combination,
    pub(crate) tie_breaker: Option<f32>,
}

#[derive(Debug, Clone)]
pub(crate) struct SimpleQueryString {
    pub(crate) query: String,
    pub(crate) fields: Vec<(String, f32)>,
    pub(crate) all_clauses: bool,
    pub(crate) lenient: bool,
    pub(crate) minimum_should_match: Option<MinimumMatch>,
    pub(crate) flags: Flags,
}

/// The operators a `simple_query_string` understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(u32);

impl Flags {
    pub(crate) const ALL: Flags = Flags(u32::MAX);
    pub(crate) const AND: u32 = 1;
    pub(crate) const NOT: u32 = 2;
    pub(crate) const OR: u32 = 4;
    pub(crate) const PREFIX: u32 = 8;
    pub(crate) const PHRASE: u32 = 16;
    pub(crate) const PRECEDENCE: u32 = 32;
    pub(crate) const ESCAPE: u32 = 64;
    pub(crate) const WHITESPACE: u32 = 128;
    pub(crate) const FUZZY: u32 = 256;
    pub(crate) const NEAR: u32 = 512;

    pub(crate) fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    fn read(json: &Json, src: &Source<'_>) -> Result<Flags, Fault> {
        if let Some(bits) = json.as_i64() {
            return Ok(u32::try_from(bits).map_or(Self::ALL, Flags));
        }
        let mut flags = 0;
        for name in text(json, src)?.split('|') {
            flags |= match name.trim().to_ascii_uppercase().as_str() {
                "ALL" => u32::MAX,
                "NONE" | "" => 0,
                "AND" => Self::AND,
                "NOT" => Self::NOT,
                "OR" => Self::OR,
                "PREFIX" => Self::PREFIX,
                "PHRASE" => Self::PHRASE,
                "PRECEDENCE" => Self::PRECEDENCE,
                "ESCAPE" => Self::ESCAPE,
                "WHITESPACE" => Self::WHITESPACE,
                "FUZZY" => Self::FUZZY,
                "NEAR" | "SLOP" => Self::NEAR,
                other => {
                    return Err(Fault::illegal(json.span.start, format!("Unknown simple_query_string flag [{other}]")));
                }
            };
        }
        Ok(Flags(flags))
    }
}

impl QueryStringQuery {
    /// With the defaults of the endpoint and of `?q=`.
    pub(crate) fn new(query: String) -> Self {
        Self {
            query,
            fields: Vec::new(),
            all_clauses: false,
            lenient: false,
            phrase_slop: 0,
            allow_leading_wildcard: true,
            minimum_should_match: None,
            time_zone: None,
            format: None,
            combination: Combination::Best,
            tie_breaker: None,
        }
    }
}

pub(crate) fn parse(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let mut options = QueryStringQuery::new(String::new());
    let mut written = None;
    for member in body.as_object().unwrap_or_default() {
        let value = &member.value;
        match (member.key.as_str(), value.as_array()) {
            ("fields", Some(_)) => options.fields = boosted_fields(value, src)?,
            (_, Some(_)) => return Err(unsupported(src, "query_string", member)),
            ("query", _) => written = Some(text(value, src)?),
            ("default_field", _) if value.is_null() => options.fields.clear(),
            ("default_field", _) => options.fields = vec![boosted_field(&text(value, src)?, value.span.start)?],
            ("default_operator", _) => options.all_clauses = operator(value, src)?,
            ("analyzer" | "quote_analyzer", _) => analyzer(value, src)?,
            ("allow_leading_wildcard", _) => options.allow_leading_wildcard = boolean(value, src)?,
            ("lenient", _) => options.lenient = boolean(value, src)?,
            ("phrase_slop", _) => options.phrase_slop = slop(value, src)?,
            ("minimum_should_match", _) => options.minimum_should_match = Some(MinimumMatch::read(value, src)?),
            ("time_zone", _) => options.time_zone = Some(zone(value, src)?),
            ("format", _) => options.format = Some(format(value, src)?),
            ("type", _) => options.combination = combination(value, src)?,
            ("tie_breaker", _) => options.tie_breaker = Some(float(value, src)?),
            ("rewrite" | "fuzzy_rewrite", _) => rewrite(value, src)?,
            ("fuzziness", _) => {
                Fuzziness::read(value, src)?;
            }
            (
                "enable_position_increments"
                | "analyze_wildcard"
                | "escape"
                | "auto_generate_synonyms_phrase_query"
                | "fuzzy_transpositions",
                _,
            ) => {
                boolean(value, src)?;
            }
            ("fuzzy_prefix_length" | "fuzzy_max_expansions" | "max_determinized_states", _) => {
                unsigned(value, src)?;
            }
            ("boost", _) => query.boost = boost(value, src)?,
            ("_name", _) => query.name = Some(text(value, src)?),
            _ => return Err(unsupported(src, "query_string", member)),
        }
    }
    let Some(written) = written else {
        return Err(Fault::parsing(src, closing(body), "[query_string] must be provided with a [query]"));
    };
    options.query = written;
    query.kind = QueryKind::QueryString(Box::new(options));
    Ok(query)
}

pub(crate) fn parse_simple(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let mut written = None;
    let mut options = SimpleQueryString {
        query: String::new(),
        fields: Vec::new(),
        all_clauses: false,
        lenient: false,
        minimum_should_match: None,
        flags: Flags::ALL,
    };
    for member in body.as_object().unwrap_or_default() {
        let value = &member.value;
        match (member.key.as_str(), value.as_array()) {
            ("fields", Some(_)) => options.fields = boosted_fields(value, src)?,
            ("query", None) => written = Some(text(value, src)?),
            ("default_operator", None) => options.all_clauses = operator(value, src)?,
            ("flags", None) => options.flags = Flags::read(value, src)?,
            ("analyzer", None) => analyzer(value, src)?,
            ("lenient", None) => options.lenient = boolean(value, src)?,
            ("minimum_should_match", None) => {
                options.minimum_should_match = Some(MinimumMatch::read(value, src)?);
            }
            ("analyze_wildcard" | "auto_generate_synonyms_phrase_query" | "fuzzy_transpositions", None) => {
                {
                    boolean(value, src)?;
                };
            }
            ("fuzzy_prefix_length" | "fuzzy_max_expansions", None) => {
                unsigned(value, src)?;
            }
            ("boost", None) => query.boost = boost(value, src)?,
            ("_name", None) => query.name = Some(text(value, src)?),
            (other, _) => {
                let reason = format!("[simple_query_string] unsupported field [{other}]");
                return Err(Fault::parsing(src, value.span.start, reason));
            }
        }
    }
    let Some(written) = written else {
        return Err(Fault::parsing(src, closing(body), "[simple_query_string] query text missing"));
    };
    options.query = written;
    query.kind = QueryKind::SimpleQueryString(Box::new(options));
    Ok(query)
}

fn slop(json: &Json, src: &Source<'_>) -> Result<u32, Fault> {
    let value = int(json, src)?;
    u32::try_from(value).map_err(|_| Fault::illegal(json.span.start, "No negative slop allowed."))
}

fn zone(json: &Json, src: &Source<'_>) -> Result<TimeZone, Fault> {
    date_math::zone(&text(json, src)?).map_err(|exception| Fault { at: json.span.start, exception })
}

fn combination(json: &Json, src: &Source<'_>) -> Result<Combination, Fault> {
    let name = text(json, src)?;
    match name.as_str() {
        "best_fields" | "phrase" | "phrase_prefix" | "boolean" => Ok(Combination::Best),
        "most_fields" | "bool_prefix" => Ok(Combination::Most),
        other => {
            let reason = format!("failed to parse [query_string] query type [{other}]. unknown type.");
            let exception = crate::server::elasticsearch::error::Exception::new("parse_exception", reason);
            Err(Fault { at: json.span.start, exception })
        }
    }
}

/// How a clause stands in a boolean query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occurs {
    Must,
    Should,
    MustNot,
}

/// Clauses as one query; a single one that is not negated stands for itself.
fn combine(mut clauses: Vec<(Occurs, Query)>, minimum: Option<&MinimumMatch>) -> Query {
    if let [(Occurs::Must | Occurs::Should, _)] = clauses.as_slice()
        && let Some((_, query)) = clauses.pop()
    {
        return query;
    }
    if clauses.is_empty() {
        return Query::new(QueryKind::MatchNone);
    }
    let mut query =
        BoolQuery { adjust_pure_negative: true, minimum_should_match: minimum.cloned(), ..BoolQuery::default() };
    for (occurs, clause) in clauses {
        match occurs {
            Occurs::Must => query.must.push(clause),
            Occurs::Should => query.should.push(clause),
            Occurs::MustNot => query.must_not.push(clause),
        }
    }
    Query::new(QueryKind::Bool(Box::new(query)))
}

/// A text asked of one field or of several.
fn match_query(
    fields: &[(String, f32)],
    text: String,
    form: MatchForm,
    lenient: bool,
    change: impl FnOnce(&mut MatchOptions),
) -> MultiMatchQuery {
    let mut options = MatchOptions::new(form);
    options.lenient = lenient;
    change(&mut options);
    MultiMatchQuery {
        value: Scalar::Text(text),
        fields: fields.to_vec(),
        combination: Combination::Best,
        tie_breaker: None,
        options,
    }
}
