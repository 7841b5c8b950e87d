//! What a refresh makes of a layer: the aggregations with their names, intervals, shifts and ranges of time. Search and
//! answer are both read off this one plan, so that they can't disagree.

mod bucket;
mod metric;
mod time;

use jiff::tz::TimeZone;

use crate::lens::{
    layer::{
        Layer, LayerError,
        column::{Constant, Operation, Terms, TermsOrder},
    },
    scope::{Scope, TimeRange},
    view::DataView,
};
pub(super) use bucket::{Bucket, BucketKind, TermsBucket, field_kind};
pub(super) use metric::{Metric, Reading, What, number, range_query};
pub(super) use time::{Shift, TimePlan, iso, zone_name};

#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Outermost first.
    pub(super) buckets: Vec<Bucket>,
    pub(super) metrics: Vec<Metric>,
    /// The layer's columns.
    pub(super) ids: Vec<String>,
    /// Where each of them has its value from.
    pub(super) sources: Vec<Source>,
    pub(super) time: TimePlan,
    pub(super) now_ms: i64,
    pub(super) zone: TimeZone,
    pub(super) sampling: f64,
}

#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The key of the bucket at this level.
    Bucket(usize),
    Metric(Reading),
    /// Nothing in the answer.
    Computed,
}

impl Plan {
    pub(super) fn new(layer: &Layer, view: &DataView, scope: &Scope) -> Result<Self, LayerError> {
        let time = TimePlan::new(layer, view, scope)?;
        let context = Context { view, time: &time, zone: zone_name(&scope.time_zone) };
        let mut buckets = Vec::new();
        let mut metrics = metric::Metrics::default();
        let mut sources = Vec::new();
        let mut position = 0_usize;
        for (at, column) in layer.columns.iter().enumerate() {
            let source = if let Some(kind) = bucket::kind(column, &context)? {
                buckets.push(Bucket { name: position.to_string(), kind, column: at });
                Source::Bucket(buckets.len() - 1)
            } else if let Operation::Metric { function, field, empty_as_null } = &column.operation {
                let what = What { function: function.clone(), field: field.clone() };
                let name = position.to_string();
                Source::Metric(metrics.add(name, what, column, *empty_as_null, &context)?)
            } else {
                Source::Computed
            };
            position += usize::from(!matches!(source, Source::Computed));
            sources.push(source);
        }
        let metrics = metrics.join_percentiles(&mut sources);
        let mut plan = Self {
            buckets,
            metrics,
            ids: layer.columns.iter().map(|column| column.id.clone()).collect(),
            sources,
            now_ms: scope.now_ms,
            zone: scope.time_zone.clone(),
            sampling: layer.sampling,
            time,
        };
        plan.place_split(layer)?;
        plan.check(layer)?;
        Ok(plan)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty() && self.metrics.is_empty()
    }

    pub(super) fn range(&self) -> TimeRange {
        self.time.range
    }

    /// The level of the first date histogram.
    pub(super) fn date_level(&self) -> Option<usize> {
        self.buckets.iter().position(|bucket| matches!(bucket.kind, BucketKind::Date { .. }))
    }

    /// A count of documents without any aggregation round it: the answer's hits are what is read.
    pub(super) fn counts_hits(&self) -> bool {
        let is_bare_count = |metric: &Metric| metric.aggregation.is_none() && metric.filter.is_none();
        self.buckets.is_empty() && self.time.split.is_none() && self.metrics.iter().any(is_bare_count)
    }

    /// Shifted branches part just above the date histogram on the time field, else above the metrics.
    fn place_split(&mut self, layer: &Layer) -> Result<(), LayerError> {
        if !self.time.has_shift {
            return Ok(());
        }
        let is_axis = |bucket: &&Bucket| matches!(bucket.kind, BucketKind::Date { is_time_field: true, .. });
        if let Some(second) = self.buckets.iter().filter(is_axis).nth(1) {
            return Err(self.unsupported(layer, second, "a time shift with two date histograms is not supported"));
        }
        let level = self.buckets.iter().position(|bucket| is_axis(&bucket)).unwrap_or(self.buckets.len());
        self.time.shift_level = Some(level);
        if self.time.shifts.len() < 2 {
            return Ok(());
        }
        self.time.split = Some(level);
        let is_terms = |bucket: &&Bucket| matches!(bucket.kind, BucketKind::Terms(_));
        match self.buckets.iter().find(is_terms) {
            Some(terms) => {
                Err(self.unsupported(layer, terms, "top values with several different time shifts are not supported"))
            }
            None => Ok(()),
        }
    }

    fn unsupported(&self, layer: &Layer, bucket: &Bucket, what: &'static str) -> LayerError {
        let id = layer.columns.get(bucket.column).map(|column| column.id.as_str()).unwrap_or_default();
        LayerError::unsupported(id, what)
    }

    fn check(&self, layer: &Layer) -> Result<(), LayerError> {
        for column in &layer.columns {
            let is_interval = column.operation == Operation::Constant(Constant::Interval);
            if is_interval && self.date_level().is_none() {
                return Err(LayerError::unsupported(&column.id, "`interval()` needs a date histogram in its layer"));
            }
        }
        for (column, source) in layer.columns.iter().zip(&self.sources) {
            if let (Operation::Terms(terms), Source::Bucket(_)) = (&column.operation, source) {
                self.check_order(layer, &column.id, terms)?;
            }
        }
        Ok(())
    }

    fn check_order(&self, layer: &Layer, column: &str, terms: &Terms) -> Result<(), LayerError> {
        let TermsOrder::Column(by) = &terms.order else { return Ok(()) };
        match layer.columns.iter().zip(&self.sources).find(|(other, _)| other.id == *by) {
            // Kibana falls back to the alphabet when the column is gone.
            None => Ok(()),
            Some((_, Source::Metric(reading))) if !reading.what.is_list() => Ok(()),
            Some(_) => Err(LayerError::BadReference {
                column: column.to_owned(),
                reference: by.clone(),
                why: "values can't be sorted by: Elasticsearch computes no single number for it",
            }),
        }
    }
}

/// What all parts of a plan are made with.
struct Context<'a> {
    view: &'a DataView,
    time: &'a TimePlan,
    /// IANA name.
    zone: String,
}
