//! Buckets that are not terms: date histograms, filters, ranges and histograms of numbers.

use serde_json::Value;

use crate::lens::{
    layer::{
        LayerError,
        column::{LabelledQuery, NumberRange, Operation},
    },
    scope::{Language, Query},
};

use super::{Source, json};

pub(super) fn date_histogram(source: &Source) -> Result<Operation, LayerError> {
    let params = source.params;
    // `timeZone` is of files before 8.0: Kibana itself looks at it no more.
    params.only(&["interval", "includeEmptyRows", "dropPartials", "ignoreTimeRange", "timeZone"])?;
    let interval = match params.text("interval")?.unwrap_or("auto") {
        // A bare unit is one of it.
        unit if !unit.is_empty() && unit != "auto" && unit.chars().all(char::is_alphabetic) => format!("1{unit}"),
        interval => interval.to_owned(),
    };
    Ok(Operation::DateHistogram {
        field: source.field()?.to_owned(),
        interval,
        include_empty_rows: params.flag("includeEmptyRows")?,
        drop_partials: params.flag("dropPartials")?,
        ignore_time_range: params.flag("ignoreTimeRange")?,
    })
}

pub(super) fn filters(source: &Source) -> Result<Operation, LayerError> {
    let params = source.params;
    params.only(&["filters"])?;
    let list = params.get("filters").and_then(Value::as_array);
    let list = list.ok_or_else(|| params.bad("filters", "a list of queries"))?;
    let filters: Option<Vec<LabelledQuery>> = list.iter().map(labelled_query).collect();
    let filters = filters.ok_or_else(|| params.bad("filters", "a list of KQL or Lucene queries"))?;
    if filters.is_empty() {
        return Err(params.bad("filters", "at least one query"));
    }
    Ok(Operation::Filters(filters))
}

/// Without a label the text is one, and `*` stands for the empty text.
fn labelled_query(value: &Value) -> Option<LabelledQuery> {
    let query = Query::read(value.get("input")?)?;
    let label = match value.get("label").and_then(Value::as_str) {
        Some(label) if !label.is_empty() => label,
        _ if query.text.is_empty() => "*",
        _ => &query.text,
    };
    let label = label.to_owned();
    // A Lucene query without text matches everything too, but Elasticsearch would call it malformed.
    let query = if query.text.trim().is_empty() { Query { language: Language::Kuery, ..query } } else { query };
    Some(LabelledQuery { query, label })
}

pub(super) fn range(source: &Source) -> Result<Operation, LayerError> {
    let params = source.params;
    params.only(&["type", "maxBars", "ranges", "includeEmptyRows"])?;
    let field = source.field()?.to_owned();
    match params.text("type")? {
        Some("range") => Ok(Operation::Ranges { field, ranges: ranges(source)? }),
        Some("histogram") | None => Ok(Operation::Histogram {
            field,
            bars_max: bars_max(source)?,
            include_empty_rows: params.flag("includeEmptyRows")?,
        }),
        Some(_) => Err(params.bad("type", "`range` or `histogram`")),
    }
}

fn bars_max(source: &Source) -> Result<Option<f64>, LayerError> {
    if source.params.get("maxBars").and_then(Value::as_str) == Some("auto") {
        return Ok(None);
    }
    match source.params.number("maxBars")? {
        Some(bars) if bars < 1.0 => Err(source.params.bad("maxBars", "a number from 1 on")),
        bars => Ok(bars),
    }
}

/// Kibana leaves out ranges that end before they begin.
fn ranges(source: &Source) -> Result<Vec<NumberRange>, LayerError> {
    let params = source.params;
    let list = params.get("ranges").and_then(Value::as_array);
    let list = list.ok_or_else(|| params.bad("ranges", "a list of ranges"))?;
    let ranges: Option<Vec<NumberRange>> = list.iter().map(number_range).collect();
    let mut ranges = ranges.ok_or_else(|| params.bad("ranges", "a list of ranges of numbers"))?;
    ranges.retain(|range| !matches!((range.from, range.to), (Some(from), Some(to)) if from > to));
    if ranges.is_empty() {
        return Err(params.bad("ranges", "at least one range"));
    }
    Ok(ranges)
}

fn number_range(value: &Value) -> Option<NumberRange> {
    let end = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Some(None),
        // What JavaScript writes for an open end at times.
        Some(Value::String(text)) if text.is_empty() || text.ends_with("Infinity") => Some(None),
        Some(end) => json::number(end).map(Some),
    };
    let label = value.get("label").and_then(Value::as_str).filter(|label| !label.is_empty());
    Some(NumberRange { from: end("from")?, to: end("to")?, label: label.map(str::to_owned) })
}
