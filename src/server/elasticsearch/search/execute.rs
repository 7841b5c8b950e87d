//! Running a search: every shard's query over its snapshot, documents in blocks to the aggregations, the best hits kept,
//! shards merged. Synchronous and bounded: callers run it where blocking is allowed.

mod collect;
mod top;

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering as Atomic};
use std::time::Instant;

use tantivy::DocAddress;
use tantivy::query::{EnableScoring, Weight};

use self::collect::{Collected, ShardCollector};
use self::top::Ranked;
use super::Clock;
use super::fetch::{Fetcher, Hit};
use super::query::{self, Query, QueryKind};
use super::request::{SearchRequest, TrackHits};
use super::response::{SearchAnswer, ShardCounts, Total};
use super::sort::{SortField, SortPlan, SortTarget, SortValue};
use crate::server::elasticsearch::aggs::{self, AggregationRun, KeptWork, Sampling, SearchContext};
use crate::server::elasticsearch::error::{ApiError, Exception, ShardFailure};
use crate::server::elasticsearch::search::fetch::read_failure;
use crate::server::elasticsearch::search::wildcard::name_matches;
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// One index that a search runs over.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) shard: IndexSnapshot,
    /// What the alias that led here lets through.
    pub(crate) filter: Option<Query>,
}

/// When a search stops before it is done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// Set when nobody waits for the answer any more.
    pub(crate) cancelled: Arc<AtomicBool>,
    /// The request's timeout: what was found by then is the answer.
    pub(crate) deadline: Option<Instant>,
}

impl Limits {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Atomic::Relaxed)
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Runs a search; `kept` is the work of earlier ones that it may go on from.
///
/// # Errors
/// `search_phase_execution_exception` where every shard refuses it; what one of several refuses is in the answer.
pub(crate) fn execute(
    request: &SearchRequest,
    targets: &[Target],
    clock: Clock,
    limits: &Limits,
    kept: Option<&KeptWork>,
) -> Result<SearchAnswer, ApiError> {
    let plans = ShardPlans::new(request, targets, clock)?;
    let shards: Vec<IndexSnapshot> = plans.running.iter().map(|plan| plan.shard.clone()).collect();
    let mut aggregations = match &request.aggs {
        Some(aggs) if !shards.is_empty() => {
            let (typed_keys, sampling) = (request.typed_keys, Sampling::NONE);
            Some(aggs::start(aggs, &SearchContext { shards: &shards, clock, typed_keys, sampling })?)
        }
        _ => None,
    };
    let scored = needs_scores(request);
    let order = order(request);
    let mut collected = Collected::new(request.from.saturating_add(request.size), &order);
    let kept = kept.filter(|_| shards.len() == 1 && may_go_on(request));
    for plan in &plans.running {
        let mut collector = ShardCollector { request, plan, limits, kept, scored, order: &order };
        collector.run(&mut collected, aggregations.as_mut())?;
    }
    let counts = ShardCounts { total: targets.len(), failures: plans.failures };
    let hits = fetch(request, &plans.running, collected.top.finish(request.from, request.size), clock)?;
    Ok(SearchAnswer {
        timed_out: collected.timed_out,
        terminated_early: terminated_early(request, collected.terminated, &plans.running),
        total: total(request.track_total_hits, collected.count),
        total_as_int: request.total_as_int,
        max_score: max_score(request, &counts, collected.max_score, hits.is_empty()),
        shards: counts,
        hits,
        aggregations: aggregations.map(AggregationRun::finish).transpose()?,
    })
}

/// Documents that a query matches, for `_count`.
///
/// # Errors
/// As [`execute`].
pub(crate) fn count(
    request: &SearchRequest,
    targets: &[Target],
    clock: Clock,
    limits: &Limits,
) -> Result<(u64, Option<bool>, ShardCounts), ApiError> {
    let request = SearchRequest { size: 0, from: 0, track_total_hits: TrackHits::Exact, ..request.clone() };
    let plans = ShardPlans::new(&request, targets, clock)?;
    let order = Vec::new();
    let mut collected = Collected::new(0, &order);
    for plan in &plans.running {
        let scored = request.min_score.is_some();
        ShardCollector { request: &request, plan, limits, kept: None, scored, order: &order }
            .run(&mut collected, None)?;
    }
    let early = request.terminate_after.map(|_| collected.terminated);
    Ok((collected.count, early, ShardCounts { total: targets.len(), failures: plans.failures }))
}

/// A shard that will run: everything planned.
pub(crate) struct ShardPlan<'a> {
    pub(crate) ord: u32,
    pub(crate) shard: &'a IndexSnapshot,
    pub(crate) weight: Box<dyn Weight>,
    pub(crate) post_filter: Option<Box<dyn Weight>>,
    pub(crate) sort: SortPlan,
    pub(crate) after: Option<Vec<SortValue>>,
    pub(crate) boost: f32,
    /// The query matches every document, so that a count needs no walk.
    pub(crate) everything: bool,
}

struct ShardPlans<'a> {
    running: Vec<ShardPlan<'a>>,
    failures: Vec<ShardFailure>,
}

impl<'a> ShardPlans<'a> {
    fn new(request: &SearchRequest, targets: &'a [Target], clock: Clock) -> Result<Self, ApiError> {
        let mut plans = ShardPlans { running: Vec::new(), failures: Vec::new() };
        for target in targets {
            let ord = u32::try_from(plans.running.len()).unwrap_or(u32::MAX);
            match plan_shard(request, target, ord, clock) {
                Ok(plan) => plans.running.push(plan),
                Err(exception) => plans.failures.push(ShardFailure {
                    index: target.shard.index.to_string(),
                    node: target.shard.node_id.to_string(),
                    exception,
                }),
            }
        }
        match plans.failures.first() {
            Some(failure) if plans.running.is_empty() => Err(all_failed(failure)),
            _ => Ok(plans),
        }
    }
}

fn all_failed(failure: &ShardFailure) -> ApiError {
    let status = if failure.exception.kind == "i_o_exception" { 500 } else { 400 };
    ApiError::shard(status, &failure.index, &failure.node, failure.exception.clone())
}

fn plan_shard<'a>(
    request: &SearchRequest,
    target: &'a Target,
    ord: u32,
    clock: Clock,
) -> Result<ShardPlan<'a>, Exception> {
    let shard = &target.shard;
    check_window(request, shard)?;
    let sort = SortPlan::new(&order(request), shard, ord)?;
    let after = match &request.search_after {
        Some(after) => Some(sort.read_after(&request.sort, after, clock)?),
        None => None,
    };
    let whole = Query::match_all();
    let asked = request.query.as_ref().unwrap_or(&whole);
    let mut plan = query::plan(asked, shard, clock)?;
    if let Some(filter) = &target.filter {
        plan = query::filtered(plan, query::plan(filter, shard, clock)?);
    }
    let scoring = if needs_scores(request) {
        EnableScoring::enabled_from_searcher(&shard.searcher)
    } else {
        EnableScoring::disabled_from_searcher(&shard.searcher)
    };
    let weight = plan.weight(scoring).map_err(|error| read_failure(&error))?;
    let post_filter = match &request.post_filter {
        None => None,
        Some(filter) => {
            let plan = query::plan(filter, shard, clock)?;
            Some(weight_without_scores(shard, plan.as_ref())?)
        }
    };
    let boost = request
        .indices_boost
        .iter()
        .find(|(pattern, _)| name_matches(pattern, &shard.index))
        .map_or(1.0, |(_, boost)| *boost);
    let everything = matches!(asked.kind, QueryKind::MatchAll)
        && target.filter.is_none()
        && post_filter.is_none()
        && request.min_score.is_none();
    // What a fetch would refuse is refused before anything runs.
    Fetcher::new(shard, &request.fetch)?;
    Ok(ShardPlan { ord, shard, weight, post_filter, sort, after, boost, everything })
}

fn weight_without_scores(
    shard: &IndexSnapshot,
    plan: &dyn tantivy::query::Query,
) -> Result<Box<dyn Weight>, Exception> {
    plan.weight(EnableScoring::disabled_from_searcher(&shard.searcher)).map_err(|error| read_failure(&error))
}

fn check_window(request: &SearchRequest, shard: &IndexSnapshot) -> Result<(), Exception> {
    let (window, limit) = (request.from.saturating_add(request.size), shard.max_result_window);
    if window <= limit {
        return Ok(());
    }
    let reason = format!(
        "Result window is too large, from + size must be less than or equal to: [{limit}] but was [{window}]. See the scroll \
         api for a more efficient way to request large data sets. This limit can be set by changing the \
         [index.max_result_window] index level setting."
    );
    Err(Exception::new("illegal_argument_exception", reason))
}

/// The order hits are kept in: by score where none is asked for.
fn order(request: &SearchRequest) -> Vec<SortField> {
    if request.sort.is_empty() { vec![SortField::new(SortTarget::Score)] } else { request.sort.clone() }
}

fn sorts_by_score(request: &SearchRequest) -> bool {
    request.sort.iter().any(|field| field.target == SortTarget::Score)
}

/// Nothing but what aggregations gather depends on the documents of a segment that matches as a whole.
fn may_go_on(request: &SearchRequest) -> bool {
    request.request_cache
        && request.size == 0
        && request.from == 0
        && !needs_scores(request)
        && request.post_filter.is_none()
        && request.terminate_after.is_none()
}

fn needs_scores(request: &SearchRequest) -> bool {
    let hits = request.size > 0 && (request.sort.is_empty() || sorts_by_score(request) || request.track_scores);
    hits || request.min_score.is_some() || (request.aggs.is_some() && request.aggs_need_scores)
}

fn total(track: TrackHits, count: u64) -> Option<Total> {
    match track {
        TrackHits::Never => None,
        TrackHits::UpTo(limit) if count > limit => Some(Total { value: limit, exact: false }),
        TrackHits::Exact | TrackHits::UpTo(_) => Some(Total { value: count, exact: true }),
    }
}

/// Shown where the request asks to stop early, and where Elasticsearch answers a count from its statistics.
fn terminated_early(request: &SearchRequest, terminated: bool, plans: &[ShardPlan<'_>]) -> Option<bool> {
    let by_statistics = request.size == 0 && request.aggs.is_none() && request.track_total_hits == TrackHits::Exact;
    let shown = request.terminate_after.is_some() || by_statistics;
    (shown && !plans.is_empty()).then_some(terminated)
}

fn max_score(request: &SearchRequest, shards: &ShardCounts, max: Option<f32>, no_hits: bool) -> Option<f32> {
    if shards.total == 0 {
        return Some(0.0);
    }
    let shown = request.ordered_by_score() || request.track_scores;
    if !shown || request.size == 0 || (no_hits && request.from == 0) { None } else { max }
}

fn fetch(
    request: &SearchRequest,
    plans: &[ShardPlan<'_>],
    ranked: Vec<Ranked>,
    clock: Clock,
) -> Result<Vec<Hit>, ApiError> {
    let failed = |plan: &ShardPlan<'_>, exception| {
        let failure =
            ShardFailure { index: plan.shard.index.to_string(), node: plan.shard.node_id.to_string(), exception };
        all_failed(&failure)
    };
    let shows_score = request.ordered_by_score() || sorts_by_score(request) || request.track_scores;
    let names = NamedQueries::new(request, plans, clock).map_err(|(at, exception)| match plans.get(at) {
        Some(plan) => failed(plan, exception),
        None => ApiError::from_exception(400, exception),
    })?;
    let mut hits = Vec::with_capacity(ranked.len());
    for hit in ranked {
        let at = usize::try_from(hit.shard).unwrap_or(usize::MAX);
        let Some(plan) = plans.get(at) else { continue };
        let fetcher = Fetcher::new(plan.shard, &request.fetch).map_err(|exception| failed(plan, exception))?;
        let score = shows_score.then_some(hit.score);
        let sort = (!request.ordered_by_score()).then(|| plan.sort.render(&hit.values));
        let mut fetched = fetcher.fetch(hit.address, score, sort).map_err(|exception| failed(plan, exception))?;
        fetched.matched_queries =
            names.matching(at, plan.shard, hit.address).map_err(|exception| failed(plan, exception))?;
        hits.push(fetched);
    }
    Ok(hits)
}

/// The queries of a request that have a name, planned for each shard.
struct NamedQueries {
    by_shard: Vec<Vec<(String, Box<dyn Weight>)>>,
}

impl NamedQueries {
    fn new(request: &SearchRequest, plans: &[ShardPlan<'_>], clock: Clock) -> Result<Self, (usize, Exception)> {
        let asked = [&request.query, &request.post_filter];
        let named: Vec<&Query> = asked.into_iter().flatten().flat_map(Query::named).collect();
        let mut by_shard = Vec::new();
        for (at, plan) in plans.iter().enumerate() {
            let mut weights = Vec::with_capacity(named.len());
            for query in &named {
                let weight = query::plan(query, plan.shard, clock)
                    .and_then(|planned| weight_without_scores(plan.shard, planned.as_ref()))
                    .map_err(|exception| (at, exception))?;
                weights.push((query.name.clone().unwrap_or_default(), weight));
            }
            by_shard.push(weights);
        }
        Ok(Self { by_shard })
    }

    fn matching(&self, at: usize, shard: &IndexSnapshot, hit: DocAddress) -> Result<Vec<String>, Exception> {
        let mut names = Vec::new();
        let segment = shard.searcher.segment_reader(hit.segment_ord);
        for (name, weight) in self.by_shard.get(at).map(Vec::as_slice).unwrap_or_default() {
            let mut scorer = weight.scorer(segment, 1.0).map_err(|error| read_failure(&error))?;
            let doc = if scorer.doc() < hit.doc_id { scorer.seek(hit.doc_id) } else { scorer.doc() };
            if doc == hit.doc_id {
                names.push(name.clone());
            }
        }
        Ok(names)
    }
}

/// By sort values, then index, then order of insertion.
fn compare_ranked(order: &[SortField], left: &Ranked, right: &Ranked) -> Ordering {
    super::sort::compare(order, &left.values, &right.values)
        .then(left.shard.cmp(&right.shard))
        .then(left.seq_no.cmp(&right.seq_no))
}
