//! The names Elasticsearch has for formats, written as patterns of [`super::pattern`].
//!
//! Beside Java's letters, `~` is a fraction with its point or comma (1 to 9 digits, written with 3), and `^` an offset in any of the
//! ISO forms (written `Z` or `+05:30`). A name without `strict_` takes parts with fewer digits.

use super::pattern::{Dialect, Item, compile};

/// Names that have a strict and a lenient form.
const NAMES: &[(&str, &str)] = &[
    ("date_optional_time", "uuuu[-MM[-dd['T'[HH[:mm[:ss[~]]][^]]]]]"),
    ("date_optional_time_nanos", "uuuu[-MM[-dd['T'[HH[:mm[:ss[~]]][^]]]]]"),
    ("date", "uuuu-MM-dd"),
    ("date_hour", "uuuu-MM-dd'T'HH"),
    ("date_hour_minute", "uuuu-MM-dd'T'HH:mm"),
    ("date_hour_minute_second", "uuuu-MM-dd'T'HH:mm:ss"),
    ("date_hour_minute_second_fraction", "uuuu-MM-dd'T'HH:mm:ss~"),
    ("date_hour_minute_second_millis", "uuuu-MM-dd'T'HH:mm:ss~"),
    ("date_time", "uuuu-MM-dd'T'HH:mm:ss~^"),
    ("date_time_no_millis", "uuuu-MM-dd'T'HH:mm:ss^"),
    ("hour", "HH"),
    ("hour_minute", "HH:mm"),
    ("hour_minute_second", "HH:mm:ss"),
    ("hour_minute_second_fraction", "HH:mm:ss~"),
    ("hour_minute_second_millis", "HH:mm:ss~"),
    ("ordinal_date", "uuuu-DDD"),
    ("ordinal_date_time", "uuuu-DDD'T'HH:mm:ss~^"),
    ("ordinal_date_time_no_millis", "uuuu-DDD'T'HH:mm:ss^"),
    ("time", "HH:mm:ss~^"),
    ("time_no_millis", "HH:mm:ss^"),
    ("t_time", "'T'HH:mm:ss~^"),
    ("t_time_no_millis", "'T'HH:mm:ss^"),
    ("week_date", "YYYY-'W'ww-e"),
    ("week_date_time", "YYYY-'W'ww-e'T'HH:mm:ss~^"),
    ("week_date_time_no_millis", "YYYY-'W'ww-e'T'HH:mm:ss^"),
    ("weekyear", "YYYY"),
    ("weekyear_week", "YYYY-'W'ww"),
    ("weekyear_week_day", "YYYY-'W'ww-e"),
    ("year", "uuuu"),
    ("year_month", "uuuu-MM"),
    ("year_month_day", "uuuu-MM-dd"),
    ("basic_week_date", "YYYY'W'wwe"),
    ("basic_week_date_time", "YYYY'W'wwe'T'HHmmss~^"),
    ("basic_week_date_time_no_millis", "YYYY'W'wwe'T'HHmmss^"),
];

/// Names whose digits are always exact.
const EXACT: &[(&str, &str)] = &[
    ("iso8601", "uuuu[-MM[-dd['T'[HH[:mm[:ss[~]]][^]]]]]"),
    ("rfc3339_lenient", "uuuu[-MM[-dd['T'HH:mm[:ss[~]]^]]]"),
    ("basic_date", "uuuuMMdd"),
    ("basic_date_time", "uuuuMMdd'T'HHmmss~^"),
    ("basic_date_time_no_millis", "uuuuMMdd'T'HHmmss^"),
    ("basic_ordinal_date", "uuuuDDD"),
    ("basic_ordinal_date_time", "uuuuDDD'T'HHmmss~^"),
    ("basic_ordinal_date_time_no_millis", "uuuuDDD'T'HHmmss^"),
    ("basic_time", "HHmmss~^"),
    ("basic_time_no_millis", "HHmmss^"),
    ("basic_t_time", "'T'HHmmss~^"),
    ("basic_t_time_no_millis", "'T'HHmmss^"),
];

/// What a name stands for; `None` for a name that is not one.
pub(crate) fn items(name: &str) -> Option<Vec<Item>> {
    let find = |table: &[(&str, &'static str)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|(_, pattern)| *pattern)
    };
    let (pattern, dialect) = match name.strip_prefix("strict_") {
        Some(rest) => (find(NAMES, rest)?, Dialect::Strict),
        None => match find(EXACT, name) {
            Some(pattern) => (pattern, Dialect::Strict),
            None => (find(NAMES, name)?, Dialect::Lenient),
        },
    };
    compile(pattern, dialect).ok()
}

/// Formats Elasticsearch reads with its own ISO parser, which checks that the day exists only afterwards.
pub(crate) fn is_iso(name: &str) -> bool {
    matches!(name, "strict_date_optional_time" | "strict_date_optional_time_nanos" | "iso8601")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_tables_compiles() {
        for (name, _) in NAMES {
            assert!(items(name).is_some(), "{name}");
            assert!(items(&format!("strict_{name}")).is_some(), "strict_{name}");
        }
        for (name, _) in EXACT {
            assert!(items(name).is_some(), "{name}");
        }
        assert_eq!(items("no_such_name"), None);
    }
}
