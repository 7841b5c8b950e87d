//! `top_hits`: the documents of a bucket that come first.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use tantivy::index::SegmentId;

use super::super::collector::{Collector, Docs, Segment, slot};
use super::super::format::number;
use super::super::kept::Kept;
use super::super::options::{Opt, Place, options};
use super::super::outcome::{Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::values::{refused, unreadable};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;
use crate::server::elasticsearch::search::fetch::{FetchOptions, Fetcher};
use crate::server::elasticsearch::search::sort::{self, SegmentSort, SortField, SortPlan, SortTarget, SortValue};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

#[derive(Debug, Clone)]
pub(in super::super) struct TopHits {
    from: usize,
    size: usize,
    sort: Vec<SortField>,
    track_scores: bool,
    fetch: FetchOptions,
}

/// `index.max_inner_result_window`.
const WINDOW_MAX: usize = 100;

impl TopHits {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request =
            Self { from: 0, size: 3, sort: Vec::new(), track_scores: false, fetch: FetchOptions::default() };
        for option in options(place, "top_hits", body) {
            match option.name() {
                "from" => request.from = count(&option)?,
                "size" => request.size = count(&option)?,
                "sort" => request.sort = read_sort(&option)?,
                "track_scores" => request.track_scores = option.boolean()?,
                _ if request.fetch.read(option.member, place.src)? => {}
                name => {
                    let reason = format!("Unknown key for a {} in [{name}].", option.value().token_name());
                    return Err(Fault::parsing(place.src, option.at(), reason));
                }
            }
        }
        Ok(request)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let window = self.from.saturating_add(self.size);
        if window > WINDOW_MAX {
            let reason = format!(
                "Top hits result window is too large, the top hits aggregator [{}]'s from + size must be less than or equal to: [{WINDOW_MAX}] but was [{window}]. This limit can be set by changing the [index.max_inner_result_window] index level setting.",
                aggregation.name
            );
            return Err(ctx.refused(Exception::new("illegal_argument_exception", reason)));
        }
        let by_score = self.sort.is_empty() || self.sort.first().is_some_and(|sort| sort.target == SortTarget::Score);
        let mut sort = self.sort.clone();
        if sort.is_empty() {
            sort.push(SortField::new(SortTarget::Score));
        }
        // Ties go by index, then by the order of insertion.
        sort.push(SortField::new(SortTarget::ShardDoc));
        let mut plans = Vec::with_capacity(ctx.shards.len());
        for (ordinal, shard) in (0u32..).zip(ctx.shards) {
            plans.push(SortPlan::new(&sort, shard, ordinal).map_err(|error| refused(shard, error))?);
        }
        Ok(Box::new(TopHitsCollector {
            shown_sorts: self.sort.len(),
            scored: by_score || self.track_scores,
            window,
            request: self.clone(),
            sort,
            plans,
            shards: ctx.shards.to_vec(),
            segment: None,
            buckets: Vec::new(),
        }))
    }
}

fn read_sort(option: &Opt<'_>) -> Result<Vec<SortField>, Fault> {
    sort::parse(option.value(), option.place.src).map_err(|error| {
        let exception = error.exception().cloned();
        let exception = exception.unwrap_or_else(|| Exception::new("illegal_argument_exception", "malformed sort"));
        Fault { at: option.at(), exception }
    })
}

fn count(option: &Opt<'_>) -> Result<usize, Fault> {
    let value = option.int()?;
    usize::try_from(value).map_err(|_| {
        let (name, aggregation) = (option.name(), option.place.name);
        let reason = format!("[{name}] must be greater than or equal to 0. Found [{value}] in [{aggregation}]");
        Fault::illegal(option.at(), reason)
    })
}

#[derive(Debug, Clone)]
struct Hit {
    values: Vec<SortValue>,
    score: f32,
    shard: usize,
    segment: u32,
    doc: u32,
}

#[derive(Debug, Clone, Default)]
struct Found {
    total: u64,
    max_score: Option<f32>,
    hits: Vec<Hit>,
    /// The best of the open segment, by raw keys, which compare only there.
    open: Vec<Candidate>,
}

/// What is kept of a bucket for another search, in which segments have other numbers.
struct KeptHits {
    found: Found,
    hits: Vec<(SegmentId, Hit)>,
}

#[derive(Debug, Clone)]
struct Candidate {
    keys: Vec<u64>,
    doc: u32,
    score: f32,
    /// It stands among the hits already. What is best only for a part of a block never gets there.
    listed: bool,
}

impl Found {
    /// True if this is the first candidate of the open segment that is not listed.
    fn offer(&mut self, keys: &[u64], doc: u32, score: f32, window: usize) -> bool {
        let full = self.open.len() >= window;
        if full && self.open.last().is_none_or(|worst| keys >= worst.keys.as_slice()) {
            return false;
        }
        let first = self.open.iter().all(|candidate| candidate.listed);
        let mut candidate = if full { self.open.pop() } else { None }.map_or_else(Vec::new, |worst| worst.keys);
        candidate.clear();
        candidate.extend_from_slice(keys);
        let place = self.open.partition_point(|other| other.keys.as_slice() <= keys);
        self.open.insert(place, Candidate { keys: candidate, doc, score, listed: false });
        first
    }
}

struct TopHitsCollector {
    request: TopHits,
    sort: Vec<SortField>,
    shown_sorts: usize,
    scored: bool,
    window: usize,
    plans: Vec<SortPlan>,
    shards: Vec<IndexSnapshot>,
    segment: Option<(usize, u32, SegmentSort)>,
    buckets: Vec<Found>,
}

impl Collector for TopHitsCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.buckets.iter_mut().for_each(|found| found.open.clear());
        let Some(plan) = self.plans.get(segment.shard) else { return Ok(()) };
        let opened = plan.segment(segment.reader).map_err(unreadable)?;
        self.segment = Some((segment.shard, segment.ordinal, opened));
        Ok(())
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let Some((_, _, sorts)) = &mut self.segment else { return Ok(()) };
        let (mut keys, mut changed) = (Vec::new(), Vec::new());
        for (at, doc) in docs.ids.iter().enumerate() {
            let parent = docs.parent(at);
            let Some(found) = slot(&mut self.buckets, parent) else { continue };
            let score = docs.score(at).unwrap_or(1.0);
            found.total += 1;
            found.max_score = Some(found.max_score.map_or(score, |max| max.max(score)));
            sorts.keys(*doc, score, &mut keys);
            if found.offer(&keys, *doc, score, self.window) {
                changed.push(parent);
            }
        }
        changed.into_iter().try_for_each(|parent| self.list(parent))
    }

    fn keep(&self) -> Option<Kept> {
        let place = |hit: &Hit| self.shards.get(hit.shard)?.searcher.segment_readers().get(hit.segment as usize);
        let of = |found: &Found| {
            let hits = found.hits.iter().map(|hit| Some((place(hit)?.segment_id(), hit.clone())));
            let open = Vec::new();
            Some(KeptHits { found: Found { hits: Vec::new(), open, ..*found }, hits: hits.collect::<Option<_>>()? })
        };
        let kept: Vec<KeptHits> = self.buckets.iter().map(of).collect::<Option<_>>()?;
        let bytes = kept.iter().map(|kept| size_of::<KeptHits>() + kept.hits.len() * 128).sum();
        Some(Kept::new(kept, bytes))
    }

    fn resume(&mut self, kept: &Kept) -> bool {
        let Some(kept) = kept.get::<Vec<KeptHits>>() else { return false };
        let places: HashMap<(usize, SegmentId), u32> = (0..)
            .zip(&self.shards)
            .flat_map(|(at, shard)| {
                (0..).zip(shard.searcher.segment_readers()).map(move |(ord, reader)| ((at, reader.segment_id()), ord))
            })
            .collect();
        let placed = |(segment, hit): &(SegmentId, Hit)| {
            let segment = *places.get(&(hit.shard, *segment))?;
            Some(Hit { segment, ..hit.clone() })
        };
        let of = |kept: &KeptHits| {
            let hits = kept.hits.iter().map(placed).collect::<Option<_>>()?;
            Some(Found { hits, ..kept.found.clone() })
        };
        let buckets = kept.iter().map(of).collect::<Option<_>>();
        buckets.map(|buckets| self.buckets = buckets).is_some()
    }

    fn outcome(&self, parent: u32, _budget: &mut Budget) -> Result<Outcome, ApiError> {
        let empty = Found::default();
        let found = self.buckets.get(parent as usize).unwrap_or(&empty);
        let hits = found.hits.iter().skip(self.request.from).take(self.request.size);
        let hits = hits.map(|hit| self.show(hit)).collect::<Result<Vec<_>, _>>()?;
        let max_score = found.max_score.filter(|_| self.scored).map(f64::from);
        let shown = json!({
            "total": {"value": found.total, "relation": "eq"}, "max_score": number(max_score), "hits": hits,
        });
        Ok(Outcome::metric("top_hits", Map::from_iter([("hits".to_owned(), shown)])))
    }
}

impl TopHitsCollector {
    /// Brings a bucket's candidates of the open segment among its hits.
    fn list(&mut self, parent: u32) -> Result<(), Exception> {
        let (Some(found), Some((shard, segment, sorts))) = (self.buckets.get_mut(parent as usize), &self.segment)
        else {
            return Ok(());
        };
        for candidate in found.open.iter_mut().filter(|candidate| !candidate.listed) {
            candidate.listed = true;
            let values = sorts.values(&candidate.keys).map_err(unreadable)?;
            let (score, doc) = (candidate.score, candidate.doc);
            let hit = Hit { values, score, shard: *shard, segment: *segment, doc };
            let place = found.hits.partition_point(|other| {
                sort::compare(&self.sort, &other.values, &hit.values) != std::cmp::Ordering::Greater
            });
            if place < self.window {
                found.hits.insert(place, hit);
                found.hits.truncate(self.window);
            }
        }
        Ok(())
    }

    fn show(&self, hit: &Hit) -> Result<Value, ApiError> {
        let Some(shard) = self.shards.get(hit.shard) else { return Ok(Value::Null) };
        let address = tantivy::DocAddress::new(hit.segment, hit.doc);
        let sort = (self.shown_sorts > 0).then(|| {
            let mut values = self.plans.get(hit.shard).map(|plan| plan.render(&hit.values)).unwrap_or_default();
            values.truncate(self.shown_sorts);
            values
        });
        let fetcher = Fetcher::new(shard, &self.request.fetch).map_err(|error| refused(shard, error))?;
        let fetched = fetcher.fetch(address, self.scored.then_some(hit.score), sort);
        fetched.map(|hit| hit.to_value()).map_err(|error| refused(shard, error))
    }
}
