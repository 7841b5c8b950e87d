//! Missing values of lines and areas: what is drawn where a bucket holds nothing.

use serde_json::Value;

use super::super::context::Context;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    None,
    Zero,
    Linear,
    Carry,
    Lookahead,
    Average,
    Nearest,
}

/// Before the first and after the last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    None,
    Zero,
    Nearest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fitting {
    function: Function,
    end: End,
}

impl Fitting {
    pub(super) fn read(context: &Context<'_>, state: &Value) -> Self {
        let functions = [
            ("None", Function::None),
            ("Zero", Function::Zero),
            ("Linear", Function::Linear),
            ("Carry", Function::Carry),
            ("Lookahead", Function::Lookahead),
            ("Average", Function::Average),
            ("Nearest", Function::Nearest),
        ];
        let ends = [("None", End::None), ("Zero", End::Zero), ("Nearest", End::Nearest)];
        Self {
            function: context.choice(state, "fittingFunction", &functions, Function::None),
            end: context.choice(state, "endValue", &ends, End::None),
        }
    }

    /// Fills the gaps of `y`. `x` holds the places' distances, rising, as many as `y`.
    pub(super) fn fill(self, x: &[f64], y: &mut [Option<f64>]) {
        if self.function == Function::None {
            return;
        }
        let known: Vec<(f64, Option<f64>)> = x.iter().copied().zip(y.iter().copied()).collect();
        let next = following(&known);
        let mut previous = None;
        for (((at, value), next), place) in known.into_iter().zip(next).zip(y) {
            match value {
                Some(value) => previous = Some((at, value)),
                None => *place = self.value(at, previous, next),
            }
        }
    }

    fn value(self, at: f64, previous: Option<(f64, f64)>, next: Option<(f64, f64)>) -> Option<f64> {
        match (self.function, previous, next) {
            (Function::Zero, ..) => Some(0.0),
            (Function::Carry, Some((_, value)), _) | (Function::Lookahead, _, Some((_, value))) => Some(value),
            (Function::Average, Some((_, before)), Some((_, after))) => Some(f64::midpoint(before, after)),
            (Function::Linear, Some((from, before)), Some((to, after))) if to > from => {
                Some(before + (after - before) * (at - from) / (to - from))
            }
            (Function::Nearest, Some((from, before)), Some((to, after))) => {
                Some(if to - at > at - from { before } else { after })
            }
            (function, previous, next) => match (self.end, previous.or(next)) {
                (End::Nearest, Some((_, value))) => Some(value),
                (_, Some((_, value))) if function == Function::Nearest => Some(value),
                (End::Zero, _) => Some(0.0),
                _ => None,
            },
        }
    }
}

/// For each place the next one, after it, that has a value.
fn following(known: &[(f64, Option<f64>)]) -> Vec<Option<(f64, f64)>> {
    let mut next = None;
    let mut all: Vec<Option<(f64, f64)>> = known
        .iter()
        .rev()
        .map(|(at, value)| {
            let own = next;
            next = value.map(|value| (*at, value)).or(next);
            own
        })
        .collect();
    all.reverse();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_fills_gaps_in_its_way() {
        let x = [0.0, 1.0, 2.0, 4.0, 5.0];
        let y = [None, Some(1.0), None, Some(4.0), None];
        let n = None;
        let cases = [
            (Function::None, End::Zero, [n, Some(1.0), n, Some(4.0), n]),
            (Function::Zero, End::None, [Some(0.0), Some(1.0), Some(0.0), Some(4.0), Some(0.0)]),
            (Function::Linear, End::None, [n, Some(1.0), Some(2.0), Some(4.0), n]),
            (Function::Linear, End::Nearest, [Some(1.0), Some(1.0), Some(2.0), Some(4.0), Some(4.0)]),
            (Function::Carry, End::None, [n, Some(1.0), Some(1.0), Some(4.0), Some(4.0)]),
            (Function::Carry, End::Zero, [Some(0.0), Some(1.0), Some(1.0), Some(4.0), Some(4.0)]),
            (Function::Lookahead, End::None, [Some(1.0), Some(1.0), Some(4.0), Some(4.0), n]),
            (Function::Average, End::Zero, [Some(0.0), Some(1.0), Some(2.5), Some(4.0), Some(0.0)]),
            (Function::Nearest, End::None, [Some(1.0), Some(1.0), Some(1.0), Some(4.0), Some(4.0)]),
        ];
        for (function, end, expected) in cases {
            let mut filled = y;
            Fitting { function, end }.fill(&x, &mut filled);
            assert_eq!(filled, expected, "{function:?} {end:?}");
        }
    }

    #[test]
    fn a_series_without_values_stays_empty_but_for_zero() {
        let mut y = [None, None];
        Fitting { function: Function::Linear, end: End::Nearest }.fill(&[0.0, 1.0], &mut y);
        assert_eq!(y, [None, None]);
    }
}
