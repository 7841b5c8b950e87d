//! `weighted_avg`: the average of one field, weighed by another.

use super::super::collector::{Collector, Docs, Segment, slot};
use super::super::format::{DecimalPattern, ValueFormat};
use super::super::options::{Opt, Place, options};
use super::super::outcome::{Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::values::{Accepts, FieldOptions, Numbers, Values};
use super::stats::KahanSum;
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct WeightedAvg {
    value: Option<FieldOptions>,
    weight: Option<FieldOptions>,
    format: Option<String>,
}

pub(in super::super) const KNOWN: &[&str] = &["value", "weight", "format", "value_type"];

impl WeightedAvg {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self { value: None, weight: None, format: None };
        for option in options(place, "weighted_avg", body) {
            match option.name() {
                "value" => request.value = Some(field_config(&option)?),
                "weight" => request.weight = Some(field_config(&option)?),
                "format" => request.format = Some(option.text()?.to_owned()),
                "value_type" => _ = option.text()?,
                _ => return Err(option.unknown(KNOWN)),
            }
        }
        Ok(request)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let resolve = |options: &Option<FieldOptions>, role: &str| {
            let Some(options) = options else {
                let reason = format!("Could not find field name [{role}] in multiValuesSource");
                return Err(ctx.refused(Exception::new("illegal_argument_exception", reason)));
            };
            let values = Values::resolve(ctx, (&aggregation.name, "weighted_avg"), options, Accepts::Numbers)?;
            let missing = values.missing_f64(ctx)?;
            Ok(Side { values, missing, numbers: Numbers::None })
        };
        let format =
            self.format.as_deref().map_or(ValueFormat::Raw, |text| ValueFormat::Decimal(DecimalPattern::parse(text)));
        Ok(Box::new(WeightedAvgCollector {
            value: resolve(&self.value, "value")?,
            weight: resolve(&self.weight, "weight")?,
            format,
            states: Vec::new(),
        }))
    }
}

/// `{"field": .., "missing": ..}`.
pub(super) fn field_config(option: &Opt<'_>) -> Result<FieldOptions, Fault> {
    option.object()?;
    let mut field = FieldOptions::default();
    for inner in options(option.place, "field_config", option.value()) {
        let taken = inner.name() != "format" && field.take(&inner).map_err(|fault| option.failed(fault))?;
        if !taken {
            let fault = Fault { at: inner.at(), ..inner.unknown(&["field", "missing", "script"]) };
            return Err(option.failed(fault));
        }
    }
    if field.field.is_empty() {
        return Err(option.illegal("[field] and [script] cannot both be null.  Please specify one or the other."));
    }
    Ok(field)
}

struct Side {
    values: Values,
    missing: Option<f64>,
    numbers: Numbers,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    sum: KahanSum,
    weight: KahanSum,
}

struct WeightedAvgCollector {
    value: Side,
    weight: Side,
    format: ValueFormat,
    states: Vec<State>,
}

impl Collector for WeightedAvgCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        for side in [&mut self.value, &mut self.weight] {
            side.numbers = side.values.numbers(segment)?;
        }
        Ok(())
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let mut weights: Vec<Option<f64>> = vec![None; docs.ids.len()];
        let mut several = false;
        self.weight.numbers.each_f64(docs, self.weight.missing, |at, weight| {
            if let Some(slot) = weights.get_mut(at) {
                several |= slot.is_some();
                *slot = Some(weight);
            }
        });
        if several {
            let reason = "Encountered more than one weight for a single document. Use a script to combine multiple weights-per-doc into a single value.";
            return Err(Exception::new("aggregation_execution_exception", reason));
        }
        let states = &mut self.states;
        self.value.numbers.each_f64(docs, self.value.missing, |at, value| {
            if let (Some(Some(weight)), Some(state)) = (weights.get(at), slot(states, docs.parent(at))) {
                state.sum.add(value * weight);
                state.weight.add(*weight);
            }
        });
        Ok(())
    }

    fn outcome(&self, parent: u32, _budget: &mut Budget) -> Result<Outcome, ApiError> {
        let value = self.order_value(parent, None);
        Ok(Outcome::metric("weighted_avg", self.format.value_members(value.is_finite().then_some(value))))
    }

    fn order_value(&self, parent: u32, _key: Option<&str>) -> f64 {
        let state = self.states.get(parent as usize).copied().unwrap_or_default();
        state.sum.value() / state.weight.value()
    }
}
