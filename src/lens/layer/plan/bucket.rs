//! The buckets of a plan.

use serde_json::Value;

use crate::lens::{
    filter,
    layer::{
        LayerError,
        column::{Column, LabelledQuery, NumberRange, Operation, Terms, TermsOrder},
    },
    scope::TimeRange,
    time,
    view::{DataView, FieldKind},
};

use super::{Context, Metric, What};

/// `histogram:maxBars` of Kibana's settings.
const BARS_MAX: f64 = 100.0;

/// What Kibana makes of `auto`: half of the way from 1 to the most.
const BARS_AUTO: f64 = 49.5;

#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// The aggregation's name: the column's position.
    pub(crate) name: String,
    pub(crate) kind: BucketKind,
    /// Position of the column in the layer.
    pub(crate) column: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum BucketKind {
    Date {
        field: String,
        interval: time::Interval,
        /// Buckets without documents are asked for, from end to end of this range.
        bounds: Option<TimeRange>,
        includes_empty: bool,
        drops_partials: bool,
        is_time_field: bool,
    },
    Terms(Box<TermsBucket>),
    /// Label and query.
    Filters(Vec<(String, Value)>),
    Ranges {
        field: String,
        ranges: Vec<NumberRange>,
    },
    Histogram {
        field: String,
        bars_max: f64,
        is_integer: bool,
        includes_empty: bool,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct TermsBucket {
    pub(crate) terms: Terms,
    /// Of each field, the first one's first.
    pub(crate) kinds: Vec<FieldKind>,
    /// The metric that is no column, by which the terms are sorted.
    pub(crate) custom: Option<Metric>,
    /// The column by which the terms are sorted.
    pub(crate) by_column: Option<String>,
}

impl TermsBucket {
    /// Documents without the field are counted as a value of their own.
    pub(crate) fn asks_missing(&self) -> bool {
        let is_text = matches!(self.kinds.first(), Some(FieldKind::Keyword | FieldKind::Text));
        is_text && self.terms.has_missing && self.asks_other() && self.terms.secondary_fields.is_empty()
    }

    pub(crate) fn asks_other(&self) -> bool {
        let is_top = !matches!(self.terms.order, TermsOrder::Rare { .. } | TermsOrder::Significant);
        self.terms.has_other && is_top
    }
}

/// `None` for a column that is no bucket.
pub(super) fn kind(column: &Column, context: &Context) -> Result<Option<BucketKind>, LayerError> {
    let kind = match &column.operation {
        Operation::DateHistogram { .. } => date(column, context)?,
        Operation::Terms(terms) => BucketKind::Terms(Box::new(terms_bucket(column, terms, context)?)),
        Operation::Filters(filters) => filters_bucket(filters, context)?,
        Operation::Ranges { field, ranges } => BucketKind::Ranges { field: field.clone(), ranges: ranges.clone() },
        Operation::Histogram { field, bars_max, include_empty_rows } => BucketKind::Histogram {
            field: field.clone(),
            bars_max: bars_max.unwrap_or(BARS_AUTO).min(BARS_MAX),
            is_integer: field_kind(context.view, field) == FieldKind::Integer,
            includes_empty: *include_empty_rows,
        },
        _ => return Ok(None),
    };
    Ok(Some(kind))
}

/// Of a mapped or a runtime field.
pub(crate) fn field_kind(view: &DataView, field: &str) -> FieldKind {
    let of_runtime = || view.runtime.get(field)?.get("type")?.as_str().map(FieldKind::of_type);
    view.kind(field).or_else(of_runtime).unwrap_or(FieldKind::Other)
}

fn date(column: &Column, context: &Context) -> Result<BucketKind, LayerError> {
    let Operation::DateHistogram { field, interval, include_empty_rows, drop_partials, .. } = &column.operation else {
        return Err(LayerError::unsupported(&column.id, "not a date histogram"));
    };
    let is_time_field = context.time.fields.contains(field);
    let range = context.time.range;
    let is_bounded = is_time_field || interval == "auto";
    // On another field the range says nothing about how many buckets there will be: no least interval.
    let known = if is_bounded { range } else { TimeRange { from_ms: 0, to_ms: 0 } };
    let interval =
        time::interval(interval, known).map_err(|source| LayerError::Time { column: column.id.clone(), source })?;
    Ok(BucketKind::Date {
        field: field.clone(),
        interval,
        bounds: (*include_empty_rows && is_bounded && !context.time.has_shift).then_some(range),
        includes_empty: *include_empty_rows,
        drops_partials: *drop_partials && is_time_field,
        is_time_field,
    })
}

fn terms_bucket(column: &Column, terms: &Terms, context: &Context) -> Result<TermsBucket, LayerError> {
    let fields = std::iter::once(&terms.field).chain(&terms.secondary_fields);
    let custom = match &terms.order {
        TermsOrder::Custom(metric) => Some(custom_order(column, metric, context)?),
        _ => None,
    };
    let by_column = match &terms.order {
        TermsOrder::Column(id) => Some(id.clone()),
        _ => None,
    };
    Ok(TermsBucket {
        terms: terms.clone(),
        kinds: fields.map(|field| field_kind(context.view, field)).collect(),
        custom,
        by_column,
    })
}

fn custom_order(column: &Column, metric: &Column, context: &Context) -> Result<Metric, LayerError> {
    let Operation::Metric { function, field, .. } = &metric.operation else {
        return Err(LayerError::unsupported(&column.id, "values are sorted by something that is no metric"));
    };
    let what = What { function: function.clone(), field: field.clone() };
    let aggregation = what.aggregation(context.view.time_field.as_deref());
    // The level's position is known to the search only: it names this metric.
    Ok(Metric { name: String::new(), what, aggregation, filter: None, shift: None })
}

fn filters_bucket(filters: &[LabelledQuery], context: &Context) -> Result<BucketKind, LayerError> {
    let mut queries: Vec<(String, Value)> = Vec::new();
    for LabelledQuery { query, label } in filters {
        let query = filter::clauses(&[query], &[], context.view, &context.zone)?.bool_query();
        // Aggregations have one bucket a name: as in Kibana, the last of the same label counts.
        match queries.iter_mut().find(|(known, _)| known == label) {
            Some(known) => known.1 = query,
            None => queries.push((label.clone(), query)),
        }
    }
    Ok(BucketKind::Filters(queries))
}
