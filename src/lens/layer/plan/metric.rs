//! The metrics of a plan: what is asked, each thing once, and how a column reads its value.

use serde_json::{Map, Value, json};

use crate::lens::{
    filter,
    layer::{
        LayerError,
        column::{Column, MetricFunction},
    },
    table::CellKind,
    time,
    view::FieldKind,
};

use super::{Context, Source, bucket::field_kind, iso, time::Shift};

/// A function of a field's values, or of documents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct What {
    pub(crate) function: MetricFunction,
    pub(crate) field: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) what: What,
    /// `None`: the documents of the bucket are counted.
    pub(crate) aggregation: Option<Value>,
    /// Only documents that match.
    pub(crate) filter: Option<Value>,
    pub(crate) shift: Option<Shift>,
}

/// How a column reads its value.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Position in the plan's metrics.
    pub(crate) metric: usize,
    /// The column's own: percentiles share an aggregation.
    pub(crate) what: What,
    pub(crate) empty_as_null: bool,
    pub(crate) kind: CellKind,
    pub(crate) field_kind: FieldKind,
}

impl What {
    /// Its value may be a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.function, MetricFunction::LastValue { shows_arrays: true, .. })
    }

    /// Its aggregation; `None` where documents are counted.
    pub(crate) fn aggregation(&self, time_field: Option<&str>) -> Option<Value> {
        let field = self.field.as_deref();
        let simple = |name: &str| Some(json!({name: {"field": field}}));
        match &self.function {
            MetricFunction::Count => field.map(|field| json!({"value_count": {"field": field}})),
            MetricFunction::UniqueCount => simple("cardinality"),
            MetricFunction::Average => simple("avg"),
            MetricFunction::Sum => simple("sum"),
            MetricFunction::Min => simple("min"),
            MetricFunction::Max => simple("max"),
            MetricFunction::StandardDeviation => simple("extended_stats"),
            MetricFunction::Median => Some(json!({"percentiles": {"field": field, "percents": [50]}})),
            MetricFunction::Percentile(percent) => {
                Some(json!({"percentiles": {"field": field, "percents": [number(*percent)]}}))
            }
            MetricFunction::PercentileRank(value) => {
                Some(json!({"percentile_ranks": {"field": field, "values": [number(*value)]}}))
            }
            MetricFunction::LastValue { sort_field, shows_arrays } => {
                last_value(field, sort_field.as_deref().or(time_field), *shows_arrays)
            }
        }
    }
}

fn last_value(field: Option<&str>, sort_field: Option<&str>, shows_arrays: bool) -> Option<Value> {
    if shows_arrays {
        let sort = match sort_field {
            Some(sort_field) => json!([{sort_field: {"order": "desc"}}]),
            None => json!([{"_score": {"order": "desc"}}]),
        };
        return Some(json!({"top_hits": {"fields": [{"field": field}], "_source": false, "size": 1, "sort": sort}}));
    }
    let sort = sort_field.map_or_else(|| json!("_score"), |sort_field| json!({sort_field: "desc"}));
    Some(json!({"top_metrics": {"metrics": {"field": field}, "size": 1, "sort": sort}}))
}

/// A whole number without `.0`, as JavaScript writes it.
pub(crate) fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "whole and within what a double holds exactly")]
    if value.fract() == 0.0 && value.abs() < EXACT { json!(value as i64) } else { json!(value) }
}

impl Metric {
    /// Name and body of its aggregation; `None` where nothing is asked.
    pub(crate) fn request(&self) -> Option<(String, Value)> {
        let Some(filter) = &self.filter else {
            return Some((self.name.clone(), self.aggregation.clone()?));
        };
        let mut body = Map::new();
        body.insert("filter".into(), filter.clone());
        if let Some(aggregation) = &self.aggregation {
            body.insert("aggs".into(), json!({self.inner_name(): aggregation}));
        }
        Some((self.outer_name(), Value::Object(body)))
    }

    /// The filter's name.
    pub(crate) fn outer_name(&self) -> String {
        format!("{}-bucket", self.name)
    }

    /// The name of the metric inside of the filter.
    pub(crate) fn inner_name(&self) -> String {
        format!("{}-metric", self.name)
    }

    pub(crate) fn shift_ms(&self) -> i64 {
        self.shift.as_ref().map_or(0, |shift| shift.ms)
    }

    /// By which terms are sorted; `what` is the column's own. `None`: by nothing that Elasticsearch can.
    pub(crate) fn order_path(&self, what: &What) -> Option<String> {
        let is_whole = |value: &f64| value.fract() == 0.0;
        let (outer, name) = match &self.filter {
            Some(_) => (format!("{}>", self.outer_name()), self.inner_name()),
            None => (String::new(), self.name.clone()),
        };
        let path = match &what.function {
            // A filter alone is sorted by its documents.
            MetricFunction::Count if what.field.is_none() && self.filter.is_some() => return Some(self.outer_name()),
            MetricFunction::Count if what.field.is_none() => "_count".to_owned(),
            MetricFunction::Median => format!("{name}.50"),
            MetricFunction::Percentile(percent) if is_whole(percent) => format!("{name}.{percent}"),
            MetricFunction::PercentileRank(value) if is_whole(value) => format!("{name}.{value}"),
            MetricFunction::Percentile(_) | MetricFunction::PercentileRank(_) => return None,
            MetricFunction::StandardDeviation => format!("{name}.std_deviation"),
            MetricFunction::LastValue { shows_arrays: true, .. } => return None,
            MetricFunction::LastValue { .. } => format!("{name}[{}]", what.field.as_deref().unwrap_or_default()),
            _ => name,
        };
        Some(outer + &path)
    }
}

/// The metrics of a layer while they are collected.
#[derive(Default)]
pub(super) struct Metrics {
    list: Vec<Metric>,
}

impl Metrics {
    /// Adds what a column asks, unless another one asks the same.
    pub(super) fn add(
        &mut self,
        name: String,
        what: What,
        column: &Column,
        empty_as_null: bool,
        context: &Context,
    ) -> Result<Reading, LayerError> {
        let shift = context.time.shift_of(column)?;
        let filter = filter(column, shift.ms, context)?;
        let aggregation = what.aggregation(context.view.time_field.as_deref());
        let same = |known: &Metric| known.what == what && known.filter == filter && known.shift_ms() == shift.ms;
        let metric = match self.list.iter().position(same) {
            Some(metric) => metric,
            None => {
                let what = what.clone();
                self.list.push(Metric { name, what, aggregation, filter, shift: Some(shift) });
                self.list.len() - 1
            }
        };
        let field_kind = what.field.as_deref().map_or(FieldKind::Other, |field| field_kind(context.view, field));
        let kind = cell_kind(&what.function, field_kind);
        Ok(Reading { metric, what, empty_as_null, kind, field_kind })
    }

    /// Percentiles of one field are one aggregation, under the first one's name and after all others, as Kibana has it.
    pub(super) fn join_percentiles(self, sources: &mut [Source]) -> Vec<Metric> {
        let heads: Vec<usize> = self.list.iter().enumerate().map(|(at, metric)| self.head(at, metric)).collect();
        let is_joined = |head: usize| heads.iter().filter(|other| **other == head).count() > 1;
        let (alone, joined): (Vec<usize>, Vec<usize>) = heads
            .iter()
            .enumerate()
            .filter(|(at, head)| at == *head)
            .map(|(at, _)| at)
            .partition(|head| !is_joined(*head));
        let kept: Vec<usize> = alone.iter().chain(&joined).copied().collect();
        for source in sources {
            if let Source::Metric(reading) = source
                && let Some(head) = heads.get(reading.metric)
            {
                reading.metric = kept.iter().position(|at| at == head).unwrap_or(0);
            }
        }
        let percents = |head: usize| {
            let members = self.list.iter().zip(&heads).filter(|(_, other)| **other == head);
            let percent = |metric: &Metric| match metric.what.function {
                MetricFunction::Percentile(percent) => Some(number(percent)),
                _ => None,
            };
            members.filter_map(|(metric, _)| percent(metric)).collect::<Vec<Value>>()
        };
        let metric = |at: &usize| {
            let mut metric = self.list.get(*at)?.clone();
            if joined.contains(at) {
                let field = &metric.what.field;
                let body = json!({"percentiles": {"field": field, "percents": percents(*at), "keyed": false}});
                metric.aggregation = Some(body);
            }
            Some(metric)
        };
        kept.iter().filter_map(metric).collect()
    }

    /// The first metric that this one can share an aggregation with: itself, if nothing else.
    fn head(&self, at: usize, metric: &Metric) -> usize {
        let can_join =
            |metric: &Metric| matches!(metric.what.function, MetricFunction::Percentile(_)) && metric.filter.is_none();
        if !can_join(metric) {
            return at;
        }
        let fits = |other: &Metric| {
            can_join(other) && other.what.field == metric.what.field && other.shift_ms() == metric.shift_ms()
        };
        self.list.iter().position(fits).unwrap_or(at)
    }
}

/// The column's own filter and its part of the time range, which ends where the range does.
fn filter(column: &Column, shift_ms: i64, context: &Context) -> Result<Option<Value>, LayerError> {
    let query = match &column.filter {
        Some(query) => Some(filter::clauses(&[query], &[], context.view, &context.zone)?.bool_query()),
        None => None,
    };
    // On a time axis each bucket has its own piece of time.
    let Some(text) = column.reduced_time_range.as_deref().filter(|_| !context.time.has_axis) else {
        return Ok(query);
    };
    let Some(field) = &context.view.time_field else {
        let what = "a reduced time range needs a data view with a time field";
        return Err(LayerError::unsupported(&column.id, what));
    };
    let length = time::duration_ms(text).map_err(|source| LayerError::Time { column: column.id.clone(), source })?;
    let end = context.time.range.to_ms.saturating_sub(shift_ms);
    let range = range_query(field, end.saturating_sub(length), end);
    let clauses: Vec<Value> = std::iter::once(range).chain(query).collect();
    Ok(Some(json!({"bool": {"filter": clauses}})))
}

/// Both ends belong to it.
pub(crate) fn range_query(field: &str, from_ms: i64, to_ms: i64) -> Value {
    json!({"range": {field: {"format": "strict_date_optional_time", "gte": iso(from_ms), "lte": iso(to_ms)}}})
}

fn cell_kind(function: &MetricFunction, field: FieldKind) -> CellKind {
    let keeps_kind = matches!(function, MetricFunction::Min | MetricFunction::Max | MetricFunction::LastValue { .. });
    let is_value = matches!(function, MetricFunction::LastValue { .. });
    match field {
        FieldKind::Date if keeps_kind => CellKind::Date,
        FieldKind::Boolean if is_value => CellKind::Boolean,
        FieldKind::Integer | FieldKind::Float => CellKind::Number,
        _ if is_value => CellKind::Text,
        _ => CellKind::Number,
    }
}
