//! The grammar: trees as text, refusals with their places.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

/// A tree in prefix form: `subtract(max(p), min(p))`.
fn show(node: &Node) -> String {
    match &node.kind {
        NodeKind::Number(number) => number.to_string(),
        NodeKind::Name(name) => name.clone(),
        NodeKind::Call(call) => {
            let mut parts: Vec<String> = call.positional.iter().map(show).collect();
            parts.extend(call.named.iter().map(show_named));
            format!("{}({})", call.name, parts.join(", "))
        }
    }
}

fn show_named(argument: &Named) -> String {
    match &argument.value {
        NamedValue::Number(number) => format!("{}={number}", argument.name),
        NamedValue::Text(text) => format!("{}={text:?}", argument.name),
    }
}

#[test]
fn operators_bind_as_in_arithmetic() {
    for (text, expected) in [
        ("1+2*3", "add(1, multiply(2, 3))"),
        ("(1+2)*3", "multiply(add(1, 2), 3)"),
        ("8-4-2", "subtract(subtract(8, 4), 2)"),
        ("8/4/2", "divide(divide(8, 4), 2)"),
        ("max(p)-min(p)", "subtract(max(p), min(p))"),
        ("max(p) - -5", "subtract(max(p), -5)"),
        ("5-3", "subtract(5, 3)"),
        ("1+2 < 3*4", "lt(add(1, 2), multiply(3, 4))"),
        ("1 <= 2", "lte(1, 2)"),
        ("1>=2", "gte(1, 2)"),
        ("1 == 2", "eq(1, 2)"),
        ("((1 > 2))", "gt(1, 2)"),
        ("\n a\t*\r b ", "multiply(a, b)"),
    ] {
        assert_eq!(show(&parse(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn fields_are_quoted_or_bare() {
    for (text, expected) in [
        ("average(bytes)", "average(bytes)"),
        ("average('odd name')", "average(odd name)"),
        ("average(\"it's\")", "average(it's)"),
        (r"average('it\'s')", "average(it's)"),
        (r"average('a\b')", r"average(a\b)"),
        ("average(a.b-c_d@[0])", "average(a.b-c_d@[0])"),
        ("average(order-id)", "average(order-id)"),
        ("average('größe')", "average(größe)"),
        ("average('')", "average()"),
        // A slash divides, as Kibana reads it.
        ("average(a/b)", "average(divide(a, b))"),
    ] {
        assert_eq!(show(&parse(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn arguments_may_have_names() {
    for (text, expected) in [
        ("count()", "count()"),
        ("count( )", "count()"),
        ("count(kql='sym: \"A\"')", r#"count(kql="sym: \"A\"")"#),
        ("count(kql = 'a >= 5, b')", r#"count(kql="a >= 5, b")"#),
        (r"count(kql='a: \'x\'')", r#"count(kql="a: 'x'")"#),
        ("count(lucene='a:b')", r#"count(lucene="a:b")"#),
        ("count(kql='')", r#"count(kql="")"#),
        ("max(p, shift='1d', reducedTimeRange=\"15m\")", r#"max(p, shift="1d", reducedTimeRange="15m")"#),
        ("moving_average(max(x),window=10)", "moving_average(max(x), window=10)"),
        ("normalize_by_unit(sum(x), unit=s)", r#"normalize_by_unit(sum(x), unit="s")"#),
        ("pick_max(a == 5, 3,)", "pick_max(eq(a, 5), 3)"),
        ("f(value=-1.5e3)", "f(value=-1500)"),
    ] {
        assert_eq!(show(&parse(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn what_does_not_fit_the_grammar_is_told_with_its_place() {
    for (text, expected) in [
        ("1 +", "expected a number, a field or a function at character 4, found the end"),
        ("* 2", "expected a number, a field or a function at character 1, found `*`"),
        ("(1", "expected `)` at character 3, found the end"),
        ("1)", "expected an operator or the end at character 2, found `)`"),
        ("max(p)^2", "expected `+`, `-`, `*` or `/` (a power is `pow(value, base)`) at character 7, found `^`"),
        ("pow(max(p)^2, 1)", "expected `,` or `)` at character 11, found `^`"),
        ("max(p) min(p)", "expected an operator or the end at character 8, found `m`"),
        ("average (p)", "expected an operator or the end at character 9, found `(`"),
        ("max(p", "expected `,` or `)` at character 6, found the end"),
        ("max('p)", "expected a closing quote at character 5, found none"),
        ("max(,)", "expected a number, a field or a function at character 5, found `,`"),
        ("1 < 2 < 3", "expected an operator or the end at character 7, found `<`"),
        ("1 = 2", "expected an operator or the end at character 3, found `=`"),
        ("007", "expected an operator or the end at character 2, found `0`"),
        ("1.", "expected an operator or the end at character 2, found `.`"),
        ("1e999", "expected a number that can be computed with at character 1, found `1`"),
        ("max(p, shift=1d)", "expected `,` or `)` at character 15, found `d`"),
        ("max(p, shift=)", "expected a number or a text at character 14, found `)`"),
        ("max('ü') ^ 2", "expected `+`, `-`, `*` or `/` (a power is `pow(value, base)`) at character 10, found `^`"),
        ("😀", "expected a number, a field or a function at character 1, found `😀`"),
        ("", "the formula is empty"),
        (" \n", "the formula is empty"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn a_query_stands_in_single_quotes_with_none_inside() {
    for (text, at) in [
        ("count(kql='sym: 'A'')", 7),
        ("count(kql='a' and 'b')", 7),
        ("max(p, lucene='sym:'A'')", 8),
        ("count(kql=\"sym: A\")", 11),
        ("count(kql=sym)", 11),
        ("count(kql=5)", 11),
    ] {
        let name = if text.contains("kql") { "kql" } else { "lucene" }.to_owned();
        assert_eq!(parse(text).unwrap_err(), FormulaError::QueryQuotes { at, name }, "{text}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |count: usize| format!("{}1{}", "(".repeat(count), ")".repeat(count));
    assert!(parse(&nested(NESTING_MAX)).is_ok());
    assert_eq!(parse(&nested(NESTING_MAX + 1)), Err(FormulaError::TooDeep { at: NESTING_MAX + 2 }));
    assert!(matches!(parse(&"abs(".repeat(1000)), Err(FormulaError::TooDeep { .. })));
    let chain = |count: usize| vec!["1"; count].join("+");
    assert!(parse(&chain(DEPTH_MAX)).is_ok());
    assert!(matches!(parse(&chain(DEPTH_MAX + 1)), Err(FormulaError::TooDeep { .. })));
    assert_eq!(parse(&"1".repeat(LENGTH_MAX + 1)), Err(FormulaError::TooLong { bytes_max: LENGTH_MAX }));
}

/// A formula from the grammar itself, with blanks where they may stand.
fn formula() -> impl Strategy<Value = String> {
    let leaf = prop_oneof!["[1-9][0-9]{0,3}", "[a-z]{1,5}", "'[a-z ]{1,5}'"];
    leaf.prop_recursive(4, 32, 3, |inner| {
        prop_oneof![
            (inner.clone(), "[-+*/]", inner.clone()).prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}*{b}")),
            ("[a-z_]{1,8}", prop::collection::vec(inner, 0..3), "(kql|lucene)='[a-z:]*'").prop_map(
                |(name, arguments, query)| {
                    let mut text = format!("{name}(");
                    for argument in arguments {
                        write!(text, "{argument}, ").unwrap();
                    }
                    text + &query + ")"
                }
            ),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_a_tree_or_an_error(text in ".{0,60}", near in "[-a-z0-9+*/()'\"=<>,.\\\\ ^]{0,80}") {
        for text in [text, near] {
            if let Err(error) = parse(&text) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn a_formula_made_by_the_grammar_is_read(text in formula()) {
        prop_assert!(parse(&text).is_ok(), "{}: {:?}", text, parse(&text));
    }
}
