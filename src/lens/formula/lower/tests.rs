//! Columns of formulas, and what is refused.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::lens::view::{Field, FieldKind};

fn view() -> DataView {
    let kinds = [
        ("p", FieldKind::Float),
        ("q", FieldKind::Integer),
        ("odd name", FieldKind::Float),
        ("sym", FieldKind::Keyword),
        ("note", FieldKind::Text),
        ("is_open", FieldKind::Boolean),
        ("timestamp", FieldKind::Date),
        ("sketch", FieldKind::Other),
        ("say \"x\"", FieldKind::Float),
    ];
    let field = |(name, kind): (&str, FieldKind)| (name.to_owned(), Field { kind, is_aggregatable: true });
    DataView {
        time_field: Some("timestamp".to_owned()),
        fields: BTreeMap::from(kinds.map(field)),
        runtime: json!({"spread": {"type": "double"}}).as_object().unwrap().clone(),
        ..DataView::default()
    }
}

fn columns(text: &str) -> Vec<Column> {
    match expand("m", text, &view()) {
        Ok(expanded) => {
            assert_eq!(expanded.columns.last().unwrap().id, expanded.result, "{text}");
            expanded.columns
        }
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Each column in a line: `mX0 = max(p)`.
fn lines(text: &str) -> Vec<String> {
    columns(text).iter().map(|column| format!("{} = {}", column.id, show(&column.operation))).collect()
}

fn show(operation: &Operation) -> String {
    match operation {
        Operation::Metric { function, field, .. } => format!("{function:?}({})", field.as_deref().unwrap_or_default()),
        Operation::Reference { function, of } => format!("{function:?}({of})"),
        Operation::Math(expression) => show_expression(expression),
        Operation::Constant(constant) => format!("{constant:?}"),
        other => format!("{other:?}"),
    }
}

fn show_expression(expression: &Expression) -> String {
    match expression {
        Expression::Number(number) => number.to_string(),
        Expression::Column(id) => id.clone(),
        Expression::Call { function, arguments } => {
            let arguments: Vec<String> = arguments.iter().map(show_expression).collect();
            format!("{function:?}({})", arguments.join(", "))
        }
    }
}

#[test]
fn columns_are_numbered_depth_first_as_kibana_does() {
    let cases: &[(&str, &[&str])] = &[
        ("average(p)", &["mX0 = Average(p)"]),
        ("max(p)-min(p)", &["mX0 = Max(p)", "mX1 = Min(p)", "mX2 = Subtract(mX0, mX1)"]),
        ("5", &["mX0 = 5"]),
        ("1+2*3", &["mX0 = Add(1, Multiply(2, 3))"]),
        ("pick_max(max(p),3)", &["mX0 = Max(p)", "mX1 = PickMax(mX0, 3)"]),
        ("average('odd name')", &["mX0 = Average(odd name)"]),
        ("average(spread)", &["mX0 = Average(spread)"]),
        ("moving_average(max(p),window=10)", &["mX0 = Max(p)", "mX1 = MovingAverage { window: 10 }(mX0)"]),
        ("moving_average(max(p))", &["mX0 = Max(p)", "mX1 = MovingAverage { window: 5 }(mX0)"]),
        (
            "moving_average(max(p)-min(p))",
            &["mX0 = Max(p)", "mX1 = Min(p)", "mX2 = Subtract(mX0, mX1)", "mX3 = MovingAverage { window: 5 }(mX2)"],
        ),
        ("overall_sum(1+2)", &["mX0 = Add(1, 2)", "mX1 = OverallSum(mX0)"]),
        (
            "overall_max(cumulative_sum(sum(q))) / 2",
            &["mX0 = Sum(q)", "mX1 = CumulativeSum(mX0)", "mX2 = OverallMax(mX1)", "mX3 = Divide(mX2, 2)"],
        ),
        (
            "sum(q) / overall_sum(sum(q))",
            &["mX0 = Sum(q)", "mX1 = Sum(q)", "mX2 = OverallSum(mX1)", "mX3 = Divide(mX0, mX2)"],
        ),
        ("counter_rate(max(q))", &["mX0 = Max(q)", "mX1 = CounterRate(mX0)"]),
        // Only outside formulas it must be `max`.
        ("counter_rate(sum(q))", &["mX0 = Sum(q)", "mX1 = CounterRate(mX0)"]),
        (
            "differences(last_value(p))",
            &["mX0 = LastValue { sort_field: Some(\"timestamp\"), shows_arrays: false }(p)", "mX1 = Differences(mX0)"],
        ),
        ("normalize_by_unit(sum(q),unit='m')", &["mX0 = Sum(q)", "mX1 = NormalizeByUnit(Minute)(mX0)"]),
        ("time_range()", &["mX0 = TimeRange"]),
        (
            "count() / (time_range() / interval()) + now()",
            &[
                "mX0 = Count()",
                "mX1 = TimeRange",
                "mX2 = Interval",
                "mX3 = Now",
                "mX4 = Add(Divide(mX0, Divide(mX1, mX2)), mX3)",
            ],
        ),
        ("ifelse(count() > 0, sum(q), 0)", &["mX0 = Count()", "mX1 = Sum(q)", "mX2 = IfElse(Gt(mX0, 0), mX1, 0)"]),
    ];
    for (text, expected) in cases {
        assert_eq!(lines(text), *expected, "{text}");
    }
}

#[test]
fn every_metric_is_built() {
    for (text, expected) in [
        ("count()", "Count()"),
        ("count(sym)", "Count(sym)"),
        ("count('___records___')", "Count()"),
        ("count(kql='p > 1', sym)", "Count(sym)"),
        ("unique_count(sym)", "UniqueCount(sym)"),
        ("sum(p)", "Sum(p)"),
        ("min(timestamp)", "Min(timestamp)"),
        ("max(timestamp)", "Max(timestamp)"),
        ("median(q)", "Median(q)"),
        ("standard_deviation(p)", "StandardDeviation(p)"),
        ("percentile(p)", "Percentile(95.0)(p)"),
        ("percentile(p, percentile=99.9)", "Percentile(99.9)(p)"),
        ("percentile_rank(p)", "PercentileRank(0.0)(p)"),
        ("percentile_rank(p, value=10)", "PercentileRank(10.0)(p)"),
        ("average(sketch)", "Average(sketch)"),
    ] {
        assert_eq!(show(&columns(text)[0].operation), expected, "{text}");
    }
}

#[test]
fn hidden_columns_are_parts_of_the_label() {
    for column in columns("max(p)-min(p)") {
        assert_eq!(column.label, "Part of max(p)-min(p)");
        assert!(column.is_hidden);
    }
    let within = Within { label: Some("Range"), ..Within::default() };
    assert_eq!(expand_within("m", "max(p)", &view(), &within).unwrap().columns[0].label, "Part of Range");
    let metric = Operation::Metric { function: MetricFunction::Sum, field: Some("p".to_owned()), empty_as_null: false };
    assert_eq!(columns("sum(p)")[0].operation, metric);
    assert_eq!(columns("counter_rate(max(p))")[1].time_scale, Some(TimeUnit::Second));
}

/// Filter, time shift and reduced time range of the columns, as texts.
fn scopes(columns: &[Column]) -> Vec<(Option<String>, Option<&str>, Option<&str>)> {
    let query = |query: &Query| format!("{:?} {}", query.language, query.text);
    let scope = |column: &Column| column.filter.as_ref().map(query);
    columns
        .iter()
        .map(|column| (scope(column), column.time_shift.as_deref(), column.reduced_time_range.as_deref()))
        .collect()
}

#[test]
fn named_arguments_scope_their_metric() {
    let text =
        "count(kql='sym: \"A\"') + sum(p, lucene='sym:B', shift='1d') + max(p, reducedTimeRange='15m', shift=previous)";
    let expected = [
        (Some("Kuery sym: \"A\"".to_owned()), None, None),
        (Some("Lucene sym:B".to_owned()), Some("1d"), None),
        (None, Some("previous"), Some("15m")),
        (None, None, None),
    ];
    assert_eq!(scopes(&columns(text)), expected);
}

#[test]
fn last_value_asks_for_documents_that_have_the_field() {
    let filter = |text: &str| columns(text)[0].filter.clone().unwrap();
    assert_eq!(filter("last_value(p)"), Query::kuery("\"p\": *"));
    assert_eq!(filter(r#"last_value('say "x"')"#), Query::kuery(r#""say \"x\"": *"#));
    assert_eq!(filter("last_value(p, kql='sym: A')"), Query::kuery("sym: A"));
    assert_eq!(filter("differences(last_value(p), kql='sym: A')"), Query::kuery("\"p\": *"));
}

#[test]
fn an_outer_function_scopes_the_metrics_inside_that_say_nothing() {
    let text = "moving_average(sum(p) / sum(q, kql='b', shift='2d'), kql='a', shift='1d')";
    let expected = [
        (Some("Kuery a".to_owned()), Some("1d"), None),
        (Some("Kuery b".to_owned()), Some("2d"), None),
        (None, None, None),
        (None, None, None),
    ];
    assert_eq!(scopes(&columns(text)), expected);
    let nested = columns("differences(overall_sum(moving_average(sum(p), kql='near')), kql='far', shift='1w')");
    assert_eq!(scopes(&nested)[0], (Some("Kuery near".to_owned()), Some("1w"), None));
}

#[test]
fn the_filter_of_the_formula_is_joined_with_its_parts() {
    let outer = Query::kuery("sym: A");
    let within = Within { filter: Some(&outer), reduced_time_range: Some("1h"), ..Within::default() };
    let text = "count() + sum(p, kql='q > 1', reducedTimeRange='5m') + last_value(p) + count(kql='')";
    let expanded = expand_within("m", text, &view(), &within).unwrap();
    let (own, joined) = (Some("Kuery sym: A".to_owned()), Some("Kuery (sym: A) AND (q > 1)".to_owned()));
    let expected = [
        (own.clone(), None, Some("1h")),
        (joined, None, Some("5m")),
        (own.clone(), None, Some("1h")),
        (own, None, Some("1h")),
        (None, None, None),
    ];
    assert_eq!(scopes(&expanded.columns), expected);
    let conflict = expand_within("m", "count(lucene='a')", &view(), &within).unwrap_err();
    let expected = FormulaError::FilterConflict { at: 1, function: "count".to_owned(), inner: "Lucene", outer: "KQL" };
    assert_eq!(conflict, expected);
}

#[test]
fn what_kibana_refuses_is_refused() {
    for (text, expected) in [
        ("average(nope)", "there is no field `nope` in the data view (at character 9)"),
        ("nope", "there is no field `nope` in the data view (at character 1)"),
        ("p", "the field `p` at character 1 needs a function round it, such as `average(p)`"),
        ("p + 1", "`add` at character 1 takes numbers, not the field `p`: write, say, `average(p)`"),
        ("1 + abs(p)", "`abs` at character 9 takes numbers, not the field `p`: write, say, `average(p)`"),
        ("frobnicate(p)", "there is no function `frobnicate` (at character 1)"),
        ("terms(sym)", "there is no function `terms` (at character 1)"),
        ("1 > 2", "the comparison at character 1 is no number: compare inside `ifelse(condition, left, right)`"),
        (
            "gt(max(p), 2)",
            "the comparison at character 1 is no number: compare inside `ifelse(condition, left, right)`",
        ),
        ("(max(p) > 1) + 2", "argument `left` of `add` at character 2 must be a number"),
        ("ifelse(1, 2, 3)", "argument `condition` of `ifelse` at character 8 must be a comparison"),
        ("ifelse(1 > 0, 2 > 1, 3)", "argument `left` of `ifelse` at character 15 must be a number"),
        ("-average(p)", "`-average` at character 1: a minus cannot stand before a name, write `0 - ...`"),
        ("abs()", "`abs` at character 1 lacks its argument `value`"),
        ("pow(2)", "`pow` at character 1 lacks its argument `base`"),
        ("clamp(1, 2)", "`clamp` at character 1 lacks its argument `max`"),
        ("ifelse(1 > 0, 2)", "`ifelse` at character 1 lacks its argument `right`"),
        ("abs(1, 2)", "`abs` at character 1 has too many arguments"),
        ("round(1, 2, 3)", "`round` at character 1 has too many arguments"),
        ("round(1, decimals=2)", "`round` has no argument `decimals` (at character 10)"),
        ("average()", "the first argument of `average` at character 1 must be a field"),
        ("average(5)", "the first argument of `average` at character 9 must be a field"),
        ("average(max(p))", "the first argument of `average` at character 9 must be a field"),
        ("average(p + 1)", "the first argument of `average` at character 9 must be a field"),
        ("average(p, q)", "`average` at character 12 has too many arguments"),
        ("average(kql='a', p)", "the first argument of `average` at character 1 must be a field"),
        ("average(sym)", "`average` at character 9 cannot be computed over the field `sym`, which is a keyword"),
        ("sum(timestamp)", "`sum` at character 5 cannot be computed over the field `timestamp`, which is a date"),
        (
            "unique_count(note)",
            "`unique_count` at character 14 cannot be computed over the field `note`, which is a text",
        ),
        ("last_value(sym)", "`last_value` of `sym` at character 12 is no number"),
        ("last_value(is_open)", "`last_value` of `is_open` at character 12 is no number"),
        (
            "moving_average(p)",
            "the first argument of `moving_average` at character 16 must be a function such as `max(...)`",
        ),
        (
            "moving_average(5)",
            "the first argument of `moving_average` at character 16 must be a function such as `max(...)`",
        ),
        (
            "moving_average()",
            "the first argument of `moving_average` at character 1 must be a function such as `max(...)`",
        ),
        (
            "moving_average(window=2, max(p))",
            "the first argument of `moving_average` at character 1 must be a function such as `max(...)`",
        ),
        (
            "overall_sum(1 > 2)",
            "the first argument of `overall_sum` at character 1 must be a function such as `max(...)`",
        ),
        ("moving_average(max(p), min(p))", "`moving_average` at character 1 has too many arguments"),
        (
            "moving_average(max(p), window=0)",
            "`window` of `moving_average` at character 24 must be a whole number from 1 on",
        ),
        (
            "moving_average(max(p), window=1.5)",
            "`window` of `moving_average` at character 24 must be a whole number from 1 on",
        ),
        (
            "moving_average(max(p), window='5')",
            "`window` of `moving_average` at character 24 must be a whole number from 1 on",
        ),
        ("moving_average(max(p), window=2, window=3)", "`moving_average` is given `window` twice (at character 34)"),
        ("normalize_by_unit(sum(p))", "`normalize_by_unit` at character 1 lacks its argument `unit`"),
        (
            "normalize_by_unit(sum(p), unit='y')",
            "`unit` of `normalize_by_unit` at character 27 must be one of 's', 'm', 'h', 'd'",
        ),
        ("overall_sum(sum(p), kql='a')", "`overall_sum` has no argument `kql` (at character 21)"),
        (
            "percentile(p, percentile='95')",
            "`percentile` of `percentile` at character 15 must be a number from 0 to 100",
        ),
        (
            "percentile(p, percentile=101)",
            "`percentile` of `percentile` at character 15 must be a number from 0 to 100",
        ),
        ("max(p, percentile=5)", "`max` has no argument `percentile` (at character 8)"),
        ("count(kql='a', lucene='b')", "`count` at character 1 takes `kql=` or `lucene=`, not both"),
        (
            "max(p, shift='soon')",
            "`shift` at character 8: `soon` is no time shift: write `1d`, `previous`, `startAt(<date>)` or `endAt(<date>)`",
        ),
        ("max(p, shift=1)", "`shift` of `max` at character 8 must be a text such as '1d'"),
        (
            "max(p, reducedTimeRange='previous')",
            "`reducedTimeRange` at character 8: `previous` is no duration: write a number and a unit of `s m h d w M y`, such as `15m`",
        ),
        ("time_range(1)", "`time_range` at character 1 has too many arguments"),
        ("now(shift='1d')", "`now` has no argument `shift` (at character 5)"),
    ] {
        match expand("m", text, &view()) {
            Err(error) => assert_eq!(error.to_string(), expected, "{text}"),
            Ok(expanded) => panic!("{text} was taken: {expanded:?}"),
        }
    }
}

#[test]
fn without_a_date_field_there_is_no_last_value_and_no_time_range() {
    let mut view = view();
    view.time_field = None;
    view.fields.remove("timestamp");
    for (text, function) in [("last_value(p)", "last_value"), ("time_range()", "time_range")] {
        assert_eq!(expand("m", text, &view), Err(FormulaError::NoTimeField { at: 1, function: function.to_owned() }));
    }
}

#[test]
fn a_long_chain_is_expanded_and_computed() {
    let text = vec!["sum(p)"; 249].join("+");
    let columns = columns(&text);
    assert_eq!(columns.len(), 250);
    let Operation::Math(expression) = &columns[249].operation else { panic!("the last column is the sum") };
    assert_eq!(expression.evaluate(&|_| Some(2.0)), Some(498.0));
    let nested = format!("{}sum(p){}", "moving_average(".repeat(60), ", window=3, kql='p > 1', shift='1d')".repeat(60));
    assert_eq!(self::columns(&nested).len(), 61);
}

proptest! {
    #[test]
    fn any_text_is_columns_or_an_error(text in ".{0,60}") {
        expand("m", &text, &view()).ok();
    }

    #[test]
    fn what_refers_stands_after_what_it_refers_to(
        names in prop::collection::vec("(sum|max|overall_sum|differences|abs|moving_average|time_range|add)", 1..6),
        field in "(p|q|1|)",
    ) {
        let text = names.iter().rev().fold(field, |inner, name| format!("{name}({inner})"));
        if let Ok(expanded) = expand("m", &text, &view()) {
            let position = |id: &str| expanded.columns.iter().position(|column| column.id == id);
            for (index, column) in expanded.columns.iter().enumerate() {
                if let Operation::Reference { of, .. } = &column.operation {
                    prop_assert!(position(of).unwrap() < index);
                }
            }
            prop_assert_eq!(position(&expanded.result), Some(expanded.columns.len() - 1));
        }
    }
}
