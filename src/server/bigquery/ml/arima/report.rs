//! Tables of `ML.FORECAST`, `ML.ARIMA_EVALUATE`, `ML.ARIMA_COEFFICIENTS` and `ML.TRAINING_INFO`, and notes on training.

use super::candidate::Candidate;
use super::model::{ArimaModel, Outcome, Series, id_values};
use super::normal;
use super::season::Season;
use super::series::Fitted;
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::table::{Table, category_weights, field, fields, integer, number};
use crate::server::bigquery::value::{Type, Value};

/// One forecast step in the data's own units.
pub(super) struct Step {
    pub(super) time: i64,
    pub(super) value: f64,
    pub(super) standard_error: f64,
    pub(super) lower: f64,
    pub(super) upper: f64,
    /// Of the bounds' free numbers.
    pub(super) trend: f64,
}

/// The next `count` steps of a series with intervals of confidence `level`.
pub(super) fn steps(fitted: &Fitted, count: usize, level: f64) -> Result<Vec<Step>, MlError> {
    let width = normal::half_width(level);
    let beyond = || MlError::Data("The forecast goes beyond the year 9999.".to_owned());
    let bounds = fitted.bounds;
    let step = |(i, ahead): (usize, super::series::Ahead)| {
        let seasons: f64 = Season::ALL.iter().filter_map(|season| fitted.season_ahead(*season, i)).sum();
        let free = ahead.trend + seasons;
        let (below, above) = (free - width * ahead.standard_error, free + width * ahead.standard_error);
        let standard_error = if bounds.is_free() {
            ahead.standard_error
        } else {
            // One standard error to each side, seen through the bounds.
            0.5 * (bounds.of_free(free + ahead.standard_error) - bounds.of_free(free - ahead.standard_error))
        };
        Ok(Step {
            time: fitted.time_ahead(i).ok_or_else(beyond)?,
            value: bounds.of_free(free),
            standard_error,
            lower: bounds.of_free(below),
            upper: bounds.of_free(above),
            trend: ahead.trend,
        })
    };
    fitted.ahead(count).into_iter().enumerate().map(step).collect()
}

pub(super) fn forecast(model: &ArimaModel, count: usize, level: f64) -> Result<Table, MlError> {
    let mut table = Table { fields: model.id_fields(), rows: Vec::new() };
    table.fields.push(field("forecast_timestamp", Type::Timestamp));
    let names = [
        "forecast_value",
        "standard_error",
        "confidence_level",
        "prediction_interval_lower_bound",
        "prediction_interval_upper_bound",
        "confidence_interval_lower_bound",
        "confidence_interval_upper_bound",
    ];
    table.fields.extend(fields(&names, &Type::Float64));
    for (id, fitted) in model.fitted() {
        for step in steps(fitted, count, level)? {
            let mut row = id_values(id);
            row.push(Value::Timestamp(step.time));
            let numbers = [step.value, step.standard_error, level, step.lower, step.upper, step.lower, step.upper];
            row.extend(numbers.map(Value::Float64));
            table.rows.push(row);
        }
    }
    Ok(table)
}

/// All candidates of each series, or the best alone; a series that could not be fitted has a row with its message.
pub(super) fn evaluate(model: &ArimaModel, shows_all: bool) -> Table {
    let mut table = Table { fields: model.id_fields(), rows: Vec::new() };
    table.fields.extend(fields(&["non_seasonal_p", "non_seasonal_d", "non_seasonal_q"], &Type::Int64));
    table.fields.push(field("has_drift", Type::Bool));
    table.fields.extend(fields(&["log_likelihood", "AIC", "variance"], &Type::Float64));
    table.fields.push(field("seasonal_periods", Type::Array(Box::new(Type::String))));
    table.fields.extend(fields(&["has_holiday_effect", "has_spikes_and_dips", "has_step_changes"], &Type::Bool));
    table.fields.push(field("error_message", Type::String));
    for series in &model.series {
        match &series.outcome {
            Outcome::Failed(message) => table.rows.push(failed_row(series, message)),
            Outcome::Fitted(fitted) => {
                let shown = if shows_all { fitted.candidates.len() } else { 1 };
                let rows = fitted.candidates.iter().take(shown);
                table.rows.extend(rows.map(|candidate| candidate_row(series, fitted, candidate)));
            }
        }
    }
    table
}

fn candidate_row(series: &Series, fitted: &Fitted, candidate: &Candidate) -> Vec<Value> {
    let mut row = id_values(&series.id);
    row.extend([candidate.order.p, candidate.order.d, candidate.order.q].map(integer));
    row.push(Value::Bool(candidate.has_drift));
    row.extend([candidate.log_likelihood, candidate.aic, candidate.variance].map(Value::Float64));
    row.push(Value::Array(season_names(fitted)));
    row.extend([false, fitted.has_spikes, fitted.has_steps].map(Value::Bool));
    row.push(Value::Null);
    row
}

fn season_names(fitted: &Fitted) -> Vec<Value> {
    let names: Vec<Value> =
        fitted.seasonals.iter().map(|seasonal| Value::String(seasonal.season.word().to_owned())).collect();
    if names.is_empty() { vec![Value::String("NO_SEASONALITY".to_owned())] } else { names }
}

fn failed_row(series: &Series, message: &str) -> Vec<Value> {
    let mut row = id_values(&series.id);
    row.extend(vec![Value::Null; 7]);
    row.push(Value::Array(Vec::new()));
    row.extend(vec![Value::Null; 3]);
    row.push(Value::String(message.to_owned()));
    row
}

/// Coefficients of each series' best model.
pub(super) fn coefficients(model: &ArimaModel) -> Table {
    let mut table = Table { fields: model.id_fields(), rows: Vec::new() };
    let many = Type::Array(Box::new(Type::Float64));
    table.fields.extend(fields(&["ar_coefficients", "ma_coefficients"], &many));
    table.fields.push(field("intercept_or_drift", Type::Float64));
    table.fields.push(field("processed_input", Type::String));
    table.fields.push(field("weight", Type::Float64));
    table.fields.push(field("category_weights", category_weights()));
    let list = |numbers: &[f64]| Value::Array(numbers.iter().map(|x| Value::Float64(*x)).collect());
    for (id, fitted) in model.fitted() {
        let Some(best) = fitted.candidates.first() else { continue };
        let mut row = id_values(id);
        row.extend([list(&best.arma.ar), list(&best.arma.ma), Value::Float64(best.constant)]);
        // The last three are of external regressors, which this model type does not have.
        row.extend([Value::Null, number(None), Value::Array(Vec::new())]);
        table.rows.push(row);
    }
    table
}

/// A time-series model is trained in one go.
pub(super) fn training_info(model: &ArimaModel) -> Table {
    let duration = Value::Int64(i64::try_from(model.duration_ms).unwrap_or(i64::MAX));
    Table {
        fields: fields(&["training_run", "iteration", "duration_ms"], &Type::Int64),
        rows: vec![vec![Value::Int64(0), Value::Int64(0), duration]],
    }
}

pub(super) fn notes(series: &[Series]) -> Vec<String> {
    let (mut observed, mut points, mut averaged, mut bridged, mut failed) = (0usize, 0usize, 0usize, 0usize, 0usize);
    for one in series {
        match &one.outcome {
            Outcome::Failed(_) => failed += 1,
            Outcome::Fitted(fitted) => {
                points += fitted.points;
                averaged += fitted.averaged;
                bridged += fitted.interpolated;
                observed += fitted.points - fitted.interpolated + fitted.averaged;
            }
        }
    }
    let mut notes = Vec::new();
    if averaged > 0 {
        notes.push(format!(
            "{averaged} of {observed} rows share a time step with another; rows of one step were averaged, which left {points} time points."
        ));
    }
    if bridged > 0 {
        notes.push(format!("{bridged} of {points} time points had no data and were interpolated."));
    }
    if failed > 0 {
        notes.push(format!("{failed} of {} time series could not be fitted; see ML.ARIMA_EVALUATE.", series.len()));
    }
    notes
}
