//! Searches and figures of forecasts, by tables of answers.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::*;
use crate::lens::figure::Figure;
use crate::lens::filter;
use crate::lens::scope::{Query, Scope, TimeRange};
use crate::lens::view::{Field, FieldKind};

const MINUTE: i64 = 60_000;

fn places() -> Places {
    let field = |kind| Field { kind, is_aggregatable: true };
    let fields = [("timestamp", FieldKind::Date), (INSTRUMENT, FieldKind::Keyword), (PRICE, FieldKind::Float)];
    let view = DataView {
        id: "v".to_owned(),
        index: "stock-stream".to_owned(),
        time_field: Some("timestamp".to_owned()),
        fields: fields.into_iter().map(|(name, kind)| (name.to_owned(), field(kind))).collect(),
        ..DataView::default()
    };
    Places::of(&view).unwrap()
}

fn scope(from_ms: i64, to_ms: i64) -> Scope {
    let time_zone = TimeZone::get("Asia/Kolkata").unwrap();
    Scope { range: TimeRange { from_ms, to_ms }, now_ms: to_ms, time_zone, query: None, filters: Vec::new() }
}

fn known(first: i64, last: i64) -> Known {
    Known { instruments: vec!["1".to_owned(), "2".to_owned()], first_ms: first * MINUTE, last_ms: last * MINUTE }
}

fn latest(minute: i64) -> Latest {
    let last = |name: &str| Last { name: name.to_owned(), at_ms: minute * MINUTE, price: 100.25 };
    Latest { instruments: vec![last("1"), last("2")], total: 5, last_ms: minute * MINUTE }
}

fn hit(instrument: &str, minute: i64, value: f64, confidence: f64) -> Value {
    let at = jiff::Timestamp::from_millisecond(minute * MINUTE).unwrap();
    json!({"_id": "x", "_source": {"instrument_token": instrument, "timestamp": format!("{at:.3}"), "forecast_value": value,
        "prediction_interval_lower_bound": value - 1.5, "prediction_interval_upper_bound": value + 1.5,
        "confidence_level": confidence}})
}

fn drawn(hits: &[Value], latest: &Latest) -> Figure {
    let bucket = |minute: i64, price: f64| json!({"key": minute * MINUTE, "doc_count": 1, "price": {"top": [{"sort": ["x"], "metrics": {"last_price": price}}]}});
    let prices = json!({"aggregations": {"instruments": {"buckets": [
        {"key": "1", "over_time": {"buckets": [bucket(90, 99.0), bucket(91, 100.25)]}}]}}});
    let window = TimeRange { from_ms: 60 * MINUTE, to_ms: 110 * MINUTE };
    let forecasts = json!({"hits": {"hits": hits}});
    draw(&places(), &scope(0, 100 * MINUTE), window, latest, &prices, &forecasts).unwrap()
}

#[test]
fn an_index_of_forecasts_belongs_to_one_index_and_not_to_a_pattern() {
    for (stream, expected) in [
        ("stock-stream", Some("forecast-stock-stream")),
        ("other_2.x", Some("forecast-other_2.x")),
        ("stock-*", None),
        ("a,b", None),
        ("cluster:a", None),
        ("<a-{now/d}>", None),
        ("-a", None),
        ("", None),
    ] {
        assert_eq!(index_of(stream).as_deref(), expected, "{stream}");
    }
}

#[test]
fn a_data_view_without_prices_or_time_has_no_panel() {
    let mut view = places().view;
    view.time_field = None;
    assert!(Places::of(&view).is_none());
    let mut view = places().view;
    view.fields.remove(PRICE);
    assert!(Places::of(&view).is_none());
}

#[test]
fn query_filters_and_range_are_those_of_the_ticks() {
    let mut scope = scope(0, 100 * MINUTE);
    scope.query = Some(Query::kuery("last_price > 5"));
    scope.filters = vec![filter::phrase(INSTRUMENT, json!("1"), "v")];
    let asked = search::latest(&places(), &scope, &["1".to_owned(), "2".to_owned()]).unwrap();
    let filter = asked["query"]["bool"]["filter"].to_string();
    for part in [
        r#"{"range":{"last_price":{"gt":"5"}}}"#,
        r#"{"match_phrase":{"instrument_token":"1"}}"#,
        r#"{"range":{"timestamp":{"format":"epoch_millis","gte":0,"lte":6000000}}}"#,
        r#"{"terms":{"instrument_token":["1","2"]}}"#,
    ] {
        assert!(filter.contains(part), "{part} is not in {filter}");
    }
    assert_eq!(
        asked["aggs"]["instruments"]["terms"],
        json!({"field": INSTRUMENT, "size": 12, "order": {"_count": "desc"}})
    );
}

#[test]
fn prices_come_in_the_windows_automatic_interval_and_no_later_than_the_range() {
    let window = TimeRange { from_ms: 60 * MINUTE, to_ms: 110 * MINUTE };
    let asked = search::prices(&places(), &scope(0, 100 * MINUTE), window, &latest(99)).unwrap();
    let histogram = &asked["aggs"]["instruments"]["aggs"]["over_time"]["date_histogram"];
    let expected =
        json!({"field": "timestamp", "calendar_interval": "1m", "time_zone": "Asia/Kolkata", "min_doc_count": 1});
    assert_eq!(*histogram, expected);
    assert!(asked["query"].to_string().contains(r#""gte":3600000,"lte":6000000"#), "{asked}");
    let asked = search::forecasts(window, &latest(99));
    assert!(asked["query"].to_string().contains(r#""gte":3600000,"lte":6600000"#), "{asked}");
}

#[test]
fn the_window_has_four_times_the_horizon_before_it_and_all_of_the_horizon() {
    // In minutes: range, first and last forecast, last tick; the window.
    for (range, forecasts, tick, expected) in [
        ((0, 100), (100, 110), 99, Some((60, 110))),
        // A shorter range begins where it begins; one that ends early shows the horizon all the same.
        ((80, 90), (100, 110), 89, Some((80, 110))),
        // Ticks go on behind the horizon.
        ((0, 200), (100, 110), 150, Some((60, 150))),
        // A single step does not say how much is much: all of the range.
        ((0, 100), (100, 100), 99, Some((0, 100))),
        // The range lies behind the forecasts, or ends long before them.
        ((111, 200), (100, 110), 150, None),
        ((0, 50), (100, 110), 49, None),
    ] {
        let scope = scope(range.0 * MINUTE, range.1 * MINUTE);
        let (known, latest) = (known(forecasts.0, forecasts.1), latest(tick));
        let window = match latest.window(&known, &scope) {
            Window::Of(range) => Some((range.from_ms / MINUTE, range.to_ms / MINUTE)),
            Window::Past | Window::Ahead => None,
        };
        assert_eq!(window, expected, "{range:?} {forecasts:?} {tick}");
        assert_eq!(missed(&known, &latest, &scope).is_none(), expected.is_some());
    }
}

#[test]
fn what_can_not_be_drawn_says_why() {
    let reason = |known: &Known, latest: &Latest, scope: &Scope| match missed(known, latest, scope) {
        Some(Figure::Empty { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let past = reason(&known(100, 110), &latest(150), &scope(120 * MINUTE, 200 * MINUTE));
    assert!(past.ends_with("they are for 1970-01-01 07:10:00 to 1970-01-01 07:20:00"), "{past}");
    let ahead = reason(&known(100, 110), &latest(10), &scope(0, 20 * MINUTE));
    assert!(ahead.contains("too long after the last tick"), "{ahead}");
    let none = reason(&known(100, 110), &Latest::default(), &scope(0, 100 * MINUTE));
    assert!(none.starts_with("no ticks"), "{none}");
}

#[test]
fn a_chart_has_prices_the_last_tick_and_the_forecast_with_its_interval_and_words() {
    let hits = [hit("1", 100, 101.0, 0.95), hit("1", 101, 102.0, 0.95), hit("9", 100, 1.0, 0.95)];
    let Figure::Forecast(figure) = drawn(&hits, &latest(99)) else { panic!("no charts") };
    assert_eq!((figure.from, figure.to, figure.interval_ms), (60 * MINUTE, 110 * MINUTE, MINUTE));
    assert_eq!(figure.interval_name, "95% interval");
    // Instrument 2 has no forecast here, instrument 9 no ticks.
    assert_eq!(figure.charts.len(), 1);
    assert_eq!(figure.notes, ["1 of 5 instruments, those with the most ticks; 4 are left out"]);
    let chart = &figure.charts[0];
    assert_eq!((&chart.prices.x, &chart.prices.y), (&vec![90 * MINUTE, 91 * MINUTE], &vec![99.0, 100.25]));
    assert_eq!((&chart.forecast.y, &chart.forecast.low), (&vec![101.0, 102.0], &vec![99.5, 100.5]));
    assert_eq!(chart.forecast.interval_text, ["99.50 to 102.50", "100.50 to 103.50"]);
    assert_eq!((chart.last.x, chart.last.text.as_str(), chart.is_joined), (99 * MINUTE, "100.25", true));
    assert_eq!(chart.caption, "100.25 → 102.00 at 07:11 (100.50 to 103.50)");
    let said = "1: last price 100.25, forecast 102.00 at 07:11, 95% interval 100.50 to 103.50.";
    assert_eq!(chart.description, said);
    assert_eq!(chart.filter["query"], json!({"match_phrase": {"instrument_token": "1"}}));
}

#[test]
fn ticks_beyond_the_first_forecast_are_not_joined_to_it_and_mixed_levels_have_no_number() {
    let hits = [hit("1", 100, 101.0, 0.95), hit("2", 100, 101.0, 0.8), json!({"_source": {"instrument_token": "1"}})];
    let Figure::Forecast(figure) = drawn(&hits, &latest(103)) else { panic!("no charts") };
    assert_eq!((figure.interval_name.as_str(), figure.charts.len()), ("Interval", 2));
    assert!(figure.charts.iter().all(|chart| !chart.is_joined && chart.forecast.x.len() == 1));
    assert!(matches!(drawn(&[], &latest(99)), Figure::Empty { .. }));
}

#[test]
fn answers_are_read_and_errors_are_told() {
    let ends = json!({"first": {"value": 6.0e6}, "last": {"value": 1_767_225_599_999.0_f64}});
    let mut answer = json!({"aggregations": ends});
    assert_eq!(Known::read(&answer), Ok(None));
    assert_eq!(Known::read(&json!({"hits": {}})), Ok(None));
    answer["aggregations"]["instruments"] = json!({"buckets": [{"key": "1", "doc_count": 10}]});
    let known = Known { instruments: vec!["1".to_owned()], first_ms: 6_000_000, last_ms: 1_767_225_599_999 };
    assert_eq!(Known::read(&answer), Ok(Some(known)));
    let bucket =
        |name: &str| json!({"key": name, "at": {"value": 1e3}, "price": {"top": [{"metrics": {"last_price": 2}}]}});
    let broken = json!({"key": "3", "at": {"value": null}, "price": {"top": []}});
    let answer = json!({"aggregations": {"last": {"value": 2e3}, "count": {"value": 7},
        "instruments": {"buckets": [bucket("2"), broken, bucket("1")]}}});
    let latest = Latest::read(&answer).unwrap();
    assert_eq!((latest.names(), latest.total, latest.last_ms), (vec!["1".to_owned(), "2".to_owned()], 7, 2_000));
    let refused =
        json!({"error": {"root_cause": [{"reason": "no luck"}], "reason": "all shards failed"}, "status": 400});
    assert_eq!(Latest::read(&refused), Err("Elasticsearch refused the search: no luck".to_owned()));
}
