//! The approximate aggregates. Here they are exact (distinct counts but for collisions of 64-bit hashes), which is within what BigQuery promises.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use super::{Accumulator, Nulls, Row};
use crate::server::bigquery::function::call::Kind::Aggregate;
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::function::scalar::{Key, compare, key};
use crate::server::bigquery::value::{Type, Value, numeric};

pub(super) const ROWS: &[Row] = &[
    ("APPROX_COUNT_DISTINCT", &["E -> INT64"], Nulls::Skip, |_| Box::new(Distinct(HashSet::new())), Aggregate),
    ("APPROX_QUANTILES", &["O, INT64 -> ARRAY<O>"], Nulls::Ask, |_| Box::new(Quantiles::default()), Aggregate),
    (
        "APPROX_TOP_COUNT",
        &["E, INT64 -> ARRAY<STRUCT<value E, count INT64>>"],
        Nulls::Keep,
        |types| Top::of(types, false),
        Aggregate,
    ),
    (
        "APPROX_TOP_SUM",
        &["E, N, INT64 -> ARRAY<STRUCT<value E, sum N>>"],
        Nulls::Keep,
        |types| Top::of(types, true),
        Aggregate,
    ),
];

struct Distinct(HashSet<u64>);

impl Accumulator for Distinct {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        self.0.insert(hasher.hash_one(row.first().map_or(Key::Null, key)));
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        i64::try_from(self.0.len()).map(Value::Int64).map_err(|_| FunctionError::new("int64 overflow"))
    }
}

#[derive(Default)]
struct Quantiles {
    values: Vec<Value>,
    number: usize,
}

impl Accumulator for Quantiles {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        self.number = asked("APPROX_QUANTILES", row.get(1))?;
        self.values.extend(row.first().cloned());
        Ok(())
    }

    /// The least, the greatest, and what lies between at equal distances.
    fn result(&self) -> Outcome<Value> {
        let Some(last) = self.values.len().checked_sub(1) else { return Ok(Value::Null) };
        let mut sorted = self.values.clone();
        sorted.sort_by(compare);
        let at = |index: usize| sorted.get(last * index / self.number).cloned().unwrap_or(Value::Null);
        Ok(Value::Array((0..=self.number).map(at).collect()))
    }
}

/// The argument that says how many.
fn asked(name: &str, argument: Option<&Value>) -> Outcome<usize> {
    match argument {
        Some(Value::Int64(number)) if (1..=100_000).contains(number) => Ok(usize::try_from(*number).unwrap_or(1)),
        _ => fail(format!("The number of {name} must be a positive integer of at most 100000")),
    }
}

/// Values in the order of their first row, with their count or weight.
struct Top {
    weighs: bool,
    kind: Type,
    number: usize,
    places: HashMap<Key, usize>,
    values: Vec<(Value, Weight)>,
}

/// Of one value.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    whole: i128,
    float: f64,
}

impl Top {
    fn of(types: &[Type], weighs: bool) -> Box<dyn Accumulator> {
        let kind = if weighs { types.get(1).cloned() } else { None }.unwrap_or(Type::Int64);
        Box::new(Self { weighs, kind, number: 0, places: HashMap::new(), values: Vec::new() })
    }

    fn weight(&self, weight: Weight) -> Outcome<Value> {
        match self.kind {
            Type::Float64 => Ok(Value::Float64(weight.float)),
            Type::Numeric => numeric::checked(weight.whole)
                .map(Value::Numeric)
                .map_err(|_| FunctionError::new("numeric overflow: APPROX_TOP_SUM")),
            _ => i64::try_from(weight.whole)
                .map(Value::Int64)
                .map_err(|_| FunctionError::new("int64 overflow in APPROX_TOP_SUM")),
        }
    }
}

impl Accumulator for Top {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        self.number = asked(if self.weighs { "APPROX_TOP_SUM" } else { "APPROX_TOP_COUNT" }, row.last())?;
        let added = match row.get(1).filter(|_| self.weighs) {
            None => Weight { whole: 1, float: 0.0 },
            Some(Value::Int64(weight)) => Weight { whole: i128::from(*weight), float: 0.0 },
            Some(Value::Numeric(weight)) => Weight { whole: *weight, float: 0.0 },
            Some(Value::Float64(weight)) => Weight { whole: 0, float: *weight },
            Some(_) => Weight::default(),
        };
        let value = row.first().unwrap_or(&Value::Null);
        let next = self.values.len();
        let place = *self.places.entry(key(value)).or_insert(next);
        if place == next {
            self.values.push((value.clone(), Weight::default()));
        }
        if let Some((_, weight)) = self.values.get_mut(place) {
            weight.whole = weight.whole.saturating_add(added.whole);
            weight.float += added.float;
        }
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        if self.values.is_empty() {
            return Ok(Value::Null);
        }
        let mut sorted = self.values.clone();
        sorted.sort_by(|(_, left), (_, right)| right.whole.cmp(&left.whole).then(right.float.total_cmp(&left.float)));
        let top = sorted.into_iter().take(self.number);
        top.map(|(value, weight)| Ok(Value::Struct(vec![value, self.weight(weight)?])))
            .collect::<Outcome<_>>()
            .map(Value::Array)
    }
}
