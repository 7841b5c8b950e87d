//! MIN, MAX, ANY_VALUE, MAX_BY, MIN_BY.

use super::{Accumulator, Nulls, Row};
use crate::server::bigquery::function::call::Kind::Aggregate;
use crate::server::bigquery::function::error::Outcome;
use crate::server::bigquery::function::scalar::{compare, is_nan};
use crate::server::bigquery::value::Value;

pub(super) const ROWS: &[Row] = &[
    ("MIN", &["O -> O"], Nulls::Skip, |_| Box::new(Best::new(false, false)), Aggregate),
    ("MAX", &["O -> O"], Nulls::Skip, |_| Box::new(Best::new(true, false)), Aggregate),
    ("MIN_BY", &["T, O -> T"], Nulls::Keep, |_| Box::new(Best::new(false, true)), Aggregate),
    ("MAX_BY", &["T, O -> T"], Nulls::Keep, |_| Box::new(Best::new(true, true)), Aggregate),
    ("ANY_VALUE", &["T -> T"], Nulls::Ask, |_| Box::new(Any(Value::Null)), Aggregate),
];

/// The greatest or least; NaN is both. Of equals the first.
struct Best {
    greatest: bool,
    /// Whether the second argument ranks.
    by: bool,
    rank: Value,
    value: Value,
}

impl Best {
    fn new(greatest: bool, by: bool) -> Self {
        Self { greatest, by, rank: Value::Null, value: Value::Null }
    }

    fn wins(&self, rank: &Value) -> bool {
        if is_nan(&self.rank) || *rank == Value::Null {
            return false;
        }
        if self.rank == Value::Null || is_nan(rank) {
            return true;
        }
        let order = compare(rank, &self.rank);
        if self.greatest { order.is_gt() } else { order.is_lt() }
    }
}

impl Accumulator for Best {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        if let Some(rank) = row.get(usize::from(self.by)).filter(|rank| self.wins(rank)) {
            self.rank = rank.clone();
            self.value = row.first().cloned().unwrap_or(Value::Null);
        }
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        Ok(self.value.clone())
    }
}

struct Any(Value);

impl Accumulator for Any {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        if self.0 == Value::Null {
            self.0 = row.first().cloned().unwrap_or(Value::Null);
        }
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        Ok(self.0.clone())
    }
}
