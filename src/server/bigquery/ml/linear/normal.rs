//! Least squares by the normal equations, exact to about the condition of the features themselves.
//!
//! Sums of products lose digits that the features still have, so the solution is refined twice with residuals taken from the rows. Directions in which the
//! features do not differ (a constant column, categories that add up to the intercept) get the solution of least norm.
//! Beyond [`DENSE_MAX`] weights the equations are solved by conjugate gradients, which never forms them and ends at the least norm, too.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::design::Design;

/// The widest matrix of sums that is decomposed.
const DENSE_MAX: usize = 400;
const REFINEMENTS: usize = 2;
/// Eigenvalues below this part of the largest, a weight, are taken as zero.
const RANK: f64 = 1e-14;
const ITERATIONS_MAX: usize = 5_000;
const GRADIENT_MIN: f64 = 1e-13;

/// Weights and intercept for standardised features.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solution {
    pub(super) weights: Vec<f64>,
    pub(super) intercept: f64,
}

/// Rows, labels and what is asked.
pub(super) struct Problem<'a> {
    pub(super) design: &'a Design<'a>,
    pub(super) rows: &'a [usize],
    /// One a row.
    pub(super) labels: &'a [f64],
    pub(super) l2: f64,
    pub(super) fits_intercept: bool,
}

/// Minimises the mean squared error plus `l2` times the squared weights.
pub(super) fn solve(problem: &Problem<'_>) -> Solution {
    let n = problem.rows.len() as f64;
    let (means, label_mean) = centre(problem, n);
    let centred = Centred { problem, means, label_mean, penalty: problem.l2 * n };
    let weights =
        if problem.design.width <= DENSE_MAX { centred.by_decomposition() } else { centred.by_conjugate_gradients() };
    let shift: f64 = weights.iter().zip(&centred.means).map(|(weight, mean)| weight * mean).sum();
    Solution { intercept: centred.label_mean - shift, weights }
}

/// Means of features and label; zero where there is no intercept to take them up.
fn centre(problem: &Problem<'_>, n: f64) -> (Vec<f64>, f64) {
    if !problem.fits_intercept {
        return (vec![0.0; problem.design.width], 0.0);
    }
    let mut means = problem.design.transposed_times(problem.rows, &vec![1.0; problem.rows.len()]);
    means.iter_mut().for_each(|mean| *mean /= n);
    let first = problem.labels.first().copied().unwrap_or(0.0);
    let label_mean = first + problem.labels.iter().map(|label| label - first).sum::<f64>() / n;
    (means, label_mean)
}

struct Centred<'a> {
    problem: &'a Problem<'a>,
    means: Vec<f64>,
    label_mean: f64,
    penalty: f64,
}

impl Centred<'_> {
    /// The centred features times `weights`, a number a row.
    fn times(&self, weights: &[f64]) -> Vec<f64> {
        let shift: f64 = weights.iter().zip(&self.means).map(|(weight, mean)| weight * mean).sum();
        self.problem.design.times(self.problem.rows, weights, -shift)
    }

    /// The centred features, transposed, times a number a row.
    fn transposed_times(&self, factors: &[f64]) -> Vec<f64> {
        let total: f64 = factors.iter().sum();
        let mut sums = self.problem.design.transposed_times(self.problem.rows, factors);
        sums.iter_mut().zip(&self.means).for_each(|(sum, mean)| *sum -= mean * total);
        sums
    }

    /// Labels less what `weights` predict, all centred.
    fn residuals(&self, weights: &[f64]) -> Vec<f64> {
        let predicted = self.times(weights);
        self.problem.labels.iter().zip(predicted).map(|(label, p)| label - self.label_mean - p).collect()
    }

    fn by_decomposition(&self) -> Vec<f64> {
        let eigen = SymmetricEigen::new(self.products());
        let largest = eigen.eigenvalues.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        let least = largest * RANK * self.means.len() as f64;
        let solve = |right: &[f64]| {
            let mut along = eigen.eigenvectors.tr_mul(&DVector::from_column_slice(right));
            along.iter_mut().zip(eigen.eigenvalues.iter()).for_each(|(part, value)| {
                *part = if *value > least { *part / value } else { 0.0 };
            });
            &eigen.eigenvectors * along
        };
        let mut weights = vec![0.0; self.means.len()];
        for _ in 0..=REFINEMENTS {
            let mut slope = self.transposed_times(&self.residuals(&weights));
            slope.iter_mut().zip(&weights).for_each(|(slope, weight)| *slope -= self.penalty * weight);
            weights.iter_mut().zip(solve(&slope).iter()).for_each(|(weight, step)| *weight += step);
        }
        weights
    }

    /// Sums of products of centred features, plus the penalty.
    fn products(&self) -> DMatrix<f64> {
        let width = self.means.len();
        let mut sums = vec![0.0; width * width];
        // Entries come in the order of their slots, so one triangle is filled.
        self.problem.design.for_each(self.problem.rows, |_, entries| {
            for (i, (slot, value)) in entries.iter().enumerate() {
                let row = &mut sums[slot * width..(slot + 1) * width];
                for (other, factor) in &entries[i..] {
                    row[*other] += value * factor;
                }
            }
        });
        let n = self.problem.rows.len() as f64;
        let entry = |i: usize, j: usize| {
            let sum = if i == j { sums[i * width + j] } else { sums[i * width + j] + sums[j * width + i] };
            let penalty = if i == j { self.penalty } else { 0.0 };
            sum - n * self.means[i] * self.means[j] + penalty
        };
        DMatrix::from_fn(width, width, entry)
    }

    fn by_conjugate_gradients(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.means.len()];
        let mut residuals = self.residuals(&weights);
        let mut slope = self.transposed_times(&residuals);
        let mut direction = slope.clone();
        let mut size = square(&slope);
        let least = size * GRADIENT_MIN * GRADIENT_MIN;
        for _ in 0..ITERATIONS_MAX {
            if size <= least {
                break;
            }
            let change = self.times(&direction);
            let curvature = square(&change) + self.penalty * square(&direction);
            if curvature <= 0.0 {
                break;
            }
            let rate = size / curvature;
            weights.iter_mut().zip(&direction).for_each(|(weight, d)| *weight += rate * d);
            residuals.iter_mut().zip(&change).for_each(|(residual, c)| *residual -= rate * c);
            slope = self.transposed_times(&residuals);
            slope.iter_mut().zip(&weights).for_each(|(slope, weight)| *slope -= self.penalty * weight);
            let next = square(&slope);
            direction.iter_mut().zip(&slope).for_each(|(d, s)| *d = s + next / size * *d);
            size = next;
        }
        weights
    }
}

fn square(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum()
}
