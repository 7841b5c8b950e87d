//! `ML.EVALUATE` of a time-series model on data that came after its training.

use std::collections::BTreeMap;

use super::kalman::count;
use super::model::{ArimaModel, Id, id_values, level};
use super::report::{Step, steps};
use super::series::Fitted;
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::frame::Frame;
use crate::server::bigquery::ml::options::Reader;
use crate::server::bigquery::ml::table::{Table, field, fields, number};
use crate::server::bigquery::value::{Type, Value};

/// A forecast step and what was really seen in it.
struct Pair {
    step: Step,
    actual: f64,
}

impl Pair {
    fn error(&self) -> f64 {
        (self.actual - self.step.value).abs()
    }

    /// A share, not a percentage; `None` where the actual value is zero.
    fn share(&self) -> Option<f64> {
        (self.actual != 0.0).then(|| self.error() / self.actual.abs())
    }
}

pub(super) fn table(model: &ArimaModel, reader: &mut Reader, input: Option<&Frame>) -> Result<Table, MlError> {
    let Some(frame) = input else {
        return Err(MlError::Misuse("needs an input table or query.".to_owned()));
    };
    let aggregates = reader.bool("perform_aggregation")?.unwrap_or(true);
    let count = model.steps(reader, model.options.horizon)?;
    let level = level(reader)?;
    let mut observed = model.observations(frame)?;
    let mut table = Table { fields: model.id_fields(), rows: Vec::new() };
    add_fields(model, frame, aggregates, &mut table);
    for (id, fitted) in model.fitted() {
        let pairs = pairs(fitted, observed.remove(id).unwrap_or_default(), count, level)?;
        if pairs.is_empty() {
            continue;
        }
        if aggregates {
            table.rows.push(aggregated(id, fitted, &pairs));
        } else {
            table.rows.extend(pairs.iter().map(|pair| single(model, frame, id, pair)));
        }
    }
    Ok(table)
}

fn add_fields(model: &ArimaModel, frame: &Frame, aggregates: bool, table: &mut Table) {
    let forecasted = format!("forecasted_{}", model.options.data_column);
    if aggregates {
        let names = [
            "mean_absolute_error",
            "mean_squared_error",
            "root_mean_squared_error",
            "mean_absolute_percentage_error",
            "symmetric_mean_absolute_percentage_error",
            "mean_absolute_scaled_error",
        ];
        table.fields.extend(fields(&names, &Type::Float64));
        return;
    }
    let kind = frame.column(&model.options.timestamp_column).map_or(Type::Timestamp, |column| column.kind.clone());
    table.fields.push(field(model.options.timestamp_column.clone(), kind));
    table.fields.push(field(model.options.data_column.clone(), Type::Float64));
    let names = [forecasted.as_str(), "lower_bound", "upper_bound", "absolute_error", "absolute_percentage_error"];
    table.fields.extend(fields(&names, &Type::Float64));
}

/// Forecast steps for which there is data. Rows of one step are averaged as they are in training; earlier and later rows do not count.
fn pairs(fitted: &Fitted, observed: Vec<(i64, f64)>, count: usize, level: f64) -> Result<Vec<Pair>, MlError> {
    let mut seen: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
    for (time, value) in observed {
        let Some(at) = fitted.grid.step(time).and_then(|step| fitted.grid.start(step)) else { continue };
        let entry = seen.entry(at).or_insert((0.0, 0));
        entry.0 += value;
        entry.1 += 1;
    }
    let pair = |step: Step| {
        let (sum, rows) = seen.get(&step.time)?;
        Some(Pair { actual: sum / super::kalman::count(*rows), step })
    };
    Ok(steps(fitted, count, level)?.into_iter().filter_map(pair).collect())
}

fn aggregated(id: &[Id], fitted: &Fitted, pairs: &[Pair]) -> Vec<Value> {
    let n = count(pairs.len());
    let mean = |of: &dyn Fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let absolute = mean(&Pair::error);
    let squared = mean(&|pair| pair.error() * pair.error());
    let shares: Option<f64> = pairs.iter().map(Pair::share).sum();
    let symmetric = mean(&|pair| {
        let size = pair.actual.abs() + pair.step.value.abs();
        if size > 0.0 { 2.0 * pair.error() / size } else { 0.0 }
    });
    let scaled = (fitted.naive_error > 0.0).then(|| absolute / fitted.naive_error);
    let mut row = id_values(id);
    row.extend([absolute, squared, squared.sqrt()].map(Value::Float64));
    row.extend([number(shares.map(|sum| sum / n)), Value::Float64(symmetric), number(scaled)]);
    row
}

fn single(model: &ArimaModel, frame: &Frame, id: &[Id], pair: &Pair) -> Vec<Value> {
    let kind = frame.column(&model.options.timestamp_column).map(|column| &column.kind);
    let mut row = id_values(id);
    row.push(match kind {
        Some(Type::Date) => i32::try_from(pair.step.time.div_euclid(86_400_000_000)).map_or(Value::Null, Value::Date),
        Some(Type::Datetime) => Value::Datetime(pair.step.time),
        _ => Value::Timestamp(pair.step.time),
    });
    let step = &pair.step;
    row.extend([pair.actual, step.value, step.lower, step.upper, pair.error()].map(Value::Float64));
    row.push(number(pair.share()));
    row
}
