//! COUNT, SUM, AVG, and the logical and bitwise ones.

use super::{Accumulator, Nulls::Skip, Row};
use crate::server::bigquery::function::call::Kind::Aggregate;
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::{Type, Value, numeric};

pub(super) const ROWS: &[Row] = &[
    ("COUNT", &["-> INT64", "ANY -> INT64"], Skip, |_| Box::new(Count { counted: 0, all: true }), Aggregate),
    ("COUNTIF", &["BOOL -> INT64"], Skip, |_| Box::new(Count { counted: 0, all: false }), Aggregate),
    (
        "SUM",
        &["INT64 -> INT64", "NUMERIC -> NUMERIC", "FLOAT64 -> FLOAT64"],
        Skip,
        |types| Box::new(Sum::of(types, false)),
        Aggregate,
    ),
    ("AVG", &["FLOAT64 -> FLOAT64", "NUMERIC -> NUMERIC"], Skip, |types| Box::new(Sum::of(types, true)), Aggregate),
    ("LOGICAL_AND", &["BOOL -> BOOL"], Skip, |_| Box::new(Logical { and: true, ..Logical::default() }), Aggregate),
    ("LOGICAL_OR", &["BOOL -> BOOL"], Skip, |_| Box::new(Logical::default()), Aggregate),
    ("BIT_AND", &["INT64 -> INT64"], Skip, |_| Box::new(Bits { bits: None, join: |l, r| l & r }), Aggregate),
    ("BIT_OR", &["INT64 -> INT64"], Skip, |_| Box::new(Bits { bits: None, join: |l, r| l | r }), Aggregate),
    ("BIT_XOR", &["INT64 -> INT64"], Skip, |_| Box::new(Bits { bits: None, join: |l, r| l ^ r }), Aggregate),
];

struct Count {
    counted: i64,
    /// Every row, not only those that are true.
    all: bool,
}

impl Count {
    fn one(&self, row: &[Value]) -> i64 {
        i64::from(self.all || row.first() == Some(&Value::Bool(true)))
    }
}

impl Accumulator for Count {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        self.counted += self.one(row);
        Ok(())
    }

    fn remove(&mut self, row: &[Value]) -> bool {
        self.counted -= self.one(row);
        true
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn result(&self) -> Outcome<Value> {
        Ok(Value::Int64(self.counted))
    }
}

/// Which of the numbers are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Int64,
    Float64,
    Numeric,
}

struct Sum {
    number: Number,
    count: i64,
    /// Of INT64, or of NUMERIC in billionths.
    whole: i128,
    float: f64,
    mean: bool,
}

impl Sum {
    fn of(types: &[Type], mean: bool) -> Self {
        let number = match types.first() {
            Some(Type::Float64) => Number::Float64,
            Some(Type::Numeric) => Number::Numeric,
            _ => Number::Int64,
        };
        Self { number, count: 0, whole: 0, float: 0.0, mean }
    }

    fn change(&mut self, row: &[Value], sign: i64) -> Outcome<()> {
        self.count += sign;
        let (whole, float) = match row.first() {
            Some(Value::Float64(value)) => (0, *value),
            Some(Value::Int64(value)) => (i128::from(*value), 0.0),
            Some(Value::Numeric(value)) => (*value, 0.0),
            _ => (0, 0.0),
        };
        self.float += float;
        match self.whole.checked_add(whole * i128::from(sign)) {
            Some(sum) => self.whole = sum,
            None => return fail("numeric overflow: SUM"),
        }
        Ok(())
    }

    fn numeric(&self) -> Outcome<Value> {
        let sum = if self.mean {
            // Both are scaled alike, so the quotient has to be scaled again.
            numeric::divide(self.whole, i128::from(self.count) * numeric::NUMERIC_SCALE)
        } else {
            numeric::checked(self.whole)
        };
        sum.map(Value::Numeric)
            .map_err(|_| FunctionError::new(format!("numeric overflow: {}", if self.mean { "AVG" } else { "SUM" })))
    }
}

impl Accumulator for Sum {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        self.change(row, 1)
    }

    fn remove(&mut self, row: &[Value]) -> bool {
        self.change(row, -1).is_ok()
    }

    /// Taking a float back would leave what was rounded.
    fn is_exact(&self) -> bool {
        self.number != Number::Float64
    }

    fn result(&self) -> Outcome<Value> {
        if self.count == 0 {
            return Ok(Value::Null);
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean is a float")]
        match self.number {
            Number::Numeric => self.numeric(),
            Number::Float64 if self.mean => Ok(Value::Float64(self.float / self.count as f64)),
            Number::Float64 => Ok(Value::Float64(self.float)),
            Number::Int64 => match i64::try_from(self.whole) {
                Ok(sum) => Ok(Value::Int64(sum)),
                Err(_) => fail("int64 overflow in SUM"),
            },
        }
    }
}

#[derive(Default)]
struct Logical {
    trues: i64,
    falses: i64,
    and: bool,
}

impl Logical {
    fn count(&mut self, row: &[Value], by: i64) {
        match row.first() {
            Some(Value::Bool(true)) => self.trues += by,
            Some(Value::Bool(false)) => self.falses += by,
            _ => {}
        }
    }
}

impl Accumulator for Logical {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        self.count(row, 1);
        Ok(())
    }

    fn remove(&mut self, row: &[Value]) -> bool {
        self.count(row, -1);
        true
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn result(&self) -> Outcome<Value> {
        Ok(match (self.trues + self.falses, self.and) {
            (0, _) => Value::Null,
            (_, true) => Value::Bool(self.falses == 0),
            (_, false) => Value::Bool(self.trues > 0),
        })
    }
}

struct Bits {
    bits: Option<i64>,
    join: fn(i64, i64) -> i64,
}

impl Accumulator for Bits {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        if let Some(Value::Int64(value)) = row.first() {
            self.bits = Some(self.bits.map_or(*value, |bits| (self.join)(bits, *value)));
        }
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        Ok(self.bits.map_or(Value::Null, Value::Int64))
    }
}
