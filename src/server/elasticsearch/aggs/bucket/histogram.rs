//! `histogram`: buckets of one width on the line of numbers.

use super::super::collector::Collector;
use super::super::options::{Opt, Place, Scalar, options};
use super::super::order::{self, Order};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::values::{Accepts, FieldOptions, Values};
use super::date_histogram::{BoundsRequest, check_inside, resolve_bounds};
use super::grid::{Grid, GridCollector, GridState};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct Histogram {
    field: FieldOptions,
    interval: f64,
    offset: f64,
    min_doc_count: u64,
    keyed: bool,
    order: Vec<Order>,
    extended: BoundsRequest,
    hard: BoundsRequest,
}

pub(in super::super) const KNOWN: &[&str] = &[
    "extended_bounds",
    "field",
    "format",
    "hard_bounds",
    "interval",
    "keyed",
    "min_doc_count",
    "missing",
    "offset",
    "order",
    "script",
];

impl Histogram {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self {
            field: FieldOptions::default(),
            interval: 0.0,
            offset: 0.0,
            min_doc_count: 0,
            keyed: false,
            order: vec![Order { by: "_key".into(), ascending: true }],
            extended: BoundsRequest::default(),
            hard: BoundsRequest::default(),
        };
        for option in options(place, "histogram", body) {
            match option.name() {
                "interval" => request.interval = interval(&option)?,
                "offset" => request.offset = option.double()?,
                "min_doc_count" => request.min_doc_count = option.unsigned("minDocCount")?,
                "keyed" => request.keyed = option.boolean()?,
                "order" => request.order = order::parse(&option)?,
                "extended_bounds" => request.extended = bounds(&option)?,
                "hard_bounds" => request.hard = bounds(&option)?,
                _ if request.field.take(&option)? => {}
                _ => return Err(option.unknown(KNOWN)),
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
        if self.interval <= 0.0 {
            let reason = format!("interval must be positive, got: {:?}", self.interval);
            return Err(ctx.refused(Exception::new("illegal_argument_exception", reason)));
        }
        let names = (aggregation.name.as_str(), aggregation.type_name);
        ctx.check_minimum(&aggregation.name, self.min_doc_count, None)?;
        let values = Values::resolve(ctx, names, &self.field, Accepts::Numbers)?;
        let extended = resolve_bounds(&self.extended, &values, ctx)?;
        let hard = resolve_bounds(&self.hard, &values, ctx)?;
        check_inside((&self.extended, extended), (&self.hard, hard)).map_err(|error| ctx.refused(error))?;
        Ok(Box::new(GridCollector {
            grid: Grid::Number { interval: self.interval, offset: self.offset },
            missing: values.missing_f64(ctx)?,
            values,
            extended,
            hard,
            min_doc_count: self.min_doc_count,
            keyed: self.keyed,
            criteria: order::resolve(&self.order, &aggregation.below, ctx)?,
            below: ctx.children(&aggregation.below)?,
            state: GridState::default(),
        }))
    }
}

/// A positive width.
pub(super) fn interval(option: &Opt<'_>) -> Result<f64, Fault> {
    let interval = option.double()?;
    if interval > 0.0 {
        return Ok(interval);
    }
    Err(option.illegal(format!("[interval] must be >0 for histogram aggregation [{}]", option.place.name)))
}

/// Bounds as doubles; the end must not lie before the start.
fn bounds(option: &Opt<'_>) -> Result<BoundsRequest, Fault> {
    option.object()?;
    let mut bounds = BoundsRequest::default();
    let (mut min, mut max) = (None, None);
    for inner in options(option.place, "double_bounds", option.value()) {
        let read = match inner.name() {
            "min" | "max" if inner.value().is_null() => Ok(None),
            "min" | "max" => inner.double().map(Some),
            _ => Err(Fault { at: inner.at(), ..inner.unknown(&["min", "max"]) }),
        };
        let value = read.map_err(|fault| option.failed(fault))?;
        if inner.name() == "min" {
            min = value
        } else {
            max = value
        }
        if let (Some(min), Some(max)) = (min, max)
            && max < min
        {
            return Err(option.failed(inner.failed(inverted(inner.at(), min, max))));
        }
    }
    bounds.min = min.map(Scalar::Float);
    bounds.max = max.map(Scalar::Float);
    Ok(bounds)
}

/// Elasticsearch's builder wraps this refusal twice.
fn inverted(at: usize, min: f64, max: f64) -> Fault {
    let illegal = |reason: String| Exception::new("illegal_argument_exception", reason);
    let exception = Exception::new(
        "x_content_parse_exception",
        "Failed to build [double_bounds] after last required field arrived",
    )
    .caused_by(illegal(format!("max bound [{max:?}] must be greater than min bound [{min:?}]")));
    Fault { at, exception }
}
