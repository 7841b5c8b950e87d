//! One series: prepared, cleaned, split into seasons and trend, its trend modelled.

use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::candidate::{self, Candidate};
use super::clean;
use super::grid::{Frequency, Grid};
use super::kalman::{self, count};
use super::options::ArimaOptions;
use super::prepare::{Prepared, prepare};
use super::season::{self, Season, Seasonal};

/// A fitted series: what forecasts need, and its history if it is to be explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Fitted {
    pub(super) grid: Grid,
    /// The number of the first step.
    pub(super) first: i64,
    pub(super) points: usize,
    pub(super) averaged: usize,
    pub(super) interpolated: usize,
    /// Lowest AIC first; never empty.
    pub(super) candidates: Vec<Candidate>,
    /// The best candidate's state after the last point.
    next: Vec<f64>,
    /// The trend's last value, and its last difference if the model has two.
    last: Vec<f64>,
    pub(super) seasonals: Vec<Seasonal>,
    pub(super) has_spikes: bool,
    pub(super) has_steps: bool,
    /// The mean absolute change from point to point: what errors are scaled by.
    pub(super) naive_error: f64,
    pub(super) bounds: Bounds,
    pub(super) history: Option<History>,
}

/// What is kept of the points for `ML.EXPLAIN_FORECAST`, within the bounds' free numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    /// As observed or interpolated, in its own units.
    pub(super) values: Vec<f64>,
    /// The trend that the step before expected.
    pub(super) trend: Vec<f64>,
    pub(super) spikes: Vec<(usize, f64)>,
    pub(super) step_offsets: Vec<f64>,
}

/// The trend a step ahead and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ahead {
    pub(super) trend: f64,
    pub(super) standard_error: f64,
}

impl Fitted {
    /// Fits `observations`, microseconds and values. The error is the series' `error_message`.
    pub(super) fn new(observations: Vec<(i64, f64)>, options: &ArimaOptions) -> Result<Self, String> {
        let bounds = Bounds { lower: options.lower_bound, upper: options.upper_bound };
        let prepared = prepare(observations, options.frequency, bounds, options.decomposes)?;
        let free: Vec<f64> = prepared.values.iter().map(|value| bounds.to_free(*value)).collect();
        let cleaned = Cleaned::new(&free, prepared.grid.frequency, options);
        let window = options.length.of(cleaned.trend.len());
        let modelled = &cleaned.trend[cleaned.trend.len() - window..];
        let candidates = candidate::search(modelled, &options.search);
        let too_short = || format!("Time series has {window} time points, too few for any candidate model.");
        let best = candidates.first().ok_or_else(too_short)?;
        let left = candidate::differenced(&cleaned.trend, best.order.d);
        let filtered = kalman::filter(&best.arma, &left, best.constant).ok_or_else(too_short)?;
        let last =
            (0..best.order.d).filter_map(|d| candidate::differenced(&cleaned.trend, d).last().copied()).collect();
        Ok(Self::assemble(
            prepared,
            cleaned,
            &filtered.errors,
            options,
            Parts { bounds, next: filtered.next, last, candidates },
        ))
    }

    fn assemble(prepared: Prepared, cleaned: Cleaned, errors: &[f64], options: &ArimaOptions, parts: Parts) -> Self {
        let points = prepared.values.len();
        let changes: f64 = prepared.values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
        let mut seasonals = cleaned.seasonals;
        let (has_spikes, has_steps) = (!cleaned.spikes.is_empty(), cleaned.has_steps);
        let history = options.decomposes.then(|| History {
            trend: smoothed(&expected(&cleaned.trend, errors), options.trend_window),
            values: prepared.values,
            spikes: cleaned.spikes,
            step_offsets: cleaned.step_offsets,
        });
        if history.is_none() {
            seasonals.iter_mut().for_each(|seasonal| seasonal.history.clear());
        }
        Self {
            grid: prepared.grid,
            first: prepared.first,
            points,
            averaged: prepared.averaged,
            interpolated: prepared.interpolated,
            candidates: parts.candidates,
            next: parts.next,
            last: parts.last,
            seasonals,
            has_spikes,
            has_steps,
            naive_error: changes / count(points - 1).max(1.0),
            bounds: parts.bounds,
            history,
        }
    }

    /// The trend of the next `steps` steps, by the best candidate.
    pub(super) fn ahead(&self, steps: usize) -> Vec<Ahead> {
        let Some(best) = self.candidates.first() else {
            return Vec::new();
        };
        let mut psi = best.arma.psi_weights(steps);
        for _ in 0..best.order.d {
            let mut sum = 0.0;
            psi.iter_mut().for_each(|weight| {
                sum += *weight;
                *weight = sum;
            });
        }
        let mut levels = self.last.clone();
        let mut squares = 0.0;
        let changes = kalman::predict(&best.arma, &self.next, steps);
        changes
            .iter()
            .zip(psi)
            .map(|(change, weight)| {
                squares += weight * weight;
                let mut carried = change + best.constant;
                for level in levels.iter_mut().rev() {
                    *level += carried;
                    carried = *level;
                }
                Ahead { trend: carried, standard_error: (best.error_variance * squares).sqrt() }
            })
            .collect()
    }

    /// What a season adds to the step `ahead` of the last point, counted from zero; `None` if the series does not have it.
    pub(super) fn season_ahead(&self, season: Season, ahead: usize) -> Option<f64> {
        self.seasonals.iter().find(|seasonal| seasonal.season == season).map(|seasonal| seasonal.at(ahead))
    }

    /// When the step begins that is `ahead` of the last point, counted from zero. `None` beyond the calendar.
    pub(super) fn time_ahead(&self, ahead: usize) -> Option<i64> {
        self.time_at(self.points.checked_add(ahead)?)
    }

    /// When the point begins, counted from zero.
    pub(super) fn time_at(&self, point: usize) -> Option<i64> {
        self.grid.start(self.first.checked_add(i64::try_from(point).ok()?)?)
    }
}

struct Parts {
    bounds: Bounds,
    next: Vec<f64>,
    last: Vec<f64>,
    candidates: Vec<Candidate>,
}

/// A series split into what disturbs it, what repeats, and the rest.
struct Cleaned {
    trend: Vec<f64>,
    seasonals: Vec<Seasonal>,
    spikes: Vec<(usize, f64)>,
    step_offsets: Vec<f64>,
    has_steps: bool,
}

impl Cleaned {
    fn new(values: &[f64], frequency: Frequency, options: &ArimaOptions) -> Self {
        let periods = season::find(values, frequency, &options.seasonalities);
        // Spikes and steps are looked for in what the seasons leave: a quiet weekend is no dip.
        let mut left = season::without_medians(values, &periods);
        let spikes = if options.cleans_spikes { clean::spikes(&left) } else { Vec::new() };
        for (at, height) in &spikes {
            left[*at] -= height;
        }
        let steps = if options.adjusts_steps { clean::steps(&left) } else { Vec::new() };
        let step_offsets = clean::step_offsets(&steps, values.len());
        let mut adjusted: Vec<f64> = values.iter().zip(&step_offsets).map(|(value, offset)| value - offset).collect();
        for (at, height) in &spikes {
            adjusted[*at] -= height;
        }
        let seasonals = season::decompose(&adjusted, &periods);
        Self { trend: without(&adjusted, &seasonals), seasonals, spikes, step_offsets, has_steps: !steps.is_empty() }
    }
}

fn without(values: &[f64], seasonals: &[Seasonal]) -> Vec<f64> {
    let mut left = values.to_vec();
    for seasonal in seasonals {
        left.iter_mut().zip(&seasonal.history).for_each(|(value, part)| *value -= part);
    }
    left
}

/// What the model expected of each point; of the first, which differences have no error for, the point itself.
fn expected(trend: &[f64], errors: &[f64]) -> Vec<f64> {
    let skipped = trend.len() - errors.len().min(trend.len());
    let mut expected = trend.to_vec();
    expected.iter_mut().skip(skipped).zip(errors).for_each(|(value, error)| *value -= error);
    expected
}

/// A centred moving average whose ends repeat the first and the last value.
fn smoothed(trend: &[f64], window: Option<usize>) -> Vec<f64> {
    let Some(window) = window.filter(|window| *window > 1 && !trend.is_empty()) else {
        return trend.to_vec();
    };
    let mut sums = vec![0.0];
    let before = window / 2;
    for i in 0..trend.len() + window {
        let at = i.saturating_sub(before).min(trend.len() - 1);
        sums.push(sums[i] + trend[at]);
    }
    (0..trend.len()).map(|i| (sums[i + window] - sums[i]) / count(window)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moving_average_repeats_the_ends() {
        assert_eq!(smoothed(&[1.0, 2.0, 3.0, 7.0], Some(3)), [4.0 / 3.0, 2.0, 4.0, 17.0 / 3.0]);
        assert_eq!(smoothed(&[1.0, 2.0], Some(1)), [1.0, 2.0]);
    }

    #[test]
    fn the_first_points_expect_themselves() {
        assert_eq!(expected(&[1.0, 2.0, 4.0], &[0.5, 1.0]), [1.0, 1.5, 3.0]);
    }
}
