//! What is written for which value.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn zone() -> TimeZone {
    TimeZone::get("Asia/Kolkata").unwrap()
}

fn written(format: &Value, cell: &Cell) -> String {
    Formatter::new(Some(format), CellKind::Number, &zone()).text(cell)
}

fn by_pattern(pattern: &str, number: f64) -> String {
    written(&json!({"id": "custom", "params": {"pattern": pattern}}), &Cell::Number(number))
}

#[test]
fn patterns_are_written_as_numeral_writes_them() {
    for (pattern, number, expected) in [
        ("0,0.[000]", 0.0, "0"),
        ("0,0.[000]", 1234.5678, "1,234.568"),
        ("0,0.[000]", -1234.5, "-1,234.5"),
        ("0,0.[000]", 999.9995, "1,000"),
        ("0,0.[000]", 1e20, "100,000,000,000,000,000,000"),
        ("0,0.[000]", 1e21, "1e+21"),
        ("0,0.[000]", 1e-7, "1e-7"),
        ("0,0", 2.5, "3"),
        ("0,0", -2.5, "-2"),
        ("0,0", -0.4, "0"),
        ("0,0.00", 1.005, "1.01"),
        ("0.0[00]", 1.0, "1.0"),
        ("0.0[00]", 1.25, "1.25"),
        ("0[.]00", 2.0, "2"),
        ("0[.]00", 2.5, "2.50"),
        (".00", 1.5, ".50"),
        ("", 1234.5, "1,235"),
        ("0.0a", 1234.0, "1.2k"),
        ("0.0a", -2_500_000.0, "-2.5m"),
        ("0,0.00a", 1.5e12, "1.50t"),
        ("0 a", 1e9, "1 b"),
        ("0aM", 2_000_000.0, "2m"),
        ("0.[00]%", 0.1234, "12.34%"),
        ("0.[00]%", 0.57, "57%"),
        ("0 %", 0.5, "50 %"),
        ("+0.0%", 0.5, "+50.0%"),
        ("0b", 1023.0, "1023B"),
        ("0.0b", 1536.0, "1.5KB"),
        ("0,0.[0] b", 1_073_741_824.0, "1 GB"),
        ("0.0bb", 1536.0, "1.5KiB"),
        ("0.0bd", 1500.0, "1.5kB"),
        ("0,0bitd", 2_000_000.0, "2Mbit"),
        ("+0,0", 1234.0, "+1,234"),
        ("+0,0", -1234.0, "-1,234"),
        ("(0,0.00)", -1234.5, "(1,234.50)"),
        ("(0,0.00)", 1234.5, "1,234.50"),
        ("$0,0.00", 1234.5, "$1,234.50"),
        ("$0,0.00", -5.0, "-$5.00"),
        ("($0,0.[00])", -5.0, "($5)"),
        ("0,0 $", 5.0, "5 $"),
        ("0o", 22.0, "22nd"),
        ("0o", 13.0, "13th"),
        ("00:00:00", 3661.0, "1:01:01"),
    ] {
        assert_eq!(by_pattern(pattern, number), expected, "{pattern} {number}");
    }
}

#[test]
fn text_in_a_pattern_stands_where_it_is() {
    for (pattern, number, expected) in [
        ("₹0,0.00", 1234.5, "₹1,234.50"),
        ("₹ 0,0.00", -1234.5, "-₹ 1,234.50"),
        ("(₹0,0)", -5.0, "(₹5)"),
        ("Rs. 0,0.00", 1234.5, "Rs. 1,234.50"),
        ("Rs.0,0.00", 5.0, "Rs.5.00"),
        ("0,0.0 ms", 1.25, "1.3 ms"),
        ("0,0 bps", 2000.0, "2,000 bps"),
        ("0,0 apples", 2000.0, "2,000 apples"),
        ("₹0.0a", 1_500_000.0, "₹1.5m"),
    ] {
        assert_eq!(by_pattern(pattern, number), expected, "{pattern} {number}");
    }
}

#[test]
fn lens_formats_become_patterns() {
    for (format, number, expected) in [
        (json!({"id": "number"}), 1234.5678, "1,234.568"),
        (json!({"id": "number", "params": {"decimals": 0}}), 1234.5, "1,235"),
        (json!({"id": "number", "params": {"decimals": 1, "suffix": " Rs"}}), 1234.0, "1,234.0 Rs"),
        (json!({"id": "number", "params": {"suffix": "x"}}), 2.0, "2.00x"),
        (json!({"id": "number", "params": {"decimals": 1, "compact": true}}), 1234.0, "1.2k"),
        (json!({"id": "number", "params": {"decimals": 0, "compact": true}}), 1_600_000.0, "2m"),
        (json!({"id": "number", "params": {"pattern": "0.0"}}), 1234.56, "1234.6"),
        (json!({"id": "percent"}), 0.123_456, "12.346%"),
        (json!({"id": "percent", "params": {"decimals": 1}}), 0.123_456, "12.3%"),
        (json!({"id": "bytes", "params": {"decimals": 2}}), 1536.0, "1.50KB"),
        (json!({"id": "bytes"}), 1536.0, "1.5KB"),
        (json!({"id": "bits", "params": {"decimals": 0}}), 1500.0, "2kbit"),
        (json!({"id": "currency"}), -12.5, "($12.5)"),
        (json!({"id": "suffix", "params": {"id": "number", "params": {"decimals": 1}, "unit": "s"}}), 5.0, "5.0/s"),
        (json!({"id": "suffix", "params": {"id": "bytes", "suffixString": "!"}}), 5.0, "5B!"),
        (json!({"id": "terms", "params": {"id": "number", "pattern": "0.0"}}), 5.0, "5.0"),
        (json!({"id": "nothing known"}), 1234.5, "1,234.5"),
        (json!({"id": "number", "params": {"decimals": 1_000_000_000}}), 1.5, "1.500000000000000"),
        (json!({"id": "string"}), 1234.5, "1234.5"),
        (json!({"id": "boolean"}), 1.0, "true"),
        (json!(5), 1.0, "1"),
    ] {
        assert_eq!(written(&format, &Cell::Number(number)), expected, "{format}");
    }
}

#[test]
fn durations_are_written_in_their_unit_or_in_words() {
    for (params, number, expected) in [
        (json!({"fromUnit": "minutes", "toUnit": "asHours", "decimals": 1}), 90.0, "1.5 hours"),
        (json!({"fromUnit": "seconds", "toUnit": "asMilliseconds", "decimals": 0, "compact": true}), 1.5, "1500 ms"),
        (json!({"inputFormat": "milliseconds", "outputFormat": "asSeconds"}), 1234.0, "1.23"),
        (json!({"inputFormat": "days", "outputFormat": "asYears", "showSuffix": true}), 400.0, "1.10 years"),
        (json!({"fromUnit": "seconds", "toUnit": "humanize"}), 0.0, "0 seconds"),
        (json!({"fromUnit": "seconds", "toUnit": "humanize"}), 44.0, "a few seconds"),
        (json!({"fromUnit": "seconds", "toUnit": "humanize"}), -90.0, "minus 2 minutes"),
        (json!({"fromUnit": "hours", "toUnit": "humanize"}), 36.0, "2 days"),
        (json!({"fromUnit": "days", "toUnit": "humanize"}), 400.0, "a year"),
        (json!({"fromUnit": "seconds", "toUnit": "humanizePrecise"}), 61.0, "1.02 minutes"),
        (json!({"fromUnit": "seconds", "toUnit": "humanizePrecise"}), 4e7, "1.25 years"),
        (json!({"fromUnit": "seconds", "toUnit": "humanizePrecise"}), 0.25, "250.00 milliseconds"),
        (json!({}), 60.0, "a minute"),
    ] {
        let format = json!({"id": "duration", "params": params});
        assert_eq!(written(&format, &Cell::Number(number)), expected, "{format}");
    }
}

#[test]
fn dates_are_written_in_the_zone() {
    let at = |pattern: &str| {
        let format = json!({"id": "date", "params": {"pattern": pattern}});
        written(&format, &Cell::Date(1_709_264_712_345))
    };
    for (pattern, expected) in [
        ("", "Mar 1, 2024 @ 09:15:12.345"),
        ("YYYY-MM-DD[T]HH:mm:ss.SSSZ", "2024-03-01T09:15:12.345+05:30"),
        ("dddd, Do MMMM YY", "Friday, 1st March 24"),
        ("h:mm A, [o'clock] ZZ z", "9:15 AM, o'clock +0530 IST"),
        ("DDDD Qo w W x X", "061 1st 9 9 1709264712345 1709264712"),
        ("LLLL", "Friday, March 1, 2024 9:15 AM"),
        ("HH:mm → ₹", "09:15 → ₹"),
    ] {
        assert_eq!(at(pattern), expected, "{pattern}");
    }
    let format = json!({"id": "date", "params": {"pattern": "HH:mm", "timezone": "UTC"}});
    assert_eq!(written(&format, &Cell::Date(1_709_264_712_345)), "03:45");
    assert_eq!(written(&format, &Cell::Number(f64::MAX)), number::text(f64::MAX));
    assert_eq!(written(&format, &Cell::Date(i64::MIN)), "-9223372036854776000");
    assert_eq!(scaled_date_pattern(30_000), "HH:mm:ss");
    assert_eq!(scaled_date_pattern(300_000), "HH:mm");
    assert_eq!(scaled_date_pattern(10_800_000), "YYYY-MM-DD HH:mm");
    assert_eq!(scaled_date_pattern(86_400_000), "YYYY-MM-DD");
}

#[test]
fn without_a_format_a_value_is_written_by_its_kind() {
    use CellKind::{Boolean, Date, Number, Range, Text};
    let text = |value: &str| Cell::Text(value.to_owned());
    for (kind, cell, expected) in [
        (Number, Cell::Number(1234.5678), "1,234.568"),
        (Number, Cell::Number(f64::NAN), ""),
        (Number, Cell::Number(f64::NEG_INFINITY), "-∞"),
        (Number, Cell::Null, "-"),
        (Number, Cell::Date(0), "Jan 1, 1970 @ 05:30:00.000"),
        (Date, Cell::Date(0), "Jan 1, 1970 @ 05:30:00.000"),
        (Date, Cell::Number(1000.0), "Jan 1, 1970 @ 05:30:01.000"),
        (Text, text("INFY"), "INFY"),
        (Text, text(""), "(empty)"),
        (Text, Cell::Number(738_561.0), "738561"),
        (Text, Cell::Other, "Other"),
        (Text, Cell::Missing, "(missing value)"),
        (Boolean, Cell::Boolean(true), "true"),
        (Boolean, Cell::Number(0.0), "false"),
        (Text, Cell::Several(vec![text("a"), text(""), Cell::Null]), "a, (empty), -"),
        (Text, Cell::Joined(vec![text("INFY"), Cell::Number(5.0), Cell::Missing]), "INFY › 5 › (missing value)"),
        (Range, Cell::Number(5.0), "5"),
    ] {
        assert_eq!(Formatter::new(None, kind, &zone()).text(&cell), expected, "{cell:?}");
    }
    let mut deep = Cell::Null;
    for _ in 0..20 {
        deep = Cell::Several(vec![deep]);
    }
    assert_eq!(Formatter::new(None, Text, &zone()).text(&deep), "…");
}

#[test]
fn a_range_is_written_with_an_arrow_and_open_ends_with_a_sign() {
    let range = |from, to| Cell::Range { from, to, label: None };
    let formatter = Formatter::new(None, CellKind::Range, &zone());
    for (cell, expected) in [
        (range(Some(0.0), Some(100.0)), "0 → 100"),
        (range(None, Some(100.0)), "< 100"),
        (range(Some(5.0), None), "≥ 5"),
        (range(None, None), "−∞ → +∞"),
        (Cell::Range { from: None, to: None, label: Some("cheap".to_owned()) }, "cheap"),
        (Cell::Range { from: Some(1.0), to: None, label: Some(String::new()) }, "≥ 1"),
    ] {
        assert_eq!(formatter.text(&cell), expected);
    }
    let format =
        json!({"id": "range", "params": {"id": "bytes", "params": {"decimals": 0}, "template": "arrow_right"}});
    assert_eq!(written(&format, &range(Some(1024.0), Some(2048.0))), "1KB → 2KB");
    let format = json!({"id": "range"});
    assert_eq!(written(&format, &range(Some(1.0), Some(2.0))), "≥ 1 and < 2");
}

#[test]
fn formats_of_texts_change_them() {
    let string = |transform: &str| json!({"id": "string", "params": {"transform": transform}});
    let entries = json!([{"key": "0", "value": "sold"}, {"key": "1", "value": "bought"}]);
    let lookup = json!({"id": "static_lookup", "params": {"lookupEntries": entries, "unknownKeyValue": "?"}});
    for (format, text, expected) in [
        (string("upper"), "abc d", "ABC D"),
        (string("lower"), "ABC", "abc"),
        (string("title"), "aBC d'e", "Abc D'e"),
        (string("short"), "com.example.Name", "c.e.Name"),
        (string("base64"), "SGVsbG8=", "Hello"),
        (string("base64"), "~", "~"),
        (string("urlparam"), "a%20b%E2%82%B9", "a b₹"),
        (string("urlparam"), "100%", "100%"),
        (lookup.clone(), "1", "bought"),
        (lookup, "7", "?"),
        (json!({"id": "truncate", "params": {"fieldLength": 3}}), "₹₹₹₹", "₹₹₹..."),
        (json!({"id": "number", "params": {"decimals": 1}}), "12", "12.0"),
        (json!({"id": "number", "params": {"decimals": 1}}), "a12", "a12"),
    ] {
        assert_eq!(written(&format, &Cell::Text(text.to_owned())), expected, "{format}");
    }
}

#[test]
fn an_axis_gets_the_nearest_d3_format() {
    let axis = |d3: &str, prefix: &str, suffix: &str, factor: f64| {
        let [d3, prefix, suffix] = [d3, prefix, suffix].map(str::to_owned);
        AxisFormat { d3, prefix, suffix, factor }
    };
    let custom = |pattern: &str| json!({"id": "custom", "params": {"pattern": pattern}});
    let duration = json!({"id": "duration", "params": {"fromUnit": "minutes", "toUnit": "asHours", "decimals": 1}});
    for (format, expected) in [
        (json!({"id": "number", "params": {"decimals": 2}}), axis(",.2f", "", "", 1.0)),
        (json!({"id": "number"}), axis(",.3~f", "", "", 1.0)),
        (json!({"id": "number", "params": {"decimals": 1, "compact": true}}), axis(".3~s", "", "", 1.0)),
        (json!({"id": "percent", "params": {"decimals": 1, "suffix": "!"}}), axis(",.1%", "", "!", 1.0)),
        (json!({"id": "bytes"}), axis(".3~s", "", "B", 1.0)),
        (json!({"id": "bits"}), axis(".3~s", "", "bit", 1.0)),
        (custom("₹0,0.00"), axis(",.2f", "₹", "", 1.0)),
        (custom("$0.0"), axis(".1f", "$", "", 1.0)),
        (custom("0 $"), axis(".0f", "", " $", 1.0)),
        (custom("+0,0 ms"), axis("+,.0f", "", " ms", 1.0)),
        (custom("(0.0)"), axis("(.1f", "", "", 1.0)),
        (duration, axis(",.1~f", "", " hours", 60.0 / 3600.0)),
        (json!({"id": "date"}), axis("", "", "", 1.0)),
    ] {
        assert_eq!(Formatter::new(Some(&format), CellKind::Number, &zone()).axis(), expected, "{format}");
    }
    assert_eq!(Formatter::new(None, CellKind::Number, &zone()).axis(), axis(",.3~f", "", "", 1.0));
    assert_eq!(Formatter::new(None, CellKind::Date, &zone()).axis(), axis("", "", "", 1.0));
}

proptest! {
    #[test]
    fn any_pattern_writes_any_number(pattern in "\\PC{0,20}|[0,.\\[\\]()+$%ab o:#₹KMbitd-]{0,20}", number in any::<f64>()) {
        drop(by_pattern(&pattern, number));
        let format = json!({"id": "custom", "params": {"pattern": pattern}});
        drop(Formatter::new(Some(&format), CellKind::Number, &zone()).axis());
    }

    #[test]
    fn any_pattern_writes_any_date(pattern in "\\PC{0,20}|[YMDdHhmsSAaZzXxLWwQEeoGgTk\\[\\]\\\\]{0,20}", ms in any::<i64>()) {
        let format = json!({"id": "date", "params": {"pattern": pattern}});
        for cell in [Cell::Date(ms), Cell::Date(ms % 4_000_000_000_000)] {
            drop(written(&format, &cell));
        }
    }

    #[test]
    fn any_text_is_transformed(text in "\\PC*", number in any::<f64>()) {
        for transform in ["lower", "upper", "title", "short", "base64", "urlparam"] {
            let format = json!({"id": "string", "params": {"transform": transform}});
            drop(written(&format, &Cell::Text(text.clone())));
        }
        for unit in ["humanize", "humanizePrecise", "asYears"] {
            let format = json!({"id": "duration", "params": {"fromUnit": "years", "toUnit": unit}});
            drop(written(&format, &Cell::Number(number)));
        }
    }
}
