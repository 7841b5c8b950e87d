//! The `terms` operation: top, rare and significant values.

use serde_json::Value;

use crate::lens::layer::{
    LayerError,
    column::{Operation, Terms, TermsOrder},
};

use super::{Source, common, metrics};

const KNOWN: &[&str] = &[
    "size",
    "orderBy",
    "orderAgg",
    "orderDirection",
    "otherBucket",
    "missingBucket",
    "secondaryFields",
    "include",
    "exclude",
    "includeIsRegex",
    "excludeIsRegex",
    "accuracyMode",
];

/// Kibana's own default when the file has no size.
const SIZE_DEFAULT: u32 = 3;

pub(super) fn terms(source: &Source) -> Result<Operation, LayerError> {
    let params = source.params;
    params.only(KNOWN)?;
    let field = source.field()?.to_owned();
    let secondary_fields = params.texts("secondaryFields")?;
    secondary_fields.iter().try_for_each(|field| source.check(field))?;
    let order = order(source)?;
    let is_descending = match params.text("orderDirection")? {
        Some("desc") => true,
        Some("asc") => false,
        None => !matches!(order, TermsOrder::Alphabetical),
        Some(_) => return Err(params.bad("orderDirection", "`asc` or `desc`")),
    };
    let terms = Terms {
        field,
        secondary_fields,
        size: params.count("size")?.unwrap_or(SIZE_DEFAULT),
        order,
        is_descending,
        has_other: params.flag("otherBucket")?,
        has_missing: params.flag("missingBucket")?,
        include: params.texts("include")?,
        exclude: params.texts("exclude")?,
        include_is_regex: params.flag("includeIsRegex")?,
        exclude_is_regex: params.flag("excludeIsRegex")?,
        is_accurate: params.flag("accuracyMode")?,
    };
    let too_many = |list: &[String], is_regex: bool| is_regex && list.len() > 1;
    if too_many(&terms.include, terms.include_is_regex) {
        return Err(params.bad("include", "one regular expression"));
    }
    if too_many(&terms.exclude, terms.exclude_is_regex) {
        return Err(params.bad("exclude", "one regular expression"));
    }
    Ok(Operation::Terms(Box::new(terms)))
}

fn order(source: &Source) -> Result<TermsOrder, LayerError> {
    let params = source.params;
    // Kibana looks at the metric first, then at what `orderBy` says.
    let by = params.get("orderBy");
    let kind = by.and_then(|by| by.get("type")).and_then(Value::as_str).unwrap_or("alphabetical");
    match kind {
        "rare" => {
            let most = by.and_then(|by| by.get("maxDocCount"));
            let most = most.map_or(Some(1), Value::as_u64);
            let doc_count_max = most.ok_or_else(|| params.bad("orderBy.maxDocCount", "a whole number"))?;
            Ok(TermsOrder::Rare { doc_count_max })
        }
        "significant" => Ok(TermsOrder::Significant),
        _ if params.get("orderAgg").is_some() => custom(source),
        "alphabetical" => Ok(TermsOrder::Alphabetical),
        "column" => {
            let column = by.and_then(|by| by.get("columnId")).and_then(Value::as_str);
            let column = column.ok_or_else(|| params.bad("orderBy.columnId", "a column's id"))?;
            Ok(TermsOrder::Column(column.to_owned()))
        }
        "custom" => Err(params.bad("orderAgg", "a metric column")),
        _ => Err(params.bad("orderBy.type", "`column`, `alphabetical`, `rare`, `significant` or `custom`")),
    }
}

/// A metric column inside the options. Kibana does not apply a filter of its own to it.
fn custom(source: &Source) -> Result<TermsOrder, LayerError> {
    let Some(value) = source.params.get("orderAgg") else { return Ok(TermsOrder::Alphabetical) };
    let params = super::Params::of(source.id, value);
    let inner = Source { id: source.id, value, params: &params, view: source.view };
    let name = value.get("operationType").and_then(Value::as_str).unwrap_or_default();
    let operation = metrics::metric(name, &inner)?;
    Ok(TermsOrder::Custom(Box::new(common(source.id, value, operation)?)))
}
