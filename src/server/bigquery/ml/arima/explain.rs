//! `ML.EXPLAIN_FORECAST`: history and forecast as sums of components.

use super::model::{ArimaModel, Id, id_values};
use super::report::{Step, steps};
use super::season::Season;
use super::series::{Fitted, History};
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::table::{Table, field, fields, number};
use crate::server::bigquery::value::{Field, Type, Value};

pub(super) fn table(model: &ArimaModel, count: usize, level: f64) -> Result<Table, MlError> {
    if !model.options.decomposes {
        return Err(MlError::Misuse(
            "requires the ARIMA_PLUS model to be trained with option decompose_time_series enabled.".to_owned(),
        ));
    }
    let mut table = Table { fields: model.id_fields(), rows: Vec::new() };
    table.fields.extend(component_fields());
    for (id, fitted) in model.fitted() {
        if let Some(history) = &fitted.history {
            history_rows(id, fitted, history, &mut table.rows)?;
        }
        for (i, step) in steps(fitted, count, level)?.iter().enumerate() {
            table.rows.push(forecast_row(id, fitted, i, step, level));
        }
    }
    Ok(table)
}

fn component_fields() -> Vec<Field> {
    let mut all = vec![field("time_series_timestamp", Type::Timestamp), field("time_series_type", Type::String)];
    let names = [
        "time_series_data",
        "time_series_adjusted_data",
        "standard_error",
        "confidence_level",
        "prediction_interval_lower_bound",
        "prediction_interval_upper_bound",
        "trend",
        "seasonal_period_yearly",
        "seasonal_period_quarterly",
        "seasonal_period_monthly",
        "seasonal_period_weekly",
        "seasonal_period_daily",
        "holiday_effect",
        "spikes_and_dips",
        "step_changes",
        "residual",
    ];
    all.extend(fields(&names, &Type::Float64));
    all
}

/// A fitted value in the data's units, split so that trend and seasons add up to it.
struct Split {
    total: f64,
    trend: f64,
    seasons: [Option<f64>; Season::ALL.len()],
}

/// Within bounds, where parts do not add up, a season's part is what its absence would change.
fn split(fitted: &Fitted, trend: f64, part: impl Fn(Season) -> Option<f64>) -> Split {
    let parts = Season::ALL.map(part);
    let free = trend + parts.iter().flatten().sum::<f64>();
    let total = fitted.bounds.of_free(free);
    let seasons = if fitted.bounds.is_free() {
        parts
    } else {
        parts.map(|part| part.map(|part| total - fitted.bounds.of_free(free - part)))
    };
    Split { total, trend: total - seasons.iter().flatten().sum::<f64>(), seasons }
}

fn history_rows(id: &[Id], fitted: &Fitted, history: &History, rows: &mut Vec<Vec<Value>>) -> Result<(), MlError> {
    let error = fitted.candidates.first().map(|best| best.error_variance.sqrt());
    let mut spikes = history.spikes.iter().peekable();
    for (i, (value, trend)) in history.values.iter().zip(&history.trend).enumerate() {
        let beyond = || MlError::Data("The time series goes beyond the year 9999.".to_owned());
        let time = fitted.time_at(i).ok_or_else(beyond)?;
        let of_season = |season| {
            let seasonal = fitted.seasonals.iter().find(|seasonal| seasonal.season == season)?;
            seasonal.history.get(i).copied()
        };
        let shown = split(fitted, *trend, of_season);
        let free = fitted.bounds.to_free(*value);
        let lost = |part: f64| *value - fitted.bounds.of_free(free - part);
        let spike = spikes.next_if(|(at, _)| *at == i).map(|(_, height)| lost(*height));
        let offset = history.step_offsets.get(i).copied().unwrap_or(0.0);
        let step = fitted.has_steps.then(|| lost(offset));
        let residual = value - shown.total - spike.unwrap_or(0.0) - step.unwrap_or(0.0);
        let mut row = id_values(id);
        row.extend([Value::Timestamp(time), Value::String("history".to_owned())]);
        row.extend([Value::Float64(*value), Value::Float64(shown.total), number(error)]);
        row.extend([Value::Null, Value::Null, Value::Null, Value::Float64(shown.trend)]);
        row.extend(shown.seasons.map(number));
        row.extend([Value::Null, number(spike), number(step), Value::Float64(residual)]);
        rows.push(row);
    }
    Ok(())
}

fn forecast_row(id: &[Id], fitted: &Fitted, ahead: usize, step: &Step, level: f64) -> Vec<Value> {
    let shown = split(fitted, step.trend, |season| fitted.season_ahead(season, ahead));
    let mut row = id_values(id);
    row.extend([Value::Timestamp(step.time), Value::String("forecast".to_owned())]);
    row.extend([step.value, step.value, step.standard_error, level, step.lower, step.upper].map(Value::Float64));
    row.push(Value::Float64(shown.trend));
    row.extend(shown.seasons.map(number));
    row.extend(vec![Value::Null; 4]);
    row
}
