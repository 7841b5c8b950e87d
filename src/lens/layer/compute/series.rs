//! Operations along a series of rows.

use std::collections::{HashMap, VecDeque};

use crate::lens::{layer::column::ReferenceFunction, table::Cell};

/// The number of the series of each row: rows with the same cells in these columns are one.
pub(super) fn of(rows: &[Vec<Cell>], columns: &[usize]) -> Vec<usize> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let key = |row: &Vec<Cell>| {
        let cells: Vec<Option<&Cell>> = columns.iter().map(|at| row.get(*at)).collect();
        format!("{cells:?}")
    };
    rows.iter()
        .map(|row| {
            let next = numbers.len();
            *numbers.entry(key(row)).or_insert(next)
        })
        .collect()
}

/// `values` of all rows in order, `series` the number of each one's series.
pub(super) fn apply(function: &ReferenceFunction, values: &[Option<f64>], series: &[usize]) -> Vec<Option<f64>> {
    match function {
        ReferenceFunction::CumulativeSum => along(values, series, |sum: &mut f64, value| {
            *sum += value.unwrap_or(0.0);
            Some(*sum)
        }),
        ReferenceFunction::Differences => along(values, series, |previous: &mut Option<f64>, value| {
            let difference = value.zip(*previous).map(|(value, previous)| value - previous);
            *previous = value;
            difference
        }),
        // A counter that fell began again at 0.
        ReferenceFunction::CounterRate => along(values, series, |previous: &mut Option<f64>, value| {
            let growth = value.zip(*previous);
            *previous = value;
            growth.map(|(value, previous)| if value >= previous { value - previous } else { value })
        }),
        ReferenceFunction::MovingAverage { window } => moving_average(values, series, *window),
        ReferenceFunction::OverallSum => over(values, series, |all| Some(all.iter().sum())),
        ReferenceFunction::OverallMin => over(values, series, |all| all.iter().copied().reduce(f64::min)),
        ReferenceFunction::OverallMax => over(values, series, |all| all.iter().copied().reduce(f64::max)),
        ReferenceFunction::OverallAverage => over(values, series, |all| {
            #[allow(clippy::cast_precision_loss, reason = "rows are few")]
            let count = all.len() as f64;
            Some(all.iter().sum::<f64>() / count)
        }),
        // Needs the buckets' times: it is computed where these are known.
        ReferenceFunction::NormalizeByUnit(_) => vec![None; values.len()],
    }
}

/// Row after row, with a state for each series.
fn along<S: Default>(
    values: &[Option<f64>],
    series: &[usize],
    step: impl Fn(&mut S, Option<f64>) -> Option<f64>,
) -> Vec<Option<f64>> {
    let mut states: HashMap<usize, S> = HashMap::new();
    let rows = values.iter().zip(series);
    rows.map(|(value, series)| step(states.entry(*series).or_default(), *value)).collect()
}

/// The mean of the values before this one; rows without a value take a place in the window but count nothing.
fn moving_average(values: &[Option<f64>], series: &[usize], window: usize) -> Vec<Option<f64>> {
    along(values, series, |before: &mut VecDeque<Option<f64>>, value| {
        let known: Vec<f64> = before.iter().copied().flatten().collect();
        #[allow(clippy::cast_precision_loss, reason = "a window is small")]
        let mean = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
        if value.is_some() || !before.is_empty() {
            before.push_back(value);
        }
        if before.len() > window {
            before.pop_front();
        }
        mean
    })
}

/// One number for all rows of a series; null where the series has no value at all.
fn over(values: &[Option<f64>], series: &[usize], all: impl Fn(&[f64]) -> Option<f64>) -> Vec<Option<f64>> {
    let mut known: HashMap<usize, Vec<f64>> = HashMap::new();
    for (value, series) in values.iter().zip(series) {
        if let Some(value) = value {
            known.entry(*series).or_default().push(*value);
        }
    }
    let results: HashMap<usize, Option<f64>> = known.iter().map(|(series, values)| (*series, all(values))).collect();
    series.iter().map(|series| results.get(series).copied().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_runs_along_its_own_series() {
        use ReferenceFunction as F;
        let values = [Some(1.0), Some(10.0), Some(4.0), None, Some(2.0), Some(30.0)];
        let series = [0, 1, 0, 0, 0, 1];
        let none = None;
        for (function, expected) in [
            (F::CumulativeSum, [Some(1.0), Some(10.0), Some(5.0), Some(5.0), Some(7.0), Some(40.0)]),
            (F::Differences, [none, none, Some(3.0), none, none, Some(20.0)]),
            (F::CounterRate, [none, none, Some(3.0), none, none, Some(20.0)]),
            (F::MovingAverage { window: 2 }, [none, none, Some(1.0), Some(2.5), Some(4.0), Some(10.0)]),
            (F::OverallSum, [Some(7.0), Some(40.0), Some(7.0), Some(7.0), Some(7.0), Some(40.0)]),
            (F::OverallMin, [Some(1.0), Some(10.0), Some(1.0), Some(1.0), Some(1.0), Some(10.0)]),
            (F::OverallMax, [Some(4.0), Some(30.0), Some(4.0), Some(4.0), Some(4.0), Some(30.0)]),
            (F::OverallAverage, [7.0 / 3.0, 20.0, 7.0 / 3.0, 7.0 / 3.0, 7.0 / 3.0, 20.0].map(Some)),
        ] {
            assert_eq!(apply(&function, &values, &series), expected, "{function:?}");
        }
    }

    #[test]
    fn a_counter_that_fell_counts_from_zero() {
        let values = [Some(5.0), Some(9.0), Some(2.0), Some(2.0)];
        assert_eq!(apply(&ReferenceFunction::CounterRate, &values, &[0; 4]), [None, Some(4.0), Some(2.0), Some(0.0)]);
    }

    #[test]
    fn a_series_without_values_has_no_overall() {
        assert_eq!(apply(&ReferenceFunction::OverallSum, &[None, None], &[0, 0]), [None, None]);
    }
}
