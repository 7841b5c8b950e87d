//! The exact Gaussian likelihood of an ARMA process, by a Kalman filter on Harvey's state space form.
//!
//! The shocks' variance is concentrated out; the mean too: the filter is linear, so running a row of ones beside the series
//! gives the generalised least-squares mean for the coefficients at hand. What is left to search are the ARMA coefficients alone.

#![allow(clippy::needless_range_loop, reason = "matrices are read by their indices")]

use super::polynomial::{Arma, ORDER_MAX};

const STATES_MAX: usize = ORDER_MAX + 1;
type Vector = [f64; STATES_MAX];
type Matrix = [Vector; STATES_MAX];

/// Doublings after which a stationary covariance has converged, were its root only 1e-9 off the unit circle.
const DOUBLINGS_MAX: usize = 48;
/// The innovation variance falls to one; from here on the gain stays as it is.
const STEADY: f64 = 1e-13;

/// A likelihood at its best mean and variance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Likelihood {
    /// Zero when none was asked for.
    pub(super) mean: f64,
    /// Sum of squared standardised innovations through the count of points.
    pub(super) variance: f64,
    /// Sum of the logarithms of the innovations' relative variances.
    pub(super) log_factors: f64,
}

/// What a pass over the series leaves.
pub(super) struct Filtered {
    /// One-step errors.
    pub(super) errors: Vec<f64>,
    /// The state predicted for the step after the last: its first entry is the next expected value.
    pub(super) next: Vec<f64>,
}

/// The covariance recursion, which no observation touches.
struct Gains {
    size: usize,
    phi: Vector,
    shock: Vector,
    covariance: Matrix,
    gain: Vector,
    factor: f64,
    is_steady: bool,
}

impl Gains {
    /// `None` if the process has no stationary covariance that a `f64` holds.
    fn new(arma: &Arma) -> Option<Self> {
        let size = arma.ar.len().max(arma.ma.len() + 1);
        if size > STATES_MAX {
            return None;
        }
        let (mut phi, mut shock) = ([0.0; STATES_MAX], [0.0; STATES_MAX]);
        phi.iter_mut().zip(&arma.ar).for_each(|(to, from)| *to = *from);
        shock[0] = 1.0;
        shock.iter_mut().skip(1).zip(&arma.ma).for_each(|(to, from)| *to = *from);
        let covariance = stationary(size, &phi, &shock)?;
        Some(Self { size, phi, shock, covariance, gain: [0.0; STATES_MAX], factor: 1.0, is_steady: false })
    }

    /// Gain and relative variance for the next observation.
    fn advance(&mut self) {
        if self.is_steady {
            return;
        }
        let (n, before) = (self.size, self.covariance);
        self.factor = before[0][0];
        let mut moved = [[0.0; STATES_MAX]; STATES_MAX];
        for i in 0..n {
            for j in 0..n {
                moved[i][j] = self.phi[i] * before[0][j] + if i + 1 < n { before[i + 1][j] } else { 0.0 };
            }
            self.gain[i] = moved[i][0] / self.factor;
        }
        for i in 0..n {
            for j in 0..=i {
                let shifted = self.phi[j] * moved[i][0] + if j + 1 < n { moved[i][j + 1] } else { 0.0 };
                let next = shifted + self.shock[i] * self.shock[j] - self.gain[i] * self.gain[j] * self.factor;
                self.covariance[i][j] = next;
                self.covariance[j][i] = next;
            }
        }
        self.is_steady = (self.factor - 1.0).abs() < STEADY && (self.covariance[0][0] - 1.0).abs() < STEADY;
    }

    fn step(&self, state: &mut Vector, observed: f64) -> f64 {
        let error = observed - state[0];
        let first = state[0];
        for i in 0..self.size {
            let shifted = if i + 1 < self.size { state[i + 1] } else { 0.0 };
            state[i] = self.phi[i] * first + shifted + self.gain[i] * error;
        }
        error
    }
}

/// The covariance `P = T P T' + R R'`, by doubling: each round takes twice as many past shocks in.
fn stationary(n: usize, phi: &Vector, shock: &Vector) -> Option<Matrix> {
    let mut sum = [[0.0; STATES_MAX]; STATES_MAX];
    let mut step = [[0.0; STATES_MAX]; STATES_MAX];
    for i in 0..n {
        step[i][0] = phi[i];
        if i + 1 < n {
            step[i][i + 1] = 1.0;
        }
        for j in 0..n {
            sum[i][j] = shock[i] * shock[j];
        }
    }
    for _ in 0..DOUBLINGS_MAX {
        let added = times_transposed(n, &times(n, &step, &sum), &step);
        let mut is_small = true;
        for i in 0..n {
            for j in 0..n {
                is_small &= added[i][j].abs() <= 1e-16 * (sum[0][0] + sum[i][i].abs());
                sum[i][j] += added[i][j];
            }
        }
        if is_small {
            break;
        }
        step = times(n, &step, &step);
    }
    sum.iter().flatten().all(|x| x.is_finite()).then_some(sum)
}

fn times(n: usize, a: &Matrix, b: &Matrix) -> Matrix {
    let mut product = [[0.0; STATES_MAX]; STATES_MAX];
    for i in 0..n {
        for (k, row) in b.iter().enumerate().take(n) {
            for j in 0..n {
                product[i][j] += a[i][k] * row[j];
            }
        }
    }
    product
}

fn times_transposed(n: usize, a: &Matrix, b: &Matrix) -> Matrix {
    let mut product = [[0.0; STATES_MAX]; STATES_MAX];
    for i in 0..n {
        for j in 0..n {
            product[i][j] = (0..n).map(|k| a[i][k] * b[j][k]).sum();
        }
    }
    product
}

/// The likelihood of `series`; with a mean, at the mean that makes it greatest. `None` if the process is not stationary.
pub(super) fn likelihood(arma: &Arma, series: &[f64], with_mean: bool) -> Option<Likelihood> {
    let mut gains = Gains::new(arma)?;
    let (mut state, mut ones) = ([0.0; STATES_MAX], [0.0; STATES_MAX]);
    let (mut squares, mut cross, mut weight, mut log_factors) = (0.0, 0.0, 0.0, 0.0);
    for &observed in series {
        gains.advance();
        let error = gains.step(&mut state, observed);
        squares += error * error / gains.factor;
        if with_mean {
            let of_one = gains.step(&mut ones, 1.0);
            cross += error * of_one / gains.factor;
            weight += of_one * of_one / gains.factor;
        }
        if !gains.is_steady {
            log_factors += gains.factor.ln();
        }
    }
    let mean = if with_mean && weight > 0.0 { cross / weight } else { 0.0 };
    let variance = (squares - mean * cross).max(0.0) / count(series.len()).max(1.0);
    (variance.is_finite() && log_factors.is_finite()).then_some(Likelihood { mean, variance, log_factors })
}

/// The one-step errors of `series`, of which the mean is taken off, and the state after it.
pub(super) fn filter(arma: &Arma, series: &[f64], mean: f64) -> Option<Filtered> {
    let mut gains = Gains::new(arma)?;
    let mut state = [0.0; STATES_MAX];
    let mut errors = Vec::with_capacity(series.len());
    for &observed in series {
        gains.advance();
        errors.push(gains.step(&mut state, observed - mean));
    }
    Some(Filtered { errors, next: state.iter().take(gains.size).copied().collect() })
}

/// Expected values of the next `steps` steps, without the mean, from the state that a pass left.
pub(super) fn predict(arma: &Arma, next: &[f64], steps: usize) -> Vec<f64> {
    let mut state = next.to_vec();
    let mut values = Vec::with_capacity(steps);
    for _ in 0..steps {
        let first = state.first().copied().unwrap_or(0.0);
        values.push(first);
        for i in 0..state.len() {
            let shifted = state.get(i + 1).copied().unwrap_or(0.0);
            state[i] = arma.ar.get(i).copied().unwrap_or(0.0) * first + shifted;
        }
    }
    values
}

/// A count as a number to calculate with.
pub(super) fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The likelihood straight from the joint normal density, by a Cholesky factor of the covariance matrix.
    fn dense(arma: &Arma, series: &[f64]) -> (f64, f64) {
        let n = series.len();
        let psi = arma.psi_weights(4000);
        let cov = |lag: usize| psi.iter().zip(psi.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>();
        let matrix = nalgebra::DMatrix::from_fn(n, n, |i, j| cov(i.abs_diff(j)));
        let factor = matrix.cholesky().unwrap();
        let y = nalgebra::DVector::from_column_slice(series);
        let log = (0..n).map(|i| 2.0 * factor.l_dirty()[(i, i)].ln()).sum();
        (y.dot(&factor.solve(&y)) / count(n), log)
    }

    #[test]
    fn the_filter_agrees_with_the_joint_density() {
        let series = [0.3, -1.2, 0.8, 0.1, 1.9, -0.4, -0.7, 0.2, 0.9, -1.5, 0.6, 0.4];
        for (ar, ma) in [
            (vec![], vec![]),
            (vec![0.6], vec![]),
            (vec![], vec![-0.7]),
            (vec![0.5], vec![0.3]),
            (vec![1.2, -0.5], vec![0.4, 0.2, -0.1]),
        ] {
            let arma = Arma { ar, ma };
            let got = likelihood(&arma, &series, false).unwrap();
            let (variance, log) = dense(&arma, &series);
            assert!((got.variance - variance).abs() < 1e-9 && (got.log_factors - log).abs() < 1e-9, "{arma:?}");
        }
    }

    #[test]
    fn the_mean_is_the_one_that_makes_the_likelihood_greatest() {
        let series = [3.3, 2.2, 3.8, 3.1, 4.9, 2.6, 2.3, 3.2];
        let arma = Arma { ar: vec![0.4], ma: vec![0.2] };
        let best = likelihood(&arma, &series, true).unwrap();
        for mean in [best.mean - 0.01, best.mean + 0.01] {
            let moved: Vec<f64> = series.iter().map(|y| y - mean).collect();
            assert!(likelihood(&arma, &moved, false).unwrap().variance > best.variance);
        }
    }

    #[test]
    fn a_prediction_decays_as_its_process_does() {
        let arma = Arma { ar: vec![0.5], ma: vec![] };
        let state = filter(&arma, &[1.0, 2.0, 4.0], 0.0).unwrap().next;
        assert_eq!(predict(&arma, &state, 3), [2.0, 1.0, 0.5]);
    }
}
