//! What a term is compared with: how many documents of the index, or of those a filter lets through, have it.

use std::collections::HashMap;

use super::super::super::collector::{Docs, Segment};
use super::super::super::run::SearchContext;
use super::super::super::values::refused;
use super::super::filter::Matcher;
use super::super::keys::KeySource;
use crate::server::elasticsearch::error::{ApiError, Exception};

/// Documents read at once.
const BLOCK: usize = 4096;
/// Terms counted at most, as many as an aggregation may hold buckets.
const TERMS_MAX: usize = 4_000_000;

#[derive(Debug, Default)]
pub(super) struct Background {
    /// All documents, with the field or without.
    pub(super) size: u64,
    counts: HashMap<u64, u64>,
}

impl Background {
    /// Reads the field of every document of every index, below a `random_sampler` of every document in its sample.
    pub(super) fn count(
        keys: &mut KeySource,
        mut filter: Option<Matcher>,
        ctx: &SearchContext<'_>,
    ) -> Result<Self, ApiError> {
        // What stands for a missing value is no term of the index.
        let missing = keys.missing.take();
        let mut background = Self::default();
        for (ordinal, shard) in ctx.shards.iter().enumerate() {
            for (segment_ordinal, reader) in (0u32..).zip(shard.searcher.segment_readers()) {
                let segment = Segment { shard: ordinal, ordinal: segment_ordinal, reader };
                let mut picker = ctx.sampling.picker(&shard.uuid, segment_ordinal);
                let counted = filter.as_mut().map_or(Ok(()), |filter| filter.open(&segment)).and_then(|()| {
                    let passes = |doc: &u32| filter.as_ref().is_none_or(|filter| filter.matches(*doc));
                    let docs: Vec<u32> =
                        reader.doc_ids_alive().filter(|doc| picker.picks(*doc)).filter(passes).collect();
                    background.add(keys, &segment, &docs)
                });
                counted.map_err(|error| refused(shard, error))?;
            }
        }
        keys.missing = missing;
        Ok(background)
    }

    fn add(&mut self, keys: &mut KeySource, segment: &Segment<'_>, docs: &[u32]) -> Result<(), Exception> {
        keys.open(segment)?;
        self.size += docs.len() as u64;
        for ids in docs.chunks(BLOCK) {
            keys.each(&Docs { ids, parents: &[], scores: None }, |_, key, _| {
                if let Some(key) = key {
                    *self.counts.entry(key).or_default() += 1;
                }
            })?;
            if self.counts.len() > TERMS_MAX {
                let reason = format!(
                    "[request] Data too large, an aggregation would hold more than [{TERMS_MAX}] buckets at once"
                );
                return Err(Exception::new("circuit_breaking_exception", reason));
            }
        }
        Ok(())
    }

    pub(super) fn count_of(&self, key: u64) -> u64 {
        self.counts.get(&key).copied().unwrap_or_default()
    }
}
