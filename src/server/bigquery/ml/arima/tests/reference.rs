//! Orders, coefficients, forecasts and their accuracy against statsforecast's, on simulated series with held-back tails.

use serde::Deserialize;

use super::{DAY, best, call, equal_steps, far, fit, numbers};
use crate::server::bigquery::ml::arima::candidate::{Candidate, Order, Search, search};
use crate::server::bigquery::value::Value;

/// A simulated series with statsforecast's fit and forecasts; made by `scripts/ml-reference`.
#[derive(Deserialize)]
struct Case {
    name: String,
    values: Vec<f64>,
    tail: Vec<f64>,
    order: [usize; 3],
    has_constant: bool,
    ar: Vec<f64>,
    ma: Vec<f64>,
    aic: f64,
    mean: Vec<f64>,
    half_width: Vec<f64>,
    default_mean: Vec<f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ml/arima.json"))).unwrap()
}

/// What two optimisers may leave between them on the same peak.
const SAME_PEAK: f64 = 0.01;

/// The library's `AutoARIMA` also tries models without a mean, which BigQuery does not.
fn comparable() -> Vec<Case> {
    cases().into_iter().filter(|case| case.order[1] > 0 || case.has_constant).collect()
}

fn is_same(case: &Case, chosen: &Candidate) -> bool {
    let [p, d, q] = case.order;
    (chosen.order, d == 0 || chosen.has_drift) == (Order { p, d, q }, case.has_constant)
}

#[test]
fn the_best_candidate_is_statsforecasts_or_a_likelier_one() {
    let all = comparable();
    let mut wrong = Vec::new();
    for case in &all {
        let found = search(&case.values, &Search::Auto { order_min: 0, order_max: 2 });
        let twin = found.iter().find(|candidate| is_same(case, candidate));
        // No search may end below the library's peak; the library's own sometimes ends on a lower one.
        if let Some(twin) = twin {
            assert!(twin.aic < case.aic + SAME_PEAK, "{}: {twin:?}, not {}", case.name, case.aic);
        }
        if !is_same(case, &found[0]) && found[0].aic > case.aic - SAME_PEAK {
            wrong.push(format!("{}: {:?}, not {:?} {}", case.name, found[0], case.order, case.aic));
        }
    }
    assert!(wrong.len() * 10 <= all.len(), "{} of {}: {}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn coefficients_and_forecasts_agree_on_the_same_peak() {
    let (mut compared, mut off) = (0, Vec::new());
    for case in comparable() {
        let model = fit(&[], &equal_steps(&case.values, DAY)).unwrap();
        let chosen = best(&model);
        if !is_same(&case, &chosen) || (chosen.aic - case.aic).abs() > SAME_PEAK {
            continue;
        }
        compared += 1;
        let table = call(&model, "ML.FORECAST", &[("horizon", Value::Int64(10))]);
        let (means, highs) = (numbers(&table, "forecast_value"), numbers(&table, "prediction_interval_upper_bound"));
        let by_mean = far(&means, &case.mean) / chosen.variance.sqrt();
        let by_width = highs.iter().zip(&means).zip(&case.half_width);
        let by_width = by_width.map(|((high, mean), want)| ((high - mean) / want - 1.0).abs()).fold(0.0, f64::max);
        let by_coefficient = far(&chosen.arma.ar, &case.ar).max(far(&chosen.arma.ma, &case.ma));
        // Where the likelihood is flat the library stops a little short of the top: then ours is likelier.
        assert!(by_mean < 0.1 && by_width < 0.05, "{}: {by_mean} {by_width} {chosen:?}", case.name);
        if chosen.aic >= case.aic && (by_mean > 0.01 || by_width > 0.02 || by_coefficient > 0.01) {
            off.push(format!("{}: {by_mean} {by_width} {by_coefficient} {chosen:?}", case.name));
        }
    }
    assert!(compared >= 25 && off.is_empty(), "{} of {compared}: {}", off.len(), off.join("\n"));
}

#[test]
fn forecasts_are_as_accurate_as_the_library_and_the_naive_one() {
    let (mut ours, mut library, mut naive, mut covered, mut points) = (0.0, 0.0, 0.0, 0u32, 0u32);
    let mut lines = Vec::new();
    for case in cases() {
        let model = fit(&[], &equal_steps(&case.values, DAY)).unwrap();
        let table = call(&model, "ML.FORECAST", &[("horizon", Value::Int64(10))]);
        let means = numbers(&table, "forecast_value");
        let (lows, highs) =
            (numbers(&table, "prediction_interval_lower_bound"), numbers(&table, "prediction_interval_upper_bound"));
        let last = case.values[case.values.len() - 1];
        let scale = case.values.windows(2).map(|w| (w[1] - w[0]).abs()).sum::<f64>() / (case.values.len() - 1) as f64;
        let error = |predicted: &[f64]| {
            predicted.iter().zip(&case.tail).map(|(p, y)| (p - y).abs()).sum::<f64>() / (10.0 * scale)
        };
        let scores = (error(&means), error(&case.default_mean), error(&[last; 10]));
        lines.push(format!("{}: {scores:?} {:?}", case.name, best(&model).order));
        ours += scores.0;
        library += scores.1;
        naive += scores.2;
        for ((low, high), y) in lows.iter().zip(&highs).zip(&case.tail) {
            covered += u32::from(low <= y && y <= high);
            points += 1;
        }
    }
    let lines = lines.join("\n");
    assert!(ours <= 1.05 * library, "{ours} against {library}\n{lines}");
    assert!(ours <= 1.02 * naive, "{ours} against {naive}\n{lines}");
    let share = f64::from(covered) / f64::from(points);
    assert!((0.90..=0.98).contains(&share), "{share}");
}
