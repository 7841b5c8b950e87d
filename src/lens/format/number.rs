//! Numbers as JavaScript writes and rounds them, which patterns build on.

/// Most decimals that are written.
pub(super) const DECIMALS_MAX: usize = 20;

/// The shortest text that reads back as `number`; with an exponent from 1e21 and below 1e-6.
pub(super) fn text(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if !has_exponent(number) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

pub(super) fn has_exponent(number: f64) -> bool {
    number.is_finite() && number != 0.0 && !(1e-6..1e21).contains(&number.abs())
}

/// To the nearest whole number, halves upwards.
pub(super) fn round(number: f64) -> f64 {
    let floor = number.floor();
    if number - floor >= 0.5 { floor + 1.0 } else { floor }
}

/// With so many decimals, halves away from zero, without a minus before zero.
pub(super) fn fixed(number: f64, decimals: usize) -> String {
    let decimals = decimals.min(DECIMALS_MAX);
    // Rust rounds exact halves to even.
    let scale = f64::from(u32::try_from(decimals + 1).unwrap_or(0)).exp2();
    let is_half = (number * scale).fract() == 0.0 && fraction_length(number) == decimals + 1;
    let number = match (is_half, number < 0.0) {
        (true, true) => number.next_down(),
        (true, false) => number.next_up(),
        (false, _) => number + 0.0,
    };
    format!("{number:.decimals$}")
}

/// Rounded in decimal, not binary: 1.005 to two decimals is 1.01. Of `decimals`, the last `optional` are cut if zero.
pub(super) fn rounded(number: f64, decimals: usize, optional: usize) -> String {
    let decimals = decimals.min(DECIMALS_MAX);
    let optional = optional.min(decimals);
    let wanted = fraction_length(number).clamp(decimals - optional, decimals);
    let shifted = format!("{number}e{wanted}").parse().unwrap_or(number);
    let power = format!("1e{wanted}").parse().unwrap_or(1.0);
    let text = fixed(round(shifted) / power, wanted);
    cut_zeros(text, optional.saturating_sub(decimals - wanted))
}

/// How many decimals the number has.
fn fraction_length(number: f64) -> usize {
    number.to_string().split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

fn cut_zeros(mut text: String, zeros_max: usize) -> String {
    for _ in 0..zeros_max {
        if !(text.contains('.') && text.ends_with('0')) {
            break;
        }
        text.pop();
    }
    if text.ends_with('.') {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_does() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.5, "1.5"),
            (-12.0, "-12"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (0.000_001, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(text(number), expected);
        }
    }

    #[test]
    fn halves_are_rounded_as_javascript_does() {
        for (number, decimals, expected) in [
            (0.5, 0, "1"),
            (2.5, 0, "3"),
            (-2.5, 0, "-3"),
            (1.25, 1, "1.3"),
            (1.005, 2, "1.00"),
            (-0.0, 1, "0.0"),
            (1e20, 0, "100000000000000000000"),
        ] {
            assert_eq!(fixed(number, decimals), expected, "{number}");
        }
        assert_eq!(round(-2.5), -2.0);
        assert_eq!(round(0.499_999_999_999_999_94), 0.0);
        assert_eq!(rounded(1.005, 2, 0), "1.01");
        assert_eq!(rounded(-1.005, 2, 0), "-1.00");
        assert!(rounded(f64::MAX, 3, 3).starts_with("17976931348623157"));
    }
}
