//! Seasonal patterns: which ones a series has, their course (STL), and their continuation.
//!
//! The service's own test for a pattern is not published. Here a pattern counts when the averages of its phases explain more of the detrended
//! series than a chance pattern would once in a thousand. Its continuation is the exponentially smoothed last cycle.

use serde::{Deserialize, Serialize};
use stlrs::{Mstl, Stl};

use super::clean::{median, spread};
use super::grid::Frequency;
use super::kalman::count;
use super::options::Seasonalities;

/// The share of the detrended variance that a pattern has to explain however long the series is.
const SHARE_MIN: f64 = 0.2;
const CHANCE: f64 = 0.001;
/// Robust deviations beyond which a detrended value is cut off.
const OUTLIER: f64 = 4.0;
/// The loess window over the years, days or weeks of one phase, in cycles.
const CYCLES_SMOOTHED: usize = 13;
/// The weight of the newest cycle in its continuation.
const SMOOTHING: f64 = 0.3;

/// A pattern that repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Season {
    Yearly,
    Quarterly,
    Monthly,
    Weekly,
    Daily,
}

impl Season {
    /// In the order of the columns of `ML.EXPLAIN_FORECAST`.
    pub(super) const ALL: [Self; 5] = [Self::Yearly, Self::Quarterly, Self::Monthly, Self::Weekly, Self::Daily];

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|season| season.word() == word)
    }

    /// As `SEASONALITIES` and `seasonal_periods` name it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Yearly => "YEARLY",
            Self::Quarterly => "QUARTERLY",
            Self::Monthly => "MONTHLY",
            Self::Weekly => "WEEKLY",
            Self::Daily => "DAILY",
        }
    }
}

/// A pattern found in a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Seasonal {
    pub(super) season: Season,
    /// Its part of each point.
    pub(super) history: Vec<f64>,
    /// One cycle of continuation, from the step after the last point.
    pub(super) next: Vec<f64>,
}

impl Seasonal {
    /// Its part of the `ahead`th step after the last point, counted from zero.
    pub(super) fn at(&self, ahead: usize) -> f64 {
        let cycle = self.next.len().max(1);
        self.next.get(ahead % cycle).copied().unwrap_or(0.0)
    }
}

/// The patterns of `values`, shortest first.
pub(super) fn find(values: &[f64], frequency: Frequency, wanted: &Seasonalities) -> Vec<(Season, usize)> {
    let (seasons, is_tested) = match wanted {
        Seasonalities::Auto => (frequency.usual_seasons(), true),
        Seasonalities::These(seasons) => (seasons.as_slice(), false),
    };
    let mut found: Vec<(Season, usize)> = Vec::new();
    let mut left = values.to_vec();
    let mut periods: Vec<(Season, usize)> =
        seasons.iter().filter_map(|season| Some((*season, frequency.period(*season)?))).collect();
    periods.sort_by_key(|(_, period)| *period);
    for (season, period) in periods {
        if values.len() <= 2 * period || (is_tested && !is_seasonal(&left, period)) {
            continue;
        }
        found.push((season, period));
        // A longer pattern has to explain what the shorter ones leave.
        subtract_medians(&mut left, period);
    }
    found
}

/// `values` less the median of each phase: rough, but blind to spikes and steps, which are looked for in what is left.
pub(super) fn without_medians(values: &[f64], periods: &[(Season, usize)]) -> Vec<f64> {
    let mut left = values.to_vec();
    for (_, period) in periods {
        subtract_medians(&mut left, *period);
    }
    left
}

fn subtract_medians(values: &mut [f64], period: usize) {
    let detrended = detrend(values, period);
    let mut medians = vec![0.0; period];
    for i in 0..period.min(detrended.len()) {
        let phase: Vec<f64> = detrended.iter().skip(i).step_by(period).copied().collect();
        medians[(i + period / 2) % period] = median(&phase);
    }
    let mean = medians.iter().sum::<f64>() / count(period);
    values.iter_mut().zip(medians.iter().cycle()).for_each(|(value, part)| *value -= part - mean);
}

/// Splits the patterns of `periods` off `values`. Empty if there are none or the series is too short for them.
pub(super) fn decompose(values: &[f64], periods: &[(Season, usize)]) -> Vec<Seasonal> {
    let lengths: Vec<usize> = periods.iter().map(|(_, period)| *period).collect();
    let parts: Vec<Vec<f64>> = match lengths.as_slice() {
        [] => return Vec::new(),
        [period] => {
            let fit = Stl::params().seasonal_length(CYCLES_SMOOTHED).robust(true).fit(values, *period);
            fit.map(|fit| vec![fit.seasonal().to_vec()]).unwrap_or_default()
        }
        _ => {
            let fit = Mstl::params().seasonal_lengths(&vec![CYCLES_SMOOTHED; lengths.len()]).fit(values, &lengths);
            fit.map(|fit| fit.seasonal().iter().map(|part| part.to_vec()).collect()).unwrap_or_default()
        }
    };
    if parts.iter().flatten().any(|part| !part.is_finite()) {
        return Vec::new();
    }
    let with_next = |((season, period), history): (&(Season, usize), Vec<f64>)| {
        let next = continuation(&history, *period);
        Seasonal { season: *season, history, next }
    };
    periods.iter().zip(parts).map(with_next).collect()
}

/// One cycle after `history`, each phase smoothed over its cycles.
fn continuation(history: &[f64], period: usize) -> Vec<f64> {
    (0..period)
        .map(|ahead| {
            let phase = (history.len() + ahead) % period;
            let mut level = None;
            for value in history.iter().skip(phase).step_by(period) {
                level = Some(level.map_or(*value, |before: f64| before + SMOOTHING * (value - before)));
            }
            level.unwrap_or(0.0)
        })
        .collect()
}

/// Whether the averages of the phases explain more of the detrended series than chance.
///
/// Detrended neighbours are correlated, so a pattern has about two free shapes whatever its period: the share that chance explains in `c` cycles
/// is that of a Beta(1, c - 1).
fn is_seasonal(values: &[f64], period: usize) -> bool {
    let detrended = detrend(values, period);
    let cycles = detrended.len() / period;
    if cycles < 2 {
        return false;
    }
    // One spike or step must not hide a pattern: outliers count as less.
    let limit = OUTLIER * spread(&detrended);
    let clipped: Vec<f64> = detrended.iter().take(cycles * period).map(|x| x.clamp(-limit, limit)).collect();
    let whole = clipped.iter();
    let total: f64 = whole.clone().map(|x| x * x).sum();
    let explained: f64 = (0..period)
        .map(|phase| {
            let average = whole.clone().skip(phase).step_by(period).sum::<f64>() / count(cycles);
            average * average * count(cycles)
        })
        .sum();
    let by_chance = 1.0 - CHANCE.powf(1.0 / (count(cycles) - 1.0));
    total > 0.0 && explained / total > by_chance.max(SHARE_MIN)
}

/// Values less their moving average over one period.
fn detrend(values: &[f64], period: usize) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values {
        sums.push(sums[sums.len() - 1] + value);
    }
    let before = period / 2;
    let window = if period.is_multiple_of(2) { period + 1 } else { period };
    (0..values.len().saturating_sub(window - 1))
        .map(|i| {
            let mut sum = sums[i + window] - sums[i];
            if window > period {
                // An even period is centred by half weights at both ends.
                sum -= 0.5 * (values[i] + values[i + window - 1]);
            }
            values[i + before] - sum / count(period)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn weekly(weeks: usize, height: f64) -> Vec<f64> {
        let mut rng = rand::rngs::StdRng::seed_from_u64(3);
        (0..weeks * 7).map(|t| 50.0 + if t % 7 > 4 { -height } else { height } + rng.random_range(-1.0..1.0)).collect()
    }

    #[test]
    fn a_week_with_a_weekend_is_found_and_continued() {
        let values = weekly(12, 5.0);
        let found = find(&values, Frequency::Daily, &Seasonalities::Auto);
        assert_eq!(found, [(Season::Weekly, 7)]);
        let seasonal = decompose(&values, &found).remove(0);
        assert!(seasonal.at(5) < seasonal.at(0) - 8.0 && (seasonal.at(0) - seasonal.at(7)).abs() < 1e-12);
    }

    #[test]
    fn random_walks_and_noise_have_no_season() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(5);
        let mut wrong = 0;
        for case in 0..400 {
            let n = 40 + case % 200;
            let (mut level, is_walk) = (0.0, case % 2 == 0);
            let values: Vec<f64> = (0..n)
                .map(|_| {
                    let shock: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
                    level = if is_walk { level + shock } else { shock };
                    level
                })
                .collect();
            wrong += usize::from(!find(&values, Frequency::Daily, &Seasonalities::Auto).is_empty());
        }
        assert!(wrong <= 4, "{wrong} of 400");
    }

    #[test]
    fn two_seasons_are_told_apart() {
        let values: Vec<f64> = (0..24 * 7 * 4)
            .map(|t| {
                100.0 + f64::from(t % 24) + if t / 24 % 7 > 4 { -30.0 } else { 0.0 } + 0.1 * f64::from(t * 7919 % 11)
            })
            .collect();
        let found = find(&values, Frequency::Hourly, &Seasonalities::Auto);
        assert_eq!(found, [(Season::Daily, 24), (Season::Weekly, 168)]);
        assert_eq!(decompose(&values, &found).len(), 2);
    }
}
