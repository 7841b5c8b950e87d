//! The best hits so far, of one segment and of all: never more than are asked for.

use std::collections::BinaryHeap;

use tantivy::{DocAddress, DocId};

use super::compare_ranked;
use crate::server::elasticsearch::search::sort::{SegmentSort, SortField, SortValue};

/// A hit and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    pub(crate) shard: u32,
    pub(crate) address: DocAddress,
    pub(crate) score: f32,
    pub(crate) values: Vec<SortValue>,
    pub(crate) seq_no: u64,
}

/// The best hits of all segments.
pub(crate) struct Top {
    limit: usize,
    order: Vec<SortField>,
    best: Vec<Ranked>,
}

impl Top {
    pub(crate) fn new(limit: usize, order: &[SortField]) -> Self {
        Self { limit, order: order.to_vec(), best: Vec::new() }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes a segment's best in.
    pub(crate) fn merge(&mut self, segment: Vec<Ranked>) {
        self.best.extend(segment);
        let order = &self.order;
        self.best.sort_by(|left, right| compare_ranked(order, left, right));
        self.best.truncate(self.limit);
    }

    pub(crate) fn finish(self, from: usize, size: usize) -> Vec<Ranked> {
        self.best.into_iter().skip(from).take(size).collect()
    }
}

/// The best hits of one segment, by keys that only compare within it.
pub(crate) struct SegmentTop {
    limit: usize,
    /// The worst on top.
    heap: BinaryHeap<Candidate>,
}

#[derive(Debug, PartialEq, PartialOrd)]
struct Candidate {
    keys: Box<[u64]>,
    seq_no: u64,
    doc: DocId,
    score: f32,
}

impl Eq for Candidate {}

#[expect(clippy::derive_ord_xor_partial_ord, reason = "scores are never NaN, and no two hits share a document")]
impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.keys.cmp(&other.keys).then(self.seq_no.cmp(&other.seq_no)).then(self.doc.cmp(&other.doc))
    }
}

impl SegmentTop {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::new() }
    }

    /// Offers a hit; its sequence number is asked for only where it matters.
    pub(crate) fn offer(&mut self, keys: &[u64], doc: DocId, score: f32, seq_no: impl FnOnce() -> u64) {
        if self.heap.len() < self.limit {
            self.heap.push(Candidate { keys: keys.into(), seq_no: seq_no(), doc, score });
            return;
        }
        let Some(mut worst) = self.heap.peek_mut() else { return };
        let seq_no = match keys.cmp(&worst.keys) {
            std::cmp::Ordering::Greater => return,
            std::cmp::Ordering::Less => seq_no(),
            std::cmp::Ordering::Equal => {
                let seq_no = seq_no();
                if seq_no >= worst.seq_no {
                    return;
                }
                seq_no
            }
        };
        worst.keys.copy_from_slice(keys);
        (worst.seq_no, worst.doc, worst.score) = (seq_no, doc, score);
    }

    /// The hits with what their keys mean.
    pub(crate) fn finish(self, shard: u32, segment_ord: u32, sort: &SegmentSort) -> tantivy::Result<Vec<Ranked>> {
        let mut ranked = Vec::with_capacity(self.heap.len());
        for candidate in self.heap {
            ranked.push(Ranked {
                shard,
                address: DocAddress::new(segment_ord, candidate.doc),
                score: candidate.score,
                values: sort.values(&candidate.keys)?,
                seq_no: candidate.seq_no,
            });
        }
        Ok(ranked)
    }
}
