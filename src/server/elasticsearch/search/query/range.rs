//! `range` over numbers, dates, keywords and booleans.

use jiff::tz::TimeZone;

use super::options::{FieldBody, Scalar, boost, required_field, text, unsupported};
use super::{Query, QueryKind};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::mapping::DateFormat;
use crate::server::elasticsearch::search::date_math;
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(crate) struct RangeQuery {
    pub(crate) field: String,
    pub(crate) lower: Option<Limit>,
    pub(crate) upper: Option<Limit>,
    /// Replaces the mapping's format.
    pub(crate) format: Option<DateFormat>,
    pub(crate) time_zone: Option<TimeZone>,
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limit {
    pub(crate) value: Scalar,
    pub(crate) inclusive: bool,
}

pub(crate) fn parse(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let (field, under, _) = required_field(body, "range", src)?;
    let FieldBody::Options(options) = under else {
        let at = body.as_object().and_then(|members| members.first()).map_or(body.span.start, |m| m.value.span.start);
        return Err(Fault::parsing(src, at, format!("[range] query does not support [{field}]")));
    };
    let mut range = RangeQuery { field: field.to_owned(), lower: None, upper: None, format: None, time_zone: None };
    for option in options {
        let value = &option.value;
        match option.key.as_str() {
            "gte" => range.lower = limit(value, true, src),
            "gt" => range.lower = limit(value, false, src),
            "lte" => range.upper = limit(value, true, src),
            "lt" => range.upper = limit(value, false, src),
            "boost" => query.boost = boost(value, src)?,
            "_name" => query.name = Some(text(value, src)?),
            "time_zone" => range.time_zone = Some(zone(value, src)?),
            "format" => range.format = Some(format(value, src)?),
            "relation" => relation(value, src)?,
            _ => return Err(unsupported(src, "range", option)),
        }
    }
    query.kind = QueryKind::Range(Box::new(range));
    Ok(query)
}

fn limit(json: &Json, inclusive: bool, src: &Source<'_>) -> Option<Limit> {
    Scalar::read(json, src).map(|value| Limit { value, inclusive })
}

fn zone(json: &Json, src: &Source<'_>) -> Result<TimeZone, Fault> {
    let name = text(json, src)?;
    date_math::zone(&name).map_err(|cause| {
        let reason = format!("java.time.zone.ZoneRulesException: {}", cause.reason);
        let fault = Fault::illegal(json.span.start, reason);
        Fault { exception: fault.exception.caused_by(cause), ..fault }
    })
}

pub(crate) fn format(json: &Json, src: &Source<'_>) -> Result<DateFormat, Fault> {
    let pattern = text(json, src)?;
    DateFormat::parse_pattern(&pattern).map_err(|error| Fault { at: json.span.start, exception: error.to_exception() })
}

fn relation(json: &Json, src: &Source<'_>) -> Result<(), Fault> {
    let name = text(json, src)?;
    if matches!(name.to_ascii_lowercase().as_str(), "intersects" | "within" | "contains") {
        return Ok(());
    }
    Err(Fault::illegal(json.span.start, format!("{name} is not a valid relation")))
}
