//! `range` and `date_range`: buckets between given ends, overlaps allowed.

use serde_json::Map;

use super::super::collector::{Children, Collector, Docs, Fall, NO_BUCKET, Segment, slot};
use super::super::dates;
use super::super::format::{ValueFormat, number};
use super::super::options::{Opt, Place, Scalar, options};
use super::super::outcome::{Body, Bucket, Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::values::{Accepts, Class, FieldOptions, Numbers, Values, Zone};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct Range {
    type_name: &'static str,
    field: FieldOptions,
    ranges: Vec<RangeSpec>,
    keyed: bool,
}

#[derive(Debug, Clone, Default)]
struct RangeSpec {
    key: Option<String>,
    from: Option<Scalar>,
    to: Option<Scalar>,
}

pub(in super::super) const KNOWN: &[&str] = &["field", "format", "keyed", "missing", "ranges", "script"];
pub(in super::super) const KNOWN_OF_DATES: &[&str] =
    &["field", "format", "keyed", "missing", "ranges", "script", "time_zone"];
/// Ranges of one request.
const RANGES_MAX: usize = 65_536;

impl Range {
    pub(in super::super) fn parse(type_name: &'static str, place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self { type_name, field: FieldOptions::default(), ranges: Vec::new(), keyed: false };
        let dates = type_name == "date_range";
        for option in options(place, type_name, body) {
            match option.name() {
                "ranges" => request.ranges = ranges(&option)?,
                "keyed" => request.keyed = option.boolean()?,
                "time_zone" if dates => request.field.zone = Some(Zone(dates::zone(&option)?)),
                _ if request.field.take(&option)? => {}
                _ => return Err(option.unknown(if dates { KNOWN_OF_DATES } else { KNOWN })),
            }
        }
        request.field = request.field.require(body.span.start)?;
        Ok(request)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let name = &aggregation.name;
        let refused = |error: Exception| ctx.refused(error);
        let accepts = if self.type_name == "range" { Accepts::Numbers } else { Accepts::NumbersAndDates };
        let mut values = Values::resolve(ctx, (name, self.type_name), &self.field, accepts)?;
        if values.class == Class::Unmapped && self.type_name == "date_range" {
            values.format = ValueFormat::date(None, &self.field).map_err(refused)?;
        }
        if self.ranges.is_empty() {
            let reason = format!("No [ranges] specified for the [{name}] aggregation");
            return Err(refused(Exception::new("illegal_argument_exception", reason)));
        }
        let mut spans = Vec::with_capacity(self.ranges.len());
        for spec in &self.ranges {
            let end = |scalar: &Option<Scalar>| {
                scalar.as_ref().map(|scalar| values.parse_number(scalar, ctx.clock)).transpose().map_err(refused)
            };
            spans.push(Span::new(spec.key.clone(), end(&spec.from)?, end(&spec.to)?, &values.format));
        }
        spans.sort_by(|left, right| left.low().total_cmp(&right.low()).then(left.high().total_cmp(&right.high())));
        Ok(Box::new(RangeCollector {
            kind: self.type_name,
            missing: values.missing_f64(ctx)?,
            values,
            spans,
            keyed: self.keyed,
            numbers: Numbers::None,
            counts: Vec::new(),
            below: ctx.children(&aggregation.below)?,
        }))
    }
}

fn ranges(option: &Opt<'_>) -> Result<Vec<RangeSpec>, Fault> {
    let items = option.value().as_array().ok_or_else(|| option.unsupported())?;
    if items.len() > RANGES_MAX {
        return Err(option.illegal(format!("more than {RANGES_MAX} ranges")));
    }
    items.iter().map(|item| range(option, item).map_err(|fault| option.failed(fault))).collect()
}

fn range(option: &Opt<'_>, item: &Json) -> Result<RangeSpec, Fault> {
    if item.as_object().is_none() {
        let reason = format!("[{}] Expected START_OBJECT but was: {}", option.parser, item.token_name());
        return Err(Fault::content(option.place.src, item.span.start, &reason));
    }
    let mut spec = RangeSpec::default();
    for inner in options(option.place, option.parser, item) {
        match inner.name() {
            "key" => spec.key = Some(inner.text()?.to_owned()),
            "from" | "to" if inner.value().is_null() => {}
            "from" => spec.from = Some(inner.scalar()?),
            "to" => spec.to = Some(inner.scalar()?),
            _ => return Err(Fault { at: inner.at(), ..inner.unknown(&["key", "from", "to"]) }),
        }
    }
    Ok(spec)
}

struct Span {
    key: String,
    from: Option<f64>,
    to: Option<f64>,
}

impl Span {
    fn new(key: Option<String>, from: Option<f64>, to: Option<f64>, format: &ValueFormat) -> Self {
        let text = |end: Option<f64>| end.map_or_else(|| "*".to_owned(), |end| format.text(end));
        Self { key: key.unwrap_or_else(|| format!("{}-{}", text(from), text(to))), from, to }
    }

    fn low(&self) -> f64 {
        self.from.unwrap_or(f64::NEG_INFINITY)
    }

    fn high(&self) -> f64 {
        self.to.unwrap_or(f64::INFINITY)
    }

    fn contains(&self, value: f64) -> bool {
        self.from.is_none_or(|from| value >= from) && self.to.is_none_or(|to| value < to)
    }
}

struct RangeCollector {
    kind: &'static str,
    values: Values,
    missing: Option<f64>,
    spans: Vec<Span>,
    keyed: bool,
    numbers: Numbers,
    /// By parent times the number of ranges plus the range.
    counts: Vec<u64>,
    below: Children,
}

impl RangeCollector {
    fn bucket(&self, parent: u32, span: usize) -> u32 {
        bucket_of(parent, span, self.spans.len())
    }
}

/// The bucket of one of `width` alternatives under a parent.
pub(super) fn bucket_of(parent: u32, at: usize, width: usize) -> u32 {
    if parent == NO_BUCKET {
        return NO_BUCKET;
    }
    u32::try_from(parent as usize * width + at).unwrap_or(NO_BUCKET)
}

impl Collector for RangeCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.numbers = self.values.numbers(segment)?;
        self.below.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let mut fall = Fall::default();
        let (spans, width, leaf) = (&self.spans, self.spans.len(), self.below.is_empty());
        let counts = &mut self.counts;
        // Ranges of the current document that were hit: a document counts once a range.
        let (mut current, mut hit) = (usize::MAX, vec![false; width]);
        self.numbers.each_f64(docs, self.missing, |at, value| {
            if current != at {
                current = at;
                hit.fill(false);
            }
            for ((span, range), hit) in spans.iter().enumerate().zip(&mut hit) {
                if !*hit && range.contains(value) {
                    *hit = true;
                    let bucket = bucket_of(docs.parent(at), span, width);
                    if let Some(count) = slot(counts, bucket) {
                        *count += 1;
                    }
                    if !leaf {
                        fall.push(docs, at, bucket);
                    }
                }
            }
        });
        self.below.collect(&fall.docs(docs.scores.is_some()))
    }

    fn seal(&mut self) {
        self.below.seal();
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        budget.take(self.spans.len())?;
        let mut buckets = Vec::with_capacity(self.spans.len());
        for (at, span) in self.spans.iter().enumerate() {
            let bucket = self.bucket(parent, at);
            let mut head = Map::new();
            if !self.keyed {
                head.insert("key".into(), span.key.as_str().into());
            }
            for (name, end) in [("from", span.from), ("to", span.to)] {
                let Some(end) = end else { continue };
                head.insert(name.into(), number(Some(end)));
                if !self.values.format.is_raw() {
                    head.insert(format!("{name}_as_string"), self.values.format.bare(end));
                }
            }
            buckets.push(Bucket {
                name: span.key.clone(),
                head,
                doc_count: self.counts.get(bucket as usize).copied().unwrap_or_default(),
                tail: Map::new(),
                below: self.below.outcomes(bucket, budget)?,
            });
        }
        Ok(Outcome { kind: self.kind, body: Body::Multi { head: Map::new(), buckets, keyed: self.keyed } })
    }
}
