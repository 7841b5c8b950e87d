//! The width of the bars in a histogram of numbers.

/// `histogram:maxBars` of Kibana, at its default.
const BARS_MAX: f64 = 100.0;
/// What `auto` means for the number of bars.
const BARS_AUTO: f64 = (BARS_MAX - 1.0) / 2.0;

/// The width that cuts `min..max` into at most `bars_max` bars (`None`: `auto`; never more than 100): 1, 2, 5 or 10
/// times a power of ten. Integers of fewer values than bars get a bar each. Always above zero; 1 when there is nothing
/// to cut.
pub fn number_interval(min: f64, max: f64, bars_max: Option<f64>, is_integer: bool) -> f64 {
    let asked = bars_max.unwrap_or(BARS_AUTO);
    let bars = if asked > 0.0 { asked.min(BARS_MAX) } else { BARS_MAX };
    let width = max - min;
    if !width.is_finite() || width <= 0.0 || (is_integer && width < bars) {
        return 1.0;
    }
    let power = 10_f64.powf((width / bars).log10().floor());
    let interval = [1.0, 2.0, 5.0].into_iter().map(|times| times * power).find(|interval| width / interval <= bars);
    let interval = interval.unwrap_or(10.0 * power);
    if interval.is_finite() && interval > 0.0 { interval } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_are_one_two_or_five_times_a_power_of_ten() {
        for (min, max, bars_max, is_integer, expected) in [
            (0.0, 1000.0, None, false, 50.0),
            (0.0, 1000.0, None, true, 50.0),
            (0.0, 1000.0, Some(100.0), false, 10.0),
            (0.0, 1000.0, Some(250.0), false, 10.0),
            (0.0, 1000.0, Some(10.0), false, 100.0),
            (0.0, 1000.0, Some(1.0), false, 1000.0),
            (0.0, 1000.0, Some(0.0), false, 10.0),
            (0.0, 30.0, None, true, 1.0),
            (0.0, 30.0, None, false, 1.0),
            (0.0, 1.0, None, false, 0.05),
            (-500.0, 500.0, None, false, 50.0),
            (0.0, 40.0, Some(50.0), false, 1.0),
            (0.0, 60.0, None, true, 2.0),
            (3.0, 3.0, None, false, 1.0),
            (5.0, 3.0, None, false, 1.0),
        ] {
            let interval = number_interval(min, max, bars_max, is_integer);
            assert!((interval - expected).abs() < 1e-12, "{min}..{max} by {bars_max:?}: {interval}, not {expected}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_give_a_width(
            min in any::<f64>(), max in any::<f64>(), bars in any::<Option<f64>>(), is_integer in any::<bool>(),
        ) {
            let interval = number_interval(min, max, bars, is_integer);
            prop_assert!(interval.is_finite() && interval > 0.0);
        }
    }
}
