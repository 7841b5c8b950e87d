//! Any text in a place that is parsed gives a value or BigQuery's error.

use proptest::prelude::*;

use super::super::query_error;
use super::connection;

fn never_breaks(sql: &str, texts: &[&str]) -> Result<(), TestCaseError> {
    let connection = connection();
    let found = connection.query_row(&format!("SELECT {sql}"), rusqlite::params_from_iter(texts), |row| {
        row.get::<_, rusqlite::types::Value>(0)
    });
    if let Err(error) = found {
        let message = query_error(&error).map(|error| error.message);
        prop_assert!(message.as_ref().is_some_and(|message| !message.starts_with("Internal")), "{error} {message:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn format_patterns(pattern in "(%[-+ #0']{0,3}[0-9*]{0,3}\\.?[0-9*]{0,2}[a-zA-Z%é]|[a-é%]){0,6}") {
        never_breaks("bq_format('STRUCT<STRING, INT64, FLOAT64, STRING>', ?1, 7, 1.5, 'x')", &[&pattern])?;
        never_breaks("bq_format('STRUCT<STRING, NUMERIC>', ?1, x'80000000000000000000000000000001')", &[&pattern])?;
    }

    #[test]
    fn formats_of_times(pattern in "(%E?[0-9*]?[a-zA-Z%]|[a-é% ]){0,8}", text in "[-+0-9:. A-Za-zé/%]{0,30}") {
        never_breaks("bq_format_timestamp('STRUCT<STRING, TIMESTAMP>', ?1, -62135596800000000)", &[&pattern])?;
        never_breaks("bq_parse_timestamp('STRUCT<STRING, STRING>', ?1, ?2)", &[&pattern, &text])?;
    }

    #[test]
    fn patterns(pattern in "[a-c%_\\\\()\\[\\]*+?.|é]{0,12}", text in "[a-cé%_]{0,12}", to in "[a\\\\0-9$é]{0,6}") {
        never_breaks("bq__like('STRUCT<STRING, STRING>', ?1, ?2)", &[&text, &pattern])?;
        never_breaks("bq_regexp_extract('STRUCT<STRING, STRING>', ?1, ?2)", &[&text, &pattern])?;
        never_breaks("bq_regexp_replace('STRUCT<STRING, STRING, STRING>', ?1, ?2, ?3)", &[&text, &pattern, &to])?;
    }

    #[test]
    fn paths_and_documents(path in "\\$?[.\\[\\]'\"a0]{0,10}", text in "[\\[\\]{}\":,0-9a truefalsn.-]{0,20}") {
        never_breaks("bq_json_value('STRUCT<STRING, STRING>', ?1, ?2)", &[&text, &path])?;
        never_breaks("bq_parse_json('STRUCT<STRING>', ?1)", &[&text])?;
    }

    #[test]
    fn like_agrees_with_a_regular_expression(pattern in "[ab%_]{0,8}", text in "[ab]{0,10}") {
        let expected = regex::Regex::new(&format!("(?s)^{}$", pattern.replace('%', ".*").replace('_', "."))).unwrap().is_match(&text);
        let found: bool = connection().query_row("SELECT bq__like('STRUCT<STRING, STRING>', ?1, ?2)", [&text, &pattern], |row| row.get(0)).unwrap();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn times_come_back_from_their_format(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
        let format = "%E4Y-%m-%d %H:%M:%E*S%Ez";
        let sql = "SELECT bq_parse_timestamp('STRUCT<STRING, STRING>', ?1, bq_format_timestamp('STRUCT<STRING, TIMESTAMP>', ?1, ?2))";
        let found: i64 = connection().query_row(sql, rusqlite::params![format, micros], |row| row.get(0)).unwrap();
        prop_assert_eq!(found, micros);
    }
}
