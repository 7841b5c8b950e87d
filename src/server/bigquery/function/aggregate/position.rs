//! Functions of a frame's order: PERCENTILE_CONT and PERCENTILE_DISC, and FIRST_VALUE, LAST_VALUE, NTH_VALUE where they ignore NULLs (SQLite's own
//! can't; see `call.rs`).

use super::{Accumulator, Nulls, Row};
use crate::server::bigquery::function::call::Kind::Window;
use crate::server::bigquery::function::error::{Outcome, fail};
use crate::server::bigquery::function::scalar::compare;
use crate::server::bigquery::value::Value;
use crate::server::bigquery::value::text::print_float;

pub(super) const ROWS: &[Row] = &[
    ("PERCENTILE_CONT", &["FLOAT64, FLOAT64 -> FLOAT64"], Nulls::Ask, |_| Percentile::of(true), Window),
    ("PERCENTILE_DISC", &["O, FLOAT64 -> O"], Nulls::Ask, |_| Percentile::of(false), Window),
    ("FIRST_VALUE", &["T -> T"], Nulls::Keep, |_| Box::new(Nth { wanted: Place::First, ..Nth::default() }), Window),
    ("LAST_VALUE", &["T -> T"], Nulls::Keep, |_| Box::new(Nth { wanted: Place::Last, ..Nth::default() }), Window),
    ("NTH_VALUE", &["T, INT64 -> T"], Nulls::Keep, |_| Box::new(Nth::default()), Window),
];

struct Percentile {
    continuous: bool,
    values: Vec<Value>,
    at: f64,
    /// Of the values as they are: each row of a partition asks for the same.
    found: std::sync::OnceLock<Value>,
}

impl Percentile {
    fn of(continuous: bool) -> Box<dyn Accumulator> {
        Box::new(Self { continuous, values: Vec::new(), at: 0.0, found: std::sync::OnceLock::new() })
    }

    fn find(&self) -> Value {
        let mut sorted = self.values.clone();
        sorted.sort_by(compare);
        if self.continuous { continuous(&sorted, self.at) } else { discrete(&sorted, self.at) }
    }
}

/// Between two neighbours in proportion; a NULL neighbour leaves the other one.
fn continuous(sorted: &[Value], at: f64) -> Value {
    let Some(last) = sorted.len().checked_sub(1) else { return Value::Null };
    #[expect(clippy::cast_precision_loss, reason = "positions of rows are far below 2^53")]
    let place = at * last as f64;
    let low = index(place.floor());
    match (sorted.get(low), sorted.get(index(place.ceil()))) {
        (Some(Value::Float64(low)), Some(Value::Float64(high))) => {
            let part = place.fract();
            Value::Float64(if part == 0.0 || low == high { *low } else { low * (1.0 - part) + high * part })
        }
        (Some(Value::Null), Some(other)) | (Some(other), _) => other.clone(),
        (None, _) => Value::Null,
    }
}

/// The first value whose share of rows up to it reaches `at`.
fn discrete(sorted: &[Value], at: f64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "positions of rows are far below 2^53")]
    let place = (at * sorted.len() as f64).ceil();
    sorted.get(index(place).saturating_sub(1)).cloned().unwrap_or(Value::Null)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among rows, not negative")]
fn index(place: f64) -> usize {
    place as usize
}

impl Accumulator for Percentile {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        self.found = std::sync::OnceLock::new();
        match row.get(1) {
            Some(Value::Float64(at)) if (0.0..=1.0).contains(at) => self.at = *at,
            Some(Value::Float64(at)) => {
                return fail(format!("Percentile value must be in the range [0, 1], got {}", print_float(*at)));
            }
            _ => return fail("Percentile value must not be NULL"),
        }
        self.values.extend(row.first().cloned());
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        Ok(self.found.get_or_init(|| self.find()).clone())
    }
}

#[derive(Debug, Clone, Copy, Default)]
enum Place {
    First,
    Last,
    /// The second argument says which.
    #[default]
    Nth,
}

#[derive(Default)]
struct Nth {
    wanted: Place,
    rows: i64,
    value: Option<Value>,
}

impl Accumulator for Nth {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        self.rows += 1;
        let takes = match (self.wanted, row.get(1)) {
            (Place::First, _) => self.rows == 1,
            (Place::Last, _) => true,
            (Place::Nth, Some(Value::Int64(nth))) if *nth >= 1 => self.rows == *nth,
            (Place::Nth, _) => return fail("The second argument of NTH_VALUE must be a positive integer"),
        };
        if takes {
            self.value = row.first().cloned();
        }
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        Ok(self.value.clone().unwrap_or(Value::Null))
    }
}
