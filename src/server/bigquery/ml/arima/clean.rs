//! Spikes, dips and steps in level, taken off before the trend is modelled.
//!
//! Google describes what is cleaned, not by which test. These tests are shy: in Gaussian noise or a Gaussian random walk they fire about never,
//! since a cleaning that was not called for costs accuracy.

use super::kalman::count;

/// A spike differs from the level before and after it by more than so many robust deviations.
const SPIKE: f64 = 6.0;
/// Points on each side that make the level around a spike.
const AROUND: usize = 3;
/// A step is a change of more than so many robust deviations of changes ..
const STEP: f64 = 8.0;
/// .. whose larger part is there to stay for so many points ..
const LASTING: usize = 8;
const LASTING_SHARE: f64 = 0.7;
/// The normal distribution's standard deviation in median absolute deviations.
const NORMAL: f64 = 1.4826;

/// Positions of spikes and dips and what they have above what their neighbours suggest.
pub(super) fn spikes(values: &[f64]) -> Vec<(usize, f64)> {
    if values.len() < 4 * AROUND {
        return Vec::new();
    }
    let middle = AROUND..values.len() - AROUND;
    let sides = |i: usize| (median(&values[i - AROUND..i]), median(&values[i + 1..=i + AROUND]));
    let deviations: Vec<f64> = middle.clone().map(|i| values[i] - 0.5 * (sides(i).0 + sides(i).1)).collect();
    let limit = SPIKE * spread(&deviations);
    let is_spike = |i: &usize| {
        let (before, after) = sides(*i);
        let (rise, fall) = (values[*i] - before, values[*i] - after);
        rise * fall > 0.0 && rise.abs().min(fall.abs()) > limit
    };
    let found: Vec<usize> = middle.filter(is_spike).collect();
    found.iter().map(|i| (*i, values[*i] - bridged(values, &found, *i))).collect()
}

/// The straight line between the nearest points that are no spikes.
fn bridged(values: &[f64], spikes: &[usize], at: usize) -> f64 {
    let is_kept = |i: &usize| spikes.binary_search(i).is_err();
    let before = (0..at).rev().find(is_kept);
    let after = (at + 1..values.len()).find(is_kept);
    match (before, after) {
        (Some(a), Some(b)) => {
            let share = count(at - a) / count(b - a);
            values[a] + share * (values[b] - values[a])
        }
        (Some(one), None) | (None, Some(one)) => values[one],
        (None, None) => values[at],
    }
}

/// Positions of the first points of new levels, and how much higher these are than the level before.
pub(super) fn steps(values: &[f64]) -> Vec<(usize, f64)> {
    let changes: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let usual = median(&changes);
    let limit = STEP * spread(&changes.iter().map(|change| change - usual).collect::<Vec<f64>>());
    let mut found: Vec<(usize, f64)> = Vec::new();
    for (i, change) in changes.iter().enumerate() {
        let at = i + 1;
        let is_near = found.last().is_some_and(|(last, _)| at - last < LASTING);
        if is_near || at < LASTING || values.len() - at < LASTING || (change - usual).abs() <= limit {
            continue;
        }
        let lasting = median(&values[at..at + LASTING]) - median(&values[at - LASTING..at]);
        if lasting * change > 0.0 && lasting.abs() > LASTING_SHARE * change.abs() {
            found.push((at, change - usual));
        }
    }
    found
}

/// What each point lies above its level's continuation to the end, for `steps` of a series of `len` points: zero after the last step.
pub(super) fn step_offsets(steps: &[(usize, f64)], len: usize) -> Vec<f64> {
    let mut offsets = vec![0.0; len];
    for (at, height) in steps {
        offsets.iter_mut().take(*at).for_each(|offset| *offset -= height);
    }
    offsets
}

/// A standard deviation that outliers do not move; that of all values where more than half are the same.
pub(super) fn spread(values: &[f64]) -> f64 {
    let absolute: Vec<f64> = values.iter().map(|x| x.abs()).collect();
    let robust = NORMAL * median(&absolute);
    if robust > 0.0 {
        return robust;
    }
    (values.iter().map(|x| x * x).sum::<f64>() / count(values.len()).max(1.0)).sqrt()
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    if sorted.len().is_multiple_of(2) {
        let lower = sorted.len().checked_sub(1).and_then(|last| sorted.get(last / 2)).copied().unwrap_or(0.0);
        return 0.5 * (lower + upper);
    }
    upper
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        (0..n).map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0).collect()
    }

    #[test]
    fn a_spike_is_found_with_its_height() {
        let mut values = noise(60, 1);
        values[30] += 40.0;
        values[45] -= 40.0;
        let found = spikes(&values);
        assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [30, 45]);
        assert!((found[0].1 - 40.0).abs() < 4.0 && (found[1].1 + 40.0).abs() < 4.0);
    }

    #[test]
    fn a_step_is_found_and_evened_out() {
        let mut values = noise(80, 2);
        values.iter_mut().skip(50).for_each(|value| *value += 60.0);
        let found = steps(&values);
        assert!(found.len() == 1 && found[0].0 == 50, "{found:?}");
        assert!(spikes(&values).is_empty());
        let offsets = step_offsets(&found, values.len());
        assert!((offsets[0] + 60.0).abs() < 5.0 && offsets[50] == 0.0);
    }

    #[test]
    fn noise_and_random_walks_are_left_alone() {
        let mut fired = 0;
        for seed in 0..300 {
            let mut values = noise(200, seed);
            if seed % 2 == 0 {
                let mut level = 0.0;
                values.iter_mut().for_each(|value| {
                    level += *value;
                    *value = level;
                });
            }
            fired += usize::from(!spikes(&values).is_empty() || !steps(&values).is_empty());
        }
        assert!(fired <= 1, "{fired} of 300");
    }

    #[test]
    fn short_and_constant_series_are_left_alone() {
        for values in [vec![], vec![1.0], vec![1.0, 2.0, 900.0], vec![5.0; 50]] {
            assert!(spikes(&values).is_empty() && steps(&values).is_empty());
        }
    }
}
