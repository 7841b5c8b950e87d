//! Which calls aggregate: this must be known before their arguments are looked at.

use crate::server::bigquery::sql::ast::{Argument, Call, Expression, ExpressionKind, InSet};

const AGGREGATES: &[&str] = &[
    "ANY_VALUE",
    "APPROX_COUNT_DISTINCT",
    "APPROX_QUANTILES",
    "APPROX_TOP_COUNT",
    "APPROX_TOP_SUM",
    "ARRAY_AGG",
    "ARRAY_CONCAT_AGG",
    "AVG",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
    "CORR",
    "COUNT",
    "COUNTIF",
    "COUNT_IF",
    "COVAR_POP",
    "COVAR_SAMP",
    "GROUPING",
    "LOGICAL_AND",
    "LOGICAL_OR",
    "MAX",
    "MAX_BY",
    "MIN",
    "MIN_BY",
    "STDDEV",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "STRING_AGG",
    "SUM",
    "VARIANCE",
    "VAR_POP",
    "VAR_SAMP",
    "HLL_COUNT.INIT",
    "HLL_COUNT.MERGE",
    "HLL_COUNT.MERGE_PARTIAL",
];

/// Whether a function of this name (upper case) aggregates when it has no OVER.
pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name)
}

/// The name as the catalogue has it, and whether `SAFE.` stood before it.
pub(super) fn function_name(call: &Call) -> (String, bool) {
    let parts: Vec<String> = call.name.iter().map(|name| name.text.to_ascii_uppercase()).collect();
    match parts.split_first() {
        Some((first, rest)) if first == "SAFE" && !rest.is_empty() => (rest.join("."), true),
        _ => (parts.join("."), false),
    }
}

/// Whether an aggregate is in the expression, outside of its subqueries.
pub(super) fn aggregates(expression: &Expression) -> bool {
    any_call(expression, &|call| call.over.is_none() && is_aggregate(&function_name(call).0))
}

/// Whether an analytic function is in the expression, outside of its subqueries.
pub(super) fn windows(expression: &Expression) -> bool {
    any_call(expression, &|call| call.over.is_some())
}

fn any_call(expression: &Expression, test: &dyn Fn(&Call) -> bool) -> bool {
    let inside = |expression: &Expression| any_call(expression, test);
    let boxed = |expression: &Option<Box<Expression>>| expression.as_deref().is_some_and(inside);
    match &expression.kind {
        ExpressionKind::Literal(_)
        | ExpressionKind::Path(_)
        | ExpressionKind::Parameter(_)
        | ExpressionKind::Positional(_)
        | ExpressionKind::SystemVariable(_)
        | ExpressionKind::ArraySubquery(_)
        | ExpressionKind::Subquery(_)
        | ExpressionKind::Exists(_) => false,
        ExpressionKind::Field(base, _) => inside(base),
        ExpressionKind::Index { base, index, .. } => inside(base) || inside(index),
        ExpressionKind::Unary { operand, .. } | ExpressionKind::Is { operand, .. } => inside(operand),
        ExpressionKind::Binary { left, right, .. } => inside(left) || inside(right),
        ExpressionKind::Between { operand, low, high, .. } => inside(operand) || inside(low) || inside(high),
        ExpressionKind::In { operand, set, .. } => {
            inside(operand)
                || match set {
                    InSet::List(items) => items.iter().any(inside),
                    InSet::Unnest(array) => inside(array),
                    InSet::Subquery(_) => false,
                }
        }
        ExpressionKind::Case { operand, arms, otherwise } => {
            boxed(operand) || boxed(otherwise) || arms.iter().any(|(when, then)| inside(when) || inside(then))
        }
        ExpressionKind::Cast { operand, format, .. } => inside(operand) || boxed(format),
        ExpressionKind::Extract { operand, zone, .. } => inside(operand) || boxed(zone),
        ExpressionKind::Call(call) => test(call) || call_parts(call, &inside),
        ExpressionKind::Array { items, .. } => items.iter().any(inside),
        ExpressionKind::Struct { items, .. } => items.iter().any(|(item, _)| inside(item)),
        ExpressionKind::Interval { value, .. } => inside(value),
    }
}

fn call_parts(call: &Call, inside: &dyn Fn(&Expression) -> bool) -> bool {
    call.arguments.iter().any(|argument| match argument {
        Argument::Expression(value) | Argument::Named(_, value) => inside(value),
        Argument::Model(_) | Argument::Table(_) => false,
    })
}
