//! `date_histogram`: buckets of fixed length or of calendar units, in any time zone.

use super::super::collector::Collector;
use super::super::dates;
use super::super::format::ValueFormat;
use super::super::options::{Opt, Place, Scalar, options};
use super::super::order::{self, Order};
use super::super::request::Aggregation;
use super::super::rounding::{Interval, Rounding, Unit};
use super::super::run::SearchContext;
use super::super::values::{Accepts, Class, FieldOptions, Values, Zone};
use super::grid::{Bounds, Grid, GridCollector, GridState};
use crate::server::elasticsearch::codec::json::{Json, JsonValue};
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct DateHistogram {
    field: FieldOptions,
    interval: Option<Interval>,
    offset: i64,
    min_doc_count: u64,
    keyed: bool,
    order: Vec<Order>,
    extended: BoundsRequest,
    hard: BoundsRequest,
}

/// `extended_bounds` or `hard_bounds` as written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct BoundsRequest {
    pub(super) min: Option<Scalar>,
    pub(super) max: Option<Scalar>,
}

pub(in super::super) const KNOWN: &[&str] = &[
    "calendar_interval",
    "extended_bounds",
    "field",
    "fixed_interval",
    "format",
    "hard_bounds",
    "keyed",
    "min_doc_count",
    "missing",
    "offset",
    "order",
    "script",
    "time_zone",
];

impl DateHistogram {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self {
            field: FieldOptions::default(),
            interval: None,
            offset: 0,
            min_doc_count: 0,
            keyed: false,
            order: vec![Order { by: "_key".into(), ascending: true }],
            extended: BoundsRequest::default(),
            hard: BoundsRequest::default(),
        };
        for option in options(place, "date_histogram", body) {
            match option.name() {
                "fixed_interval" | "calendar_interval" => request.interval = Some(request.read_interval(&option)?),
                "offset" => request.offset = offset(&option, "DateHistogramAggregationBuilder.parseOffset")?,
                "min_doc_count" => request.min_doc_count = option.unsigned("minDocCount")?,
                "keyed" => request.keyed = option.boolean()?,
                "order" => request.order = order::parse(&option)?,
                "extended_bounds" => request.extended = bounds(&option, "bounds")?,
                "hard_bounds" => request.hard = bounds(&option, "bounds")?,
                "time_zone" => request.field.zone = Some(Zone(dates::zone(&option)?)),
                _ if request.field.take(&option)? => {}
                _ => return Err(option.unknown(KNOWN)),
            }
        }
        request.field = request.field.require(body.span.start)?;
        Ok(request)
    }

    /// They add buckets to the answer and change nothing in what is gathered.
    pub(in super::super) fn forget_extended_bounds(&mut self) {
        self.extended = BoundsRequest::default();
    }

    fn read_interval(&self, option: &Opt<'_>) -> Result<Interval, Fault> {
        let interval = interval(option)?;
        let other = match (self.interval, interval) {
            (Some(Interval::Fixed(_)), Interval::Calendar(_)) => Some("fixed_interval"),
            (Some(Interval::Calendar(_)), Interval::Fixed(_)) => Some("calendar_interval"),
            _ => None,
        };
        match other {
            None => Ok(interval),
            Some(other) => {
                let name = option.name();
                Err(option.illegal(format!("Cannot use [{name}] with [{other}] configuration option.")))
            }
        }
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let names = (aggregation.name.as_str(), aggregation.type_name);
        ctx.check_minimum(&aggregation.name, self.min_doc_count, None)?;
        let refused = |error: Exception| ctx.refused(error);
        let illegal = |reason: &str| ctx.refused(Exception::new("illegal_argument_exception", reason));
        let interval = match self.interval {
            None => return Err(illegal("Invalid interval specified, must be non-null and non-empty")),
            Some(Interval::Fixed(width)) if width <= 0 => {
                return Err(illegal("Zero or negative time interval not supported"));
            }
            Some(interval) => interval,
        };
        let mut values = Values::resolve(ctx, names, &self.field, Accepts::NumbersAndDates)?;
        if values.class == Class::Unmapped {
            values.format = ValueFormat::date(None, &self.field).map_err(refused)?;
        }
        let zone = self.field.zone.as_ref().map_or(jiff::tz::TimeZone::UTC, |zone| zone.0.clone());
        let extended = resolve_bounds(&self.extended, &values, ctx)?;
        let hard = resolve_bounds(&self.hard, &values, ctx)?;
        if let (Some(min), Some(max)) = (extended.min, extended.max)
            && min > max
        {
            let name = &aggregation.name;
            return Err(illegal(&format!(
                "[extended_bounds.min][{min}] cannot be greater than [extended_bounds.max][{max}] for histogram aggregation [{name}]"
            )));
        }
        check_inside((&self.extended, extended), (&self.hard, hard)).map_err(refused)?;
        Ok(Box::new(GridCollector {
            grid: Grid::Date(Rounding { interval, zone, offset: self.offset }),
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

/// `fixed_interval` or `calendar_interval`.
pub(super) fn interval(option: &Opt<'_>) -> Result<Interval, Fault> {
    let text = option.text()?;
    if option.name() == "calendar_interval" {
        return Unit::parse(text).map(Interval::Calendar).ok_or_else(|| {
            option.illegal(format!("The supplied interval [{text}] could not be parsed as a calendar interval."))
        });
    }
    dates::time_value(text, "date_histogram.fixedInterval")
        .map(Interval::Fixed)
        .map_err(|exception| option.failed(Fault { at: option.at(), exception }))
}

/// `offset`: milliseconds, or a time with a sign.
pub(super) fn offset(option: &Opt<'_>, setting: &str) -> Result<i64, Fault> {
    match &option.value().value {
        JsonValue::Int(millis) => Ok(*millis),
        JsonValue::String(text) => {
            dates::time_value(text, setting).map_err(|exception| option.failed(Fault { at: option.at(), exception }))
        }
        _ => Err(option.unsupported()),
    }
}

/// Reads `min` and `max`.
pub(super) fn bounds(option: &Opt<'_>, parser: &str) -> Result<BoundsRequest, Fault> {
    let mut bounds = BoundsRequest::default();
    option.object()?;
    for inner in options(option.place, parser, option.value()) {
        let read = match inner.name() {
            "min" | "max" if inner.value().is_null() => Ok(None),
            "min" | "max" => inner.scalar().map(Some),
            _ => Err(Fault { at: inner.at(), ..inner.unknown(&["min", "max"]) }),
        };
        let value = read.map_err(|fault| option.failed(fault))?;
        if inner.name() == "min" { bounds.min = value } else { bounds.max = value }
    }
    Ok(bounds)
}

pub(super) fn resolve_bounds(
    request: &BoundsRequest,
    values: &Values,
    ctx: &SearchContext<'_>,
) -> Result<Bounds, ApiError> {
    let read = |scalar: &Option<Scalar>| {
        scalar
            .as_ref()
            .map(|scalar| values.parse_number(scalar, ctx.clock))
            .transpose()
            .map_err(|error| ctx.refused(error))
    };
    Ok(Bounds { min: read(&request.min)?, max: read(&request.max)? })
}

/// Extended bounds must lie within hard bounds.
pub(super) fn check_inside(
    (extended, extended_values): (&BoundsRequest, Bounds),
    (hard, hard_values): (&BoundsRequest, Bounds),
) -> Result<(), Exception> {
    let outside = |inner: Option<f64>, outer: Option<f64>, wrong: fn(f64, f64) -> bool| {
        inner.zip(outer).is_some_and(|(inner, outer)| wrong(inner, outer))
    };
    if !outside(extended_values.min, hard_values.min, |inner, outer| inner < outer)
        && !outside(extended_values.max, hard_values.max, |inner, outer| inner > outer)
    {
        return Ok(());
    }
    let text = |scalar: &Option<Scalar>| scalar.as_ref().map(Scalar::to_text).unwrap_or_default();
    let reason = format!(
        "Extended bounds have to be inside hard bounds, hard bounds: [{}--{}], extended bounds: [{}--{}]",
        text(&hard.min),
        text(&hard.max),
        text(&extended.min),
        text(&extended.max)
    );
    Err(Exception::new("illegal_argument_exception", reason))
}
