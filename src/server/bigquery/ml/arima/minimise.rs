//! A quasi-Newton search (BFGS) for the few numbers of an ARMA model, with gradients by central differences.

#![allow(clippy::needless_range_loop, reason = "matrices are read by their indices")]

const ITERATIONS_MAX: usize = 100;
const HALVINGS_MAX: usize = 30;
const DIFFERENCE: f64 = 1e-5;
/// Beyond this `tanh` is one to the last digit.
const BOUND: f64 = 10.0;

/// A point and the value there.
#[derive(Debug, Clone)]
pub(super) struct Minimum {
    pub(super) at: Vec<f64>,
    pub(super) value: f64,
}

/// A local minimum of `f` near `start`. Where `f` is not finite it counts as infinite.
pub(super) fn minimise(f: &dyn Fn(&[f64]) -> f64, start: &[f64], tolerance: f64) -> Minimum {
    let n = start.len();
    let mut best = Minimum { at: start.to_vec(), value: guarded(f, start) };
    if n == 0 {
        return best;
    }
    let mut slope = gradient(f, &best.at);
    let mut inverse = identity(n);
    let mut stalls = 0;
    for _ in 0..ITERATIONS_MAX {
        let Some(next) = line_search(f, &best, &slope, &inverse) else {
            // The curvature at hand may be misleading: once from scratch, then it is the minimum.
            stalls += 1;
            if stalls > 1 {
                break;
            }
            inverse = identity(n);
            continue;
        };
        let next_slope = gradient(f, &next.at);
        let moved: Vec<f64> = next.at.iter().zip(&best.at).map(|(a, b)| a - b).collect();
        let turned: Vec<f64> = next_slope.iter().zip(&slope).map(|(a, b)| a - b).collect();
        let gained = best.value - next.value;
        update(&mut inverse, &moved, &turned);
        best = next;
        slope = next_slope;
        if gained < tolerance {
            stalls += 1;
            if stalls > 1 {
                break;
            }
        }
    }
    best
}

fn guarded(f: &dyn Fn(&[f64]) -> f64, at: &[f64]) -> f64 {
    let value = f(at);
    if value.is_nan() { f64::INFINITY } else { value }
}

fn identity(n: usize) -> Vec<Vec<f64>> {
    (0..n).map(|i| (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect()
}

fn gradient(f: &dyn Fn(&[f64]) -> f64, at: &[f64]) -> Vec<f64> {
    let mut probe = at.to_vec();
    (0..at.len())
        .map(|i| {
            probe[i] = at[i] + DIFFERENCE;
            let above = guarded(f, &probe);
            probe[i] = at[i] - DIFFERENCE;
            let below = guarded(f, &probe);
            probe[i] = at[i];
            let slope = (above - below) / (2.0 * DIFFERENCE);
            if slope.is_finite() { slope } else { 0.0 }
        })
        .collect()
}

/// The first point along the quasi-Newton direction that is enough of a gain.
fn line_search(f: &dyn Fn(&[f64]) -> f64, from: &Minimum, slope: &[f64], inverse: &[Vec<f64>]) -> Option<Minimum> {
    let mut direction: Vec<f64> = inverse.iter().map(|row| -dot(row, slope)).collect();
    let mut descent = dot(&direction, slope);
    if descent >= 0.0 {
        direction = slope.iter().map(|g| -g).collect();
        descent = dot(&direction, slope);
    }
    // A first step of more than one changes a partial autocorrelation too much to learn from.
    let longest = direction.iter().fold(0.0f64, |longest, d| longest.max(d.abs()));
    let mut rate = if longest > 1.0 { 1.0 / longest } else { 1.0 };
    for _ in 0..HALVINGS_MAX {
        let at: Vec<f64> = from.at.iter().zip(&direction).map(|(x, d)| (x + rate * d).clamp(-BOUND, BOUND)).collect();
        let value = guarded(f, &at);
        if value < from.value + 1e-4 * rate * descent {
            return Some(Minimum { at, value });
        }
        rate *= 0.5;
    }
    None
}

/// The BFGS update of the inverse curvature; left alone when the step saw none.
fn update(inverse: &mut [Vec<f64>], moved: &[f64], turned: &[f64]) {
    let curvature = dot(moved, turned);
    if curvature <= 1e-14 {
        return;
    }
    let bent: Vec<f64> = inverse.iter().map(|row| dot(row, turned)).collect();
    let scale = 1.0 + dot(turned, &bent) / curvature;
    for i in 0..moved.len() {
        for j in 0..moved.len() {
            inverse[i][j] += (scale * moved[i] * moved[j] - bent[i] * moved[j] - moved[i] * bent[j]) / curvature;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let valley = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let found = minimise(&valley, &[-1.2, 1.0], 1e-14);
        assert!((found.at[0] - 1.0).abs() < 1e-3 && (found.at[1] - 1.0).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn a_function_that_is_nowhere_finite_ends_the_search() {
        assert!(minimise(&|_| f64::NAN, &[0.0, 0.0], 1e-9).value.is_infinite());
    }
}
