//! Going on with a stream that was interrupted: without duplicates, without loss.
//!
//! The offsets at a stream's start are recorded before it; what each partition holds beyond them is the beginning of
//! this partition's share of the stream, because the producer is idempotent, keeps order and admits no gap. So the
//! first so many ticks of each partition are passed over. The plan holds for the same source, and for a topic that only
//! this stream writes to.

use std::collections::BTreeMap;

use super::{counts::PartitionOffsets, partition::partition_of};

/// How many ticks of each partition are there already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResumePlan {
    partitions: i32,
    there: BTreeMap<i32, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    #[error("the topic had {before} partitions when the stream began and has {now}: keys may have moved")]
    Partitions { before: usize, now: usize },
    #[error("partition {partition} ended at {before} when the stream began and ends at {now}: the topic was made anew")]
    Shrunk { partition: i32, before: i64, now: i64 },
}

impl ResumePlan {
    /// From the offsets recorded before the stream began, and those of now.
    pub fn between(base: &[PartitionOffsets], now: &[PartitionOffsets]) -> Result<Self, ResumeError> {
        if base.len() != now.len() {
            return Err(ResumeError::Partitions { before: base.len(), now: now.len() });
        }
        let mut there = BTreeMap::new();
        for end in now {
            let (partition, now_high) = (end.partition, end.high);
            let before = base.iter().find(|start| start.partition == partition).map(|start| start.high);
            let before = before.ok_or(ResumeError::Partitions { before: base.len(), now: now.len() })?;
            let count = u64::try_from(now_high - before).map_err(|_| ResumeError::Shrunk {
                partition,
                before,
                now: now_high,
            })?;
            there.insert(partition, count);
        }
        Ok(Self { partitions: i32::try_from(now.len()).unwrap_or(i32::MAX), there })
    }

    /// Ticks that are there already, of all partitions.
    pub fn already_there(&self) -> u64 {
        self.there.values().sum()
    }

    /// Partitions the plan was made for.
    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    /// Whether the next tick of this key is there already; it counts as passed over then.
    pub(crate) fn passes_over(&mut self, key: &[u8]) -> bool {
        match self.there.get_mut(&partition_of(key, self.partitions)) {
            Some(left @ 1..) => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offsets(highs: &[i64]) -> Vec<PartitionOffsets> {
        (0..).zip(highs).map(|(partition, high)| PartitionOffsets { partition, low: 0, high: *high }).collect()
    }

    #[test]
    fn a_topic_that_changed_under_the_stream_is_refused() {
        assert_eq!(
            ResumePlan::between(&offsets(&[5]), &offsets(&[5, 0])),
            Err(ResumeError::Partitions { before: 1, now: 2 })
        );
        assert_eq!(
            ResumePlan::between(&offsets(&[5]), &offsets(&[3])),
            Err(ResumeError::Shrunk { partition: 0, before: 5, now: 3 })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Whatever each partition kept of the first run, both runs together are the stream, once.
        #[test]
        fn two_runs_make_one_stream(
            keys in proptest::collection::vec(0u64..12, 0..120),
            partitions in 1i32..5,
            kept in proptest::collection::vec(any::<prop::sample::Index>(), 5),
            base in proptest::collection::vec(0i64..50, 5),
        ) {
            let count = usize::try_from(partitions).unwrap();
            let mut shares: Vec<Vec<usize>> = vec![Vec::new(); count];
            for (index, key) in keys.iter().enumerate() {
                shares[usize::try_from(partition_of(key.to_string().as_bytes(), partitions)).unwrap()].push(index);
            }
            let mut log: Vec<Vec<usize>> = Vec::new();
            for (share, kept) in shares.iter().zip(&kept) {
                let end = kept.index(share.len() + 1);
                log.push(share[..end].to_vec());
            }
            let now: Vec<i64> = base.iter().zip(&log).map(|(base, log)| base + i64::try_from(log.len()).unwrap()).collect();
            let mut plan = ResumePlan::between(&offsets(&base[..count]), &offsets(&now)).unwrap();
            for (index, key) in keys.iter().enumerate() {
                let key = key.to_string();
                if !plan.passes_over(key.as_bytes()) {
                    log[usize::try_from(partition_of(key.as_bytes(), partitions)).unwrap()].push(index);
                }
            }
            prop_assert_eq!(log, shares);
        }
    }
}
