//! The `sort` of a request.

use crate::server::elasticsearch::codec::json::{Json, Member, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::mapping::DateFormat;
use crate::server::elasticsearch::search::fault::Fault;
use crate::server::elasticsearch::search::query::options::{Scalar, text};
use crate::server::elasticsearch::search::query::range::format;

/// One key of an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SortField {
    pub(crate) target: SortTarget,
    pub(crate) descending: bool,
    pub(crate) missing: Missing,
    /// None: the least value ascending, the greatest descending.
    pub(crate) mode: Option<Mode>,
    /// The type that an index without the field treats it as.
    pub(crate) unmapped_type: Option<String>,
    pub(crate) numeric_type: Option<NumericType>,
    pub(crate) format: Option<DateFormat>,
    /// Path of nested objects; always refused by the shard.
    pub(crate) nested: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SortTarget {
    Score,
    /// Order of insertion.
    Doc,
    /// Index, then order of insertion.
    ShardDoc,
    Field(String),
}

/// Where documents without a value stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Missing {
    Last,
    First,
    Value(Scalar),
}

/// Which of several values counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Min,
    Max,
    Sum,
    Avg,
    Median,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumericType {
    Long,
    Double,
    Date,
    DateNanos,
}

impl SortField {
    pub(crate) fn new(target: SortTarget) -> Self {
        Self {
            descending: target == SortTarget::Score,
            target,
            missing: Missing::Last,
            mode: None,
            unmapped_type: None,
            numeric_type: None,
            format: None,
            nested: None,
        }
    }

    fn named(name: &str) -> Self {
        Self::new(match name {
            "_score" => SortTarget::Score,
            "_doc" => SortTarget::Doc,
            "_shard_doc" => SortTarget::ShardDoc,
            field => SortTarget::Field(field.to_owned()),
        })
    }
}

/// The value of `sort`: a name, an object, or an array of either.
///
/// # Errors
/// 400 in Elasticsearch's words.
pub(crate) fn parse(json: &Json, src: &Source<'_>) -> Result<Vec<SortField>, ApiError> {
    parse_all(json, src).map_err(Fault::into_api)
}

pub(crate) fn parse_all(json: &Json, src: &Source<'_>) -> Result<Vec<SortField>, Fault> {
    let mut fields = Vec::new();
    match json.as_array() {
        Some(items) => {
            for item in items {
                match (item.as_str(), item.as_object()) {
                    (Some(name), _) => fields.push(SortField::named(name)),
                    (_, Some(members)) => parse_members(members, src, &mut fields)?,
                    _ => {
                        let reason =
                            "malformed sort format, within the sort array, an object, or an actual string are allowed";
                        return Err(Fault::illegal(item.span.start, reason));
                    }
                }
            }
        }
        None => match json.as_object() {
            Some(members) => parse_members(members, src, &mut fields)?,
            None => match Scalar::read(json, src) {
                Some(name) => fields.push(SortField::named(&name.to_text())),
                None => {
                    let reason = "malformed sort format, either start with array, object, or an actual string";
                    return Err(Fault::illegal(json.span.start, reason));
                }
            },
        },
    }
    Ok(fields)
}

fn parse_members(members: &[Member], src: &Source<'_>, fields: &mut Vec<SortField>) -> Result<(), Fault> {
    for member in members {
        fields.push(parse_field(&member.key, &member.value, src)?);
    }
    Ok(())
}

/// `{"field": "desc"}` or `{"field": {"order": "desc", ..}}`.
pub(crate) fn parse_field(name: &str, value: &Json, src: &Source<'_>) -> Result<SortField, Fault> {
    let mut field = SortField::named(name);
    let Some(options) = value.as_object() else {
        if !value.is_null() {
            field.descending = order(value, src)?;
        }
        return Ok(field);
    };
    let parser = match field.target {
        SortTarget::Score => "_score",
        _ => "field_sort",
    };
    for option in options {
        option_of(&mut field, option, src, parser).map_err(|fault| match fault.exception.kind.as_ref() {
            "x_content_parse_exception" => fault,
            _ => fault.in_field(src, parser, &option.key),
        })?;
    }
    Ok(field)
}

fn option_of(field: &mut SortField, option: &Member, src: &Source<'_>, parser: &str) -> Result<(), Fault> {
    let value = &option.value;
    let by_field = field.target != SortTarget::Score;
    match option.key.as_str() {
        "order" => field.descending = order(value, src)?,
        "missing" if by_field => {
            field.missing = match Scalar::read(value, src) {
                Some(Scalar::Text(text)) if text == "_last" => Missing::Last,
                Some(Scalar::Text(text)) if text == "_first" => Missing::First,
                Some(scalar) => Missing::Value(scalar),
                None => Missing::Last,
            };
        }
        "mode" if by_field => field.mode = Some(mode(value, src)?),
        "unmapped_type" if by_field => field.unmapped_type = Some(text(value, src)?),
        "numeric_type" if by_field => field.numeric_type = Some(numeric_type(value, src)?),
        "format" if by_field => field.format = Some(format(value, src)?),
        "nested" if by_field => {
            let path = value.get("path").and_then(Json::as_str);
            let path = path.ok_or_else(|| Fault::illegal(value.span.start, "nested path must be specified"))?;
            field.nested = Some(path.to_owned());
        }
        other => {
            let reason = format!("[{parser}] unknown field [{other}]");
            return Err(Fault::content(src, option.key_span.start, &reason));
        }
    }
    Ok(())
}

fn order(json: &Json, src: &Source<'_>) -> Result<bool, Fault> {
    let name = text(json, src)?.to_uppercase();
    match name.as_str() {
        "ASC" => Ok(false),
        "DESC" => Ok(true),
        other => {
            let reason = format!("No enum constant org.elasticsearch.search.sort.SortOrder.{other}");
            Err(Fault::illegal(json.span.start, reason))
        }
    }
}

fn mode(json: &Json, src: &Source<'_>) -> Result<Mode, Fault> {
    let name = text(json, src)?;
    Ok(match name.to_ascii_lowercase().as_str() {
        "min" => Mode::Min,
        "max" => Mode::Max,
        "sum" => Mode::Sum,
        "avg" => Mode::Avg,
        "median" => Mode::Median,
        _ => return Err(Fault::illegal(json.span.start, format!("Unknown SortMode [{name}]"))),
    })
}

fn numeric_type(json: &Json, src: &Source<'_>) -> Result<NumericType, Fault> {
    let name = text(json, src)?;
    Ok(match name.as_str() {
        "long" => NumericType::Long,
        "double" => NumericType::Double,
        "date" => NumericType::Date,
        "date_nanos" => NumericType::DateNanos,
        other => {
            let reason =
                format!("invalid value for [numeric_type], must be [long, double, date, date_nanos], got {other}");
            return Err(Fault::illegal(json.span.start, reason));
        }
    })
}

/// `?sort=a:desc,b`: what follows the colon and is no order drops the key, as in Elasticsearch.
pub(crate) fn parse_param(text: &str) -> Vec<SortField> {
    let mut fields = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        match part.rsplit_once(':') {
            None => fields.push(SortField::named(part)),
            Some((name, "asc")) => fields.push(SortField { descending: false, ..SortField::named(name) }),
            Some((name, "desc")) => fields.push(SortField { descending: true, ..SortField::named(name) }),
            Some(_) => {}
        }
    }
    fields
}
