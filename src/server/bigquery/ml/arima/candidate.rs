//! One ARIMA model fitted by maximum likelihood, and the search over orders for the lowest AIC.

use serde::{Deserialize, Serialize};

use super::kalman::{self, count};
use super::kpss::{self, difference};
use super::minimise::{Minimum, minimise};
use super::polynomial::Arma;

/// A candidate whose polynomials have roots nearer to the unit circle is left out: its forecasts are those of a lower order, badly conditioned.
const ROOT_RADIUS: f64 = 1.01;
/// The least variance, relative to the series' own, that goes into a logarithm: an exact fit has a finite likelihood.
const VARIANCE_FLOOR: f64 = 1e-20;

/// Orders of an ARIMA model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub p: usize,
    pub d: usize,
    pub q: usize,
}

/// Which orders to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Search {
    /// All with `order_min <= p + q <= order_max`; with one difference, each without and with drift.
    Auto { order_min: usize, order_max: usize },
    /// This one.
    Fixed { order: Order, has_drift: bool },
}

/// A fitted ARIMA model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    pub order: Order,
    /// Only with one difference.
    pub has_drift: bool,
    pub(super) arma: Arma,
    /// The mean without differences, the drift with one; zero if there is none.
    pub constant: f64,
    /// Of the shocks, by maximum likelihood.
    pub variance: f64,
    /// The same corrected for the count of coefficients: what intervals are made with.
    pub(super) error_variance: f64,
    pub log_likelihood: f64,
    pub aic: f64,
}

impl Candidate {
    fn has_constant(order: Order, has_drift: bool) -> bool {
        order.d == 0 || (order.d == 1 && has_drift)
    }
}

/// All candidates that can be fitted, lowest AIC first. Empty only for a series that is too short for any.
pub(super) fn search(series: &[f64], search: &Search) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = match search {
        Search::Fixed { order, has_drift } => {
            fit(&differenced(series, order.d), series, *order, *has_drift, false).into_iter().collect()
        }
        Search::Auto { order_min, order_max } => {
            let d = kpss::differences(series);
            let left = differenced(series, d);
            let orders = candidates(d, *order_min, *order_max);
            let fit_all = |is_strict| -> Vec<Candidate> {
                orders.iter().filter_map(|(order, drift)| fit(&left, series, *order, *drift, is_strict)).collect()
            };
            let strict = fit_all(true);
            if strict.is_empty() { fit_all(false) } else { strict }
        }
    };
    found.sort_by(|a, b| a.aic.total_cmp(&b.aic));
    found
}

/// The orders to try, simplest first, so that of equals the simplest stays in front.
fn candidates(d: usize, order_min: usize, order_max: usize) -> Vec<(Order, bool)> {
    let drifts: &[bool] = if d == 1 { &[false, true] } else { &[false] };
    let mut orders = Vec::new();
    for sum in order_min..=order_max {
        for p in 0..=sum {
            orders.extend(drifts.iter().map(|has_drift| (Order { p, d, q: sum - p }, *has_drift)));
        }
    }
    orders
}

pub(super) fn differenced(series: &[f64], d: usize) -> Vec<f64> {
    let mut left = series.to_vec();
    for _ in 0..d {
        left = difference(&left);
    }
    left
}

/// Fits one model to `left`, the `d` times differenced `series`. `None` if it has more coefficients than points, or, with `is_strict`,
/// if it is no better than a lower order.
fn fit(left: &[f64], series: &[f64], order: Order, has_drift: bool, is_strict: bool) -> Option<Candidate> {
    let with_mean = Candidate::has_constant(order, has_drift);
    let coefficients = order.p + order.q + usize::from(with_mean);
    if left.len() <= coefficients || (left.len() <= coefficients + 1 && order.p + order.q > 0) {
        return None;
    }
    if kpss::is_constant(left, series) {
        return exact(left, series, order, has_drift, is_strict);
    }
    let (shift, scale) = standard(left, with_mean)?;
    let scaled: Vec<f64> = left.iter().map(|w| (w - shift) / scale).collect();
    let arma = estimate(&scaled, order, with_mean)?;
    if is_strict && !arma.has_roots_beyond(ROOT_RADIUS) {
        return None;
    }
    let at = kalman::likelihood(&arma, &scaled, with_mean)?;
    let n = count(left.len());
    let deviance = n * (2.0 * std::f64::consts::PI * at.variance.max(VARIANCE_FLOOR)).ln() + n + at.log_factors;
    let log_likelihood = -0.5 * deviance - n * scale.ln();
    let variance = at.variance * scale * scale;
    Some(Candidate {
        order,
        has_drift: has_drift && order.d == 1,
        arma,
        constant: shift + at.mean * scale,
        variance,
        error_variance: variance * n / (n - count(coefficients)).max(1.0),
        log_likelihood,
        aic: 2.0 * count(coefficients + 1) - 2.0 * log_likelihood,
    })
}

/// A differenced series that does not move: the best model for it is its constant, and coefficients asked for all the same are zero.
/// The likelihood is that of a variance which rounding alone would leave.
fn exact(left: &[f64], series: &[f64], order: Order, has_drift: bool, is_strict: bool) -> Option<Candidate> {
    let n = count(left.len());
    let mean = left.iter().sum::<f64>() / n;
    let largest = series.iter().fold(f64::MIN_POSITIVE.sqrt(), |largest, x| largest.max(x.abs()));
    let with_mean = Candidate::has_constant(order, has_drift);
    if is_strict && (order.p + order.q > 0 || (order.d == 1 && !with_mean)) {
        return None;
    }
    let spread = (largest * f64::EPSILON).powi(2);
    let log_likelihood = -0.5 * n * ((2.0 * std::f64::consts::PI * spread.max(f64::MIN_POSITIVE)).ln() + 1.0);
    let coefficients = order.p + order.q + usize::from(with_mean);
    let variance = if with_mean { 0.0 } else { mean * mean };
    Some(Candidate {
        order,
        has_drift: has_drift && order.d == 1,
        arma: Arma { ar: vec![0.0; order.p], ma: vec![0.0; order.q] },
        constant: if with_mean { mean } else { 0.0 },
        variance,
        error_variance: variance,
        log_likelihood,
        aic: 2.0 * count(coefficients + 1) - 2.0 * log_likelihood,
    })
}

/// Shift and scale that bring the series near mean zero and variance one, so that one tolerance fits all series.
fn standard(left: &[f64], with_mean: bool) -> Option<(f64, f64)> {
    let n = count(left.len());
    let shift = if with_mean { left.iter().sum::<f64>() / n } else { 0.0 };
    let scale = (left.iter().map(|w| (w - shift).powi(2)).sum::<f64>() / n).sqrt();
    (scale.is_finite() && scale > 0.0).then_some((shift, scale))
}

/// The coefficients of greatest likelihood. Conditional least squares gives a start; a mixed model, whose likelihood may have
/// more than one peak, is also started from two processes whose parts nearly cancel.
fn estimate(scaled: &[f64], order: Order, with_mean: bool) -> Option<Arma> {
    let size = order.p + order.q;
    if size == 0 {
        return Some(Arma::default());
    }
    let n = count(scaled.len());
    let exact = |free: &[f64]| {
        kalman::likelihood(&Arma::from_free(free, order.p), scaled, with_mean)
            .map_or(f64::INFINITY, |at| 0.5 * (at.variance.max(VARIANCE_FLOOR).ln() + at.log_factors / n))
    };
    let conditional = |free: &[f64]| 0.5 * conditional_variance(&Arma::from_free(free, order.p), scaled).ln();
    let mut starts = vec![minimise(&conditional, &vec![0.0; size], 1e-7).at];
    if order.p > 0 && order.q > 0 {
        for sign in [0.6, -0.6] {
            // The MA part is negated inside, so equal numbers are what cancels.
            starts.push((0..size).map(|i| if i == 0 || i == order.p { sign } else { 0.0 }).collect());
        }
    }
    // A start on the edge of the region would stay there: its gradient is nearly zero.
    let starts = starts.into_iter().map(|at| at.into_iter().map(|x| x.clamp(-2.0, 2.0)).collect::<Vec<f64>>());
    let mut ranked: Vec<Minimum> = starts.map(|at| Minimum { value: exact(&at), at }).collect();
    ranked.sort_by(|a, b| a.value.total_cmp(&b.value));
    let best = ranked
        .iter()
        .take(2)
        .map(|start| minimise(&exact, &start.at, 1e-10))
        .min_by(|a, b| a.value.total_cmp(&b.value))?;
    best.value.is_finite().then(|| Arma::from_free(&best.at, order.p))
}

/// The variance of shocks when those before the first are taken as zero.
fn conditional_variance(arma: &Arma, series: &[f64]) -> f64 {
    let mut errors: Vec<f64> = Vec::with_capacity(series.len());
    let skipped = arma.ar.len();
    for t in skipped..series.len() {
        let fed: f64 = arma.ar.iter().enumerate().map(|(i, phi)| phi * series[t - 1 - i]).sum();
        let moved: f64 = arma.ma.iter().zip(errors.iter().rev()).map(|(theta, past)| theta * past).sum();
        errors.push(series[t] - fed - moved);
    }
    let total: f64 = errors.iter().map(|e| e * e).sum();
    (total / count(errors.len()).max(1.0)).max(VARIANCE_FLOOR)
}
