//! `top_metrics`: fields of the documents that come first by another field. Kibana's "last value".

use std::cmp::Ordering;

use serde_json::{Map, Value, json};
use tantivy::DocId;
use tantivy::columnar::StrColumn;

use super::super::collector::{Collector, Docs, Segment, slot};
use super::super::format::number;
use super::super::kept::Kept;
use super::super::keywords;
use super::super::options::{Opt, Place, options};
use super::super::outcome::{Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::values::{Accepts, Class, FieldOptions, Numbers, Values, truncate};
use super::weighted_avg::field_config;
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct TopMetrics {
    metrics: Vec<FieldOptions>,
    sort: Sort,
    size: usize,
}

#[derive(Debug, Clone)]
struct Sort {
    /// `_score`, or a field.
    field: String,
    ascending: bool,
}

pub(in super::super) const KNOWN: &[&str] = &["metrics", "sort", "size"];
const SIZE_MAX: usize = 10;

impl TopMetrics {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let (mut metrics, mut sort, mut size) = (Vec::new(), None, 1);
        for option in options(place, "top_metrics", body) {
            match option.name() {
                "metrics" => metrics = metric_fields(&option)?,
                "sort" => sort = Some(read_sort(&option)?),
                "size" => size = read_size(&option)?,
                _ => return Err(option.unknown(KNOWN)),
            }
        }
        let missing = |name: &str| Fault::illegal(body.span.start, format!("Required [{name}]"));
        let sort = sort.ok_or_else(|| missing(if metrics.is_empty() { "sort, metrics" } else { "sort" }))?;
        if metrics.is_empty() {
            return Err(missing("metrics"));
        }
        Ok(Self { metrics, sort, size })
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let name = aggregation.name.as_str();
        let mut metrics = Vec::with_capacity(self.metrics.len());
        for field in &self.metrics {
            let values = Values::resolve(ctx, (name, "top_metrics"), field, Accepts::Any)?;
            metrics.push(Metric { name: field.field.clone(), values, numbers: Numbers::None, column: None });
        }
        let sort = match self.sort.field.as_str() {
            "_score" => None,
            field => {
                let options = FieldOptions { field: field.to_owned(), ..FieldOptions::default() };
                let values = Values::resolve(ctx, (name, "top_metrics"), &options, Accepts::Any)?;
                if values.class == Class::Keyword {
                    let reason =
                        "error building sort for field [".to_owned() + field + "]: only supported on numeric fields";
                    return Err(ctx.refused(Exception::new("illegal_argument_exception", reason)));
                }
                if values.class == Class::Unmapped {
                    let reason = format!("No mapping found for [{field}] in order to sort on");
                    return Err(ctx.refused(Exception::new("query_shard_exception", reason)));
                }
                Some(values)
            }
        };
        Ok(Box::new(TopMetricsCollector {
            metrics,
            sort,
            ascending: self.sort.ascending,
            size: self.size,
            numbers: Numbers::None,
            tops: Vec::new(),
        }))
    }
}

fn metric_fields(option: &Opt<'_>) -> Result<Vec<FieldOptions>, Fault> {
    let one = |json: &Json| {
        let mut field = FieldOptions::default();
        if json.as_object().is_none() {
            return Err(option.unsupported());
        }
        for inner in options(option.place, "field_config", json) {
            if !matches!(inner.name(), "field" | "missing")
                || !field.take(&inner).map_err(|fault| option.failed(fault))?
            {
                return Err(option.failed(Fault { at: inner.at(), ..inner.unknown(&["field", "missing"]) }));
            }
        }
        Ok(field)
    };
    match option.value().as_array() {
        Some(items) => items.iter().map(one).collect(),
        None => Ok(vec![field_config(option)?]),
    }
}

/// `"t"`, `{"t":"desc"}`, `{"t":{"order":"desc"}}`, or a list of exactly one of these.
fn read_sort(option: &Opt<'_>) -> Result<Sort, Fault> {
    let value = match option.value().as_array() {
        Some([one]) => one,
        Some(_) => return Err(option.illegal("[top_metrics] only supports sorting on a single field")),
        None => option.value(),
    };
    if let Some(field) = value.as_str() {
        return Ok(Sort { field: field.to_owned(), ascending: field != "_score" });
    }
    let Some([member]) = value.as_object() else { return Err(option.unsupported()) };
    let mut direction = member.value.as_str();
    for part in member.value.as_object().unwrap_or_default() {
        match part.key.as_str() {
            "order" => direction = part.value.as_str(),
            other => return Err(option.illegal(format!("sort option [{other}] is not supported here"))),
        }
    }
    let ascending = match direction.map(str::to_lowercase).as_deref() {
        Some("asc") => true,
        Some("desc") => false,
        None if member.value.as_object().is_some() => true,
        _ => {
            let shown = direction.unwrap_or_default().to_uppercase();
            return Err(option.illegal(format!("No enum constant org.elasticsearch.search.sort.SortOrder.{shown}")));
        }
    };
    Ok(Sort { field: member.key.clone(), ascending })
}

fn read_size(option: &Opt<'_>) -> Result<usize, Fault> {
    let size = option.int()?;
    match usize::try_from(size) {
        Ok(size) if (1..=SIZE_MAX).contains(&size) => Ok(size),
        Ok(size) if size > SIZE_MAX => Err(option.illegal(format!(
            "[top_metrics.size] must not be more than [{SIZE_MAX}] but was [{size}]. This limit can be set by changing the [index.top_metrics_max_size] index level setting."
        ))),
        _ => Err(option.illegal(format!("[size] must be more than 0 but was [{size}]"))),
    }
}

struct Metric {
    name: String,
    values: Values,
    numbers: Numbers,
    column: Option<StrColumn>,
}

impl Metric {
    /// The value of one document: its least, where it has several.
    fn read(&self, doc: u32) -> Result<Value, Exception> {
        let docs = Docs { ids: &[doc], parents: &[0], scores: None };
        if let Some(column) = &self.column {
            let mut first = None;
            keywords::each_ordinal(column, &docs, |_, ordinal| first = first.or(ordinal));
            let mut text = String::new();
            if let Some(ordinal) = first {
                column.ord_to_str(ordinal, &mut text).map_err(super::super::values::unreadable)?;
                return Ok(text.into());
            }
            return Ok(Value::Null);
        }
        let mut value = Value::Null;
        match self.values.class {
            Class::Integral => self.numbers.each_i64(&docs, None, |_, found| {
                if value.is_null() {
                    value = self.show_whole(found);
                }
            }),
            _ => self.numbers.each_f64(&docs, None, |_, found| {
                if value.is_null() {
                    value = number(Some(found));
                }
            }),
        }
        Ok(value)
    }

    fn show_whole(&self, value: i64) -> Value {
        if self.values.format.is_raw() { value.into() } else { self.values.format.bare(value as f64) }
    }
}

#[derive(Debug, Clone)]
struct Top {
    sort: f64,
    metrics: Fields,
}

/// The metrics of a document are read once its block is through: of many documents that were first for a moment, few stay.
#[derive(Debug, Clone)]
enum Fields {
    Unread(DocId),
    Read(Vec<Value>),
}

impl Top {
    fn metrics(&self) -> &[Value] {
        match &self.metrics {
            Fields::Unread(_) => &[],
            Fields::Read(metrics) => metrics,
        }
    }
}

struct TopMetricsCollector {
    metrics: Vec<Metric>,
    /// None sorts by score.
    sort: Option<Values>,
    ascending: bool,
    size: usize,
    numbers: Numbers,
    tops: Vec<Vec<Top>>,
}

impl Collector for TopMetricsCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.numbers = self.sort.as_ref().map_or(Ok(Numbers::None), |sort| sort.numbers(segment))?;
        for metric in &mut self.metrics {
            metric.column = keywords::open(&metric.values, segment)?;
            metric.numbers = metric.values.numbers(segment)?;
        }
        Ok(())
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let sorts = self.sort_values(docs);
        let mut changed = Vec::new();
        for (at, (sort, doc)) in sorts.into_iter().zip(docs.ids).enumerate() {
            if sort.is_nan() {
                continue;
            }
            let parent = docs.parent(at);
            let Some(tops) = slot(&mut self.tops, parent) else { continue };
            if let (1, [top]) = (self.size, tops.as_mut_slice()) {
                if comes_before(sort, top.sort, self.ascending) {
                    if matches!(top.metrics, Fields::Read(_)) {
                        changed.push(parent);
                    }
                    *top = Top { sort, metrics: Fields::Unread(*doc) };
                }
                continue;
            }
            let full = tops.len() >= self.size;
            if full && tops.last().is_some_and(|last| !comes_before(sort, last.sort, self.ascending)) {
                continue;
            }
            if tops.iter().all(|top| matches!(top.metrics, Fields::Read(_))) {
                changed.push(parent);
            }
            if full {
                tops.pop();
            }
            let place = tops.partition_point(|top| !comes_before(sort, top.sort, self.ascending));
            tops.insert(place, Top { sort, metrics: Fields::Unread(*doc) });
        }
        changed.into_iter().try_for_each(|parent| self.read(parent))
    }

    fn keep(&self) -> Option<Kept> {
        let bytes =
            self.tops.iter().flatten().map(|top| 64 + top.metrics().iter().map(text_bytes).sum::<usize>()).sum();
        Some(Kept::new(self.tops.clone(), bytes))
    }

    fn resume(&mut self, kept: &Kept) -> bool {
        let Some(tops) = kept.get::<Vec<Vec<Top>>>() else { return false };
        self.tops.clone_from(tops);
        true
    }

    fn outcome(&self, parent: u32, _budget: &mut Budget) -> Result<Outcome, ApiError> {
        let tops = self.tops.get(parent as usize).map_or(&[][..], Vec::as_slice);
        let shown: Vec<Value> = tops
            .iter()
            .map(|top| {
                let metrics: Map<String, Value> =
                    self.metrics.iter().map(|metric| metric.name.clone()).zip(top.metrics().iter().cloned()).collect();
                json!({"sort": [self.show_sort(top.sort)], "metrics": metrics})
            })
            .collect();
        Ok(Outcome::metric("top_metrics", Map::from_iter([("top".to_owned(), Value::Array(shown))])))
    }

    fn order_value(&self, parent: u32, key: Option<&str>) -> f64 {
        let at = key.map_or(Some(0), |key| self.metrics.iter().position(|metric| metric.name == key));
        let top = self.tops.get(parent as usize).and_then(|tops| tops.first());
        top.zip(at).and_then(|(top, at)| top.metrics().get(at)?.as_f64()).unwrap_or(f64::NAN)
    }
}

impl TopMetricsCollector {
    /// What each document is sorted by; NaN where it has no value.
    fn sort_values(&self, docs: &Docs<'_>) -> Vec<f64> {
        if self.sort.is_none() {
            return (0..docs.ids.len()).map(|at| f64::from(docs.score(at).unwrap_or(1.0))).collect();
        }
        let ascending = self.ascending;
        let mut sorts = vec![f64::NAN; docs.ids.len()];
        self.numbers.each_f64(docs, None, |at, value| {
            if let Some(sort) = sorts.get_mut(at) {
                // Ascending takes the least of several values, descending the greatest; they come in order.
                if !ascending || sort.is_nan() {
                    *sort = value;
                }
            }
        });
        sorts
    }

    /// Reads the metrics of the open segment's documents that stayed first in a bucket.
    fn read(&mut self, parent: u32) -> Result<(), Exception> {
        let Some(tops) = self.tops.get_mut(parent as usize) else { return Ok(()) };
        for top in tops {
            if let Fields::Unread(doc) = top.metrics {
                top.metrics =
                    Fields::Read(self.metrics.iter().map(|metric| metric.read(doc)).collect::<Result<_, _>>()?);
            }
        }
        Ok(())
    }

    fn show_sort(&self, sort: f64) -> Value {
        match &self.sort {
            Some(values) if !values.format.is_raw() => values.format.bare(sort),
            Some(values) if values.class == Class::Integral => truncate(sort).into(),
            _ => number(Some(sort)),
        }
    }
}

/// About what a value takes.
fn text_bytes(value: &Value) -> usize {
    size_of::<Value>() + value.as_str().map_or(0, str::len)
}

#[inline]
fn comes_before(left: f64, right: f64, ascending: bool) -> bool {
    let ordering = left.total_cmp(&right);
    if ascending { ordering == Ordering::Less } else { ordering == Ordering::Greater }
}
