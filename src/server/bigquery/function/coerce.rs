//! GoogleSQL's implicit coercion: `INT64` to `NUMERIC` to `FLOAT64`, `DATE` to `DATETIME`, and literals to more.

use crate::server::bigquery::value::Type;

/// An argument of a call, before coercion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argument {
    /// `None` for an untyped NULL.
    pub kind: Option<Type>,
    /// A literal or a query parameter: a `STRING` one also becomes a date or time.
    pub literal: bool,
}

impl Argument {
    pub(crate) fn literal(kind: Type) -> Self {
        Self { kind: Some(kind), literal: true }
    }

    /// The literal NULL.
    pub(crate) fn null() -> Self {
        Self { kind: None, literal: true }
    }
}

/// The type to which all coerce, `None` when there is none. Only untyped NULLs: `INT64`.
pub(crate) fn common_type(types: &[Option<Type>]) -> Option<Type> {
    let arguments: Vec<Argument> = types.iter().map(|kind| Argument { kind: kind.clone(), literal: false }).collect();
    common_type_of(&arguments)
}

/// As [`common_type`], with the freedom of literals: `IF(c, ts, '2024-01-01')` is a `TIMESTAMP`.
pub(crate) fn common_type_of(arguments: &[Argument]) -> Option<Type> {
    let mut best: Option<Type> = None;
    for kind in arguments.iter().filter(|a| !a.literal).filter_map(|a| a.kind.as_ref()) {
        best = Some(join(best, kind)?);
    }
    for argument in arguments.iter().filter(|a| a.literal) {
        let Some(kind) = &argument.kind else { continue };
        best = match best {
            Some(best) if cost(argument, &best).is_some() => Some(best),
            best => Some(join(best, kind)?),
        };
    }
    Some(best.unwrap_or(Type::Int64))
}

/// Whether an argument becomes `to` without a CAST.
pub(crate) fn coerces(argument: &Argument, to: &Type) -> bool {
    cost(argument, to).is_some()
}

fn join(best: Option<Type>, kind: &Type) -> Option<Type> {
    let Some(best) = best else { return Some(kind.clone()) };
    if let (Type::Struct(left), Type::Struct(right)) = (&best, kind) {
        return join_structs(left, right);
    }
    if kind_cost(kind, &best).is_some() {
        return Some(best);
    }
    kind_cost(&best, kind).map(|_| kind.clone())
}

/// Field by field; names are the first one's.
fn join_structs(left: &[(Option<String>, Type)], right: &[(Option<String>, Type)]) -> Option<Type> {
    if left.len() != right.len() {
        return None;
    }
    let fields = left.iter().zip(right).map(|((name, l), (_, r))| Some((name.clone(), join(Some(l.clone()), r)?)));
    fields.collect::<Option<Vec<_>>>().map(Type::Struct)
}

/// How far an argument is from a type: 0 for the same; the least sum wins among signatures.
pub(super) fn cost(argument: &Argument, to: &Type) -> Option<u32> {
    let Some(from) = &argument.kind else { return Some(0) };
    if let Some(cost) = kind_cost(from, to) {
        return Some(cost);
    }
    if !argument.literal {
        return None;
    }
    match (from, to) {
        (Type::String, Type::Date | Type::Time | Type::Datetime | Type::Timestamp) => Some(20),
        (Type::Float64, Type::Numeric) => Some(20),
        // An array or struct of literals counts as one.
        (Type::Array(from), Type::Array(to)) => cost(&Argument::literal((**from).clone()), to),
        (Type::Struct(from), Type::Struct(to)) if from.len() == to.len() => {
            from.iter().zip(to).map(|((_, f), (_, t))| cost(&Argument::literal(f.clone()), t)).sum()
        }
        _ => None,
    }
}

fn kind_cost(from: &Type, to: &Type) -> Option<u32> {
    match (from, to) {
        (Type::Struct(from), Type::Struct(to)) if from.len() == to.len() => {
            from.iter().zip(to).map(|((_, from), (_, to))| kind_cost(from, to)).sum()
        }
        (Type::Array(from), Type::Array(to)) => (kind_cost(from, to)? == 0).then_some(0),
        (from, to) if from == to => Some(0),
        // An INT64 alone goes to FLOAT64, beside a NUMERIC to NUMERIC.
        (Type::Int64, Type::Float64) | (Type::Date, Type::Datetime) => Some(1),
        (Type::Int64, Type::Numeric) => Some(2),
        (Type::Numeric, Type::Float64) => Some(3),
        _ => None,
    }
}
