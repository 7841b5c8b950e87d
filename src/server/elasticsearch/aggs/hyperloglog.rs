//! Distinct values: a set up to the precision threshold, then HyperLogLog with Elasticsearch's number of registers.
//!
//! The estimate is O. Ertl's improved raw estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017):
//! it needs no tables of measured bias, and its error is that of HyperLogLog++: 1.04 over the root of the registers.

use std::collections::HashSet;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Distinct {
    Exact(HashSet<u64>),
    /// Registers, 2 to the power of the precision.
    Estimated(Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Exact(HashSet::new())
    }
}

/// Bits that choose the register: room for the threshold at a load of three quarters, four bytes each, as Elasticsearch has it.
fn precision(threshold: u64) -> u32 {
    let entries = threshold.saturating_mul(4).div_ceil(3).max(1);
    let bytes = entries.saturating_mul(4);
    (u64::BITS - bytes.leading_zeros()).clamp(4, 18)
}

impl Distinct {
    /// Adds a value by its hash.
    pub(super) fn add(&mut self, hash: u64, threshold: u64) {
        match self {
            Self::Exact(set) => {
                set.insert(hash);
                if set.len() as u64 > threshold {
                    let mut registers = vec![0; 1 << precision(threshold)];
                    set.iter().for_each(|hash| register(&mut registers, *hash));
                    *self = Self::Estimated(registers);
                }
            }
            Self::Estimated(registers) => register(registers, hash),
        }
    }

    /// About what it has on the heap.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Exact(set) => set.len() * 16,
            Self::Estimated(registers) => registers.len(),
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Exact(set) => set.len() as u64,
            Self::Estimated(registers) => estimate(registers),
        }
    }
}

fn register(registers: &mut [u8], hash: u64) {
    let precision = registers.len().trailing_zeros();
    let index = usize::try_from(hash >> (u64::BITS - precision)).unwrap_or_default();
    // A one behind the hash ends the run of zeros.
    let run = ((hash << precision) | (1 << (precision - 1))).leading_zeros() + 1;
    if let Some(register) = registers.get_mut(index) {
        *register = (*register).max(u8::try_from(run).unwrap_or(u8::MAX));
    }
}

#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "a count of distinct values is small and positive"
)]
fn estimate(registers: &[u8]) -> u64 {
    let precision = registers.len().trailing_zeros();
    let q = (u64::BITS - precision) as usize;
    let mut histogram = vec![0.0f64; q + 2];
    for register in registers {
        if let Some(count) = histogram.get_mut(usize::from(*register)) {
            *count += 1.0;
        }
    }
    let m = registers.len() as f64;
    let at = |k: usize| histogram.get(k).copied().unwrap_or_default();
    let mut z = m * tau(1.0 - at(q + 1) / m);
    for k in (1..=q).rev() {
        z = 0.5 * (z + at(k));
    }
    z += m * sigma(at(0) / m);
    (m * m / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_up_to_the_threshold_and_near_beyond_it() {
        for (count, threshold) in [(0, 3000), (3000, 3000), (6000, 3000), (200_000, 3000), (500, 100), (50, 0)] {
            let mut distinct = Distinct::default();
            for value in 0..count {
                distinct.add(super::super::table::mix(value + 1), threshold);
                distinct.add(super::super::table::mix(value + 1), threshold);
            }
            let found = distinct.count();
            if count <= threshold {
                assert_eq!(found, count);
            } else {
                let error = (found as f64 - count as f64).abs() / count as f64;
                let allowed = 4.0 * 1.04 / f64::from(1u32 << precision(threshold)).sqrt();
                assert!(error <= allowed, "{found} for {count} at {threshold}");
            }
        }
        assert_eq!(precision(3000), 14);
        assert_eq!(precision(40_000), 18);
    }
}
