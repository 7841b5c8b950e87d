//! `composite`: every combination of several sources' keys in order, a page at a time.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::super::collector::{Children, Collector, Docs, Segment};
use super::super::dates;
use super::super::format::{ValueFormat, number};
use super::super::options::{Opt, Place, Scalar, options};
use super::super::outcome::{Body, Bucket, Budget, Outcome};
use super::super::request::Aggregation;
use super::super::rounding::{Interval, Prepared, Rounding};
use super::super::run::SearchContext;
use super::super::table::BucketTable;
use super::super::values::{Accepts, Class, FieldOptions, Numbers, Values, Zone, truncate};
use super::date_histogram;
use super::histogram;
use super::keys::KeySource;
use super::multi_terms::{Tuples, fall_by_tuples};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct Composite {
    sources: Vec<SourceRequest>,
    size: usize,
    after: Option<Vec<(String, Option<Scalar>)>>,
}

#[derive(Debug, Clone)]
struct SourceRequest {
    name: String,
    kind: SourceKind,
    field: FieldOptions,
    ascending: bool,
    missing_bucket: bool,
    /// `missing_order`: nulls first or last; by default they are the least.
    missing_first: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
enum SourceKind {
    Terms,
    Histogram(f64),
    DateHistogram { interval: Interval, offset: i64 },
}

pub(in super::super) const KNOWN: &[&str] = &["sources", "size", "after"];

impl Composite {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self { sources: Vec::new(), size: 10, after: None };
        let mut given = false;
        for option in options(place, "composite", body) {
            match option.name() {
                "sources" => {
                    given = true;
                    request.sources = sources(&option)?;
                }
                "size" => request.size = option.positive("size")?,
                "after" => {
                    let read = |json: &Json| if json.is_null() { Some(None) } else { Scalar::read(json).map(Some) };
                    let members = option.object()?.iter();
                    let after = members.map(|member| Some((member.key.clone(), read(&member.value)?))).collect();
                    request.after = Some(Option::ok_or_else(after, || option.unsupported())?);
                }
                _ => return Err(option.unknown(KNOWN)),
            }
        }
        if given { Ok(request) } else { Err(Fault::illegal(body.span.start, "Required [sources]")) }
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let sources =
            self.sources.iter().map(|source| Source::new(source, ctx, aggregation)).collect::<Result<Vec<_>, _>>()?;
        let mut after = None;
        if let Some(given) = &self.after {
            let mut found = Vec::with_capacity(sources.len());
            for source in &sources {
                let name = &source.request.name;
                let Some((_, scalar)) = given.iter().find(|(given, _)| given == name) else {
                    let reason = format!("Missing value for [after.{name}]");
                    return Err(ctx.refused(Exception::new("illegal_argument_exception", reason)));
                };
                let read = scalar.as_ref().map(|scalar| source.after(scalar, ctx)).transpose();
                found.push(read.map_err(|error| ctx.refused(error))?);
            }
            after = Some(found);
        }
        Ok(Box::new(CompositeCollector {
            sources,
            size: self.size,
            after,
            tuples: Tuples::default(),
            table: BucketTable::default(),
            below: ctx.children(&aggregation.below)?,
        }))
    }
}

fn sources(option: &Opt<'_>) -> Result<Vec<SourceRequest>, Fault> {
    let items = option.value().as_array().ok_or_else(|| option.unsupported())?;
    let mut found: Vec<SourceRequest> = Vec::new();
    for item in items {
        found.push(source(option, item).map_err(|fault| option.failed(fault))?);
    }
    let refuse = |reason: String| {
        let text = "Failed to build [composite] after last required field arrived";
        let cause = Exception::new("illegal_argument_exception", reason);
        let exception = Exception::new("x_content_parse_exception", text).caused_by(cause);
        Err(option.failed(Fault { at: option.value().span.end.saturating_sub(1), exception }))
    };
    if found.is_empty() {
        return refuse("Composite [sources] cannot be null or empty".into());
    }
    let twice = |at: usize, name: &str| found.iter().skip(at + 1).any(|other| other.name == name);
    if let Some((_, source)) = found.iter().enumerate().find(|(at, source)| twice(*at, &source.name)) {
        return refuse(format!("Composite source names must be unique, found duplicates: [{}]", source.name));
    }
    Ok(found)
}

fn source(option: &Opt<'_>, item: &Json) -> Result<SourceRequest, Fault> {
    let src = option.place.src;
    let malformed = |json: &Json| Fault::parsing(src, json.span.start, "Composite source is malformed");
    let Some([named]) = item.as_object() else { return Err(malformed(item)) };
    let Some([typed]) = named.value.as_object() else { return Err(malformed(&named.value)) };
    let mut request = SourceRequest {
        name: named.key.clone(),
        kind: SourceKind::Terms,
        field: FieldOptions::default(),
        ascending: true,
        missing_bucket: false,
        missing_first: None,
    };
    let at = typed.value.span.start;
    if !matches!(typed.key.as_str(), "terms" | "histogram" | "date_histogram") {
        return Err(Fault::parsing(src, at, format!("invalid source type: {}", typed.key)));
    }
    let (mut interval, mut width, mut offset) = (None, None, 0);
    for inner in options(option.place, &typed.key, &typed.value) {
        match (typed.key.as_str(), inner.name()) {
            (_, "field") => request.field.field = inner.text()?.to_owned(),
            (_, "order") => request.ascending = direction(&inner)?,
            (_, "missing_bucket") => request.missing_bucket = inner.boolean()?,
            (_, "missing_order") => {
                request.missing_first = match inner.text()? {
                    "first" => Some(true),
                    "last" => Some(false),
                    "default" => None,
                    other => return Err(inner.illegal(format!("Unknown missing order [{other}]"))),
                }
            }
            ("histogram", "interval") => width = Some(histogram::interval(&inner)?),
            ("date_histogram", "fixed_interval" | "calendar_interval") => {
                interval = Some(date_histogram::interval(&inner)?);
            }
            ("date_histogram", "offset") => offset = date_histogram::offset(&inner, "offset")?,
            ("date_histogram", "format") => request.field.format = Some(inner.text()?.to_owned()),
            ("date_histogram", "time_zone") => request.field.zone = Some(Zone(dates::zone(&inner)?)),
            _ => return Err(inner.unknown(&["field", "order", "missing_bucket", "missing_order", "interval"])),
        }
    }
    request.kind = match typed.key.as_str() {
        "histogram" => SourceKind::Histogram(width.ok_or_else(|| Fault::illegal(at, "Required [interval]"))?),
        "date_histogram" => {
            let interval = interval.filter(|interval| !matches!(interval, Interval::Fixed(width) if *width <= 0));
            let reason = "Invalid interval specified, must be non-null and non-empty";
            SourceKind::DateHistogram { interval: interval.ok_or_else(|| Fault::illegal(at, reason))?, offset }
        }
        _ => SourceKind::Terms,
    };
    request.field = request.field.require(at)?;
    Ok(request)
}

fn direction(option: &Opt<'_>) -> Result<bool, Fault> {
    match option.text()?.to_lowercase().as_str() {
        "asc" => Ok(true),
        "desc" => Ok(false),
        other => Err(option.illegal(format!("Unknown sort order [{other}]"))),
    }
}

/// A source at work: how it makes keys, compares them and shows them.
struct Source {
    request: SourceRequest,
    reader: Reader,
}

enum Reader {
    Terms(KeySource),
    Numbers { values: Values, numbers: Numbers, width: f64 },
    Dates { values: Values, numbers: Numbers, rounding: Rounding, prepared: Prepared },
}

/// Where the page before ended.
enum After {
    Text(String),
    Key(u64),
}

impl Source {
    fn new(request: &SourceRequest, ctx: &SearchContext<'_>, aggregation: &Aggregation) -> Result<Self, ApiError> {
        let accepts = if request.kind == SourceKind::Terms { Accepts::Any } else { Accepts::Numbers };
        let mut values = Values::resolve(ctx, (&aggregation.name, "composite"), &request.field, accepts)?;
        let reader = match &request.kind {
            SourceKind::Terms => Reader::Terms(KeySource::new(values, ctx, false)?),
            SourceKind::Histogram(width) => Reader::Numbers { values, numbers: Numbers::None, width: *width },
            SourceKind::DateHistogram { interval, offset } => {
                if request.field.format.is_none() {
                    // Without a format, keys are milliseconds.
                    values.format = ValueFormat::Raw;
                }
                let zone = request.field.zone.as_ref().map_or(jiff::tz::TimeZone::UTC, |zone| zone.0.clone());
                let rounding = Rounding { interval: *interval, zone, offset: *offset };
                Reader::Dates { values, numbers: Numbers::None, rounding, prepared: Prepared::Slow }
            }
        };
        Ok(Self { request: request.clone(), reader })
    }

    fn after(&self, scalar: &Scalar, ctx: &SearchContext<'_>) -> Result<After, Exception> {
        let whole = |values: &Values| match scalar {
            Scalar::Int(value) => Ok(*value),
            _ => values.parse_number(scalar, ctx.clock).map(truncate),
        };
        Ok(match &self.reader {
            Reader::Terms(keys) => match keys.class {
                Class::Keyword | Class::Unmapped => After::Text(scalar.to_text()),
                Class::Integral => After::Key(whole(&keys.values)?.cast_unsigned()),
                Class::Floating => After::Key(keys.values.parse_number(scalar, ctx.clock)?.to_bits()),
            },
            Reader::Numbers { values, .. } => After::Key(values.parse_number(scalar, ctx.clock)?.to_bits()),
            Reader::Dates { values, .. } => After::Key(whole(values)?.cast_unsigned()),
        })
    }

    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        match &mut self.reader {
            Reader::Terms(keys) => keys.open(segment)?,
            Reader::Numbers { values, numbers, .. } => *numbers = values.numbers(segment)?,
            Reader::Dates { values, numbers, rounding, prepared } => {
                *numbers = values.numbers(segment)?;
                *prepared = numbers.bounds().map_or(Prepared::Slow, |(low, high)| rounding.prepare(low, high));
            }
        }
        Ok(())
    }

    /// The keys of every document of a block.
    fn keys(&mut self, docs: &Docs<'_>) -> Result<Vec<Vec<Option<u64>>>, Exception> {
        let mut lists: Vec<Vec<Option<u64>>> = vec![Vec::new(); docs.ids.len()];
        let mut add = |at: usize, key: u64| {
            if let Some(list) = lists.get_mut(at).filter(|list| list.last() != Some(&Some(key))) {
                list.push(Some(key));
            }
        };
        match &mut self.reader {
            Reader::Terms(keys) => keys.each(docs, |at, key, _| key.into_iter().for_each(|key| add(at, key)))?,
            Reader::Numbers { numbers, width, .. } => numbers.each_f64(docs, None, |at, value| {
                add(at, ((value / *width).floor() * *width + 0.0).to_bits());
            }),
            Reader::Dates { numbers, rounding, prepared, .. } => numbers.each_i64(docs, None, |at, value| {
                add(at, prepared.round(rounding, value).cast_unsigned());
            }),
        }
        if self.request.missing_bucket {
            lists.iter_mut().filter(|list| list.is_empty()).for_each(|list| list.push(None));
        }
        Ok(lists)
    }

    fn compare(&self, left: Option<u64>, right: Option<u64>) -> Ordering {
        match (left, right) {
            (Some(left), Some(right)) => self.directed(self.compare_keys(left, right)),
            (left, right) => self.compare_absent(left.is_none(), right.is_none()),
        }
    }

    fn compare_keys(&self, left: u64, right: u64) -> Ordering {
        match &self.reader {
            Reader::Terms(keys) => keys.compare(left, right),
            Reader::Numbers { .. } => f64::from_bits(left).total_cmp(&f64::from_bits(right)),
            Reader::Dates { .. } => left.cast_signed().cmp(&right.cast_signed()),
        }
    }

    fn compare_after(&self, key: Option<u64>, after: Option<&After>) -> Ordering {
        match (key, after) {
            (Some(key), Some(After::Key(after))) => self.directed(self.compare_keys(key, *after)),
            (Some(key), Some(After::Text(after))) => match &self.reader {
                Reader::Terms(keys) => self.directed(keys.term(key).cmp(after)),
                _ => Ordering::Equal,
            },
            (key, after) => self.compare_absent(key.is_none(), after.is_none()),
        }
    }

    fn directed(&self, ordering: Ordering) -> Ordering {
        if self.request.ascending { ordering } else { ordering.reverse() }
    }

    fn compare_absent(&self, left: bool, right: bool) -> Ordering {
        let first = self.request.missing_first.unwrap_or(self.request.ascending);
        if first { right.cmp(&left) } else { left.cmp(&right) }
    }

    fn show(&self, key: Option<u64>) -> Value {
        let Some(key) = key else { return Value::Null };
        match &self.reader {
            Reader::Terms(keys) => match keys.values.format {
                ValueFormat::Boolean => (key != 0).into(),
                _ => keys.show(key).0,
            },
            Reader::Numbers { .. } => number(Some(f64::from_bits(key))),
            Reader::Dates { values, .. } if !values.format.is_raw() => values.format.text_i64(key.cast_signed()).into(),
            Reader::Dates { .. } => key.cast_signed().into(),
        }
    }
}

struct CompositeCollector {
    sources: Vec<Source>,
    size: usize,
    after: Option<Vec<Option<After>>>,
    tuples: Tuples,
    table: BucketTable,
    below: Children,
}

impl Collector for CompositeCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.sources.iter_mut().try_for_each(|source| source.open(segment))?;
        self.below.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let keys = self.sources.iter_mut().map(|source| source.keys(docs)).collect::<Result<Vec<_>, _>>()?;
        let fall = fall_by_tuples(docs, &keys, &mut self.tuples, &mut self.table)?;
        self.below.collect(&fall.docs(docs.scores.is_some()))
    }

    fn seal(&mut self) {
        self.table.seal();
        self.below.seal();
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        let mut found: Vec<u32> =
            self.table.under(parent).iter().copied().filter(|bucket| self.is_behind(*bucket)).collect();
        found.sort_by(|left, right| self.compare(self.tuple(*left), self.tuple(*right)));
        found.truncate(self.size);
        budget.take(found.len())?;
        let mut head = Map::new();
        if let Some(last) = found.last() {
            head.insert("after_key".into(), self.show(self.tuple(*last)));
        }
        let mut buckets = Vec::with_capacity(found.len());
        for bucket in found {
            let key = self.show(self.tuple(bucket));
            buckets.push(Bucket {
                name: key.to_string(),
                head: Map::from_iter([("key".to_owned(), key)]),
                doc_count: self.table.doc_count(bucket),
                tail: Map::new(),
                below: self.below.outcomes(bucket, budget)?,
            });
        }
        Ok(Outcome { kind: "composite", body: Body::Multi { head, buckets, keyed: false } })
    }
}

impl CompositeCollector {
    fn tuple(&self, bucket: u32) -> &[Option<u64>] {
        self.tuples.get(self.table.key(bucket))
    }

    fn is_behind(&self, bucket: u32) -> bool {
        let Some(after) = &self.after else { return true };
        self.sources
            .iter()
            .zip(self.tuple(bucket).iter().zip(after))
            .map(|(source, (key, after))| source.compare_after(*key, after.as_ref()))
            .find(|ordering| *ordering != Ordering::Equal)
            == Some(Ordering::Greater)
    }

    fn compare(&self, left: &[Option<u64>], right: &[Option<u64>]) -> Ordering {
        self.sources
            .iter()
            .zip(left.iter().zip(right))
            .map(|(source, (left, right))| source.compare(*left, *right))
            .find(|ordering| *ordering != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }

    fn show(&self, tuple: &[Option<u64>]) -> Value {
        self.sources.iter().zip(tuple).map(|(source, key)| (source.request.name.clone(), source.show(*key))).collect()
    }
}
