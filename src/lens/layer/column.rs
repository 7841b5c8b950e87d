//! The columns of a form-based Lens layer, typed. Formulas are expanded to these by [`crate::lens::formula`].

use serde_json::Value;

use crate::lens::{formula::Expression, scope::Query};

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub id: String,
    pub label: String,
    pub operation: Operation,
    /// `params.format` as Kibana stores it.
    pub format: Option<Value>,
    /// Only documents that match (metrics).
    pub filter: Option<Query>,
    /// As written: `1d`, `previous`, `startAt(...)`, `endAt(...)`.
    pub time_shift: Option<String>,
    /// As written: `15m`.
    pub reduced_time_range: Option<String>,
    /// Per this unit of time.
    pub time_scale: Option<TimeUnit>,
    /// A part of a formula, or the like: computed, not shown.
    pub is_hidden: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    Second,
    Minute,
    Hour,
    Day,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    // Buckets.
    DateHistogram {
        field: String,
        /// `auto`, or `30s`, `1m`, `1d`, `1M` ...
        interval: String,
        include_empty_rows: bool,
        drop_partials: bool,
        ignore_time_range: bool,
    },
    Terms(Box<Terms>),
    Filters(Vec<LabelledQuery>),
    /// Ranges given one by one.
    Ranges {
        field: String,
        ranges: Vec<NumberRange>,
    },
    /// Ranges of one width.
    Histogram {
        field: String,
        bars_max: Option<f64>,
        include_empty_rows: bool,
    },

    // Metrics: Elasticsearch computes them.
    Metric {
        function: MetricFunction,
        /// `None`: all documents.
        field: Option<String>,
        empty_as_null: bool,
    },

    // Computed after the answer.
    StaticValue(f64),
    /// The columns that its text stands for; its value is that of the column `result`.
    Formula {
        text: String,
        result: String,
    },
    Reference {
        function: ReferenceFunction,
        of: String,
    },
    Math(Expression),
    /// `time_range()`, `now()`, `interval()` of a formula, in milliseconds.
    Constant(Constant),
}

#[derive(Debug, Clone, PartialEq)]
pub enum MetricFunction {
    /// Of documents, or of a field's values.
    Count,
    UniqueCount,
    Average,
    Sum,
    Min,
    Max,
    Median,
    StandardDeviation,
    Percentile(f64),
    PercentileRank(f64),
    LastValue {
        sort_field: Option<String>,
        shows_arrays: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum ReferenceFunction {
    CounterRate,
    CumulativeSum,
    Differences,
    MovingAverage { window: usize },
    OverallSum,
    OverallMin,
    OverallMax,
    OverallAverage,
    NormalizeByUnit(TimeUnit),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    TimeRange,
    Now,
    Interval,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    pub field: String,
    /// Several fields make one bucket.
    pub secondary_fields: Vec<String>,
    pub size: u32,
    pub order: TermsOrder,
    pub is_descending: bool,
    pub has_other: bool,
    pub has_missing: bool,
    pub include: Vec<String>,
    pub exclude: Vec<String>,
    pub include_is_regex: bool,
    pub exclude_is_regex: bool,
    pub is_accurate: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TermsOrder {
    /// By a metric column of the layer.
    Column(String),
    Alphabetical,
    Rare {
        doc_count_max: u64,
    },
    Significant,
    /// By a metric that is no column.
    Custom(Box<Column>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct LabelledQuery {
    pub query: Query,
    pub label: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NumberRange {
    pub from: Option<f64>,
    pub to: Option<f64>,
    pub label: Option<String>,
}
