//! Each row of the grammar, and what each query becomes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::lens::view::{Field, FieldKind};

const ZONE: &str = "Asia/Kolkata";

fn view() -> DataView {
    let field = |kind| Field { kind, is_aggregatable: true };
    let fields = [
        ("d", FieldKind::Date),
        ("k", FieldKind::Keyword),
        ("k2", FieldKind::Keyword),
        ("n", FieldKind::Integer),
        ("t", FieldKind::Text),
        ("p", FieldKind::Nested),
        ("p.a", FieldKind::Keyword),
        ("p.b", FieldKind::Float),
        ("p.q", FieldKind::Nested),
        ("p.q.c", FieldKind::Text),
        ("_id", FieldKind::Other),
        ("_source", FieldKind::Other),
    ];
    DataView { fields: fields.map(|(name, kind)| (name.to_owned(), field(kind))).into(), ..DataView::default() }
}

fn dsl(text: &str) -> Value {
    compile(text, &view(), ZONE).unwrap_or_else(|error| panic!("{text}: {error}")).unwrap_or(Value::Null)
}

/// One clause on one field.
fn one(query: Value) -> Value {
    any([query])
}

fn any<const N: usize>(queries: [Value; N]) -> Value {
    json!({"bool": {"should": queries.to_vec(), "minimum_should_match": 1}})
}

fn all<const N: usize>(queries: [Value; N]) -> Value {
    json!({"bool": {"filter": queries.to_vec()}})
}

fn term(field: &str, value: &str) -> Value {
    one(json!({"term": {field: {"value": value}}}))
}

fn bare(text: &str) -> Value {
    json!({"multi_match": {"type": "best_fields", "query": text, "lenient": true}})
}

fn nested(path: &str, query: Value) -> Value {
    json!({"nested": {"path": path, "query": query, "score_mode": "none"}})
}

#[test]
fn a_value_is_asked_for_as_its_field_is_typed() {
    for (text, expected) in [
        ("k:abc", json!({"term": {"k": {"value": "abc"}}})),
        ("k:\"abc\"", json!({"term": {"k": {"value": "abc"}}})),
        ("k:true", json!({"term": {"k": {"value": true}}})),
        ("k:\"true\"", json!({"term": {"k": {"value": "true"}}})),
        ("t:foo bar", json!({"match": {"t": "foo bar"}})),
        ("t:\"foo bar\"", json!({"match_phrase": {"t": "foo bar"}})),
        ("unknown:x", json!({"match": {"unknown": "x"}})),
        ("n:5", json!({"match": {"n": "5"}})),
        ("n:false", json!({"match": {"n": false}})),
        ("n:null", json!({"match": {"n": null}})),
        ("d:2024-01-01", json!({"range": {"d": {"gte": "2024-01-01", "lte": "2024-01-01", "time_zone": ZONE}}})),
        ("d:\"2024-01-01\"", json!({"range": {"d": {"gte": "2024-01-01", "lte": "2024-01-01", "time_zone": ZONE}}})),
        ("d:2024", json!({"range": {"d": {"gte": "2024", "lte": "2024", "time_zone": ZONE}}})),
        ("d:1709251200000", json!({"range": {"d": {"gte": "1709251200000", "lte": "1709251200000"}}})),
        ("k:ab*", json!({"wildcard": {"k": {"value": "ab*"}}})),
        ("k:\"ab*\"", json!({"term": {"k": {"value": "ab*"}}})),
        ("t:ab*", json!({"query_string": {"fields": ["t"], "query": "ab*"}})),
        ("t:a-b*c/d", json!({"query_string": {"fields": ["t"], "query": "a\\-b*c\\/d"}})),
        ("d:2024*", json!({"query_string": {"fields": ["d"], "query": "2024*"}})),
        ("f:*", json!({"exists": {"field": "f"}})),
        ("k : *", json!({"exists": {"field": "k"}})),
        ("\"k\":*", json!({"exists": {"field": "k"}})),
        ("\"k*\":x", json!({"match": {"k*": "x"}})),
    ] {
        assert_eq!(dsl(text), one(expected), "{text}");
    }
}

#[test]
fn a_range_keeps_its_value_as_text() {
    for (text, expected) in [
        ("n > 5", json!({"range": {"n": {"gt": "5"}}})),
        ("n>=5", json!({"range": {"n": {"gte": "5"}}})),
        ("n <5", json!({"range": {"n": {"lt": "5"}}})),
        ("n<= \"5\"", json!({"range": {"n": {"lte": "5"}}})),
        ("d >= now-1d", json!({"range": {"d": {"gte": "now-1d", "time_zone": ZONE}}})),
        ("unknown > a b", json!({"range": {"unknown": {"gt": "a b"}}})),
    ] {
        assert_eq!(dsl(text), one(expected), "{text}");
    }
    let expected = any([json!({"range": {"k": {"lt": "m"}}}), json!({"range": {"k2": {"lt": "m"}}})]);
    assert_eq!(dsl("k* < m"), expected);
}

#[test]
fn a_value_without_a_field_is_looked_for_everywhere() {
    let query_string = |query: &str| json!({"query_string": {"query": query}});
    for (text, expected) in [
        ("abc", bare("abc")),
        ("  a b  ", bare("a b")),
        ("\"a b\"", json!({"multi_match": {"type": "phrase", "query": "a b", "lenient": true}})),
        ("ab*", query_string("ab*")),
        ("*", query_string("*")),
        ("a:b*".replace(':', "\\:").as_str(), query_string("a\\:b*")),
        ("null:x", bare("x")),
        ("p:{ x }", nested("p", bare("x"))),
    ] {
        assert_eq!(dsl(text), expected, "{text}");
    }
    assert_eq!(dsl("*:*"), json!({"match_all": {}}));
    assert_eq!(compile("", &view(), ZONE), Ok(None));
    assert_eq!(compile(" \t\n\u{a0}", &view(), ZONE), Ok(None));
}

#[test]
fn not_binds_tighter_than_and_and_that_tighter_than_or() {
    let x = |field: &str| term(field, "x");
    let not = |query: Value| json!({"bool": {"must_not": query}});
    for (text, expected) in [
        ("k:x and k2:x", all([x("k"), x("k2")])),
        ("k:x AND k2:x and k:x", all([x("k"), x("k2"), x("k")])),
        ("k:x or k2:x Or k:x", any([x("k"), x("k2"), x("k")])),
        ("not k:x", not(x("k"))),
        ("k:x or k2:x and not k:x", any([x("k"), all([x("k2"), not(x("k"))])])),
        ("(k:x or k2:x) and k:x", all([any([x("k"), x("k2")]), x("k")])),
        ("(k:x and k2:x) and k:x", all([all([x("k"), x("k2")]), x("k")])),
        ("not (not k:x)", not(not(x("k")))),
        ("not ( k:x )", not(x("k"))),
    ] {
        assert_eq!(dsl(text), expected, "{text}");
    }
}

#[test]
fn a_list_is_a_clause_for_each_value() {
    let is = |value: &str| one(json!({"match": {"n": value}}));
    let k = |value: &str| term("k", value);
    let not = |query: Value| json!({"bool": {"must_not": query}});
    for (text, expected) in [
        ("n:(1 or 2)", any([is("1"), is("2")])),
        ("k:(a and not b)", all([k("a"), not(k("b"))])),
        ("k:(a or b and \"c d\")", any([k("a"), all([k("b"), k("c d")])])),
        ("k:(not (a or b))", not(any([k("a"), k("b")]))),
        ("k:( a )", k("a")),
    ] {
        assert_eq!(dsl(text), expected, "{text}");
    }
}

#[test]
fn a_star_in_a_name_is_every_field_that_it_finds() {
    assert_eq!(dsl("k*:x"), any([json!({"term": {"k": {"value": "x"}}}), json!({"term": {"k2": {"value": "x"}}})]));
    assert_eq!(dsl("nothing*:x"), one(json!({"match": {"nothing*": "x"}})));
    assert_eq!(dsl("nothing*:*"), one(json!({"exists": {"field": "nothing*"}})));
    assert_eq!(dsl("**:*"), json!({"match_all": {}}));
    let expected = any([
        json!({"match": {"_id": "x"}}),
        json!({"range": {"d": {"gte": "x", "lte": "x", "time_zone": ZONE}}}),
        json!({"term": {"k": {"value": "x"}}}),
        json!({"term": {"k2": {"value": "x"}}}),
        json!({"match": {"n": "x"}}),
        nested("p", json!({"term": {"p.a": {"value": "x"}}})),
        nested("p", json!({"match": {"p.b": "x"}})),
        nested("p.q", json!({"match": {"p.q.c": "x"}})),
        json!({"match": {"t": "x"}}),
    ]);
    assert_eq!(dsl("*:x"), expected);
}

#[test]
fn a_group_is_one_nested_document() {
    let b = one(json!({"range": {"p.b": {"gt": "1"}}}));
    assert_eq!(dsl("p:{a:x}"), nested("p", term("p.a", "x")));
    assert_eq!(dsl("p : { a:x and b>1 }"), nested("p", all([term("p.a", "x"), b])));
    let inner = nested("p.q", one(json!({"match": {"p.q.c": "y"}})));
    assert_eq!(dsl("p:{ q:{ c:y } }"), nested("p", inner));
    assert_eq!(dsl("u:{ a:x }"), nested("u", one(json!({"match": {"u.a": "x"}}))));
}

#[test]
fn a_nested_field_is_refused_outside_its_group() {
    for (text, expected) in [
        ("p.a:x", "`p.a` is inside the nested field `p`: write `p:{ ... }` round it"),
        ("p:{ q.c:y }", "`p.q.c` is inside the nested field `p.q`: write `p.q:{ ... }` round it"),
        ("p:{ q:{ c:y } and q.c > 1 }", "`p.q.c` is inside the nested field `p.q`: write `p.q:{ ... }` round it"),
    ] {
        assert_eq!(compile(text, &view(), ZONE).unwrap_err().to_string(), expected, "{text}");
    }
    let mut flat = view();
    flat.fields.insert("o.k".to_owned(), Field { kind: FieldKind::Keyword, is_aggregatable: true });
    let error = compile("o:{ k:x }", &flat, ZONE).unwrap_err();
    assert_eq!(error.to_string(), "`o.k` is not inside the nested field `o`");
}

#[test]
fn words_and_escapes_are_read_as_kibana_reads_them() {
    for (text, value) in [
        ("k:a or", "a or"),
        ("k:or", "or"),
        ("k:order android nothing", "order android nothing"),
        ("k:a\\ or\\ b".replace("\\ ", "\\u0020").as_str(), "a or b"),
        ("k:a \\or b \\AND c", "a or b AND c"),
        ("k:\\not a", "not a"),
        ("k:\\nothing", "othing"),
        ("k:a\\:b\\(c\\)\\<\\>\\\"\\{\\}\\\\", "a:b(c)<>\"{}\\"),
        ("k:a\\*b", "a*b"),
        ("k:\\u0041\\u00e9", "Aé"),
        ("k:\\ud83d\\ude00!", "😀!"),
        ("k:\\ud83d!", "\u{fffd}!"),
        ("k:a\\tb", "a\tb"),
        ("k:\" a \\\"b\\\" \\\\ \\t\\u0041 \\* \\q or c:(x) \"", " a \"b\" \\ \tA \\* \\q or c:(x) "),
        ("k:\"\"", ""),
        ("k: a  b ", "a  b"),
    ] {
        assert_eq!(dsl(text), term("k", value), "{text}");
    }
    let expected = any([term("k", "a"), bare("b")]);
    for text in ["k:a or b", "k:a  or  b", "k:a\u{a0}or\u{a0}b", "k:a\\t or b", "k:a\n OR\tb"] {
        assert_eq!(dsl(text), expected, "{text}");
    }
    assert_eq!(dsl("a or or b"), any([bare("a"), bare("or b")]));
    assert_eq!(dsl("first name:x"), one(json!({"match": {"first name": "x"}})));
    assert_eq!(dsl("a\\:b:x"), one(json!({"match": {"a:b": "x"}})));
    assert_eq!(dsl("K:x"), one(json!({"match": {"K": "x"}})));
}

#[test]
fn an_error_says_what_was_expected_what_was_found_and_where() {
    for (text, expected) in [
        ("response:", r#"expected "(", "{", value, whitespace but end of input found at column 10"#),
        ("response:200 or ", r#"expected "(", NOT, field name, value but end of input found at column 17"#),
        ("response:(200 or )", r#"expected "(", NOT, value but ")" found at column 18"#),
        ("response:200 and not ", r#"expected "(", field name, value but end of input found at column 22"#),
        ("response:(200 and not )", r#"expected "(", value but ")" found at column 23"#),
        ("foo:\"ba ", r#"expected "(", "{", value, whitespace but """ found at column 5"#),
        ("foo:\"ba \"r\"", r#"expected AND, OR, end of input but "r" found at column 10"#),
        ("foo:ba:r", r#"expected AND, OR, end of input but ":" found at column 7"#),
        ("foo > ", "expected literal, whitespace but end of input found at column 7"),
        ("< 1000", r#"expected "(", NOT, end of input, field name, value, whitespace but "<" found at column 1"#),
        ("n:>5", r#"expected "(", "{", value, whitespace but ">" found at column 3"#),
        ("not not x", r#"expected "(", field name, value but "n" found at column 5"#),
        ("cannot do", r#"expected ":", "<", "<=", ">", ">=", end of input but "n" found at column 4"#),
        ("(a", r#"expected ")", ":", "<", "<=", ">", ">=" but end of input found at column 3"#),
        ("p:{a:x", r#"expected "}" but end of input found at column 7"#),
        ("k:(1 or 2", r#"expected ")" but end of input found at column 10"#),
        ("k:foo not bar", r#"expected end of input but "n" found at column 7"#),
        ("k:\"a\" b", r#"expected end of input but "b" found at column 7"#),
        ("k:(a)b", r#"expected AND, OR, end of input but "b" found at column 6"#),
        ("k:not x", r#"expected "(", "{", value, whitespace but "n" found at column 3"#),
        ("é:\\q", r#"expected "(", "{", value, whitespace but "\" found at column 3"#),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    assert_eq!(parse("foo:ba:r").unwrap_err().pointer().unwrap(), "foo:ba:r\n------^");
}

#[test]
fn what_would_grow_without_bound_is_refused() {
    let nest = |depth: usize| format!("{}x{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nest(DEPTH_MAX)).is_ok());
    assert_eq!(parse(&nest(DEPTH_MAX + 1)), Err(KqlError::TooDeep));
    assert_eq!(parse(&"(".repeat(TEXT_CHARS_MAX)), Err(KqlError::TooDeep));
    assert_eq!(parse(&"p:{".repeat(10_000)), Err(KqlError::TooDeep));
    assert_eq!(parse(&format!("k:{}", "(not ".repeat(1_000))), Err(KqlError::TooDeep));
    assert_eq!(parse(&"x".repeat(TEXT_CHARS_MAX + 1)), Err(KqlError::TooLong));
    let many = format!("*:({}x)", "x or ".repeat(6_000));
    let mut wide = view();
    for number in 0..20 {
        wide.fields.insert(format!("w{number}"), Field { kind: FieldKind::Text, is_aggregatable: false });
    }
    assert_eq!(compile(&many, &wide, ZONE), Err(KqlError::TooManyClauses));
}

#[test]
fn a_long_run_of_spaces_is_read_once() {
    let text = format!("a{}b", " ".repeat(TEXT_CHARS_MAX - 2));
    assert_eq!(dsl(&text), bare(&text));
}

proptest! {
    #[test]
    fn any_text_is_a_query_or_an_error(text in "\\PC*") {
        drop(compile(&text, &view(), ZONE));
    }

    #[test]
    fn any_text_of_the_grammars_own_signs_is_a_query_or_an_error(text in "[ak*:<>=(){}\"\\\\ notrdu0{}]{0,60}") {
        if let Err(KqlError::Syntax { column, .. }) = parse(&text) {
            prop_assert!(column <= text.chars().count() + 1);
        }
        drop(compile(&text, &view(), ZONE));
    }
}
