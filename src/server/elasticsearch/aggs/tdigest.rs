//! Percentiles in bounded memory: exact while values are few, then a merging t-digest.
//!
//! After T. Dunning and O. Ertl, "Computing extremely accurate quantiles using t-digests" (2019), with scale function k2 and
//! the interpolation between centroids described there. Elasticsearch keeps the values themselves up to 20 x compression of
//! them (measured on 9.2.4), which is what makes small answers exact.

/// Values kept as they are, times the compression.
const EXACT_PER_COMPRESSION: f64 = 20.0;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct TDigest {
    compression: f64,
    /// Sorted by mean once [`Self::compress`] ran; in exact mode each has weight 1.
    centroids: Vec<Centroid>,
    buffer: Vec<f64>,
    exact: bool,
    min: f64,
    max: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Centroid {
    pub(super) mean: f64,
    pub(super) weight: f64,
}

impl TDigest {
    pub(super) fn new(compression: f64) -> Self {
        let compression = compression.clamp(10.0, 10_000.0);
        let (centroids, buffer) = (Vec::new(), Vec::new());
        Self { compression, centroids, buffer, exact: true, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }

    pub(super) fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.buffer.push(value);
        if self.buffer.len() >= self.buffer_max() {
            self.exact = false;
            self.merge();
        }
    }

    fn buffer_max(&self) -> usize {
        let limit = if self.exact { EXACT_PER_COMPRESSION } else { 5.0 } * self.compression;
        usize::try_from(super::values::truncate(limit)).unwrap_or(usize::MAX)
    }

    /// Brings buffered values in; to be called before any question.
    pub(super) fn compress(&mut self) {
        if self.exact {
            self.buffer.sort_by(f64::total_cmp);
        } else if !self.buffer.is_empty() {
            self.merge();
        }
    }

    /// One pass over centroids and buffer in order: neighbours join while their common width stays below one step of k2.
    fn merge(&mut self) {
        let mut incoming = std::mem::take(&mut self.centroids);
        incoming.extend(self.buffer.drain(..).map(|mean| Centroid { mean, weight: 1.0 }));
        incoming.sort_by(|left, right| left.mean.total_cmp(&right.mean));
        let total: f64 = incoming.iter().map(|centroid| centroid.weight).sum();
        let normalizer = self.compression / (4.0 * (total / self.compression).ln().max(0.0) + 24.0);
        let limit = |q: f64| total * q * (1.0 - q) / normalizer;
        let mut merged: Vec<Centroid> = Vec::new();
        let mut before = 0.0;
        for next in incoming {
            let Some(last) = merged.last_mut() else {
                merged.push(next);
                continue;
            };
            let together = last.weight + next.weight;
            let (q0, q1) = (before / total, (before + together) / total);
            if together <= limit(q0).min(limit(q1)) {
                last.weight = together;
                last.mean += (next.mean - last.mean) * next.weight / together;
            } else {
                before += last.weight;
                merged.push(next);
            }
        }
        self.centroids = merged;
    }

    /// The value below which a share `q` (0 to 1) of all values lies. Needs [`Self::compress`].
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        if self.exact { interpolate(&self.buffer, q) } else { self.quantile_between_centroids(q) }
    }

    fn quantile_between_centroids(&self, q: f64) -> Option<f64> {
        let (first, last) = (self.centroids.first()?, self.centroids.last()?);
        let total = self.weight();
        let index = q * total;
        if index < 1.0 {
            return Some(self.min);
        }
        if first.weight > 1.0 && index < first.weight / 2.0 {
            return Some(self.min + (index - 1.0) / (first.weight / 2.0 - 1.0) * (first.mean - self.min));
        }
        if index > total - 1.0 {
            return Some(self.max);
        }
        if last.weight > 1.0 && total - index <= last.weight / 2.0 {
            let share = (total - index - 1.0) / (last.weight / 2.0 - 1.0);
            return Some(self.max - share * (self.max - last.mean));
        }
        let mut so_far = first.weight / 2.0;
        for (left, right) in self.centroids.iter().zip(self.centroids.iter().skip(1)) {
            let width = (left.weight + right.weight) / 2.0;
            if so_far + width > index {
                return Some(between(left, right, index - so_far, so_far + width - index));
            }
            so_far += width;
        }
        Some(self.max)
    }

    /// The share (0 to 1) of values up to `value`. Needs [`Self::compress`].
    pub(super) fn rank(&self, value: f64) -> Option<f64> {
        if self.exact {
            return self.rank_among_values(value);
        }
        let (first, last) = (self.centroids.first()?, self.centroids.last()?);
        if value < self.min {
            return Some(0.0);
        }
        if value > self.max {
            return Some(1.0);
        }
        let total = self.weight();
        if value < first.mean {
            let share = if first.mean > self.min { (value - self.min) / (first.mean - self.min) } else { 0.5 };
            return Some(share * first.weight / 2.0 / total);
        }
        let mut so_far = first.weight / 2.0;
        for (left, right) in self.centroids.iter().zip(self.centroids.iter().skip(1)) {
            let width = (left.weight + right.weight) / 2.0;
            if value < right.mean {
                let span = right.mean - left.mean;
                let share = if span > 0.0 { (value - left.mean) / span } else { 0.5 };
                return Some((so_far + share * width) / total);
            }
            so_far += width;
        }
        let share = if self.max > last.mean { (value - last.mean) / (self.max - last.mean) } else { 0.5 };
        Some((so_far + share * last.weight / 2.0) / total)
    }

    /// Each value stands for the stretch to the middle of its neighbours; of the least and the greatest, half counts (as
    /// measured on Elasticsearch 9.2.4).
    fn rank_among_values(&self, value: f64) -> Option<f64> {
        let values = &self.buffer;
        let total = values.len() as f64;
        let (least, greatest) = (*values.first()?, *values.last()?);
        if value < least || value > greatest {
            return Some(if value < least { 0.0 } else { 1.0 });
        }
        let below = values.partition_point(|other| *other < value);
        let up_to = values.partition_point(|other| *other <= value);
        if value == least {
            return Some(up_to as f64 / 2.0 / total);
        }
        if value == greatest {
            return Some((total - (total - below as f64) / 2.0) / total);
        }
        // The last value not above, or the one after it, whose stretch holds the value.
        let (low, high) = (*values.get(up_to.checked_sub(1)?)?, *values.get(up_to)?);
        let middle = (low + high) / 2.0;
        let (at, near, before, after) = if value < middle {
            let before = up_to.checked_sub(2).and_then(|at| values.get(at)).map_or(high - low, |before| low - before);
            (up_to - 1, low, before / 2.0, (high - low) / 2.0)
        } else {
            let after = values.get(up_to + 1).map_or(high - low, |after| after - high);
            (up_to, high, (high - low) / 2.0, after / 2.0)
        };
        let share = (value - (near - before)) / (before + after);
        Some((at as f64 + share) / total)
    }

    fn weight(&self) -> f64 {
        self.centroids.iter().map(|centroid| centroid.weight).sum()
    }

    /// The median of the distances to the median. Needs [`Self::compress`].
    pub(super) fn median_absolute_deviation(&self) -> Option<f64> {
        let median = self.quantile(0.5)?;
        if self.exact {
            let mut distances: Vec<f64> = self.buffer.iter().map(|value| (value - median).abs()).collect();
            distances.sort_by(f64::total_cmp);
            return interpolate(&distances, 0.5);
        }
        let mut distances: Vec<Centroid> = self
            .centroids
            .iter()
            .map(|centroid| Centroid { mean: (centroid.mean - median).abs(), weight: centroid.weight })
            .collect();
        distances.sort_by(|left, right| left.mean.total_cmp(&right.mean));
        let max = distances.last().map_or(0.0, |last| last.mean);
        let min = distances.first().map_or(0.0, |first| first.mean);
        let all = Self { centroids: distances, buffer: Vec::new(), min, max, ..*self };
        all.quantile_between_centroids(0.5)
    }
}

/// Linear between the two values around rank q (n - 1).
#[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "the rank is between 0 and the length")]
fn interpolate(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = q.clamp(0.0, 1.0) * last as f64;
    let low = (rank as usize).min(last);
    let (low_value, high_value) = (sorted.get(low)?, sorted.get((low + 1).min(last))?);
    Some(low_value + (rank - low as f64) * (high_value - low_value))
}

/// Between two centroids; one of weight 1 is a value of its own and takes half a unit to its side.
fn between(left: &Centroid, right: &Centroid, from_left: f64, to_right: f64) -> f64 {
    let mut low = 0.0;
    if left.weight == 1.0 {
        if from_left < 0.5 {
            return left.mean;
        }
        low = 0.5;
    }
    let mut high = 0.0;
    if right.weight == 1.0 {
        if to_right <= 0.5 {
            return right.mean;
        }
        high = 0.5;
    }
    let (to_left, to_right) = (from_left - low, to_right - high);
    (left.mean * to_right + right.mean * to_left) / (to_left + to_right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(values: impl IntoIterator<Item = f64>) -> TDigest {
        let mut digest = TDigest::new(100.0);
        values.into_iter().for_each(|value| digest.add(value));
        digest.compress();
        digest
    }

    #[test]
    fn few_values_are_interpolated_exactly() {
        let ten = digest((1..=10).map(f64::from));
        assert_eq!(ten.quantile(0.01), Some(1.09));
        assert_eq!(ten.quantile(0.5), Some(5.5));
        assert_eq!(ten.quantile(0.95), Some(9.549_999_999_999_999));
        assert_eq!(digest((0..10).map(f64::from)).rank(3.0), Some(0.35));
        let rank =
            |values: &[f64], value: f64| digest(values.iter().copied()).rank(value).unwrap() * values.len() as f64;
        assert_eq!(rank(&[0.0, 1.0, 4.0, 10.0], 1.0), 1.25);
        assert_eq!(rank(&[0.0, 1.0, 1.0, 1.0, 2.0], 1.0), 3.0);
        assert_eq!(rank(&[0.0, 0.0, 0.0, 5.0], 0.0), 1.5);
        assert_eq!(rank(&[0.0, 5.0, 5.0, 5.0], 5.0), 2.5);
        assert_eq!(digest((0..10).map(f64::from)).median_absolute_deviation(), Some(2.5));
        assert_eq!(digest([]).quantile(0.5), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn many_values_stay_within_two_hundredths_in_rank_and_tails_closer(
            seed in any::<u64>(), count in 2_000usize..30_000, skewed in any::<bool>(),
        ) {
            let mut state = seed;
            let values: Vec<f64> = (0..count).map(|_| {
                state = super::super::table::mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
                let uniform = (state >> 11) as f64 / (1u64 << 53) as f64;
                if skewed { -(1.0 - uniform).ln() } else { uniform }
            }).collect();
            let digest = digest(values.iter().copied());
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            for q in [0.0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0] {
                let value = digest.quantile(q).unwrap();
                let rank = sorted.partition_point(|other| *other < value) as f64 / count as f64;
                let allowed = (0.08 * (q * (1.0 - q)).sqrt() + 2.0 / count as f64).min(0.02);
                prop_assert!((rank - q).abs() <= allowed, "q {q}: rank {rank} of {value}");
                prop_assert!((digest.rank(value).unwrap() - q).abs() <= allowed + 0.01);
            }
            prop_assert_eq!(digest.quantile(1.0), sorted.last().copied());
            prop_assert!(digest.centroids.len() < 400);
        }
    }
}
