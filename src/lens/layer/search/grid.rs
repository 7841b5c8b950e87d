//! The width of a histogram of numbers: found from the least and the greatest value, which a search asks first.

use serde_json::{Map, Value, json};

use crate::lens::layer::plan::BucketKind;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    pub(crate) interval: f64,
    /// Least and greatest value; `None` when there are no documents.
    pub(crate) ends: Option<(f64, f64)>,
}

/// What to ask for a bucket of this kind before the search itself.
pub(crate) fn question(kind: &BucketKind) -> Option<Map<String, Value>> {
    let BucketKind::Histogram { field, .. } = kind else { return None };
    let ask = |name: &str, function: &str| (name.to_owned(), json!({function: {"field": field}}));
    Some(Map::from_iter([ask("maxAgg", "max"), ask("minAgg", "min")]))
}

/// Of the aggregations in the answer to [`question`].
pub(crate) fn grid(kind: &BucketKind, aggregations: &Value) -> Option<Grid> {
    let BucketKind::Histogram { bars_max, is_integer, .. } = kind else { return None };
    let end = |path| aggregations.pointer(path).and_then(Value::as_f64).filter(|end| end.is_finite());
    let ends = end("/minAgg/value").zip(end("/maxAgg/value"));
    let interval = ends.map_or(1.0, |(min, max)| interval(max - min, *bars_max, *is_integer));
    Some(Grid { interval, ends })
}

/// 1, 2 or 5 times a power of ten, the first with at most `bars` of them in the distance.
fn interval(distance: f64, bars: f64, is_integer: bool) -> f64 {
    if !distance.is_finite() || distance <= 0.0 || (is_integer && distance < bars) {
        return 1.0;
    }
    let power = 10_f64.powf((distance / bars).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| distance / (power * step) <= bars).unwrap_or(10.0);
    let interval = power * step;
    if interval.is_normal() { interval } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_is_one_two_or_five_times_a_power_of_ten() {
        for (distance, bars, is_integer, expected) in [
            (1_000.0, 49.5, false, 50.0),
            (1_000.0, 100.0, false, 10.0),
            (10.0, 49.5, true, 1.0),
            (10.0, 49.5, false, 0.5),
            (0.0, 49.5, false, 1.0),
            (123_456.0, 20.0, false, 10_000.0),
            (7.0, 3.0, false, 5.0),
        ] {
            let found = interval(distance, bars, is_integer);
            assert!((found - expected).abs() < 1e-9, "{distance} in {bars}: {found}, expected {expected}");
        }
    }
}
