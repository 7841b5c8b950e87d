//! ARIMA_PLUS as a whole: on series at the edge, table by table, mistake by mistake; in `reference` against statsforecast.

mod reference;

use super::candidate::{Candidate, Order};
use super::model::{ArimaModel, Outcome};
use crate::server::bigquery::ml::table::{Table, field};
use crate::server::bigquery::ml::{Frame, Model, ModelOptions};
use crate::server::bigquery::value::{Type, Value};

const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;

fn options(given: &[(&str, Value)]) -> Vec<(String, Value)> {
    let text = |text: &str| Value::String(text.to_owned());
    let mut all = vec![
        ("model_type".to_owned(), text("ARIMA_PLUS")),
        ("time_series_timestamp_col".to_owned(), text("t")),
        ("time_series_data_col".to_owned(), text("y")),
    ];
    all.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    all
}

fn frame(rows: &[(Option<i64>, Option<f64>)]) -> Frame {
    let mut frame = Frame::new(&[field("t", Type::Timestamp), field("y", Type::Float64)]);
    for (time, value) in rows {
        let row = [time.map_or(Value::Null, Value::Timestamp), value.map_or(Value::Null, Value::Float64)];
        frame.push(&row).unwrap();
    }
    frame
}

fn equal_steps(values: &[f64], step: i64) -> Frame {
    frame(&values.iter().zip(0..).map(|(value, i)| (Some(i * step), Some(*value))).collect::<Vec<_>>())
}

fn fit(given: &[(&str, Value)], frame: &Frame) -> Result<Model, String> {
    let options = ModelOptions::parse(&options(given)).map_err(|error| error.to_string())?;
    Model::fit(&options, frame).map_err(|error| error.to_string())
}

fn call(model: &Model, function: &str, given: &[(&str, Value)]) -> Table {
    let given: Vec<(String, Value)> = given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    model.call(function, &given, None).unwrap()
}

fn column(table: &Table, name: &str) -> Vec<Value> {
    let at = table.fields.iter().position(|field| field.name == name).unwrap();
    table.rows.iter().map(|row| row[at].clone()).collect()
}

fn numbers(table: &Table, name: &str) -> Vec<f64> {
    let number = |value: &Value| match value {
        Value::Float64(x) => *x,
        _ => f64::NAN,
    };
    column(table, name).iter().map(number).collect()
}

fn arima(model: &Model) -> &ArimaModel {
    match model {
        Model::Arima(model) => model,
        Model::Linear(_) => panic!("not a time-series model"),
    }
}

fn best(model: &Model) -> Candidate {
    match &arima(model).series[0].outcome {
        Outcome::Fitted(fitted) => fitted.candidates[0].clone(),
        Outcome::Failed(message) => panic!("{message}"),
    }
}

fn far(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

#[test]
fn a_constant_series_stays_where_it_is() {
    let model = fit(&[], &equal_steps(&[7.5; 30], DAY)).unwrap();
    let table = call(&model, "ML.FORECAST", &[]);
    assert_eq!(numbers(&table, "forecast_value"), [7.5; 3]);
    assert_eq!(numbers(&table, "standard_error"), [0.0; 3]);
    assert!(best(&model).aic.is_finite());
}

#[test]
fn an_exact_line_goes_on() {
    let line: Vec<f64> = (0..40).map(|t| 3.0 + 0.1 * f64::from(t)).collect();
    let model = fit(&[], &equal_steps(&line, DAY)).unwrap();
    let chosen = best(&model);
    assert!(chosen.has_drift && (chosen.constant - 0.1).abs() < 1e-12, "{chosen:?}");
    let want = [7.0, 7.1, 7.2];
    assert!(far(&numbers(&call(&model, "ML.FORECAST", &[]), "forecast_value"), &want) < 1e-9);
}

#[test]
fn three_points_with_a_gap_and_a_duplicate_are_enough() {
    let rows = [
        (Some(0), Some(1.0)),
        (Some(0), Some(3.0)),
        (Some(2 * MINUTE), Some(4.0)),
        (None, Some(9.0)),
        (Some(MINUTE), None),
    ];
    let model = fit(&[("data_frequency", Value::String("per_minute".into()))], &frame(&rows)).unwrap();
    let table = call(&model, "ML.FORECAST", &[]);
    assert_eq!(column(&table, "forecast_timestamp"), [3, 4, 5].map(|i| Value::Timestamp(i * MINUTE)));
    assert!(numbers(&table, "forecast_value").iter().all(|value| value.is_finite()));
    let notes = model.notes().join(" ");
    assert!(
        notes.contains("1 of 3 rows share a time step") && notes.contains("1 of 3 time points had no data"),
        "{notes}"
    );
}

#[test]
fn data_without_a_series_to_fit_fails_the_statement() {
    for (rows, want) in [
        (vec![], "Failed to fit any time series"),
        (vec![(Some(0), None), (Some(MINUTE), None)], "no data that is not NULL"),
        (vec![(Some(0), Some(1.0)), (Some(MINUTE), Some(2.0))], "2 time points at frequency PER_MINUTE"),
        (vec![(Some(0), Some(1.0)), (Some(MINUTE), Some(f64::NAN))], "NaN"),
    ] {
        let error = fit(&[], &frame(&rows)).unwrap_err();
        assert!(error.contains(want), "{error}");
    }
}

fn many_series() -> Frame {
    let mut frame = Frame::new(&[field("t", Type::Timestamp), field("Token", Type::String), field("y", Type::Float64)]);
    for i in 0..40 {
        for (token, value) in [("b", (i % 7) as f64), ("a", 100.0 + i as f64)] {
            let row = [Value::Timestamp(i * MINUTE), Value::String(token.into()), Value::Float64(value)];
            frame.push(&row).unwrap();
        }
    }
    frame.push(&[Value::Timestamp(0), Value::String("c".into()), Value::Float64(1.0)]).unwrap();
    frame
}

#[test]
fn series_are_told_apart_and_a_failed_one_has_a_message() {
    let model = fit(&[("TIME_SERIES_ID_COL", Value::String("token".into()))], &many_series()).unwrap();
    let forecast = call(&model, "ML.FORECAST", &[("horizon", Value::Int64(2))]);
    let ids = |table: &Table| column(table, "Token").iter().map(|id| format!("{id:?}")).collect::<Vec<_>>().join(" ");
    assert_eq!(ids(&forecast), r#"String("a") String("a") String("b") String("b")"#);
    assert!(far(&numbers(&forecast, "forecast_value")[..2], &[140.0, 141.0]) < 1e-9);
    let evaluated = call(&model, "ML.ARIMA_EVALUATE", &[]);
    assert_eq!(ids(&evaluated), r#"String("a") String("b") String("c")"#);
    let message = column(&evaluated, "error_message");
    assert!(message[0] == Value::Null && format!("{:?}", message[2]).contains("1 time points"));
    let shown = call(&model, "ML.ARIMA_EVALUATE", &[("show_all_candidate_models", Value::Bool(true))]);
    assert!(shown.rows.len() > evaluated.rows.len());
    assert!(model.notes()[0].contains("1 of 3 time series could not be fitted"));
}

fn noisy(n: usize) -> Vec<f64> {
    let mut state = 1u64;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / 16_777_216.0
        })
        .collect()
}

#[test]
fn explained_rows_add_up() {
    let mut values: Vec<f64> =
        noisy(140).iter().enumerate().map(|(t, e)| 50.0 + e + if t % 7 > 4 { 8.0 } else { 0.0 }).collect();
    values[60] += 90.0;
    values.iter_mut().skip(100).for_each(|value| *value += 200.0);
    for given in [
        vec![],
        vec![("forecast_limit_lower_bound", Value::Float64(0.0))],
        vec![("trend_smoothing_window_size", Value::Int64(5))],
    ] {
        let model = fit(&given, &equal_steps(&values, DAY)).unwrap();
        let table = call(
            &model,
            "ML.EXPLAIN_FORECAST",
            &[("horizon", Value::Int64(7)), ("confidence_level", Value::Float64(0.8))],
        );
        assert_eq!(table.rows.len(), 147);
        let first = table.fields.iter().position(|field| field.name == "trend").unwrap();
        for row in &table.rows {
            let parts: f64 = row[first..].iter().map(|v| if let Value::Float64(x) = v { *x } else { 0.0 }).sum();
            let Value::Float64(data) = row[2] else { panic!("no data in {row:?}") };
            assert!((parts - data).abs() < 1e-6 * data.abs(), "{row:?}");
        }
        let evaluated = call(&model, "ML.ARIMA_EVALUATE", &[]);
        assert_eq!(column(&evaluated, "seasonal_periods")[0], Value::Array(vec![Value::String("WEEKLY".into())]));
        assert_eq!(column(&evaluated, "has_spikes_and_dips")[0], Value::Bool(true));
        assert_eq!(column(&evaluated, "has_step_changes")[0], Value::Bool(true));
    }
}

#[test]
fn the_documented_aic_counts_its_parameters() {
    let model = fit(&[], &equal_steps(&noisy(100), DAY)).unwrap();
    let table = call(&model, "ML.ARIMA_EVALUATE", &[]);
    let aics = numbers(&table, "AIC");
    assert!(aics.is_sorted() && aics.len() <= 6);
    for (row, aic) in table.rows.iter().zip(&aics) {
        let [Value::Int64(p), _, Value::Int64(q)] = row[..3] else { panic!("{row:?}") };
        let Value::Float64(log_likelihood) = row[4] else { panic!("{row:?}") };
        // p, q, the mean and the variance.
        assert!((aic - (2.0 * (p + q + 2) as f64 - 2.0 * log_likelihood)).abs() < 1e-9);
    }
}

#[test]
fn tables_have_the_documented_columns() {
    let model = fit(&[], &equal_steps(&noisy(40), MINUTE)).unwrap();
    for (function, want) in [
        (
            "ML.FORECAST",
            "forecast_timestamp forecast_value standard_error confidence_level prediction_interval_lower_bound prediction_interval_upper_bound confidence_interval_lower_bound confidence_interval_upper_bound",
        ),
        (
            "ML.EXPLAIN_FORECAST",
            "time_series_timestamp time_series_type time_series_data time_series_adjusted_data standard_error confidence_level prediction_interval_lower_bound prediction_interval_upper_bound trend seasonal_period_yearly seasonal_period_quarterly seasonal_period_monthly seasonal_period_weekly seasonal_period_daily holiday_effect spikes_and_dips step_changes residual",
        ),
        (
            "ML.ARIMA_EVALUATE",
            "non_seasonal_p non_seasonal_d non_seasonal_q has_drift log_likelihood AIC variance seasonal_periods has_holiday_effect has_spikes_and_dips has_step_changes error_message",
        ),
        (
            "ML.ARIMA_COEFFICIENTS",
            "ar_coefficients ma_coefficients intercept_or_drift processed_input weight category_weights",
        ),
        ("ML.TRAINING_INFO", "training_run iteration duration_ms"),
    ] {
        let table = call(&model, function, &[]);
        let names: Vec<&str> = table.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names.join(" "), want);
        assert!(table.rows.iter().all(|row| row.len() == names.len()), "{function}");
    }
}

#[test]
fn evaluation_compares_with_what_came_after() {
    let line: Vec<f64> = (0..40).map(|t| 3.0 + f64::from(t)).collect();
    let model = fit(&[("horizon", Value::Int64(5))], &equal_steps(&line, DAY)).unwrap();
    let rows = [
        (Some(38 * DAY), Some(0.0)),
        (Some(40 * DAY), Some(44.0)),
        (Some(41 * DAY), Some(45.0)),
        (Some(90 * DAY), Some(0.0)),
    ];
    let seen = frame(&rows);
    let table = model.call("ML.EVALUATE", &[], Some(&seen)).unwrap();
    assert!((numbers(&table, "mean_absolute_error")[0] - 1.0).abs() < 1e-9);
    assert!((numbers(&table, "mean_absolute_scaled_error")[0] - 1.0).abs() < 1e-9);
    let each = [("perform_aggregation".to_owned(), Value::Bool(false))];
    let table = model.call("ML.EVALUATE", &each, Some(&seen)).unwrap();
    let names: Vec<&str> = table.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(
        names,
        ["t", "y", "forecasted_y", "lower_bound", "upper_bound", "absolute_error", "absolute_percentage_error"]
    );
    assert_eq!(column(&table, "t"), [Value::Timestamp(40 * DAY), Value::Timestamp(41 * DAY)]);
}

#[test]
fn misuse_is_named() {
    let model = fit(&[("horizon", Value::Int64(10))], &equal_steps(&noisy(40), DAY)).unwrap();
    let text = |t: &str| Value::String(t.to_owned());
    for (function, given, want) in [
        (
            "ML.PREDICT",
            vec![],
            "Invalid table-valued function ML.PREDICT ARIMA model is unsupported in ml.predict. Please use ml.forecast instead",
        ),
        (
            "ML.WEIGHTS",
            vec![],
            "Invalid table-valued function ML.WEIGHTS is not supported for models of type ARIMA_PLUS.",
        ),
        (
            "ML.FORECAST",
            vec![("horizon", Value::Int64(11))],
            "Invalid table-valued function ML.FORECAST Invalid value 11 for option horizon: expected an INT64 from 1 to 10",
        ),
        (
            "ML.FORECAST",
            vec![("confidence_level", Value::Float64(1.0))],
            "Invalid table-valued function ML.FORECAST Invalid value 1 for option confidence_level: expected a FLOAT64 in [0, 1)",
        ),
        (
            "ML.FORECAST",
            vec![("horizont", Value::Int64(1))],
            "Invalid table-valued function ML.FORECAST Unknown option: horizont",
        ),
        (
            "ML.EXPLAIN_FORECAST",
            vec![("horizon", text("3"))],
            "Invalid table-valued function ML.EXPLAIN_FORECAST Invalid value '3' for option horizon: expected an INT64 from 1 to 10",
        ),
    ] {
        let given: Vec<(String, Value)> = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(model.call(function, &given, None).unwrap_err().to_string(), want);
    }
}

#[test]
fn wrong_options_are_named() {
    let text = |t: &str| Value::String(t.to_owned());
    let order = |p, d, q| Value::Struct(vec![Value::Int64(p), Value::Int64(d), Value::Int64(q)]);
    for (given, want) in [
        (vec![("horizn", Value::Int64(3))], "Unknown option: horizn"),
        (vec![("horizon", Value::Int64(0))], "Invalid value 0 for option horizon: expected an INT64 from 1 to 10000"),
        (vec![("Horizon", Value::Int64(1)), ("HORIZON", Value::Int64(1))], "Duplicate option: HORIZON"),
        (vec![("auto_arima_max_order", Value::Int64(6))], "for option auto_arima_max_order"),
        (vec![("data_frequency", text("PER_SECOND"))], "Invalid value 'PER_SECOND' for option data_frequency"),
        (vec![("seasonalities", text("HOURLY"))], "for option SEASONALITIES"),
        (vec![("auto_arima", Value::Bool(false))], "Option NON_SEASONAL_ORDER is required"),
        (vec![("non_seasonal_order", order(1, 1, 1))], "it needs AUTO_ARIMA = FALSE"),
        (vec![("auto_arima", Value::Bool(false)), ("non_seasonal_order", order(1, 3, 1))], "d from 0 to 2"),
        (
            vec![
                ("auto_arima", Value::Bool(false)),
                ("non_seasonal_order", order(1, 0, 1)),
                ("include_drift", Value::Bool(true)),
            ],
            "it needs a d of 1",
        ),
        (
            vec![
                ("auto_arima", Value::Bool(false)),
                ("non_seasonal_order", order(1, 0, 1)),
                ("time_series_id_col", text("t")),
            ],
            "it must be TRUE with TIME_SERIES_ID_COL",
        ),
        (
            vec![("max_time_series_length", Value::Int64(30)), ("time_series_length_fraction", Value::Float64(0.5))],
            "it excludes",
        ),
        (vec![("kms_key_name", text("k"))], "Option kms_key_name with value 'k' is not supported"),
        (vec![("time_series_id_col", text("x"))], "Column x specified in option TIME_SERIES_ID_COL"),
        (vec![("time_series_id_col", text("y"))], "Column y of type FLOAT64 can't be used as TIME_SERIES_ID_COL"),
    ] {
        let error = fit(&given, &equal_steps(&noisy(30), DAY)).unwrap_err();
        assert!(error.contains(want), "{error}, not {want}");
    }
}

#[test]
fn holidays_are_refused_only_where_they_would_matter() {
    let given = [("holiday_region", Value::String("US".into()))];
    assert!(fit(&given, &equal_steps(&noisy(60), MINUTE)).is_ok());
    assert!(fit(&given, &equal_steps(&noisy(60), DAY)).is_ok());
    let error = fit(&given, &equal_steps(&noisy(400), DAY)).unwrap_err();
    assert_eq!(error, "Option HOLIDAY_REGION with value ['US'] is not supported");
}

#[test]
fn a_fixed_order_is_fitted_as_told() {
    let order = Value::Array(vec![Value::Int64(2), Value::Int64(1), Value::Int64(1)]);
    let given =
        [("auto_arima", Value::Bool(false)), ("non_seasonal_order", order), ("include_drift", Value::Bool(true))];
    let model = fit(&given, &equal_steps(&noisy(80), DAY)).unwrap();
    assert_eq!((best(&model).order, best(&model).has_drift), (Order { p: 2, d: 1, q: 1 }, true));
}

#[test]
fn forecasts_stay_within_their_limits() {
    let values: Vec<f64> = noisy(60).iter().map(|e| 0.5 + 0.45 * (e - 0.5)).collect();
    let given = [("forecast_limit_lower_bound", Value::Int64(0)), ("forecast_limit_upper_bound", Value::Int64(1))];
    let model = fit(&given, &equal_steps(&values, DAY)).unwrap();
    let table =
        call(&model, "ML.FORECAST", &[("horizon", Value::Int64(50)), ("confidence_level", Value::Float64(0.999))]);
    for name in ["forecast_value", "prediction_interval_lower_bound", "prediction_interval_upper_bound"] {
        assert!(numbers(&table, name).iter().all(|value| *value > 0.0 && *value < 1.0), "{name}");
    }
}

#[test]
fn a_model_survives_its_json() {
    let model = fit(&[("time_series_id_col", Value::String("token".into()))], &many_series()).unwrap();
    let back: Model = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    let (before, after) = (call(&model, "ML.FORECAST", &[]), call(&back, "ML.FORECAST", &[]));
    assert!(far(&numbers(&before, "forecast_value"), &numbers(&after, "forecast_value")) < 1e-9);
    assert_eq!(before.fields, after.fields);
}
