//! Variances, deviations, covariances and correlation, in one pass by Welford's updates.

use super::{Accumulator, Nulls::Skip, Row};
use crate::server::bigquery::function::call::Kind::Aggregate;
use crate::server::bigquery::function::error::Outcome;
use crate::server::bigquery::value::Value;

const ONE: &[&str] = &["FLOAT64 -> FLOAT64"];
const TWO: &[&str] = &["FLOAT64, FLOAT64 -> FLOAT64"];

pub(super) const ROWS: &[Row] = &[
    ("STDDEV", ONE, Skip, |_| Moments::of(Wanted::DeviationSample), Aggregate),
    ("STDDEV_SAMP", ONE, Skip, |_| Moments::of(Wanted::DeviationSample), Aggregate),
    ("STDDEV_POP", ONE, Skip, |_| Moments::of(Wanted::Deviation), Aggregate),
    ("VARIANCE", ONE, Skip, |_| Moments::of(Wanted::VarianceSample), Aggregate),
    ("VAR_SAMP", ONE, Skip, |_| Moments::of(Wanted::VarianceSample), Aggregate),
    ("VAR_POP", ONE, Skip, |_| Moments::of(Wanted::Variance), Aggregate),
    ("COVAR_SAMP", TWO, Skip, |_| Moments::of(Wanted::CovarianceSample), Aggregate),
    ("COVAR_POP", TWO, Skip, |_| Moments::of(Wanted::Covariance), Aggregate),
    ("CORR", TWO, Skip, |_| Moments::of(Wanted::Correlation), Aggregate),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Variance,
    VarianceSample,
    Deviation,
    DeviationSample,
    Covariance,
    CovarianceSample,
    Correlation,
}

struct Moments {
    wanted: Wanted,
    count: f64,
    mean_x: f64,
    mean_y: f64,
    /// Sums of squared and crossed differences from the means.
    square_x: f64,
    square_y: f64,
    cross: f64,
}

impl Moments {
    fn of(wanted: Wanted) -> Box<dyn Accumulator> {
        Box::new(Self { wanted, count: 0.0, mean_x: 0.0, mean_y: 0.0, square_x: 0.0, square_y: 0.0, cross: 0.0 })
    }
}

impl Accumulator for Moments {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        let number = |index: usize| match row.get(index) {
            Some(Value::Float64(value)) => *value,
            _ => 0.0,
        };
        let (x, y) = (number(0), number(1));
        self.count += 1.0;
        let (off_x, off_y) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += off_x / self.count;
        self.mean_y += off_y / self.count;
        self.square_x += off_x * (x - self.mean_x);
        self.square_y += off_y * (y - self.mean_y);
        self.cross += off_x * (y - self.mean_y);
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        let sample = matches!(
            self.wanted,
            Wanted::VarianceSample | Wanted::DeviationSample | Wanted::CovarianceSample | Wanted::Correlation
        );
        if self.count < if sample { 2.0 } else { 1.0 } {
            return Ok(Value::Null);
        }
        let divisor = if sample { self.count - 1.0 } else { self.count };
        Ok(Value::Float64(match self.wanted {
            Wanted::Variance | Wanted::VarianceSample => self.square_x / divisor,
            Wanted::Deviation | Wanted::DeviationSample => (self.square_x / divisor).sqrt(),
            Wanted::Covariance | Wanted::CovarianceSample => self.cross / divisor,
            Wanted::Correlation => self.cross / (self.square_x.sqrt() * self.square_y.sqrt()),
        }))
    }
}
