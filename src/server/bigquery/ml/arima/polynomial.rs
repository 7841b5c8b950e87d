//! Autoregressive and moving-average polynomials: free numbers to coefficients whose roots lie outside the unit circle, and back-checks.
//!
//! An optimiser wants to walk over all real numbers. `tanh` makes partial autocorrelations of them, the Durbin-Levinson recursion makes
//! coefficients of those (Monahan, "A note on enforcing stationarity in autoregressive-moving average models", 1984).

use serde::{Deserialize, Serialize};

/// The highest order of either polynomial.
pub(super) const ORDER_MAX: usize = 5;

/// `(1 - ar[0] B - ..) w_t = (1 + ma[0] B + ..) e_t`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Arma {
    pub(super) ar: Vec<f64>,
    pub(super) ma: Vec<f64>,
}

impl Arma {
    /// The process that `free` stands for: the first `p` numbers make the AR part, the others the MA part.
    pub(super) fn from_free(free: &[f64], p: usize) -> Self {
        let (ar, ma) = free.split_at(p.min(free.len()));
        Self { ar: coefficients(ar), ma: coefficients(ma).into_iter().map(|c| -c).collect() }
    }

    /// Whether no root of either polynomial is nearer to zero than `radius`.
    pub(super) fn has_roots_beyond(&self, radius: f64) -> bool {
        let negated: Vec<f64> = self.ma.iter().map(|c| -c).collect();
        is_stable(&self.ar, radius) && is_stable(&negated, radius)
    }

    /// The first `count` weights of past shocks: `w_t = e_t + psi[1] e_{t-1} + ..`.
    pub(super) fn psi_weights(&self, count: usize) -> Vec<f64> {
        let mut psi: Vec<f64> = Vec::with_capacity(count);
        for j in 0..count {
            let own = if j == 0 { 1.0 } else { self.ma.get(j - 1).copied().unwrap_or(0.0) };
            let fed: f64 = self.ar.iter().zip(psi.iter().rev()).map(|(phi, past)| phi * past).sum();
            psi.push(own + fed);
        }
        psi
    }
}

/// Free numbers to the coefficients of a stationary AR polynomial.
fn coefficients(free: &[f64]) -> Vec<f64> {
    let mut phi: Vec<f64> = Vec::with_capacity(free.len());
    for &x in free {
        let partial = x.tanh();
        let before = phi.clone();
        for (i, c) in phi.iter_mut().enumerate() {
            *c -= partial * before[before.len() - 1 - i];
        }
        phi.push(partial);
    }
    phi
}

/// Whether all roots of `1 - phi[0] z - ..` are farther out than `radius`: the polynomial in `radius * z` is stationary, which the
/// recursion run backwards tells by partial autocorrelations below one.
fn is_stable(phi: &[f64], radius: f64) -> bool {
    let mut power = 1.0;
    let mut left: Vec<f64> = phi
        .iter()
        .map(|c| {
            power *= radius;
            c * power
        })
        .collect();
    while let Some(partial) = left.pop() {
        if partial.is_nan() || partial.abs() >= 1.0 {
            return false;
        }
        let scale = 1.0 - partial * partial;
        let before = left.clone();
        for (i, c) in left.iter_mut().enumerate() {
            *c = (*c + partial * before[before.len() - 1 - i]) / scale;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn psi_weights_of_an_ar1_are_its_powers() {
        let arma = Arma { ar: vec![0.5], ma: vec![] };
        assert_eq!(arma.psi_weights(4), [1.0, 0.5, 0.25, 0.125]);
    }

    #[test]
    fn psi_weights_of_an_arma11_start_with_the_sum() {
        let arma = Arma { ar: vec![0.5], ma: vec![0.4] };
        let psi = arma.psi_weights(3);
        assert!((psi[1] - 0.9).abs() < 1e-15 && (psi[2] - 0.45).abs() < 1e-15);
    }

    #[test]
    fn roots_are_seen_on_both_sides_of_the_circle() {
        for (ar, ma, want) in [
            (vec![0.5], vec![], true),
            (vec![1.0], vec![], false),
            (vec![1.5, -0.6], vec![], true),
            (vec![0.5, 0.6], vec![], false),
            (vec![], vec![0.995], false),
            (vec![], vec![-0.9], true),
            (vec![f64::NAN], vec![], false),
        ] {
            assert_eq!(Arma { ar: ar.clone(), ma: ma.clone() }.has_roots_beyond(1.01), want, "{ar:?} {ma:?}");
        }
    }

    proptest! {
        #[test]
        fn free_numbers_give_a_stationary_and_invertible_process(free in prop::collection::vec(-3.0f64..3.0, 0..8), p in 0usize..5) {
            let arma = Arma::from_free(&free, p);
            prop_assert!(arma.has_roots_beyond(1.0));
        }
    }
}
