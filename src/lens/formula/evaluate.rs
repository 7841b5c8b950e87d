//! The value of an expression in one row, as Kibana's interpreter comes to it.
//!
//! Three things are apart there and are kept apart here: *null* (no value), *no number* (a function was given something
//! else than numbers) and a *fault* (division by zero and the like), which spoils the whole expression. So
//! `defaults(max(x), 0)` gives 0 without data, but `defaults(max(x) + 1, 0)` and `defaults(1 / 0, 0)` are null. All
//! arguments are computed, also the branch of `ifelse` that is not taken: a fault or a null in it spoils the whole.

use super::math::{Expression, MathFunction};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Null,
    NoNumber,
    Number(f64),
    Boolean(bool),
}

/// What makes the whole expression null.
struct Fault;

impl Expression {
    /// `value` gives a column's value in the row. `None` is null: so are a null argument, division by zero, the root of
    /// a negative number, and whatever is no finite number.
    pub fn evaluate(&self, value: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        match self.run(value) {
            Ok(Value::Number(number)) if number.is_finite() => Some(number),
            _ => None,
        }
    }

    fn run(&self, value: &dyn Fn(&str) -> Option<f64>) -> Result<Value, Fault> {
        match self {
            Self::Number(number) => Ok(of_number(*number)),
            Self::Column(id) => Ok(value(id).map_or(Value::Null, of_number)),
            Self::Call { function, arguments } => {
                let arguments =
                    arguments.iter().map(|argument| argument.run(value)).collect::<Result<Vec<_>, Fault>>()?;
                call(*function, &arguments)
            }
        }
    }
}

fn of_number(number: f64) -> Value {
    if number.is_nan() { Value::NoNumber } else { Value::Number(number) }
}

fn call(function: MathFunction, arguments: &[Value]) -> Result<Value, Fault> {
    match (function, arguments) {
        (MathFunction::Defaults, [Value::Null, default]) => Ok(*default),
        (MathFunction::Defaults, [value, _]) => Ok(*value),
        (MathFunction::IfElse, [_, Value::Null, _] | [_, _, Value::Null]) => Err(Fault),
        (MathFunction::IfElse, [Value::Boolean(condition), left, right]) => Ok(if *condition { *left } else { *right }),
        (MathFunction::IfElse, _) => Err(Fault),
        _ => match numbers(arguments) {
            Some(numbers) => compute(function, &numbers),
            None => Ok(Value::NoNumber),
        },
    }
}

fn numbers(values: &[Value]) -> Option<Vec<f64>> {
    let number = |value: &Value| if let Value::Number(number) = value { Some(*number) } else { None };
    values.iter().map(number).collect()
}

#[allow(clippy::float_cmp, reason = "a formula asks for equality and gets it")]
fn compute(function: MathFunction, arguments: &[f64]) -> Result<Value, Fault> {
    use MathFunction as F;
    let number = match (function, arguments) {
        (F::Add, [a, b]) => a + b,
        (F::Subtract, [a, b]) => a - b,
        (F::Multiply, [a, b]) => a * b,
        (F::Divide, [a, b]) => a / not_zero(*b)?,
        (F::Mod, [a, b]) => a % not_zero(*b)?,
        (F::Abs, [a]) => a.abs(),
        (F::Cbrt, [a]) => a.cbrt(),
        (F::Ceil, [a]) => a.ceil(),
        (F::Floor, [a]) => a.floor(),
        (F::Fix, [a]) => a.trunc(),
        (F::Cube, [a]) => a * a * a,
        (F::Square, [a]) => a * a,
        (F::Exp, [a]) => a.exp(),
        (F::Sqrt, [a]) => not_negative(*a)?.sqrt(),
        (F::Log, [a]) => not_negative(*a)?.ln(),
        (F::Log, [a, base]) if *base > 0.0 => not_negative(*a)?.ln() / base.ln(),
        (F::Pow, [a, exponent]) => a.powf(*exponent),
        (F::Round, [a]) => round(*a),
        (F::Round, [a, decimals]) => {
            let scale = 10_f64.powf(*decimals);
            round(a * scale) / scale
        }
        (F::Clamp, [a, min, max]) if min <= max => a.max(*min).min(*max),
        (F::PickMax, [a, b]) => a.max(*b),
        (F::PickMin, [a, b]) => a.min(*b),
        (F::Lt, [a, b]) => return Ok(Value::Boolean(a < b)),
        (F::Gt, [a, b]) => return Ok(Value::Boolean(a > b)),
        (F::Lte, [a, b]) => return Ok(Value::Boolean(a <= b)),
        (F::Gte, [a, b]) => return Ok(Value::Boolean(a >= b)),
        (F::Eq, [a, b]) => return Ok(Value::Boolean(a == b)),
        // Another number of arguments, a base or a clamp that makes no sense.
        _ => return Err(Fault),
    };
    Ok(of_number(number))
}

fn not_zero(number: f64) -> Result<f64, Fault> {
    if number == 0.0 { Err(Fault) } else { Ok(number) }
}

fn not_negative(number: f64) -> Result<f64, Fault> {
    if number < 0.0 { Err(Fault) } else { Ok(number) }
}

/// Halves go up, also below zero: -2.5 is -2.
fn round(number: f64) -> f64 {
    let floor = number.floor();
    if number - floor < 0.5 { floor } else { floor + 1.0 }
}

#[cfg(test)]
mod tests;
