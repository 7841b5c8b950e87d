//! Values as text, read and written as casts do.

use super::*;
use proptest::prelude::*;

fn check(kind: &Type, cases: &[(&str, Result<&str, &str>)]) {
    for (text, expected) in cases {
        let found = Value::parse(text, kind).map(|value| value.print().unwrap());
        let expected = expected.map(str::to_owned).map_err(|message| ParseError(message.to_owned()));
        assert_eq!(found, expected, "CAST('{text}' AS {})", kind.name());
    }
}

#[test]
fn numbers_are_read_as_cast_reads_them() {
    check(
        &Type::Int64,
        &[
            ("42", Ok("42")),
            (" -7 ", Ok("-7")),
            ("+7", Ok("7")),
            ("0x1F", Ok("31")),
            ("-0x8000000000000000", Ok("-9223372036854775808")),
            ("9223372036854775808", Err("Bad int64 value: 9223372036854775808")),
            ("x", Err("Bad int64 value: x")),
            ("1.5", Err("Bad int64 value: 1.5")),
            ("", Err("Bad int64 value: ")),
        ],
    );
    check(
        &Type::Float64,
        &[
            ("1.50", Ok("1.5")),
            ("1", Ok("1")),
            ("-1e20", Ok("-1e+20")),
            ("1e15", Ok("1e+15")),
            ("123456789012345", Ok("123456789012345")),
            ("0.0001", Ok("0.0001")),
            ("0.00001234", Ok("1.234e-05")),
            ("0.30000000000000004", Ok("0.30000000000000004")),
            ("Inf", Ok("inf")),
            ("-infinity", Ok("-inf")),
            ("NaN", Ok("NaN")),
            ("-0", Ok("0")),
            ("+-1", Err("Bad double value: +-1")),
            ("1,5", Err("Bad double value: 1,5")),
        ],
    );
    check(&Type::Bool, &[("TRUE", Ok("true")), ("yes", Err("Bad bool value: yes"))]);
    check(&Type::Numeric, &[("1.10", Ok("1.1")), ("x", Err("Invalid NUMERIC value: x"))]);
}

#[test]
fn dates_and_times_are_read_as_cast_reads_them() {
    check(
        &Type::Date,
        &[
            ("2024-2-9", Ok("2024-02-09")),
            ("2023-02-29", Err("Invalid date: '2023-02-29'")),
            ("24-1-1", Err("Invalid date: '24-1-1'")),
        ],
    );
    check(
        &Type::Time,
        &[
            ("9:05:00.5", Ok("09:05:00.500")),
            ("24:00:00", Err("Invalid time string \"24:00:00\"")),
            ("1:2", Err("Invalid time string \"1:2\"")),
        ],
    );
    check(
        &Type::Datetime,
        &[
            ("2024-01-31T09:15:00.123456", Ok("2024-01-31 09:15:00.123456")),
            ("2024-01-31", Ok("2024-01-31 00:00:00")),
            ("2024-01-31 09:15:00Z", Err("Invalid datetime string \"2024-01-31 09:15:00Z\"")),
        ],
    );
    check(
        &Type::Timestamp,
        &[
            ("2024-01-31", Ok("2024-01-31 00:00:00+00")),
            ("2024-01-31T09:15:00Z", Ok("2024-01-31 09:15:00+00")),
            ("2024-01-31 09:15:00.12+05:30", Ok("2024-01-31 03:45:00.120+00")),
            ("2024-01-31 09:15:00 America/New_York", Ok("2024-01-31 14:15:00+00")),
            ("2024-01-31 09:15:00 UTC", Ok("2024-01-31 09:15:00+00")),
            ("2024-01-31 UTC", Ok("2024-01-31 00:00:00+00")),
            ("2024-01-31+08", Ok("2024-01-30 16:00:00+00")),
            ("2016-12-31 23:59:60Z", Ok("2017-01-01 00:00:00+00")),
            ("0001-01-01 00:00:00+00", Ok("0001-01-01 00:00:00+00")),
            ("0001-01-01 00:00:00+01", Err("Invalid timestamp: '0001-01-01 00:00:00+01'")),
            ("9999-12-31 23:59:59.999999Z", Ok("9999-12-31 23:59:59.999999+00")),
            ("9999-12-31 23:59:60Z", Err("Invalid timestamp: '9999-12-31 23:59:60Z'")),
            ("2024-01-31 09:15:00.1234567", Err("Invalid timestamp: '2024-01-31 09:15:00.1234567'")),
            ("2024-01-31 09:15:00 Mars/Base", Err("Invalid timestamp: '2024-01-31 09:15:00 Mars/Base'")),
            ("x", Err("Invalid timestamp: 'x'")),
        ],
    );
}

#[test]
fn a_clock_that_was_moved_has_the_first_of_two_instants_and_skips_on() {
    let zone = zone("Europe/Berlin").unwrap();
    let at = |text: &str| parse_timestamp_in(text, &zone).map(|micros| print_timestamp_in(micros, &Zone::UTC));
    assert_eq!(at("2024-10-27 02:30:00"), Ok("2024-10-27 00:30:00+00".to_owned()));
    assert_eq!(at("2024-03-31 02:30:00"), Ok("2024-03-31 01:30:00+00".to_owned()));
    assert_eq!(print_timestamp_in(0, &zone), "1970-01-01 01:00:00+01");
    assert_eq!(print_timestamp_in(0, &super::zone("-03:30").unwrap()), "1969-12-31 20:30:00-03:30");
}

#[test]
fn the_rest_api_writes_floats_as_java_does() {
    for (value, text) in [
        (1.0, "1.0"),
        (-1.5, "-1.5"),
        (1e7, "1.0E7"),
        (12_345_678.9, "1.23456789E7"),
        (0.0001, "1.0E-4"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
        (0.0, "0.0"),
    ] {
        assert_eq!(scientific(value), text);
    }
}

const KINDS: [Type; 10] = [
    Type::Int64,
    Type::Float64,
    Type::Bool,
    Type::String,
    Type::Date,
    Type::Time,
    Type::Datetime,
    Type::Timestamp,
    Type::Numeric,
    Type::Json,
];

proptest! {
    #[test]
    fn any_text_never_panics_and_what_is_read_prints_as_itself(text in "[-+0-9:.TZ /A-Za-zé]{0,40}|\\PC{0,20}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,7})?[-+Z]?[0-9:]{0,6}") {
        for kind in KINDS {
            if let Ok(value) = Value::parse(&text, &kind) {
                let printed = value.print().unwrap();
                let again = Value::parse(&printed, &kind).map(|value| value.print().unwrap());
                prop_assert_eq!(again, Ok(printed));
            }
        }
    }
}
