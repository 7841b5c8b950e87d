//! What the real server accepts, refuses and writes.

use proptest::prelude::*;

use super::*;

const TICK: &str = "yyyy-MM-dd HH:mm:ss.SSSSSS||strict_date_optional_time";

fn format(pattern: &str) -> DateFormat {
    DateFormat::parse_pattern(pattern).unwrap()
}

fn iso(millis: i64) -> String {
    format("strict_date_optional_time").format(millis, &TimeZone::UTC)
}

#[track_caller]
fn check(pattern: &str, text: &str, expected: Option<&str>) {
    let got = format(pattern).parse_millis(text).ok().map(iso);
    assert_eq!(got.as_deref(), expected, "{text:?} in {pattern}");
}

#[test]
fn the_default_format_takes_iso_dates_and_epoch_millis() {
    for (text, expected) in [
        ("2024-01-02", "2024-01-02T00:00:00.000Z"),
        ("2024-01", "2024-01-01T00:00:00.000Z"),
        ("2024", "2024-01-01T00:00:00.000Z"),
        ("2024-01-02T03", "2024-01-02T03:00:00.000Z"),
        ("2024-01-02T03:04:05.123456789Z", "2024-01-02T03:04:05.123Z"),
        ("2024-01-02T03:04:05,123Z", "2024-01-02T03:04:05.123Z"),
        ("2024-01-02T03:04:05+05:30", "2024-01-01T21:34:05.000Z"),
        ("2024-01-02T03:04:05+0530", "2024-01-01T21:34:05.000Z"),
        ("2024-01-02T03:04:05+05", "2024-01-01T22:04:05.000Z"),
        ("12345", "1970-01-01T00:00:12.345Z"),
        ("99999", "1970-01-01T00:01:39.999Z"),
        ("1700000000000.5", "2023-11-14T22:13:20.000Z"),
        ("-1", "1969-12-31T23:59:59.999Z"),
        ("-0001-01-01", "-0001-01-01T00:00:00.000Z"),
        ("253402300800000", "+10000-01-01T00:00:00.000Z"),
    ] {
        check(DEFAULT_FORMAT, text, Some(expected));
    }
    for text in [
        "2024-01-02T24:00:00",
        "2024-01-02T23:59:60",
        "2024-02-30",
        "2024-01-02T03:04:05.1234567890Z",
        "2024-01-02t03:04:05Z",
        "2024-01-02T03:04:05z",
        "now",
        "2024-01-02 03:04:05",
        "2024-01-02T03:04:05 +05:30",
        "2024-01-02T03:04:05Z[UTC]",
        "2024-1-2",
        "",
        "é",
        "2024-W01-1",
        "1.7e12",
    ] {
        check(DEFAULT_FORMAT, text, None);
    }
}

#[test]
fn the_ticks_own_format_takes_six_digits_and_iso_only() {
    check(TICK, "2024-01-02 03:04:05.123456", Some("2024-01-02T03:04:05.123Z"));
    check(TICK, "2024-01-02T03:04:05+05:30", Some("2024-01-01T21:34:05.000Z"));
    check(TICK, "2024-01-02 03:04:05.123", None);
    check(TICK, "2024-01-02 03:04:05", None);
    check(TICK, "1704164645123", None);
    let millis = format(TICK).parse_millis("2024-01-02 03:04:05.123456").unwrap();
    assert_eq!(format(TICK).format(millis, &TimeZone::UTC), "2024-01-02 03:04:05.123000");
}

#[test]
fn java_patterns_read_what_they_write() {
    for (pattern, text, expected) in [
        ("dd/MMM/yyyy:HH:mm:ss Z", "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36.000Z"),
        ("yyyyMMddHHmmss", "20240102030405", "2024-01-02T03:04:05.000Z"),
        ("yyyyMMddHHmmssSSS", "20240102030405678", "2024-01-02T03:04:05.678Z"),
        ("d/M/yy h:mm a", "2/1/24 3:04 PM", "2024-01-02T15:04:00.000Z"),
        ("EEE, d MMM yyyy HH:mm:ss", "Tue, 2 Jan 2024 03:04:05", "2024-01-02T03:04:05.000Z"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-01-02T03:04:05.678+05:30", "2024-01-01T21:34:05.678Z"),
        ("yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis", "2024/01/02", "2024-01-02T00:00:00.000Z"),
        ("HH 'o''clock'", "12 o'clock", "1970-01-01T12:00:00.000Z"),
        ("yyyy-MM-dd HH:mm VV", "2024-07-01 12:00 Europe/Paris", "2024-07-01T10:00:00.000Z"),
        ("strict_week_date", "2024-W02-2", "2024-01-09T00:00:00.000Z"),
        ("basic_date", "20240102", "2024-01-02T00:00:00.000Z"),
        ("strict_ordinal_date", "2024-032", "2024-02-01T00:00:00.000Z"),
        ("date_optional_time", "2024-1-2T3:4:5", "2024-01-02T03:04:05.000Z"),
    ] {
        check(pattern, text, Some(expected));
    }
}

#[test]
fn a_query_fills_missing_parts_low_or_high() {
    let default = DateFormat::default();
    let zone = TimeZone::fixed(jiff::tz::offset(5));
    let up = |text: &str| iso(default.parse_rounded(text, true, &TimeZone::UTC).unwrap());
    assert_eq!(up("2024-01-02"), "2024-01-02T23:59:59.999Z");
    assert_eq!(up("2024-03"), "2024-03-01T23:59:59.999Z");
    assert_eq!(up("2024-01-02T03:04"), "2024-01-02T03:04:59.999Z");
    assert_eq!(up("1704164645123"), "2024-01-02T03:04:05.123Z");
    let low = default.parse_rounded("2024-01-02", false, &zone).unwrap();
    assert_eq!(iso(low), "2024-01-01T19:00:00.000Z");
    let own_offset = default.parse_rounded("2024-01-02T00:00:00Z", false, &zone).unwrap();
    assert_eq!(iso(own_offset), "2024-01-02T00:00:00.000Z");
}

#[test]
fn a_local_time_that_a_zone_skips_moves_forward_and_a_repeated_one_is_the_first() {
    let paris = TimeZone::get("Europe/Paris").unwrap();
    let default = DateFormat::default();
    let at = |text: &str| iso(default.parse_rounded(text, false, &paris).unwrap());
    assert_eq!(at("2024-03-31T02:30:00"), "2024-03-31T01:30:00.000Z");
    assert_eq!(at("2024-10-27T02:30:00"), "2024-10-27T00:30:00.000Z");
}

#[test]
fn dates_are_written_as_elasticsearch_writes_them() {
    let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
    let default = DateFormat::default();
    assert_eq!(default.format(1_704_164_645_120, &TimeZone::UTC), "2024-01-02T03:04:05.120Z");
    assert_eq!(default.format(1_704_164_645_120, &kolkata), "2024-01-02T08:34:05.120+05:30");
    assert_eq!(default.format_nanos(1_704_164_645_123_456_789, &TimeZone::UTC), "2024-01-02T03:04:05.123456789Z");
    assert_eq!(format("epoch_second").format(1_700_000_001_500, &TimeZone::UTC), "1700000001.5");
    assert_eq!(format("epoch_millis").format(-1, &TimeZone::UTC), "-1");
    assert_eq!(format("strict_date").format(1_704_164_645_120, &TimeZone::UTC), "2024-01-02");
}

#[test]
fn refusals_have_the_servers_words() {
    let error = DateFormat::default().parse_millis("x").unwrap_err();
    let exception = error.to_exception();
    assert_eq!(
        exception.reason,
        "failed to parse date field [x] with format [strict_date_optional_time||epoch_millis]"
    );
    assert_eq!(exception.caused_by.unwrap().reason, "Failed to parse with all enclosed parsers");
    let exception = DateFormat::default().parse_millis("2024-02-30").unwrap_err().to_exception();
    assert_eq!(
        (exception.kind.as_ref(), exception.reason.as_str()),
        ("date_time_exception", "Invalid date 'FEBRUARY 30'")
    );
    assert_eq!(DateFormat::default().parse_millis("").unwrap_err().to_string(), "cannot parse empty datetime");
    let error = DateFormat::parse_pattern("b").unwrap_err().to_string();
    assert_eq!(error, "Invalid format: [b]: Unknown pattern letter: b");
    assert!(DateFormat::default().parse_nanos("1969-12-31").is_err());
    assert!(DateFormat::default().parse_nanos("2263-01-01").is_err());
}

proptest! {
    #[test]
    fn what_is_written_reads_back(millis in -62_000_000_000_000_i64..300_000_000_000_000, name in 0_usize..6) {
        let pattern = [
            "strict_date_optional_time", "epoch_millis", "epoch_second", "strict_date_time", "yyyy-MM-dd HH:mm:ss.SSSSSS XX",
            "basic_date_time",
        ][name];
        let format = format(pattern);
        let text = format.format(millis, &TimeZone::UTC);
        prop_assert_eq!(format.parse_millis(&text), Ok(millis), "{}", text);
    }

    #[test]
    fn any_text_in_any_pattern_gives_a_date_or_an_error(pattern in ".{0,20}", text in ".{0,30}") {
        if let Ok(format) = DateFormat::parse_pattern(&pattern) {
            _ = format.parse_millis(&text);
            _ = format.parse_nanos(&text);
            _ = format.format(i64::MAX, &TimeZone::UTC);
            _ = format.format(i64::MIN, &TimeZone::UTC);
        }
    }

    #[test]
    fn the_calendar_is_its_own_inverse(days in -400_000_000_000_i64..400_000_000_000) {
        let (year, month, day) = calendar::civil_from_days(days);
        prop_assert_eq!(calendar::days_from_civil(year, month, day), days);
    }

    #[test]
    fn likely_texts_never_panic(text in "[-+0-9:TZ., /]{0,32}") {
        for pattern in [DEFAULT_FORMAT, TICK, "date_optional_time", "week_date", "yyyyMMdd HHmmssSSS z"] {
            _ = format(pattern).parse_instant(&text, true, &TimeZone::UTC);
        }
    }
}
