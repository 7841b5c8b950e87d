//! `avg`, `sum`, `min`, `max`, `stats`, `extended_stats` and `value_count`: one running state, seven answers.

use serde_json::{Map, Value};
use tantivy::columnar::StrColumn;

use super::super::collector::{Collector, Docs, Segment, slot};
use super::super::format::{ValueFormat, number};
use super::super::kept::Kept;
use super::super::keywords;
use super::super::options::{Place, options};
use super::super::outcome::{Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::sampling::Sampling;
use super::super::values::{Accepts, Class, FIELD_OPTIONS, FieldOptions, Numbers, Values};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct Stats {
    type_name: &'static str,
    field: FieldOptions,
    sigma: f64,
}

/// Names of values as order paths use them.
const STATS_KEYS: &[&str] = &["count", "min", "max", "avg", "sum"];
const EXTENDED_KEYS: &[&str] = &[
    "sum_of_squares",
    "variance",
    "variance_population",
    "variance_sampling",
    "std_deviation",
    "std_deviation_population",
    "std_deviation_sampling",
    "std_upper",
    "std_lower",
];

impl Stats {
    pub(in super::super) fn parse(type_name: &'static str, place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut field = FieldOptions::default();
        let mut sigma = 2.0;
        for option in options(place, type_name, body) {
            match option.name() {
                "sigma" if type_name == "extended_stats" => {
                    sigma = option.double()?;
                    if sigma < 0.0 {
                        let reason = format!(
                            "[sigma] must be greater than or equal to 0. Found [{sigma:?}] in [{}]",
                            place.name
                        );
                        return Err(option.illegal(reason));
                    }
                }
                _ if field.take(&option)? => {}
                _ => return Err(option.unknown(&FIELD_OPTIONS)),
            }
        }
        Ok(Self { type_name, field: field.require(body.span.start)?, sigma })
    }

    pub(in super::super) fn has_several_values(&self) -> bool {
        matches!(self.type_name, "stats" | "extended_stats")
    }

    pub(in super::super) fn knows(&self, key: &str) -> bool {
        STATS_KEYS.contains(&key) || self.type_name == "extended_stats" && EXTENDED_KEYS.contains(&key)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let accepts = if self.type_name == "value_count" { Accepts::Any } else { Accepts::Numbers };
        let values = Values::resolve(ctx, (&aggregation.name, self.type_name), &self.field, accepts)?;
        let missing = match values.class {
            // Any stand-in counts as one value.
            _ if self.type_name == "value_count" => values.missing.as_ref().map(|_| 0.0),
            _ => values.missing_f64(ctx)?,
        };
        Ok(Box::new(StatsCollector {
            kind: self.type_name,
            sigma: self.sigma,
            missing,
            sampling: ctx.sampling,
            values,
            numbers: Numbers::None,
            column: None,
            states: Vec::new(),
        }))
    }
}

/// A sum with Kahan's correction, as Elasticsearch keeps it.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct KahanSum {
    value: f64,
    delta: f64,
}

impl KahanSum {
    pub(in super::super) fn add(&mut self, value: f64) {
        let corrected = value + self.delta;
        let updated = self.value + corrected;
        self.delta = corrected - (updated - self.value);
        self.value = updated;
    }

    pub(in super::super) fn value(self) -> f64 {
        self.value
    }
}

/// What is known of the values of one bucket.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct State {
    count: u64,
    sum: KahanSum,
    squares: KahanSum,
    min: f64,
    max: f64,
}

impl Default for State {
    fn default() -> Self {
        let (sum, squares) = (KahanSum::default(), KahanSum::default());
        Self { count: 0, sum, squares, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl State {
    pub(in super::super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum.add(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The values of one document, whose sum is exact whatever their order.
    fn add_whole(&mut self, values: &[i64]) {
        let (Some(min), Some(max)) = (values.iter().min(), values.iter().max()) else { return };
        self.count += values.len() as u64;
        self.sum.add(values.iter().sum::<i64>() as f64);
        self.min = self.min.min(*min as f64);
        self.max = self.max.max(*max as f64);
    }

    /// A sample's state as an estimate for all documents.
    fn scaled(self, sampling: Sampling) -> Self {
        let scale = |sum: KahanSum| KahanSum { value: sampling.sum(sum.value), delta: sampling.sum(sum.delta) };
        let (sum, squares) = (scale(self.sum), scale(self.squares));
        Self { count: sampling.count(self.count), sum, squares, ..self }
    }

    fn add_square(&mut self, value: f64) {
        self.squares.add(value * value);
    }

    fn avg(&self) -> f64 {
        self.sum.value() / self.count as f64
    }

    fn variance(&self, divisor: f64) -> f64 {
        let sum = self.sum.value();
        let variance = (self.squares.value() - sum * sum / self.count as f64) / divisor;
        if variance < 0.0 { 0.0 } else { variance }
    }

    fn variance_population(&self) -> f64 {
        self.variance(self.count as f64)
    }

    fn variance_sampling(&self) -> f64 {
        self.variance(self.count as f64 - 1.0)
    }

    /// `count`, `min`, `max`, `avg`, `sum`, and their texts.
    pub(in super::super) fn members(&self, format: &ValueFormat) -> Map<String, Value> {
        let mut members = Map::new();
        let some = (self.count > 0).then_some(());
        let values = [
            ("min", some.map(|()| self.min)),
            ("max", some.map(|()| self.max)),
            ("avg", some.map(|()| self.avg())),
            ("sum", Some(self.sum.value())),
        ];
        members.insert("count".into(), self.count.into());
        for (name, value) in values {
            members.insert(name.into(), number(value));
        }
        if self.count > 0 && !format.is_raw() {
            for (name, value) in values {
                members.insert(format!("{name}_as_string"), format.bare(value.unwrap_or_default()));
            }
        }
        members
    }

    /// What `extended_stats` adds.
    fn extended_members(&self, sigma: f64, format: &ValueFormat) -> Map<String, Value> {
        let mut members = self.members(format);
        let spread = self.spread();
        for (name, value) in spread {
            members.insert(name.into(), self.statistic(value));
        }
        let bounds = self.bounds(sigma);
        let shown = bounds.iter().map(|(name, value)| ((*name).to_owned(), self.statistic(*value))).collect();
        members.insert("std_deviation_bounds".into(), Value::Object(shown));
        if self.count > 0 && !format.is_raw() {
            for (name, value) in spread {
                let text = if name.starts_with("std") { format.text(value).into() } else { format.bare(value) };
                members.insert(format!("{name}_as_string"), text);
            }
            let texts = bounds.iter().map(|(name, value)| ((*name).to_owned(), format.text(*value).into())).collect();
            members.insert("std_deviation_bounds_as_string".into(), Value::Object(texts));
        }
        members
    }

    fn spread(&self) -> [(&'static str, f64); 7] {
        let (population, sampling) = (self.variance_population(), self.variance_sampling());
        [
            ("sum_of_squares", self.squares.value()),
            ("variance", population),
            ("variance_population", population),
            ("variance_sampling", sampling),
            ("std_deviation", population.sqrt()),
            ("std_deviation_population", population.sqrt()),
            ("std_deviation_sampling", sampling.sqrt()),
        ]
    }

    fn bounds(&self, sigma: f64) -> [(&'static str, f64); 6] {
        let (avg, population, sampling) =
            (self.avg(), self.variance_population().sqrt() * sigma, self.variance_sampling().sqrt() * sigma);
        [
            ("upper", avg + population),
            ("lower", avg - population),
            ("upper_population", avg + population),
            ("lower_population", avg - population),
            ("upper_sampling", avg + sampling),
            ("lower_sampling", avg - sampling),
        ]
    }

    /// Null without values; what cannot be computed from one value is the text `NaN`, as Elasticsearch writes it.
    fn statistic(&self, value: f64) -> Value {
        match self.count {
            0 => Value::Null,
            _ if value.is_nan() => "NaN".into(),
            _ if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            _ => number(Some(value)),
        }
    }
}

struct StatsCollector {
    kind: &'static str,
    sigma: f64,
    values: Values,
    missing: Option<f64>,
    sampling: Sampling,
    numbers: Numbers,
    column: Option<StrColumn>,
    states: Vec<State>,
}

impl Collector for StatsCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.numbers = Numbers::None;
        self.column = None;
        if self.values.class == Class::Keyword {
            self.column = keywords::open(&self.values, segment)?;
        } else {
            self.numbers = self.values.numbers(segment)?;
        }
        Ok(())
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let (states, missing, squares) = (&mut self.states, self.missing, self.kind == "extended_stats");
        if let Some(column) = &self.column {
            keywords::each_ordinal(column, docs, |at, ordinal| {
                if (ordinal.is_some() || missing.is_some())
                    && let Some(state) = slot(states, docs.parent(at))
                {
                    state.count += 1;
                }
            });
            return Ok(());
        }
        let whole = missing.is_none()
            && !squares
            && self.numbers.each_whole(docs, |at, values| {
                if let Some(state) = slot(states, docs.parent(at)) {
                    state.add_whole(values);
                }
            });
        if whole {
            return Ok(());
        }
        self.numbers.each_f64(docs, missing, |at, value| {
            if let Some(state) = slot(states, docs.parent(at)) {
                state.add(value);
                if squares {
                    state.add_square(value);
                }
            }
        });
        Ok(())
    }

    fn keep(&self) -> Option<Kept> {
        Some(Kept::new(self.states.clone(), size_of_val(self.states.as_slice())))
    }

    fn resume(&mut self, kept: &Kept) -> bool {
        let Some(states) = kept.get::<Vec<State>>() else { return false };
        self.states.clone_from(states);
        true
    }

    fn outcome(&self, parent: u32, _budget: &mut Budget) -> Result<Outcome, ApiError> {
        let state = self.state(parent).scaled(self.sampling);
        let format = &self.values.format;
        let some = |value: f64| (state.count > 0).then_some(value);
        let members = match self.kind {
            "value_count" => Map::from_iter([("value".to_owned(), state.count.into())]),
            "stats" => state.members(format),
            "extended_stats" => state.extended_members(self.sigma, format),
            "sum" => format.value_members(Some(state.sum.value())),
            "min" => format.value_members(some(state.min)),
            "max" => format.value_members(some(state.max)),
            _ => format.value_members(some(state.avg())),
        };
        Ok(Outcome::metric(self.kind, members))
    }

    fn order_value(&self, parent: u32, key: Option<&str>) -> f64 {
        let state = self.state(parent);
        let name = key.filter(|key| *key != "value").unwrap_or(self.kind);
        match name {
            "count" | "value_count" => state.count as f64,
            "sum" => state.sum.value(),
            "min" => state.min,
            "max" => state.max,
            "avg" => state.avg(),
            "std_upper" => state.bounds(self.sigma)[0].1,
            "std_lower" => state.bounds(self.sigma)[1].1,
            other => state.spread().iter().find(|(name, _)| *name == other).map_or(f64::NAN, |(_, value)| *value),
        }
    }
}

impl StatsCollector {
    fn state(&self, parent: u32) -> State {
        self.states.get(parent as usize).copied().unwrap_or_default()
    }
}
