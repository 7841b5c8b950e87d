//! Saved filters and queries as clauses.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::lens::view::{Field, FieldKind};

const ZONE: &str = "Asia/Kolkata";

fn view() -> DataView {
    let fields = [
        ("sym", FieldKind::Keyword),
        ("is_up", FieldKind::Boolean),
        ("depth", FieldKind::Nested),
        ("depth.price", FieldKind::Float),
    ];
    let field = |kind| Field { kind, is_aggregatable: true };
    DataView { fields: fields.map(|(name, kind)| (name.to_owned(), field(kind))).into(), ..DataView::default() }
}

fn of_filters(filters: &[Value]) -> Clauses {
    clauses(&[], filters, &view(), ZONE).unwrap()
}

fn saved(meta: Value, query: Value) -> Value {
    json!({"meta": meta, "query": query, "$state": {"store": "appState"}})
}

#[test]
fn kql_is_a_filter_and_lucene_a_must() {
    let lucene = |text: &str| Query { language: Language::Lucene, text: text.to_owned() };
    let queries = [Query::kuery("sym:A"), lucene("sym:B*"), Query::kuery(" "), lucene(""), Query::kuery("*:*")];
    let found = clauses(&queries.iter().collect::<Vec<_>>(), &[], &view(), ZONE).unwrap();
    let term = json!({"bool": {"should": [{"term": {"sym": {"value": "A"}}}], "minimum_should_match": 1}});
    let lucene = json!({"query_string": {"query": "sym:B*", "analyze_wildcard": true, "time_zone": ZONE}});
    assert_eq!(found, Clauses { must: vec![lucene], filter: vec![term], must_not: vec![] });
}

#[test]
fn the_bool_query_has_kibanas_order_of_keys() {
    let clauses = Clauses { must: vec![json!(1)], filter: vec![json!(2)], must_not: vec![json!(3)] };
    let expected = r#"{"bool":{"must":[1],"filter":[2],"should":[],"must_not":[3]}}"#;
    assert_eq!(clauses.bool_query().to_string(), expected);
    assert!(Clauses::default().is_empty());
}

#[test]
fn a_filters_query_is_taken_as_it_stands() {
    for query in [
        json!({"match_phrase": {"sym": "A"}}),
        json!({"bool": {"should": [{"match_phrase": {"sym": "A"}}], "minimum_should_match": 1}}),
        json!({"range": {"price": {"gte": 1, "lt": 5}}}),
        json!({"exists": {"field": "sym"}}),
        json!({"script": {"script": {"source": "true"}}}),
    ] {
        let filter = of_filters(&[saved(json!({"type": "custom"}), query.clone())]).filter;
        assert_eq!(filter, std::slice::from_ref(&query));
        let must_not = of_filters(&[saved(json!({"negate": true}), query.clone())]).must_not;
        assert_eq!(must_not, [query]);
    }
}

#[test]
fn a_disabled_filter_and_one_for_everything_are_left_out() {
    let exists = json!({"exists": {"field": "sym"}});
    let filters = [
        saved(json!({"disabled": true}), exists.clone()),
        saved(json!({"disabled": true, "negate": true}), exists),
        saved(json!({}), json!({"match_all": {}})),
        Value::Null,
    ];
    assert!(of_filters(&filters).is_empty());
    let none = of_filters(&[saved(json!({"negate": true}), json!({"match_all": {}}))]);
    assert_eq!(none.must_not, [json!({"match_all": {}})]);
}

#[test]
fn old_forms_are_read_as_todays() {
    for (filter, expected) in [
        (json!({"meta": {}, "exists": {"field": "f"}}), json!({"exists": {"field": "f"}})),
        (json!({"meta": {}, "query": null, "range": {"f": {"gt": 1}}}), json!({"range": {"f": {"gt": 1}}})),
        (json!({"meta": {}, "bool": {"must": []}, "$state": {}}), json!({"bool": {"must": []}})),
        (json!({"query": {"term": {"f": 1}}, "exists": {"field": "f"}}), json!({"term": {"f": 1}})),
        (
            json!({"meta": {}, "query": {"match": {"f": {"query": "x y", "type": "phrase", "slop": 1}}}}),
            json!({"match_phrase": {"f": {"query": "x y", "slop": 1}}}),
        ),
        (
            json!({"meta": {}, "match": {"is_up": {"query": "1", "type": "phrase"}}}),
            json!({"match_phrase": {"is_up": {"query": true}}}),
        ),
        (json!({"query": {"match": {"f": {"query": "x"}}}}), json!({"match": {"f": {"query": "x"}}})),
    ] {
        assert_eq!(of_filters(std::slice::from_ref(&filter)).filter, [expected], "{filter}");
    }
}

#[test]
fn a_filter_on_a_field_of_a_nested_one_asks_its_documents() {
    let query = json!({"range": {"depth.price": {"gt": 1}}});
    let found = of_filters(&[saved(json!({"key": "depth.price", "type": "range"}), query.clone())]);
    assert_eq!(found.filter, [json!({"nested": {"path": "depth", "query": query}})]);
}

#[test]
fn combined_filters_are_joined_by_their_relation() {
    let a = saved(json!({"type": "phrase"}), json!({"match_phrase": {"sym": "A"}}));
    let not_b = saved(json!({"negate": true}), json!({"match_phrase": {"sym": "B"}}));
    let off = saved(json!({"disabled": true}), json!({"match_phrase": {"sym": "C"}}));
    let combined = |relation: &str, negate: bool, params: Value| {
        saved(json!({"type": "combined", "relation": relation, "negate": negate, "params": params}), json!({}))
    };
    let is_a = json!({"bool": {"must": [], "filter": [{"match_phrase": {"sym": "A"}}], "should": [], "must_not": []}});
    let is_not_b =
        json!({"bool": {"must": [], "filter": [], "should": [], "must_not": [{"match_phrase": {"sym": "B"}}]}});
    let both = json!({"bool": {"must": [], "filter": [{"match_phrase": {"sym": "A"}}], "should": [],
        "must_not": [{"match_phrase": {"sym": "B"}}]}});
    let either = json!({"bool": {"should": [is_a, is_not_b], "minimum_should_match": 1}});

    let params = json!([a, off, not_b]);
    assert_eq!(of_filters(&[combined("AND", false, params.clone())]).filter, std::slice::from_ref(&both));
    assert_eq!(of_filters(&[combined("AND", true, params.clone())]).must_not, std::slice::from_ref(&both));
    assert_eq!(of_filters(&[combined("OR", false, params.clone())]).filter, std::slice::from_ref(&either));
    assert!(of_filters(&[combined("OR", false, json!([off]))]).is_empty());
    let inner = combined("OR", false, params);
    let found = of_filters(&[combined("AND", false, json!([inner]))]).filter;
    assert_eq!(found, [json!({"bool": {"must": [], "filter": [either], "should": [], "must_not": []}})]);
}

#[test]
fn a_filter_that_cannot_be_read_is_named() {
    let mut deep = saved(json!({}), json!({"match_all": {}}));
    for _ in 0..30 {
        deep = saved(json!({"type": "combined", "relation": "AND", "params": [deep]}), json!({}));
    }
    let member = json!({"meta": {"type": "combined", "relation": "OR", "params": [{"meta": {}}]}});
    let relation = json!({"meta": {"type": "combined", "relation": "XOR", "params": [{"query": {"a": 1}}]}});
    for (filter, expected) in [
        (json!("x"), "saved filter 2: must be an object"),
        (json!({"meta": {}, "query": {}}), "saved filter 2: has no `query`"),
        (
            json!({"meta": {"type": "combined"}}),
            "saved filter 2: is combined: its `meta.params` must be a list of filters",
        ),
        (member, "saved filter 2.1: has no `query`"),
        (relation, "saved filter 2: is combined by `XOR`: only `AND` and `OR` are known"),
    ] {
        let error = clauses(&[], &[Value::Null, filter], &view(), ZONE).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = clauses(&[], &[deep], &view(), ZONE).unwrap_err().to_string();
    assert!(error.ends_with("is combined of combined ones too often"), "{error}");
}

#[test]
fn what_a_click_makes_is_read_back_as_its_query() {
    let phrase = |value: &str| json!({"match_phrase": {"sym": value}});
    let bounds = Bounds { gte: Some(json!(1)), lt: Some(json!(5)), ..Bounds::default() };
    for (filter, kind, expected) in [
        (super::phrase("sym", json!("A"), "dv"), "phrase", phrase("A")),
        (phrases("sym", &[json!("A")], false, "dv"), "phrase", phrase("A")),
        (
            phrases("sym", &[json!("A"), json!("B")], false, "dv"),
            "phrases",
            json!({"bool": {"should": [phrase("A"), phrase("B")], "minimum_should_match": 1}}),
        ),
        (exists("sym", false, "dv"), "exists", json!({"exists": {"field": "sym"}})),
        (range("price", bounds, "dv"), "range", json!({"range": {"price": {"gte": 1, "lt": 5}}})),
        (custom("cheap", json!({"range": {"p": {"lt": 5}}}), "dv"), "custom", json!({"range": {"p": {"lt": 5}}})),
    ] {
        assert_eq!(filter["meta"]["type"], kind);
        assert_eq!(filter["meta"]["index"], "dv");
        assert_eq!(of_filters(std::slice::from_ref(&filter)).filter, [expected], "{filter}");
    }
    let found = of_filters(&[phrases("sym", &[json!("A"), json!("B")], true, "dv"), exists("sym", true, "dv")]);
    assert_eq!((found.filter.len(), found.must_not.len()), (0, 2));
    let expected = json!({"meta": {"index": "dv", "type": "phrase", "key": "sym", "params": {"query": "A"},
        "negate": false, "disabled": false, "alias": null}, "query": phrase("A"), "$state": {"store": "appState"}});
    assert_eq!(super::phrase("sym", json!("A"), "dv"), expected);
}

/// Any JSON of few keys that filters use.
fn json_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop_oneof![Just("combined"), Just("OR"), Just("AND"), Just("phrase"), Just("sym")].prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let key = prop_oneof![
            Just("meta"),
            Just("query"),
            Just("params"),
            Just("relation"),
            Just("type"),
            Just("negate"),
            Just("disabled"),
            Just("match"),
            Just("key"),
            Just("sym"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_a_filter_or_an_error(filter in json_like()) {
        drop(clauses(&[], &[filter], &view(), ZONE));
    }
}
