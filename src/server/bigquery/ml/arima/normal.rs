//! Quantiles of the standard normal distribution.

const ITERATIONS_MAX: usize = 100;

/// How many standard errors to each side hold `level` of the values: 1.96 for 0.95. `level` lies in [0, 1).
pub(super) fn half_width(level: f64) -> f64 {
    // Newton's steps from zero come from below and never pass the root, the distribution being concave there.
    let mut z = 0.0;
    for _ in 0..ITERATIONS_MAX {
        let (within, density) = within(z);
        let step = (level - within) / (2.0 * density);
        z += step;
        if step.is_nan() || step.abs() <= 1e-15 * z {
            break;
        }
    }
    z
}

/// The share of values within `z` standard errors, and the density there.
fn within(z: f64) -> (f64, f64) {
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    while term > sum * 1e-18 {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    (2.0 * density * sum, density)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_quantiles() {
        for (level, z) in [
            (0.0, 0.0),
            (0.5, 0.674_489_750_196_081_7),
            (0.8, 1.281_551_565_544_600_4),
            (0.95, 1.959_963_984_540_054),
            (0.999_999, 4.891_638_475_698_59),
        ] {
            assert!((half_width(level) - z).abs() < 1e-9, "{level}: {}", half_width(level));
        }
    }

    #[test]
    fn the_last_level_before_one_is_finite() {
        assert!(half_width(1.0f64.next_down()).is_finite());
    }
}
