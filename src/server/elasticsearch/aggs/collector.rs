//! What every aggregation does while documents go by, and how a level hands them to the next.

use tantivy::{DocId, SegmentReader};

use super::kept::Kept;
use super::outcome::{Budget, NamedOutcome, Outcome};
use crate::server::elasticsearch::error::{ApiError, Exception};

/// A bucket that no document fell into: its state is empty in every collector.
pub(super) const NO_BUCKET: u32 = u32::MAX;

/// A segment of one index (one shard) of the search.
pub(super) struct Segment<'a> {
    pub(super) shard: usize,
    pub(super) ordinal: u32,
    pub(super) reader: &'a SegmentReader,
}

/// A block of documents, each with the bucket of the level above that it fell into; ascending, repeats allowed.
#[derive(Clone, Copy)]
pub(super) struct Docs<'a> {
    pub(super) ids: &'a [DocId],
    pub(super) parents: &'a [u32],
    pub(super) scores: Option<&'a [f32]>,
}

impl Docs<'_> {
    pub(super) fn parent(&self, at: usize) -> u32 {
        self.parents.get(at).copied().unwrap_or(NO_BUCKET)
    }

    pub(super) fn score(&self, at: usize) -> Option<f32> {
        self.scores?.get(at).copied()
    }
}

/// The pairs (document, bucket) that a level makes for its children.
#[derive(Default)]
pub(super) struct Fall {
    ids: Vec<DocId>,
    buckets: Vec<u32>,
    scores: Vec<f32>,
}

impl Fall {
    #[inline]
    pub(super) fn push(&mut self, docs: &Docs<'_>, at: usize, bucket: u32) {
        let Some(doc) = docs.ids.get(at) else { return };
        self.ids.push(*doc);
        self.buckets.push(bucket);
        if let Some(score) = docs.score(at) {
            self.scores.push(score);
        }
    }

    pub(super) fn docs(&self, scored: bool) -> Docs<'_> {
        Docs { ids: &self.ids, parents: &self.buckets, scores: scored.then_some(self.scores.as_slice()) }
    }
}

/// One aggregation at work.
pub(super) trait Collector: Send {
    /// The next documents are of this segment.
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception>;

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception>;

    /// A copy of what was gathered so far, for another search; none where it can't go on elsewhere.
    fn keep(&self) -> Option<Kept> {
        None
    }

    /// Goes on from what a collector of the same request kept, instead of from nothing. False if it can't: it is of no use then.
    fn resume(&mut self, _kept: &Kept) -> bool {
        false
    }

    /// Nothing more will be collected.
    fn seal(&mut self) {}

    /// The answer for one bucket of the level above.
    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError>;

    /// What `terms` orders by: a metric (by its key, where there are several), or the documents of a single bucket.
    fn order_value(&self, _parent: u32, _key: Option<&str>) -> f64 {
        f64::NAN
    }

    /// The level below, where this aggregation has exactly one bucket a parent, with the parent's number.
    fn descend(&self) -> Option<&Children> {
        None
    }
}

/// The aggregations of one level.
#[derive(Default)]
pub(super) struct Children {
    pub(super) items: Vec<Child>,
}

pub(super) struct Child {
    pub(super) name: String,
    pub(super) meta: Option<serde_json::Value>,
    pub(super) collector: Box<dyn Collector>,
}

impl Children {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.items.iter_mut().try_for_each(|child| child.collector.open(segment))
    }

    pub(super) fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        if docs.ids.is_empty() {
            return Ok(());
        }
        self.items.iter_mut().try_for_each(|child| child.collector.collect(docs))
    }

    pub(super) fn keep(&self) -> Option<Vec<Kept>> {
        self.items.iter().map(|child| child.collector.keep()).collect()
    }

    pub(super) fn resume(&mut self, kept: &[Kept]) -> bool {
        self.items.len() == kept.len()
            && self.items.iter_mut().zip(kept).all(|(child, kept)| child.collector.resume(kept))
    }

    pub(super) fn seal(&mut self) {
        self.items.iter_mut().for_each(|child| child.collector.seal());
    }

    pub(super) fn outcomes(&self, parent: u32, budget: &mut Budget) -> Result<Vec<NamedOutcome>, ApiError> {
        self.items
            .iter()
            .map(|child| {
                let outcome = child.collector.outcome(parent, budget)?;
                Ok(NamedOutcome { name: child.name.clone(), meta: child.meta.clone(), outcome })
            })
            .collect()
    }

    /// The number at the end of an order path (`filter>metric`, `stats.avg`).
    pub(super) fn order_value(&self, bucket: u32, path: &[String], key: Option<&str>) -> f64 {
        let Some((name, rest)) = path.split_first() else { return f64::NAN };
        let Some(child) = self.items.iter().find(|child| child.name == *name) else { return f64::NAN };
        match child.collector.descend() {
            Some(below) if !rest.is_empty() => below.order_value(bucket, rest, key),
            _ => child.collector.order_value(bucket, key),
        }
    }
}

/// Grows a per-bucket state so that `bucket` is in it. [`NO_BUCKET`] is never collected into.
#[inline]
pub(super) fn slot<T: Default + Clone>(states: &mut Vec<T>, bucket: u32) -> Option<&mut T> {
    slot_or(states, bucket, T::default)
}

/// As [`slot`], with what stands where nothing was collected yet.
#[inline]
pub(super) fn slot_or<T: Clone>(states: &mut Vec<T>, bucket: u32, empty: impl FnOnce() -> T) -> Option<&mut T> {
    let at = bucket as usize;
    if at >= states.len() && bucket != NO_BUCKET {
        states.resize(at + 1, empty());
    }
    states.get_mut(at)
}
