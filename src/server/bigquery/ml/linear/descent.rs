//! Batch gradient descent, as the service does it: few iterations, a line search over four rates, stopped when progress is small.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::normal::{Problem, Solution};
use super::options::{LearnRate, LinearOptions};

const RATES: [f64; 4] = [2.0, 1.0, 0.5, 0.25];

/// A row of `ML.TRAINING_INFO`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Iteration {
    /// Mean squared error of the training rows.
    pub(super) loss: f64,
    pub(super) evaluation_loss: Option<f64>,
    /// None for the normal equations.
    pub(super) learn_rate: Option<f64>,
    pub(super) duration_ms: u64,
}

/// Weights and intercept with their mean squared error and what is minimised.
struct Point {
    at: Solution,
    residuals: Vec<f64>,
    loss: f64,
    objective: f64,
}

/// Descends from all zeros. `evaluation` gives the loss of the rows held back.
pub(super) fn descend(
    problem: &Problem<'_>,
    options: &LinearOptions,
    evaluation: impl Fn(&Solution) -> Option<f64>,
) -> (Solution, Vec<Iteration>) {
    let start = Solution { weights: vec![0.0; problem.design.width], intercept: 0.0 };
    let mut here = point(problem, options.l1, start);
    let mut iterations: Vec<Iteration> = Vec::new();
    let mut last_rate = match options.learn_rate {
        LearnRate::LineSearch { initial } => initial,
        LearnRate::Constant { rate } => rate,
    };
    for _ in 0..options.iterations_max {
        let started = Instant::now();
        let (rate, next) = step(problem, options, &here, last_rate);
        let progress = (here.objective - next.objective) / here.objective.abs().max(f64::MIN_POSITIVE);
        iterations.push(Iteration {
            loss: next.loss,
            evaluation_loss: evaluation(&next.at),
            learn_rate: Some(rate),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        last_rate = rate;
        here = next;
        if (options.stops_early && progress < options.progress_min) || !here.objective.is_finite() {
            break;
        }
    }
    (here.at, iterations)
}

/// The best of the rates to try, and where it leads.
fn step(problem: &Problem<'_>, options: &LinearOptions, here: &Point, last_rate: f64) -> (f64, Point) {
    let factors: &[f64] = match options.learn_rate {
        LearnRate::LineSearch { .. } => &RATES,
        LearnRate::Constant { .. } => &[1.0],
    };
    let slope = slope(problem, here);
    let go = |rate: f64| (rate, point(problem, options.l1, moved(problem, options.l1, &here.at, &slope, rate)));
    let mut best = go(last_rate * factors[0]);
    for factor in &factors[1..] {
        let tried = go(last_rate * factor);
        if tried.1.objective < best.1.objective || best.1.objective.is_nan() {
            best = tried;
        }
    }
    best
}

/// The slope of mean squared error and squared penalty by weights, and last by the intercept.
fn slope(problem: &Problem<'_>, here: &Point) -> Vec<f64> {
    let n = problem.rows.len() as f64;
    let mut slope = problem.design.transposed_times(problem.rows, &here.residuals);
    slope
        .iter_mut()
        .zip(&here.at.weights)
        .for_each(|(slope, weight)| *slope = -2.0 * *slope / n + 2.0 * problem.l2 * weight);
    slope.push(-2.0 * here.residuals.iter().sum::<f64>() / n);
    slope
}

/// A step against the slope; then each weight is drawn towards zero by the absolute penalty.
fn moved(problem: &Problem<'_>, l1: f64, from: &Solution, slope: &[f64], rate: f64) -> Solution {
    let shrunk = |(weight, slope): (&f64, &f64)| {
        let moved = weight - rate * slope;
        moved.signum() * (moved.abs() - rate * l1).max(0.0)
    };
    let by_intercept = slope.last().copied().unwrap_or(0.0);
    Solution {
        weights: from.weights.iter().zip(slope).map(shrunk).collect(),
        intercept: if problem.fits_intercept { from.intercept - rate * by_intercept } else { 0.0 },
    }
}

fn point(problem: &Problem<'_>, l1: f64, at: Solution) -> Point {
    let predicted = problem.design.times(problem.rows, &at.weights, at.intercept);
    let residuals: Vec<f64> = problem.labels.iter().zip(predicted).map(|(label, p)| label - p).collect();
    let loss = residuals.iter().map(|r| r * r).sum::<f64>() / problem.rows.len() as f64;
    let penalty: f64 = at.weights.iter().map(|w| problem.l2 * w * w + l1 * w.abs()).sum();
    Point { objective: loss + penalty, at, residuals, loss }
}
