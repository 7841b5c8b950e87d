//! What is computed after the answer: formulas, static values, operations along a series, units of time.

use super::*;

fn hours(values: &[Value]) -> Value {
    let bucket = |(at, value): (usize, &Value)| {
        let minute = i64::try_from(at).unwrap() * 60;
        json!({"key": at_minute(minute), "doc_count": 60, "1": {"value": value}, "2": {"value": value}})
    };
    json!({"0": {"buckets": values.iter().enumerate().map(bucket).collect::<Vec<Value>>()}})
}

fn hourly() -> (&'static str, Value) {
    ("t", date(json!({"interval": "1h"})))
}

/// The last column of each row.
fn last_column(columns: &[(&str, Value)], found: Value) -> Vec<Cell> {
    rows(columns, found).into_iter().map(|mut row| row.pop().unwrap()).collect()
}

#[test]
fn a_formula_is_computed_from_its_parts_which_are_not_shown() {
    let columns = [hourly(), ("f", formula("max(price) - min(price) * 2"))];
    let found = explained(&columns);
    assert_eq!(
        found.search["aggs"]["0"]["aggs"],
        json!({"1": {"max": {"field": "price"}}, "2": {"min": {"field": "price"}}})
    );
    assert_eq!(found.columns["fX0"], "0>1");
    let (_, table) = played(&columns, &[answer(hours(&[json!(4.0), json!(null)]))]);
    assert_eq!(table.columns.iter().map(|column| column.id.as_str()).collect::<Vec<_>>(), ["t", "f"]);
    assert_eq!(table.rows[0][1], Cell::Number(-4.0));
    assert_eq!(table.rows[1][1], Cell::Null);
}

#[test]
fn a_formulas_filter_and_shift_are_those_of_its_parts() {
    let column =
        with(formula("sum(price, kql='sym: A') / count()"), json!({"filter": kuery("sym: B"), "timeShift": "1d"}));
    let layer = read(&state(&[("f", column)])).unwrap();
    let filters: Vec<Option<&str>> =
        layer.columns.iter().map(|column| column.filter.as_ref().map(|query| query.text.as_str())).collect();
    assert_eq!(filters, [Some("sym: B"), Some("(sym: B) AND (sym: A)"), Some("sym: B"), Some("sym: B")]);
    assert!(layer.columns.iter().all(|column| column.time_shift.as_deref() == Some("1d")));
}

#[test]
fn differences_run_within_each_series() {
    let columns =
        [("s", terms(json!({}))), hourly(), ("d", reference("differences", "m")), ("m", metric("max", "volume"))];
    let bucket = |minute: i64, value: f64| json!({"key": at_minute(minute), "doc_count": 1, "2": {"value": value}});
    let found = json!({"0": {"buckets": [
        {"key": "A", "doc_count": 2, "1": {"buckets": [bucket(0, 1.0), bucket(60, 5.0)]}},
        {"key": "B", "doc_count": 2, "1": {"buckets": [bucket(0, 10.0), bucket(60, 30.0)]}}]}});
    let differences: Vec<Cell> = rows(&columns, found).into_iter().map(|row| row[2].clone()).collect();
    assert_eq!(differences, [Cell::Null, Cell::Number(4.0), Cell::Null, Cell::Number(20.0)]);
}

#[test]
fn a_counters_rate_is_per_second_unless_it_says_otherwise() {
    let columns = |rate: Value| [hourly(), ("m", metric("max", "volume")), ("r", rate)];
    let found = || hours(&[json!(3600.0), json!(10800.0), json!(3600.0)]);
    let rate = reference("counter_rate", "m");
    assert_eq!(last_column(&columns(rate.clone()), found()), [Cell::Null, Cell::Number(2.0), Cell::Number(1.0)]);
    let per_hour = with(rate, json!({"timeScale": "h"}));
    assert_eq!(last_column(&columns(per_hour), found()), [Cell::Null, Cell::Number(7200.0), Cell::Number(3600.0)]);
}

#[test]
fn units_of_time_cut_the_first_and_last_bucket_to_the_range() {
    let per_minute = with(count(), json!({"timeScale": "m"}));
    let bucket = |minute: i64| json!({"key": at_minute(minute), "doc_count": 60});
    let found = json!({"0": {"buckets": [bucket(-30), bucket(30), bucket(360)]}});
    assert_eq!(last_column(&[hourly(), ("c", per_minute.clone())], found), numbers(&[2.0, 1.0, 4.0]));
    // Without a date histogram the range, or the part that is looked at.
    assert_eq!(rows(&[("c", per_minute.clone())], json!({})), [numbers(&[7.0 / 375.0])]);
    let reduced = with(per_minute, json!({"reducedTimeRange": "15m"}));
    assert_eq!(rows(&[("c", reduced)], json!({"0-bucket": {"doc_count": 30}})), [numbers(&[2.0])]);
    let normalized = [
        hourly(),
        ("m", metric("sum", "volume")),
        ("n", with(reference("normalize_by_unit", "m"), json!({"params": {"unit": "m"}}))),
    ];
    assert_eq!(last_column(&normalized, hours(&[json!(120.0)])), numbers(&[2.0]));
}

#[test]
fn overall_without_an_axis_is_over_the_whole_table() {
    let columns = [("s", terms(json!({}))), ("m", metric("sum", "volume")), ("o", reference("overall_sum", "m"))];
    let bucket = |key: &str, value: f64| json!({"key": key, "doc_count": 1, "1": {"value": value}});
    let found = json!({"0": {"buckets": [bucket("A", 1.0), bucket("B", 2.0)]}});
    assert_eq!(last_column(&columns, found), numbers(&[3.0, 3.0]));
}

#[test]
fn static_values_and_constants() {
    let fixed = |value: Value| {
        json!({"operationType": "static_value", "label": "S", "references": [],
        "params": {"value": value}, "isStaticValue": true})
    };
    let (searches, table) = played(&[("a", fixed(json!("2.5"))), ("b", formula("time_range() / now()"))], &[]);
    assert!(searches.is_empty());
    let length = f64::from(375 * 60_000);
    #[allow(clippy::cast_precision_loss, reason = "a time of today")]
    let now = TO_MS as f64;
    assert_eq!(table.rows, [numbers(&[2.5, length / now])]);
    assert_eq!(last_column(&[hourly(), ("f", formula("interval()"))], hours(&[json!(1)])), numbers(&[3_600_000.0]));
    assert_eq!(
        refusal(&state(&[("f", formula("interval()"))])),
        "column `fX0`: `interval()` needs a date histogram in its layer"
    );
}

#[test]
fn computed_columns_look_like_what_they_are_computed_from() {
    let percent = json!({"params": {"format": {"id": "percent"}}});
    let columns = [
        hourly(),
        ("m", metric("sum", "price")),
        ("a", reference("moving_average", "m")),
        ("b", with(reference("moving_average", "a"), percent)),
        ("f", formula("sum(price)")),
        ("g", formula("sum(price) * 2")),
    ];
    let (_, table) = played(&columns, &[answer(json!({}))]);
    let formats: Vec<Option<&str>> =
        table.columns.iter().map(|column| column.format.as_ref().and_then(|format| format["id"].as_str())).collect();
    assert_eq!(formats, [None, Some("number"), Some("number"), Some("percent"), Some("number"), None]);
}
