//! `NUMERIC`: 38 digits, 9 of them after the point, kept as an `i128` of billionths.

/// Units in 1.
pub(crate) const NUMERIC_SCALE: i128 = 1_000_000_000;
/// The greatest magnitude: 38 nines.
pub(crate) const NUMERIC_MAX: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumericError {
    Overflow,
    DivisionByZero,
}

pub(crate) fn checked(value: i128) -> Result<i128, NumericError> {
    if (-NUMERIC_MAX..=NUMERIC_MAX).contains(&value) { Ok(value) } else { Err(NumericError::Overflow) }
}

pub(crate) fn add(left: i128, right: i128) -> Result<i128, NumericError> {
    left.checked_add(right).ok_or(NumericError::Overflow).and_then(checked)
}

pub(crate) fn subtract(left: i128, right: i128) -> Result<i128, NumericError> {
    left.checked_sub(right).ok_or(NumericError::Overflow).and_then(checked)
}

/// Rounds half away from zero.
pub(crate) fn multiply(left: i128, right: i128) -> Result<i128, NumericError> {
    multiply_divide(left, right, NUMERIC_SCALE)
}

/// Rounds half away from zero.
pub(crate) fn divide(left: i128, right: i128) -> Result<i128, NumericError> {
    if right == 0 {
        return Err(NumericError::DivisionByZero);
    }
    multiply_divide(left, NUMERIC_SCALE, right)
}

/// The nearest `NUMERIC` of a float; halves away from zero.
pub(crate) fn of_float(value: f64) -> Result<i128, NumericError> {
    // The shortest digits of the float are what is meant by it: 0.1 is exactly one tenth.
    if !value.is_finite() || value.abs() >= 1e29 {
        return Err(NumericError::Overflow);
    }
    parse_numeric(&format!("{value}")).ok_or(NumericError::Overflow)
}

pub(crate) fn to_float(value: i128) -> f64 {
    print_numeric(value).parse().unwrap_or(f64::NAN)
}

/// Rounds to `digits` after the point (negative: before it), halves away from zero, or cuts.
pub(crate) fn round(value: i128, digits: i64, cut: bool) -> Result<i128, NumericError> {
    if digits >= 9 {
        return Ok(value);
    }
    let Some(unit) = u32::try_from(9 - digits).ok().and_then(|power| 10_i128.checked_pow(power)) else { return Ok(0) };
    let rest = value % unit;
    let down = value - rest;
    if cut || rest.unsigned_abs() < unit.unsigned_abs().div_ceil(2) {
        return Ok(down);
    }
    checked(down.checked_add(unit * value.signum()).ok_or(NumericError::Overflow)?)
}

/// `left * right / divisor` through 256 bits.
fn multiply_divide(left: i128, right: i128, divisor: i128) -> Result<i128, NumericError> {
    let negative = (left < 0) ^ (right < 0) ^ (divisor < 0);
    let (high, low) = wide_product(left.unsigned_abs(), right.unsigned_abs());
    let magnitude = wide_quotient(high, low, divisor.unsigned_abs()).ok_or(NumericError::Overflow)?;
    let value = i128::try_from(magnitude).map_err(|_| NumericError::Overflow)?;
    checked(if negative { -value } else { value })
}

const HALF: u128 = (1 << 64) - 1;

/// The 256 bits of a product as (high, low), by halves of 64 bits.
fn wide_product(left: u128, right: u128) -> (u128, u128) {
    let (left_high, left_low) = (left >> 64, left & HALF);
    let (right_high, right_low) = (right >> 64, right & HALF);
    let low = left_low * right_low;
    let (middle, carry) = (left_high * right_low).overflowing_add(left_low * right_high);
    let (low, carry_low) = low.overflowing_add(middle << 64);
    let high = left_high * right_high + (middle >> 64) + (u128::from(carry) << 64) + u128::from(carry_low);
    (high, low)
}

/// Divides bit by bit, rounding half up; `None` when the quotient has more than 128 bits. The divisor is below 2^127.
fn wide_quotient(high: u128, low: u128, divisor: u128) -> Option<u128> {
    if high >= divisor {
        return None;
    }
    let (mut rest, mut quotient) = (high, 0_u128);
    for bit in (0..128).rev() {
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient |= 1;
        }
    }
    quotient.checked_add(u128::from(rest >= divisor - rest))
}

/// A decimal number, with or without sign, point and exponent; digits beyond the ninth round. `None` when it is none or out of range.
pub(crate) fn parse_numeric(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match body.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    // The position of the last digit that counts, from the left of all digits.
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + 9;
    let (mut value, mut index) = (0_i128, 0_i64);
    for byte in whole.bytes().chain(fraction.bytes()) {
        if index < kept {
            value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
        } else if index == kept && byte >= b'5' {
            value = value.checked_add(1)?;
        }
        index += 1;
    }
    while index < kept && value != 0 {
        value = value.checked_mul(10)?;
        index += 1;
    }
    checked(if negative { -value } else { value }).ok()
}

/// Without trailing zeros.
pub(crate) fn print_numeric(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let scale = NUMERIC_SCALE.unsigned_abs();
    let (whole, fraction) = (value.unsigned_abs() / scale, value.unsigned_abs() % scale);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{}", format!("{fraction:09}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_read_and_printed_without_trailing_zeros() {
        for (text, printed) in [
            ("1", "1"),
            ("-1.10", "-1.1"),
            ("+.5", "0.5"),
            ("1e3", "1000"),
            ("1.25e-9", "0.000000001"),
            ("0.0000000005", "0.000000001"),
            ("-0.0000000004", "0"),
            ("123456e-3", "123.456"),
            ("99999999999999999999999999999.999999999", "99999999999999999999999999999.999999999"),
            ("0e999999", "0"),
        ] {
            assert_eq!(parse_numeric(text).map(print_numeric).as_deref(), Some(printed), "{text}");
        }
        for bad in ["", ".", "1e", "x", "1..2", "99999999999999999999999999999.9999999995", "1e30", "--1", "1 2"] {
            assert_eq!(parse_numeric(bad), None, "{bad}");
        }
    }

    #[test]
    fn products_and_quotients_round_half_away_from_zero() {
        let n = |text: &str| parse_numeric(text).unwrap();
        assert_eq!(multiply(n("1.5"), n("-1.5")), Ok(n("-2.25")));
        assert_eq!(multiply(n("0.000000001"), n("0.5")), Ok(n("0.000000001")));
        assert_eq!(divide(n("1"), n("3")), Ok(n("0.333333333")));
        assert_eq!(divide(n("-2"), n("3")), Ok(n("-0.666666667")));
        assert_eq!(divide(n("1"), 0), Err(NumericError::DivisionByZero));
        assert_eq!(multiply(NUMERIC_MAX, n("1.1")), Err(NumericError::Overflow));
        assert_eq!(multiply(NUMERIC_MAX, NUMERIC_MAX), Err(NumericError::Overflow));
        assert_eq!(divide(NUMERIC_MAX, NUMERIC_MAX), Ok(n("1")));
        assert_eq!(add(NUMERIC_MAX, 1), Err(NumericError::Overflow));
        assert_eq!(round(n("2.5"), 0, false), Ok(n("3")));
        assert_eq!(round(n("-2.5"), 0, false), Ok(n("-3")));
        assert_eq!(round(n("-2.5"), 0, true), Ok(n("-2")));
        assert_eq!(round(n("1250"), -2, false), Ok(n("1300")));
        assert_eq!(of_float(0.1), Ok(n("0.1")));
    }

    proptest! {
        #[test]
        fn any_text_never_panics(text in "[-+0-9.eE ]{0,60}") {
            if let Some(value) = parse_numeric(&text) {
                prop_assert_eq!(parse_numeric(&print_numeric(value)), Some(value));
            }
        }

        #[test]
        fn small_products_are_exact(left in -1_000_000_000_i64..1_000_000_000, right in -1_000_000_000_i64..1_000_000_000) {
            let product = i128::from(left) * i128::from(right);
            let exact = multiply(i128::from(left) * NUMERIC_SCALE, i128::from(right) * NUMERIC_SCALE);
            prop_assert_eq!(exact, Ok(product * NUMERIC_SCALE));
        }
    }
}
