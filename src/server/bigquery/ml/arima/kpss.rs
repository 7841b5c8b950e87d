//! How often to difference: the KPSS test for a level, as in Kwiatkowski, Phillips, Schmidt and Shin (1992).

use super::kalman::count;

/// Above this the hypothesis of a stationary level is refused at 5 %.
const CRITICAL: f64 = 0.463;
/// Two differences are the most.
const DIFFERENCES_MAX: usize = 2;

/// 0, 1 or 2 differences until a level is no longer refused, or nothing is left to test.
pub(super) fn differences(series: &[f64]) -> usize {
    let mut left = series.to_vec();
    let mut d = 0;
    while d < DIFFERENCES_MAX && !is_constant(&left, series) && statistic(&left) > CRITICAL {
        left = difference(&left);
        d += 1;
    }
    d
}

/// Each value less the one before it.
pub(super) fn difference(series: &[f64]) -> Vec<f64> {
    series.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Whether `series`, made of `origin`, moves no more than rounding would make it.
pub(super) fn is_constant(series: &[f64], origin: &[f64]) -> bool {
    let largest = origin.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let (low, high) = series.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    series.is_empty() || high - low <= 1e-11 * largest
}

fn statistic(series: &[f64]) -> f64 {
    let n = count(series.len());
    let mean = series.iter().sum::<f64>() / n;
    let errors: Vec<f64> = series.iter().map(|x| x - mean).collect();
    let mut total = 0.0;
    let spread: f64 = errors
        .iter()
        .map(|e| {
            total += e;
            total * total
        })
        .sum();
    spread / (n * n * long_run_variance(&errors))
}

/// With Bartlett weights over `3 sqrt(n) / 13` lags.
fn long_run_variance(errors: &[f64]) -> f64 {
    let n = count(errors.len());
    let lags = (1..errors.len()).take_while(|lag| count(*lag) <= 3.0 * n.sqrt() / 13.0).last().unwrap_or(0);
    let own: f64 = errors.iter().map(|e| e * e).sum();
    let shared: f64 = (1..=lags)
        .map(|lag| {
            let weight = 1.0 - count(lag) / (count(lags) + 1.0);
            2.0 * weight * errors.iter().zip(errors.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>()
        })
        .sum();
    (own + shared) / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_differenced_once_and_a_parabola_twice() {
        let line: Vec<f64> = (0..50).map(|t| 3.0 + 0.1 * count(t)).collect();
        let parabola: Vec<f64> = (0..50).map(|t| count(t) * count(t)).collect();
        assert_eq!((differences(&line), differences(&parabola)), (1, 2));
    }

    #[test]
    fn a_constant_and_an_alternation_are_left_alone() {
        let alternation: Vec<f64> = (0..100).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!((differences(&[7.0; 20]), differences(&alternation), differences(&[])), (0, 0, 0));
    }
}
