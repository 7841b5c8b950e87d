//! `bool`: clauses that must, may, or must not match.

use super::options::{MinimumMatch, boolean, boost, text};
use super::{Query, QueryKind, parse_clause};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::search::fault::{Fault, did_you_mean};

#[derive(Debug, Clone, Default)]
pub(crate) struct BoolQuery {
    pub(crate) must: Vec<Query>,
    pub(crate) filter: Vec<Query>,
    pub(crate) should: Vec<Query>,
    pub(crate) must_not: Vec<Query>,
    pub(crate) minimum_should_match: Option<MinimumMatch>,
    pub(crate) adjust_pure_negative: bool,
}

const OPTIONS: [&str; 9] = [
    "_name",
    "adjust_pure_negative",
    "boost",
    "filter",
    "minimum_should_match",
    "must",
    "mustNot",
    "must_not",
    "should",
];

pub(crate) fn parse(body: &Json, src: &Source<'_>, depth: usize) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let mut bool_query = BoolQuery { adjust_pure_negative: true, ..BoolQuery::default() };
    for member in body.as_object().unwrap_or_default() {
        let value = &member.value;
        let name = member.key.as_str();
        match name {
            "must" => clauses(value, name, src, depth, &mut bool_query.must)?,
            "filter" => clauses(value, name, src, depth, &mut bool_query.filter)?,
            "should" => clauses(value, name, src, depth, &mut bool_query.should)?,
            "must_not" | "mustNot" => clauses(value, name, src, depth, &mut bool_query.must_not)?,
            "minimum_should_match" => bool_query.minimum_should_match = Some(MinimumMatch::read(value, src)?),
            "adjust_pure_negative" => bool_query.adjust_pure_negative = boolean(value, src)?,
            "boost" => query.boost = boost(value, src)?,
            "_name" => query.name = Some(text(value, src)?),
            other => {
                let reason = format!("[bool] unknown field [{other}]{}", did_you_mean(other, &OPTIONS));
                return Err(Fault::content(src, member.key_span.start, &reason));
            }
        }
    }
    query.kind = QueryKind::Bool(Box::new(bool_query));
    Ok(query)
}

fn clauses(value: &Json, name: &str, src: &Source<'_>, depth: usize, into: &mut Vec<Query>) -> Result<(), Fault> {
    let parse = |json: &Json| parse_clause(json, src, depth + 1).map_err(|fault| fault.in_field(src, "bool", name));
    if let Some(items) = value.as_array() {
        for item in items {
            into.push(parse(item)?);
        }
        return Ok(());
    }
    if value.as_object().is_none() {
        let reason = format!("[bool] {name} doesn't support values of type: {}", value.token_name());
        return Err(Fault::content(src, value.span.start, &reason));
    }
    into.push(parse(value)?);
    Ok(())
}
