//! Columns that refer to columns: their order, what they pass on, and what they need.

use std::collections::HashMap;

use crate::lens::{
    formula::Expression,
    layer::{
        LayerError,
        column::{Column, Operation, ReferenceFunction},
    },
    scope::Query,
};

/// The columns that one is computed from.
fn dependencies(operation: &Operation) -> Vec<&str> {
    match operation {
        Operation::Reference { of, .. } => vec![of],
        Operation::Formula { result, .. } => vec![result],
        Operation::Math(expression) => names(expression),
        _ => Vec::new(),
    }
}

fn names(expression: &Expression) -> Vec<&str> {
    let mut names = Vec::new();
    let mut open = vec![expression];
    while let Some(next) = open.pop() {
        match next {
            Expression::Number(_) => {}
            Expression::Column(id) => names.push(id.as_str()),
            Expression::Call { arguments, .. } => open.extend(arguments),
        }
    }
    names
}

/// Positions of the columns, each after all that it is computed from.
pub(super) fn order(columns: &[Column]) -> Result<Vec<usize>, LayerError> {
    let positions: HashMap<&str, usize> =
        columns.iter().enumerate().map(|(at, column)| (column.id.as_str(), at)).collect();
    let mut missing = vec![0_usize; columns.len()];
    let mut dependants = vec![Vec::new(); columns.len()];
    for ((at, column), missing) in columns.iter().enumerate().zip(&mut missing) {
        for name in dependencies(&column.operation) {
            let target = positions.get(name).and_then(|target| dependants.get_mut(*target));
            let Some(target) = target else {
                return Err(bad(column, name, "the layer does not have"));
            };
            target.push(at);
            *missing += 1;
        }
    }
    let mut order: Vec<usize> =
        missing.iter().enumerate().filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
    let mut next = 0;
    while let Some(at) = order.get(next).copied() {
        next += 1;
        for dependant in dependants.get(at).into_iter().flatten() {
            if let Some(count) = missing.get_mut(*dependant) {
                *count -= 1;
                if *count == 0 {
                    order.push(*dependant);
                }
            }
        }
    }
    let is_left_out = |at: &usize| missing.get(*at).is_some_and(|count| *count > 0);
    match (0..columns.len()).find(is_left_out).and_then(|at| columns.get(at)) {
        Some(column) => Err(bad(column, &column.id, "depends on itself")),
        None => Ok(order),
    }
}

fn bad(column: &Column, reference: &str, why: &'static str) -> LayerError {
    LayerError::BadReference { column: column.id.clone(), reference: reference.to_owned(), why }
}

/// A formula's filter holds for all its parts: a part with its own must match both.
pub(super) fn add_filter(part: &mut Column, outer: Option<&Query>) -> Result<(), LayerError> {
    let (Some(own), Some(outer)) = (&mut part.filter, outer) else { return Ok(()) };
    if own.language != outer.language {
        let what = "a filter in KQL inside one in Lucene, or the reverse, is not supported";
        return Err(LayerError::unsupported(&part.id, what));
    }
    own.text = format!("({}) AND ({})", outer.text, own.text);
    Ok(())
}

/// Filter, shift and reduced range of a computed column are those of the columns that it is computed from, unless they
/// have their own.
pub(super) fn inherit(columns: &mut [Column], order: &[usize]) {
    for at in order.iter().rev() {
        let Some(outer) = columns.get(*at).cloned() else { continue };
        let names = dependencies(&outer.operation);
        for inner in columns.iter_mut().filter(|column| names.contains(&column.id.as_str())) {
            inner.filter = inner.filter.take().or_else(|| outer.filter.clone());
            inner.time_shift = inner.time_shift.take().or_else(|| outer.time_shift.clone());
            inner.reduced_time_range = inner.reduced_time_range.take().or_else(|| outer.reduced_time_range.clone());
        }
    }
}

/// Operations along time need a time axis; buckets are nothing to compute with.
pub(super) fn check(columns: &[Column]) -> Result<(), LayerError> {
    let has = |is: fn(&Operation) -> bool| columns.iter().any(|column| is(&column.operation));
    let has_time = has(|operation| matches!(operation, Operation::DateHistogram { .. }));
    let has_axis = has_time || has(|operation| matches!(operation, Operation::Histogram { .. }));
    for column in columns {
        let is_bucket = |name: &str| {
            let target = columns.iter().find(|other| other.id == name);
            target.is_some_and(|target| super::is_bucket(&target.operation))
        };
        if let Some(name) = dependencies(&column.operation).into_iter().find(|name| is_bucket(name)) {
            return Err(bad(column, name, "is a bucket, not a metric"));
        }
        let Operation::Reference { function, .. } = &column.operation else { continue };
        let needs_time = matches!(
            function,
            ReferenceFunction::CounterRate | ReferenceFunction::Differences | ReferenceFunction::MovingAverage { .. }
        );
        let needs_axis = matches!(function, ReferenceFunction::CumulativeSum);
        if (needs_time && !has_time) || (needs_axis && !has_axis) {
            return Err(LayerError::unsupported(&column.id, "the operation needs a date histogram in its layer"));
        }
    }
    Ok(())
}
