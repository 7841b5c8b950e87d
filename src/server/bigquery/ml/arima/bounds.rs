//! Forecast limits: values strictly between two bounds, and the free numbers that a trend may be modelled on.

use serde::{Deserialize, Serialize};

/// Bounds of which either may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Bounds {
    pub(super) lower: Option<f64>,
    pub(super) upper: Option<f64>,
}

impl Bounds {
    pub(super) fn holds(self, value: f64) -> bool {
        self.lower.is_none_or(|lower| value > lower) && self.upper.is_none_or(|upper| value < upper)
    }

    pub(super) fn is_free(self) -> bool {
        self.lower.is_none() && self.upper.is_none()
    }

    /// The scaled logit of a value that the bounds hold; with one bound a logarithm of the distance.
    pub(super) fn to_free(self, value: f64) -> f64 {
        match (self.lower, self.upper) {
            (None, None) => value,
            (Some(lower), None) => (value - lower).ln(),
            (None, Some(upper)) => -(upper - value).ln(),
            (Some(lower), Some(upper)) => ((value - lower) / (upper - value)).ln(),
        }
    }

    /// The inverse; grows with `free`.
    pub(super) fn of_free(self, free: f64) -> f64 {
        match (self.lower, self.upper) {
            (None, None) => free,
            (Some(lower), None) => lower + free.exp(),
            (None, Some(upper)) => upper - (-free).exp(),
            (Some(lower), Some(upper)) => lower + (upper - lower) / (1.0 + (-free).exp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forth_is_the_same() {
        for (lower, upper) in [(None, None), (Some(0.0), None), (None, Some(10.0)), (Some(0.0), Some(10.0))] {
            let bounds = Bounds { lower, upper };
            for value in [0.5, 3.0, 9.5] {
                assert!(bounds.holds(value) && (bounds.of_free(bounds.to_free(value)) - value).abs() < 1e-12);
            }
            assert_eq!(bounds.holds(10.0), upper.is_none());
            assert_eq!(bounds.holds(0.0), lower.is_none());
        }
    }
}
