//! Queries around queries, besides `bool`: `constant_score`, `boosting`, `dis_max`, `nested`.

use super::options::{boolean, boost, closing, float, text, unsupported};
use super::{Query, QueryKind, parse_clause};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(crate) struct BoostingQuery {
    pub(crate) positive: Query,
    pub(crate) negative: Query,
    pub(crate) negative_boost: f32,
}

#[derive(Debug, Clone)]
pub(crate) struct DisMaxQuery {
    pub(crate) queries: Vec<Query>,
    pub(crate) tie_breaker: f32,
}

#[derive(Debug, Clone)]
pub(crate) struct NestedQuery {
    pub(crate) path: String,
    pub(crate) ignore_unmapped: bool,
}

pub(crate) fn parse_constant_score(body: &Json, src: &Source<'_>, depth: usize) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let mut filter = None;
    for member in body.as_object().unwrap_or_default() {
        match member.key.as_str() {
            "filter" if member.value.as_array().is_some() => {
                let at = member.value.span.start;
                return Err(Fault::parsing(src, at, "unexpected token [START_ARRAY]"));
            }
            "filter" if filter.is_some() => {
                let reason = "[constant_score] accepts only one 'filter' element.";
                return Err(Fault::parsing(src, member.value.span.start, reason));
            }
            "filter" if member.value.as_object().is_some() => {
                filter = Some(parse_clause(&member.value, src, depth + 1)?);
            }
            "boost" => query.boost = boost(&member.value, src)?,
            "_name" => query.name = Some(text(&member.value, src)?),
            _ => return Err(unsupported(src, "constant_score", member)),
        }
    }
    let filter =
        filter.ok_or_else(|| Fault::parsing(src, closing(body), "[constant_score] requires a 'filter' element"))?;
    query.kind = QueryKind::ConstantScore(Box::new(filter));
    Ok(query)
}

pub(crate) fn parse_boosting(body: &Json, src: &Source<'_>, depth: usize) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let (mut positive, mut negative, mut negative_boost) = (None, None, None);
    for member in body.as_object().unwrap_or_default() {
        let value = &member.value;
        match member.key.as_str() {
            "positive" if value.as_object().is_some() => positive = Some(parse_clause(value, src, depth + 1)?),
            "negative" if value.as_object().is_some() => negative = Some(parse_clause(value, src, depth + 1)?),
            "negative_boost" => negative_boost = Some(float(value, src)?),
            "boost" => query.boost = boost(value, src)?,
            "_name" => query.name = Some(text(value, src)?),
            _ => return Err(unsupported(src, "boosting", member)),
        }
    }
    let missing =
        |name: &str| Fault::parsing(src, closing(body), format!("[boosting] query requires '{name}' query to be set'"));
    let positive = positive.ok_or_else(|| missing("positive"))?;
    let negative = negative.ok_or_else(|| missing("negative"))?;
    let Some(negative_boost) = negative_boost.filter(|boost| *boost >= 0.0) else {
        let reason = "[boosting] query requires 'negative_boost' to be set to be a positive value'";
        return Err(Fault::parsing(src, closing(body), reason));
    };
    query.kind = QueryKind::Boosting(Box::new(BoostingQuery { positive, negative, negative_boost }));
    Ok(query)
}

pub(crate) fn parse_dis_max(body: &Json, src: &Source<'_>, depth: usize) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let mut queries = Vec::new();
    let mut tie_breaker = 0.0;
    for member in body.as_object().unwrap_or_default() {
        let value = &member.value;
        match (member.key.as_str(), value.as_array()) {
            ("queries", Some(items)) => {
                for item in items {
                    queries.push(parse_clause(item, src, depth + 1)?);
                }
            }
            ("queries", None) if value.as_object().is_some() => queries.push(parse_clause(value, src, depth + 1)?),
            ("tie_breaker", None) => tie_breaker = float(value, src)?,
            ("boost", None) => query.boost = boost(value, src)?,
            ("_name", None) => query.name = Some(text(value, src)?),
            _ => return Err(unsupported(src, "dis_max", member)),
        }
    }
    if queries.is_empty() {
        let reason = "[dis_max] requires 'queries' field with at least one clause";
        return Err(Fault::parsing(src, closing(body), reason));
    }
    query.kind = QueryKind::DisMax(Box::new(DisMaxQuery { queries, tie_breaker }));
    Ok(query)
}

/// The inner query is checked, then the shard says whether there is such a nested object.
pub(crate) fn parse_nested(body: &Json, src: &Source<'_>, depth: usize) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let (mut path, mut inner, mut ignore_unmapped) = (None, None, false);
    for member in body.as_object().unwrap_or_default() {
        let value = &member.value;
        match member.key.as_str() {
            "query" if value.as_object().is_some() => inner = Some(parse_clause(value, src, depth + 1)?),
            "path" => path = Some(text(value, src)?),
            "ignore_unmapped" => ignore_unmapped = boolean(value, src)?,
            "score_mode" => score_mode(value, src)?,
            "boost" => query.boost = boost(value, src)?,
            "_name" => query.name = Some(text(value, src)?),
            _ => return Err(unsupported(src, "nested", member)),
        }
    }
    let path = path.ok_or_else(|| Fault::illegal(closing(body), "[nested] requires 'path' field"))?;
    inner.ok_or_else(|| Fault::illegal(closing(body), "[nested] requires 'query' field"))?;
    query.kind = QueryKind::Nested(NestedQuery { path, ignore_unmapped });
    Ok(query)
}

fn score_mode(json: &Json, src: &Source<'_>) -> Result<(), Fault> {
    let mode = text(json, src)?;
    if matches!(mode.as_str(), "avg" | "sum" | "max" | "min" | "none") {
        return Ok(());
    }
    Err(Fault::illegal(json.span.start, format!("No score mode for child query [{mode}] found")))
}
