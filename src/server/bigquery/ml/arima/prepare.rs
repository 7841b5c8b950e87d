//! Observations to an equal grid: sorted, those of one step averaged, gaps bridged by straight lines.

use super::bounds::Bounds;
use super::grid::{Frequency, Grid};
use super::kalman::count;

/// Below this the service refuses a series too.
const POINTS_MIN: usize = 3;
const POINTS_MAX: usize = 1_000_000;
const POINTS_MAX_DECOMPOSED: usize = 500_000;

/// A series on its grid.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) grid: Grid,
    /// The number of the first step.
    pub(super) first: i64,
    /// One value a step.
    pub(super) values: Vec<f64>,
    /// Observations beyond the first in their step, averaged into it.
    pub(super) averaged: usize,
    /// Steps without an observation.
    pub(super) interpolated: usize,
}

/// Puts `observations` (microseconds, value), in any order, on a grid. The error is a series' `error_message`.
pub(super) fn prepare(
    mut observations: Vec<(i64, f64)>,
    frequency: Option<Frequency>,
    bounds: Bounds,
    decomposes: bool,
) -> Result<Prepared, String> {
    if observations.iter().any(|(_, value)| !value.is_finite()) {
        return Err("Time series data contains NaN or infinity.".to_owned());
    }
    observations.retain(|(_, value)| bounds.holds(*value));
    if observations.is_empty() {
        return Err("Time series has no data that is not NULL.".to_owned());
    }
    observations.sort_by_key(|(time, _)| *time);
    let mut times: Vec<i64> = observations.iter().map(|(time, _)| *time).collect();
    times.dedup();
    let frequency = frequency.unwrap_or_else(|| Frequency::infer(&times));
    let beyond = || "Time series has a timestamp outside the years 1 to 9999.".to_owned();
    let grid = Grid::new(frequency, &times).ok_or_else(beyond)?;
    let averages = averages(grid, &observations).ok_or_else(beyond)?;
    let (Some((first, _)), Some((last, _))) = (averages.first(), averages.last()) else {
        return Err(beyond());
    };
    let points = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
    check_length(points, frequency, decomposes)?;
    let values = interpolate(&averages, points);
    if values.iter().any(|value| !value.is_finite()) {
        return Err("Time series data is too large to be averaged or interpolated.".to_owned());
    }
    Ok(Prepared {
        grid,
        first: *first,
        values,
        averaged: observations.len() - averages.len(),
        interpolated: points - averages.len(),
    })
}

fn check_length(points: usize, frequency: Frequency, decomposes: bool) -> Result<(), String> {
    let most = if decomposes { POINTS_MAX_DECOMPOSED } else { POINTS_MAX };
    let word = frequency.word();
    if points < POINTS_MIN {
        return Err(format!(
            "Time series has {points} time points at frequency {word}; at least {POINTS_MIN} are required."
        ));
    }
    if points > most {
        return Err(format!("Time series has {points} time points at frequency {word}; at most {most} are allowed."));
    }
    Ok(())
}

/// Step and mean of each step that has observations.
fn averages(grid: Grid, observations: &[(i64, f64)]) -> Option<Vec<(i64, f64)>> {
    let mut found: Vec<(i64, f64, usize)> = Vec::new();
    for (time, value) in observations {
        let step = grid.step(*time)?;
        match found.last_mut() {
            // A running mean, which does not overflow where a sum would.
            Some((last, mean, seen)) if *last == step => {
                *seen += 1;
                *mean += (value - *mean) / count(*seen);
            }
            _ => found.push((step, *value, 1)),
        }
    }
    Some(found.into_iter().map(|(step, mean, _)| (step, mean)).collect())
}

fn interpolate(averages: &[(i64, f64)], points: usize) -> Vec<f64> {
    let mut values = Vec::with_capacity(points);
    values.extend(averages.first().map(|(_, value)| *value));
    for pair in averages.windows(2) {
        let [(before, low), (after, high)] = pair else { continue };
        let gap = after - before;
        values.extend((1..=gap).map(|i| if i == gap { *high } else { low + (high - low) * (i as f64 / gap as f64) }));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000_000;

    fn made(observations: &[(i64, f64)]) -> Result<Prepared, String> {
        prepare(observations.to_vec(), None, Bounds::default(), true)
    }

    #[test]
    fn duplicates_are_averaged_and_gaps_bridged() {
        let got = made(&[(4 * MINUTE, 8.0), (0, 1.0), (0, 3.0), (MINUTE, 2.0), (2 * MINUTE, 4.0)]).unwrap();
        assert_eq!(got.values, [2.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!((got.averaged, got.interpolated), (1, 1));
    }

    #[test]
    fn ticks_of_a_second_make_minutes() {
        let ticks: Vec<(i64, f64)> = (0..180).map(|s| (s * 1_000_000, s as f64)).collect();
        let got = made(&ticks).unwrap();
        assert_eq!((got.values.len(), got.averaged, got.values[0]), (3, 177, 29.5));
    }

    #[test]
    fn a_series_that_cannot_be_modelled_says_why() {
        for (observations, want) in [
            (vec![], "no data"),
            (vec![(0, 1.0)], "1 time points"),
            (vec![(0, 1.0), (0, 2.0)], "1 time points"),
            (vec![(0, f64::NAN)], "NaN"),
            (vec![(i64::MAX, 1.0)], "years 1 to 9999"),
            (vec![(0, 1.0), (MINUTE, 1.0), (2 * MINUTE, 1.0), (1_000_000 * MINUTE, 1.0)], "at most 500000"),
        ] {
            let error = made(&observations).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_observations_are_prepared_or_refused(observations: Vec<(i64, f64)>) {
            if let Ok(got) = made(&observations) {
                prop_assert!(got.values.iter().all(|value| !value.is_nan()));
            }
        }
    }
}
