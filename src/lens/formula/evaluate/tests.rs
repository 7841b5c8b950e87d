//! Values of expressions, row by row.

use proptest::prelude::*;

use super::*;
use crate::lens::{formula::expand, layer::column::Operation, view::DataView};

/// The value of a formula of constants.
fn constant(text: &str) -> Option<f64> {
    let expanded = expand("m", text, &DataView::default()).unwrap();
    let Operation::Math(expression) = &expanded.columns[0].operation else { panic!("{text} is no arithmetic") };
    expression.evaluate(&|_| None)
}

fn column(id: &str) -> Expression {
    Expression::Column(id.to_owned())
}

fn call(function: MathFunction, arguments: &[Expression]) -> Expression {
    Expression::Call { function, arguments: arguments.to_vec() }
}

#[test]
fn constants_are_computed_with_the_usual_precedence() {
    for (text, expected) in [
        ("1+2*3", 7.0),
        ("(1+2)*3", 9.0),
        ("10-4-3", 3.0),
        ("24/4/2", 3.0),
        ("2*3+4*5", 26.0),
        ("1 - -3", 4.0),
        ("-5 + 2", -3.0),
        ("1.5e3", 1500.0),
        ("2e-1", 0.2),
        ("5", 5.0),
    ] {
        assert_eq!(constant(text), Some(expected), "{text}");
    }
}

#[test]
fn each_function_computes_what_its_name_says() {
    for (text, expected) in [
        ("add(1, 2)", 3.0),
        ("subtract(5, 2)", 3.0),
        ("multiply(3, 2)", 6.0),
        ("divide(6, 4)", 1.5),
        ("abs(-3)", 3.0),
        ("cbrt(-27)", -3.0),
        ("ceil(1.2)", 2.0),
        ("ceil(-1.8)", -1.0),
        ("clamp(-4, 0, 9)", 0.0),
        ("clamp(12, 0, 9)", 9.0),
        ("cube(-2)", -8.0),
        ("exp(0)", 1.0),
        ("fix(6.7)", 6.0),
        ("fix(-6.7)", -6.0),
        ("floor(-1.2)", -2.0),
        ("log(1)", 0.0),
        ("log(1000, 10)", 3.0),
        ("mod(17, 5)", 2.0),
        ("mod(-17, 5)", -2.0),
        ("pow(2, 10)", 1024.0),
        ("round(2.5)", 3.0),
        ("round(-2.5)", -2.0),
        ("round(-7.6)", -8.0),
        ("round(24567.128, 1)", 24567.1),
        ("round(8450, -3)", 8000.0),
        ("sqrt(9)", 3.0),
        ("square(-3)", 9.0),
        ("pick_max(2, 3)", 3.0),
        ("pick_min(2, 3)", 2.0),
        ("defaults(2, 3)", 2.0),
        ("ifelse(3 > 8, 4, 7)", 7.0),
        ("ifelse(3 < 8, 4, 7)", 4.0),
        ("ifelse(2 <= 2, 1, 0)", 1.0),
        ("ifelse(1 >= 2, 1, 0)", 0.0),
        ("ifelse(3 == 3, 4, 7)", 4.0),
        ("ifelse(lt(1, 2), 1, 0) + ifelse(gt(1, 2), 1, 0)", 1.0),
        ("ifelse(lte(2, 2), 1, 0) + ifelse(gte(2, 2), 1, 0) + ifelse(eq(1, 2), 1, 0)", 2.0),
    ] {
        let value = constant(text).unwrap_or(f64::NAN);
        assert!((value - expected).abs() < 1e-9, "{text}: {value}, not {expected}");
    }
}

#[test]
fn what_is_no_number_is_null() {
    for text in [
        "1/0",
        "mod(1, 0)",
        "sqrt(-1)",
        "log(-1)",
        "log(0)",
        "log(2, 0)",
        "log(2, 1)",
        "log(2, -1)",
        "pow(-8, 0.5)",
        "exp(1000)",
        "clamp(1, 3, 2)",
        "defaults(1/0, 5)",
        "ifelse(1 > 0, 1, 1/0)",
        "1 + 1/0",
    ] {
        assert_eq!(constant(text), None, "{text}");
    }
}

#[test]
fn a_null_argument_makes_null_but_defaults_replaces_it() {
    let (a, b, five) = (column("a"), column("none"), Expression::Number(5.0));
    let value = |id: &str| (id == "a").then_some(2.0);
    for function in
        [MathFunction::Add, MathFunction::Multiply, MathFunction::PickMax, MathFunction::Round, MathFunction::Pow]
    {
        assert_eq!(call(function, &[a.clone(), b.clone()]).evaluate(&value), None, "{function:?}");
    }
    assert_eq!(a.evaluate(&value), Some(2.0));
    assert_eq!(b.evaluate(&value), None);
    assert_eq!(call(MathFunction::Defaults, &[b.clone(), five.clone()]).evaluate(&value), Some(5.0));
    assert_eq!(call(MathFunction::Defaults, &[a.clone(), five.clone()]).evaluate(&value), Some(2.0));
    // Only null itself is replaced, not what a null spoiled.
    let sum = call(MathFunction::Add, &[b.clone(), a.clone()]);
    assert_eq!(call(MathFunction::Defaults, &[sum, five.clone()]).evaluate(&value), None);
}

#[test]
fn ifelse_needs_both_branches() {
    let value = |id: &str| (id == "a").then_some(2.0);
    let condition = call(MathFunction::Gt, &[column("a"), Expression::Number(1.0)]);
    let choose =
        |condition: Expression, right: Expression| call(MathFunction::IfElse, &[condition, column("a"), right]);
    assert_eq!(choose(condition.clone(), Expression::Number(0.0)).evaluate(&value), Some(2.0));
    assert_eq!(choose(condition, column("none")).evaluate(&value), None);
    let unknown = call(MathFunction::Gt, &[column("none"), Expression::Number(1.0)]);
    assert_eq!(choose(unknown, Expression::Number(0.0)).evaluate(&value), None);
}

proptest! {
    #[test]
    fn any_arguments_give_a_finite_number_or_null(
        a in any::<Option<f64>>(), b in any::<f64>(), c in any::<f64>(), count in 0_usize..4,
    ) {
        use MathFunction as F;
        let arguments = [column("a"), Expression::Number(b), Expression::Number(c)];
        for function in [
            F::Add, F::Subtract, F::Multiply, F::Divide, F::Abs, F::Cbrt, F::Ceil, F::Clamp, F::Cube, F::Exp, F::Fix,
            F::Floor, F::Log, F::Mod, F::Pow, F::Round, F::Sqrt, F::Square, F::PickMax, F::PickMin, F::Defaults,
            F::Lt, F::Gt, F::Lte, F::Gte, F::Eq, F::IfElse,
        ] {
            let value = call(function, &arguments[..count]).evaluate(&|_| a);
            prop_assert!(value.is_none_or(f64::is_finite));
        }
    }
}
