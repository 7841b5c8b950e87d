//! One shard's documents, segment by segment and block by block.

use tantivy::columnar::Column;
use tantivy::query::{AllScorer, Scorer};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, SegmentReader, TERMINATED};

use super::top::{SegmentTop, Top};
use super::{Limits, ShardPlan, all_failed};
use crate::server::elasticsearch::aggs::{AggregationRun, KeptWork, SegmentState};
use crate::server::elasticsearch::error::{ApiError, Exception, ShardFailure};
use crate::server::elasticsearch::search::fetch::read_failure;
use crate::server::elasticsearch::search::request::SearchRequest;
use crate::server::elasticsearch::search::sort::{SegmentSort, SortField};
use crate::server::elasticsearch::storage::schema::SEQ_NO_COLUMN;

/// Documents handed on at once.
const BLOCK: usize = 1024;

/// What all shards gave so far.
pub(crate) struct Collected {
    pub(crate) count: u64,
    pub(crate) max_score: Option<f32>,
    pub(crate) timed_out: bool,
    pub(crate) terminated: bool,
    pub(crate) top: Top,
}

impl Collected {
    pub(crate) fn new(limit: usize, order: &[SortField]) -> Self {
        Self { count: 0, max_score: None, timed_out: false, terminated: false, top: Top::new(limit, order) }
    }
}

pub(crate) struct ShardCollector<'a> {
    pub(crate) request: &'a SearchRequest,
    pub(crate) plan: &'a ShardPlan<'a>,
    pub(crate) limits: &'a Limits,
    /// Where aggregations may go on from what earlier searches gathered.
    pub(crate) kept: Option<&'a KeptWork>,
    pub(crate) scored: bool,
    pub(crate) order: &'a [SortField],
}

/// Whether a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Stop,
}

impl ShardCollector<'_> {
    pub(crate) fn run(
        &mut self,
        collected: &mut Collected,
        aggregations: Option<&mut AggregationRun>,
    ) -> Result<(), ApiError> {
        self.walk(collected, aggregations).map_err(|exception| {
            let shard = self.plan.shard;
            let (index, node) = (shard.index.to_string(), shard.node_id.to_string());
            all_failed(&ShardFailure { index, node, exception })
        })
    }

    fn walk(&mut self, collected: &mut Collected, aggregations: Option<&mut AggregationRun>) -> Result<(), Exception> {
        let searcher = &self.plan.shard.searcher;
        if self.plan.everything && aggregations.is_none() && self.request.size == 0 {
            collected.count += searcher.num_docs();
            return Ok(());
        }
        let before = collected.count;
        match (self.kept, aggregations) {
            (Some(kept), Some(run)) => self.walk_on(kept, collected, run)?,
            (_, aggregations) => self.walk_all(collected, aggregations)?,
        }
        if self.plan.everything {
            collected.count = before + searcher.num_docs();
        }
        Ok(())
    }

    /// First the segments that the query matches as a whole, from where an earlier search got to with them; then the others.
    fn walk_on(
        &mut self,
        kept: &KeptWork,
        collected: &mut Collected,
        run: &mut AggregationRun,
    ) -> Result<(), Exception> {
        let shard = self.plan.shard;
        let (mut whole, mut others) = (Vec::new(), Vec::new());
        for (ord, segment) in (0..).zip(shard.searcher.segment_readers()) {
            let walk = SegmentWalk::new(self, segment, ord, 0, None).map_err(|error| read_failure(&error))?;
            match kept.state(segment).filter(|_| walk.is_of_all()) {
                Some(state) => whole.push((state, walk)),
                None => others.push(walk),
            }
        }
        let states: Vec<SegmentState> = whole.iter().map(|(state, _)| *state).collect();
        let done = if states.is_empty() { Vec::new() } else { kept.resume(shard, &states, run)? };
        collected.count += done.iter().map(SegmentState::living).sum::<u64>();
        whole.retain(|(state, _)| !done.contains(state));
        for (_, walk) in &mut whole {
            if walk.run(collected, Some(&mut *run))? == Flow::Stop {
                return Ok(());
            }
        }
        if !whole.is_empty() {
            kept.keep(shard, states, run);
        }
        for mut walk in others {
            if walk.run(collected, Some(&mut *run))? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    fn walk_all(
        &mut self,
        collected: &mut Collected,
        mut aggregations: Option<&mut AggregationRun>,
    ) -> Result<(), Exception> {
        let searcher = &self.plan.shard.searcher;
        let mut left = self.request.terminate_after;
        for (segment_ord, segment) in (0..).zip(searcher.segment_readers()) {
            let mut walk = SegmentWalk::new(self, segment, segment_ord, collected.top.limit(), left)
                .map_err(|error| read_failure(&error))?;
            let flow = walk.run(collected, aggregations.as_deref_mut())?;
            left = walk.left;
            let ranked = walk.finish().map_err(|error| read_failure(&error))?;
            collected.top.merge(ranked);
            if flow == Flow::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// One segment on its way.
struct SegmentWalk<'a> {
    collector: &'a ShardCollector<'a>,
    segment: &'a SegmentReader,
    segment_ord: u32,
    scorer: Box<dyn Scorer>,
    post_filter: Option<Box<dyn Scorer>>,
    sort: SegmentSort,
    seq_no: Column<u64>,
    top: SegmentTop,
    after: Option<Vec<u64>>,
    keys: Vec<u64>,
    /// Documents that `terminate_after` still lets in.
    left: Option<u64>,
}

impl<'a> SegmentWalk<'a> {
    fn new(
        collector: &'a ShardCollector<'a>,
        segment: &'a SegmentReader,
        segment_ord: u32,
        limit: usize,
        left: Option<u64>,
    ) -> tantivy::Result<Self> {
        let plan = collector.plan;
        let scorer = plan.weight.scorer(segment, plan.boost)?;
        let post_filter = plan.post_filter.as_ref().map(|weight| weight.scorer(segment, 1.0)).transpose()?;
        let sort = plan.sort.segment(segment)?;
        let after = plan.after.as_ref().map(|after| sort.keys_of(after)).transpose()?;
        let seq_no = segment.fast_fields().u64(SEQ_NO_COLUMN)?;
        let keys = Vec::with_capacity(collector.order.len());
        let top = SegmentTop::new(limit);
        Ok(Self { collector, segment, segment_ord, scorer, post_filter, sort, seq_no, top, after, keys, left })
    }

    /// Every document of the segment matches.
    fn is_of_all(&self) -> bool {
        self.scorer.is::<AllScorer>() && self.scorer.size_hint() == self.segment.max_doc()
    }

    fn finish(self) -> tantivy::Result<Vec<super::top::Ranked>> {
        self.top.finish(self.collector.plan.ord, self.segment_ord, &self.sort)
    }

    fn run(
        &mut self,
        collected: &mut Collected,
        mut aggregations: Option<&mut AggregationRun>,
    ) -> Result<Flow, Exception> {
        let mut docs: Vec<DocId> = Vec::with_capacity(BLOCK + COLLECT_BLOCK_BUFFER_LEN);
        let mut scores: Vec<f32> = Vec::new();
        loop {
            docs.clear();
            scores.clear();
            let more =
                if self.collector.scored { self.read_scored(&mut docs, &mut scores) } else { self.read(&mut docs) };
            let flow = self.block(&mut docs, &mut scores, collected, aggregations.as_deref_mut())?;
            if flow == Flow::Stop {
                return Ok(Flow::Stop);
            }
            if !more {
                return Ok(Flow::On);
            }
        }
    }

    /// Reads a block of living documents; false at the end.
    fn read(&mut self, docs: &mut Vec<DocId>) -> bool {
        let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
        let alive = self.segment.alive_bitset();
        while docs.len() < BLOCK {
            let count = self.scorer.fill_buffer(&mut buffer);
            let found = buffer.get(..count).unwrap_or_default();
            match alive {
                None => docs.extend_from_slice(found),
                Some(alive) => docs.extend(found.iter().copied().filter(|doc| alive.is_alive(*doc))),
            }
            if count < COLLECT_BLOCK_BUFFER_LEN {
                return false;
            }
        }
        true
    }

    fn read_scored(&mut self, docs: &mut Vec<DocId>, scores: &mut Vec<f32>) -> bool {
        let alive = self.segment.alive_bitset();
        let least = self.collector.request.min_score;
        while docs.len() < BLOCK {
            let doc = self.scorer.doc();
            if doc == TERMINATED {
                return false;
            }
            if alive.is_none_or(|alive| alive.is_alive(doc)) {
                let score = self.scorer.score();
                if least.is_none_or(|least| score >= least) {
                    docs.push(doc);
                    scores.push(score);
                }
            }
            self.scorer.advance();
        }
        true
    }

    fn block(
        &mut self,
        docs: &mut Vec<DocId>,
        scores: &mut Vec<f32>,
        collected: &mut Collected,
        aggregations: Option<&mut AggregationRun>,
    ) -> Result<Flow, Exception> {
        let limits = self.collector.limits;
        if limits.is_cancelled() {
            return Err(Exception::new("task_cancelled_exception", "task cancelled [channel closed]"));
        }
        let mut flow = Flow::On;
        if limits.is_late() {
            collected.timed_out = true;
            flow = Flow::Stop;
        }
        if let Some(left) = &mut self.left {
            let found = u64::try_from(docs.len()).unwrap_or(u64::MAX);
            if found >= *left {
                let keep = usize::try_from(*left).unwrap_or(usize::MAX);
                docs.truncate(keep);
                scores.truncate(keep);
                collected.terminated = true;
                flow = Flow::Stop;
            }
            *left = left.saturating_sub(found);
        }
        if docs.is_empty() {
            return Ok(flow);
        }
        if let Some(aggregations) = aggregations {
            let shard = usize::try_from(self.collector.plan.ord).unwrap_or(usize::MAX);
            let scores = self.collector.scored.then_some(scores.as_slice());
            aggregations.collect(shard, self.segment_ord, docs, scores)?;
        }
        if self.post_filter.is_some() {
            self.retain_filtered(docs, scores);
        }
        collected.count += u64::try_from(docs.len()).unwrap_or(u64::MAX);
        for score in scores.iter() {
            collected.max_score = Some(collected.max_score.map_or(*score, |max| max.max(*score)));
        }
        if collected.top.limit() > 0 {
            self.rank(docs, scores);
        }
        Ok(flow)
    }

    fn retain_filtered(&mut self, docs: &mut Vec<DocId>, scores: &mut Vec<f32>) {
        let Some(filter) = &mut self.post_filter else { return };
        let passes: Vec<bool> = docs
            .iter()
            .map(|doc| {
                let found = if filter.doc() < *doc { filter.seek(*doc) } else { filter.doc() };
                found == *doc
            })
            .collect();
        let mut pass = passes.iter();
        docs.retain(|_| pass.next().copied().unwrap_or(false));
        let mut pass = passes.iter();
        scores.retain(|_| pass.next().copied().unwrap_or(false));
    }

    fn rank(&mut self, docs: &[DocId], scores: &[f32]) {
        for (at, doc) in docs.iter().enumerate() {
            let score = scores.get(at).copied().unwrap_or(0.0);
            self.sort.keys(*doc, score, &mut self.keys);
            if self.after.as_ref().is_some_and(|after| self.keys <= *after) {
                continue;
            }
            let seq_no = &self.seq_no;
            self.top.offer(&self.keys, *doc, score, || seq_no.first(*doc).unwrap_or(0));
        }
    }
}
