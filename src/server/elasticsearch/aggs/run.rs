//! One request at work: collectors are made for every index, fed block by block, and asked for their answer.

use std::cell::OnceCell;

use serde_json::{Map, Value};

use super::bucket::filter::start_global;
use super::collector::{Child, Children, Collector, Docs, Segment};
use super::dates::Clock;
use super::kept::Kept;
use super::outcome::{Budget, NamedOutcome, render};
use super::request::{Aggregation, Aggregations, Kind};
use super::sampling::Sampling;
use super::values::refused;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// What a search knows before it looks at documents.
#[derive(Clone, Copy)]
pub(crate) struct SearchContext<'a> {
    pub(crate) shards: &'a [IndexSnapshot],
    pub(crate) clock: Clock,
    /// Names in the answer are `type#name`.
    pub(crate) typed_keys: bool,
    /// How much of the documents the collectors to be made will see.
    pub(crate) sampling: Sampling,
}

impl SearchContext<'_> {
    /// The search declined by its first shard.
    pub(super) fn refused(&self, exception: Exception) -> ApiError {
        match self.shards.first() {
            Some(shard) => refused(shard, exception),
            None => ApiError::from_exception(400, exception),
        }
    }

    /// Within a sample a count is an estimate, which no minimum can be held against.
    pub(super) fn check_minimum(&self, name: &str, least: u64, on_shard: Option<u64>) -> Result<(), ApiError> {
        if !self.sampling.is_active() || least.max(on_shard.unwrap_or_default()) <= 1 {
            return Ok(());
        }
        let on_shard = on_shard.map(|least| format!(" and min_shard_doc_count, provided [{least}],"));
        let reason = format!(
            "aggregation [{name}] is within a sampling context; min_doc_count, provided [{least}],{} cannot be greater than 1",
            on_shard.unwrap_or_default()
        );
        Err(self.refused(Exception::new("status_exception", reason)))
    }

    /// The collectors of a level below the top.
    pub(super) fn children(&self, level: &Aggregations) -> Result<Children, ApiError> {
        let mut children = Children::default();
        for item in &level.items {
            if matches!(item.kind, Kind::Global) {
                let reason = format!("Aggregation [{}] of type [global] can only be at the top level", item.name);
                return Err(self.refused(Exception::new("aggregation_execution_exception", reason)));
            }
            if matches!(item.kind, Kind::RandomSampler(_)) {
                let reason = format!("[random_sampler] aggregation [{}] cannot have a parent aggregation", item.name);
                return Err(self.refused(Exception::new("illegal_argument_exception", reason)));
            }
            children.items.extend(self.child(item)?);
        }
        Ok(children)
    }

    fn child(&self, item: &Aggregation) -> Result<Option<Child>, ApiError> {
        let collector: Box<dyn Collector> = match &item.kind {
            Kind::Terms(request) => request.start(self, item)?,
            Kind::MultiTerms(request) => request.start(self, item)?,
            Kind::DateHistogram(request) => request.start(self, item)?,
            Kind::Histogram(request) => request.start(self, item)?,
            Kind::Range(request) => request.start(self, item)?,
            Kind::Filter(request) => request.start(self, item)?,
            Kind::Filters(request) => request.start(self, item)?,
            Kind::Missing(request) => request.start(self, item)?,
            Kind::Global => start_global(self, item)?,
            Kind::Composite(request) => request.start(self, item)?,
            Kind::RareTerms(request) => request.start(self, item)?,
            Kind::SignificantTerms(request) => request.start(self, item)?,
            Kind::RandomSampler(request) => request.start(self, item)?,
            Kind::Stats(request) => request.start(self, item)?,
            Kind::Cardinality(request) => request.start(self, item)?,
            Kind::Percentiles(request) => request.start(self, item)?,
            Kind::WeightedAvg(request) => request.start(self, item)?,
            Kind::TopHits(request) => request.start(self, item)?,
            Kind::TopMetrics(request) => request.start(self, item)?,
            Kind::Pipeline(_) => return Ok(None),
        };
        Ok(Some(Child { name: item.name.clone(), meta: item.meta.clone(), collector }))
    }
}

/// A request that collects.
pub(crate) struct AggregationRun {
    request: Aggregations,
    shards: Vec<IndexSnapshot>,
    typed_keys: bool,
    /// What the query's documents are fed to, and what every document is fed to.
    matching: Children,
    global: Children,
    open: Option<(usize, u32)>,
    /// Of what may be kept, once it was asked for.
    key: OnceCell<Option<String>>,
    /// The one bucket of the level above the top, for each document of a block.
    root: Vec<u32>,
}

/// Documents fed at once to `global`.
const BLOCK: usize = 4096;

/// Makes ready to collect.
///
/// # Errors
/// What the shard of an index refuses: a field of the wrong type, a bad date, an order by what is no number.
pub(crate) fn start(request: &Aggregations, ctx: &SearchContext<'_>) -> Result<AggregationRun, ApiError> {
    let (mut matching, mut global) = (Children::default(), Children::default());
    for item in &request.items {
        let side = if matches!(item.kind, Kind::Global) { &mut global } else { &mut matching };
        side.items.extend(ctx.child(item)?);
    }
    Ok(AggregationRun {
        request: request.clone(),
        shards: ctx.shards.to_vec(),
        typed_keys: ctx.typed_keys,
        matching,
        global,
        open: None,
        key: OnceCell::new(),
        root: Vec::new(),
    })
}

impl AggregationRun {
    /// Takes a block of matching, living documents of one segment, ascending; blocks of a segment follow each other.
    ///
    /// # Errors
    /// A column that cannot be read, or too much to keep.
    pub(crate) fn collect(
        &mut self,
        shard_ord: usize,
        segment_ord: u32,
        docs: &[tantivy::DocId],
        scores: Option<&[f32]>,
    ) -> Result<(), Exception> {
        feed(&mut self.matching, &self.shards, &mut self.open, (shard_ord, segment_ord), (docs, scores), &mut self.root)
    }

    /// What makes two runs over the same index gather the same from the same documents; none where nothing can be kept.
    pub(super) fn key(&self) -> Option<&str> {
        let key = || if self.global.is_empty() { self.request.gathering() } else { None };
        self.key.get_or_init(key).as_deref()
    }

    /// A copy of what was gathered so far.
    pub(super) fn keep(&self) -> Option<Vec<Kept>> {
        self.matching.keep()
    }

    /// Goes on from what a run of the same key kept. Nothing is gathered if it can't.
    pub(super) fn resume(&mut self, kept: &[Kept]) -> bool {
        self.matching.resume(kept)
    }

    /// The answer: the value of `aggregations`.
    ///
    /// # Errors
    /// Too many buckets, and what `global` meets while it reads every document.
    pub(crate) fn finish(mut self) -> Result<Map<String, Value>, ApiError> {
        self.run_global()?;
        self.matching.seal();
        self.global.seal();
        let mut budget = Budget::default();
        let mut outcomes = self.matching.outcomes(0, &mut budget)?;
        outcomes.extend(self.global.outcomes(0, &mut budget)?);
        super::pipeline::apply(&self.request, &mut outcomes);
        Ok(render(self.in_order_of_request(outcomes), self.typed_keys))
    }

    fn in_order_of_request(&self, mut outcomes: Vec<NamedOutcome>) -> Vec<NamedOutcome> {
        let place = |name: &str| self.request.items.iter().position(|item| item.name == name);
        outcomes.sort_by_key(|outcome| place(&outcome.name));
        outcomes
    }

    fn run_global(&mut self) -> Result<(), ApiError> {
        if self.global.is_empty() {
            return Ok(());
        }
        let mut open = None;
        for (shard_ord, shard) in self.shards.iter().enumerate() {
            for (segment_ord, reader) in (0u32..).zip(shard.searcher.segment_readers()) {
                let alive: Vec<u32> = reader.doc_ids_alive().collect();
                for block in alive.chunks(BLOCK) {
                    let place = (shard_ord, segment_ord);
                    feed(&mut self.global, &self.shards, &mut open, place, (block, None), &mut self.root)
                        .map_err(|error| refused(shard, error))?;
                }
            }
        }
        Ok(())
    }
}

fn feed(
    children: &mut Children,
    shards: &[IndexSnapshot],
    open: &mut Option<(usize, u32)>,
    place: (usize, u32),
    (docs, scores): (&[tantivy::DocId], Option<&[f32]>),
    root: &mut Vec<u32>,
) -> Result<(), Exception> {
    if docs.is_empty() || children.is_empty() {
        return Ok(());
    }
    if *open != Some(place) {
        let readers = shards.get(place.0).map_or(&[][..], |shard| shard.searcher.segment_readers());
        let Some(reader) = readers.get(place.1 as usize) else {
            return Err(Exception::new("illegal_argument_exception", "no such segment"));
        };
        children.open(&Segment { shard: place.0, ordinal: place.1, reader })?;
        *open = Some(place);
    }
    if root.len() < docs.len() {
        root.resize(docs.len(), 0);
    }
    let parents = root.get(..docs.len()).unwrap_or_default();
    children.collect(&Docs { ids: docs, parents, scores })
}
