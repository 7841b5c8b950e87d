//! The sample that `random_sampler` draws: which documents are in it, and how a count of the sample becomes an estimate of all.
//!
//! Gaps between sampled documents are drawn, not documents tested, so a small sample is cheap; what is drawn follows
//! from the seed, the index and the segment alone, so the same request over the same data is the same answer.

use tantivy::DocId;

use super::metric::cardinality::hash;
use super::table::mix;

/// How the documents below a `random_sampler` are drawn; [`Sampling::NONE`] elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampling {
    pub(super) probability: f64,
    pub(super) seed: i32,
    /// In the place of a seed made of the index's id, so that two indices of the same documents give the same sample.
    pub(super) shard_seed: Option<i32>,
}

impl Sampling {
    pub(crate) const NONE: Self = Self { probability: 1.0, seed: 0, shard_seed: None };

    pub(super) fn is_active(self) -> bool {
        self.probability < 1.0
    }

    /// A count of sampled documents as an estimate for all of them.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
    pub(super) fn count(self, sampled: u64) -> u64 {
        if self.is_active() { self.sum(sampled as f64).round() as u64 } else { sampled }
    }

    pub(super) fn sum(self, sampled: f64) -> f64 {
        if self.is_active() { sampled * (1.0 / self.probability) } else { sampled }
    }

    /// The sample of one segment of the index with this id.
    pub(super) fn picker(self, index_uuid: &str, segment: u32) -> Picker {
        let shard = self.shard_seed.map_or_else(|| hash(index_uuid.as_bytes()), |seed| u64::from(seed.cast_unsigned()));
        let state = mix(shard) ^ mix(u64::from(self.seed.cast_unsigned()) << 32 | u64::from(segment));
        let mut picker = Picker { state, rate: (-self.probability).ln_1p(), next: 0, all: !self.is_active() };
        picker.next = picker.gap();
        picker
    }
}

/// Walks through a segment; documents are asked about in ascending order.
#[derive(Debug, Clone)]
pub(super) struct Picker {
    state: u64,
    /// The logarithm of the chance that a document is passed over.
    rate: f64,
    /// The next document of the sample.
    next: u64,
    all: bool,
}

impl Picker {
    pub(super) fn picks(&mut self, doc: DocId) -> bool {
        let doc = u64::from(doc);
        while !self.all && self.next < doc {
            self.next = self.next.saturating_add(1).saturating_add(self.gap());
        }
        self.all || self.next == doc
    }

    /// Documents passed over before the next one: geometrically distributed.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
    fn gap(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        // 53 bits, as many as a double holds, and never zero.
        let chance = ((mix(self.state) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        (chance.ln() / self.rate) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(probability: f64, seed: i32, shard_seed: Option<i32>) -> Vec<DocId> {
        let mut picker = Sampling { probability, seed, shard_seed }.picker("uuid", 0);
        (0..100_000).filter(|doc| picker.picks(*doc)).collect()
    }

    #[test]
    fn a_sample_has_its_share_of_the_documents() {
        for (probability, seed) in [(0.5, 1), (0.5, -7), (0.1, 2), (0.01, 3), (0.001, 4)] {
            let (found, wanted) = (sample(probability, seed, None).len() as f64, probability * 100_000.0);
            // Five standard deviations.
            let spread = 5.0 * (wanted * (1.0 - probability)).sqrt();
            assert!((found - wanted).abs() < spread, "{probability} with seed {seed}: {found} instead of {wanted}");
        }
        assert_eq!(sample(1.0, 5, None).len(), 100_000);
        assert_eq!(sample(1e-20, 5, None).len(), 0);
    }

    #[test]
    fn the_seeds_decide_the_sample() {
        assert_eq!(sample(0.1, 1, None), sample(0.1, 1, None));
        assert_ne!(sample(0.1, 1, None), sample(0.1, 2, None));
        assert_ne!(sample(0.1, 1, Some(1)), sample(0.1, 1, Some(2)));
        let sampling = Sampling { probability: 0.1, seed: 1, shard_seed: Some(4) };
        let of = |uuid: &str, segment: u32| {
            let mut picker = sampling.picker(uuid, segment);
            (0..1000).filter(|doc| picker.picks(*doc)).collect::<Vec<DocId>>()
        };
        assert_eq!(of("one", 0), of("other", 0));
        assert_ne!(of("one", 0), of("one", 1));
    }

    #[test]
    fn documents_left_out_of_a_query_do_not_move_the_sample() {
        let whole = sample(0.2, 9, None);
        let mut picker = Sampling { probability: 0.2, seed: 9, shard_seed: None }.picker("uuid", 0);
        let thirds: Vec<DocId> = (0..100_000).step_by(3).filter(|doc| picker.picks(*doc)).collect();
        assert_eq!(thirds, whole.into_iter().filter(|doc| doc % 3 == 0).collect::<Vec<_>>());
    }

    #[test]
    fn estimates_are_rounded_as_counts_and_not_as_sums() {
        let sampling = Sampling { probability: 0.3, ..Sampling::NONE };
        assert_eq!([sampling.count(0), sampling.count(11), sampling.count(45)], [0, 37, 150]);
        assert!((sampling.sum(244_730.0) - 815_766.666_666_666_7).abs() < 1e-9);
        assert_eq!(Sampling::NONE.count(7), 7);
    }
}
