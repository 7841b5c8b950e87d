//! `terms`: a bucket for each distinct value, the first of them by count, key or a metric.

use serde_json::{Map, Value};

use super::super::collector::{Collector, Docs, NO_BUCKET, Segment};
use super::super::kept::Kept;
use super::super::options::{Opt, Place, options};
use super::super::order::{self, Criterion, Order, Ranked};
use super::super::outcome::{Body, Bucket, Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::values::{Accepts, Class, FieldOptions, Values};
use super::include::Include;
use super::keyed::Keyed;
use super::keys::KeySource;
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct TermsRequest {
    field: FieldOptions,
    sizes: Sizes,
    order: Vec<Order>,
    include: Option<Include>,
    exclude: Option<Include>,
    show_error: bool,
}

/// How many buckets are answered, and from how many documents on.
#[derive(Debug, Clone)]
pub(in super::super) struct Sizes {
    pub(in super::super) size: usize,
    pub(super) shard_size: Option<usize>,
    pub(in super::super) min_doc_count: u64,
    pub(super) shard_min_doc_count: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { size: 10, shard_size: None, min_doc_count: 1, shard_min_doc_count: 0 }
    }
}

impl Sizes {
    pub(in super::super) fn take(&mut self, option: &Opt<'_>) -> Result<bool, Fault> {
        match option.name() {
            "size" => self.size = option.positive("size")?,
            "shard_size" => self.shard_size = Some(option.positive("shardSize")?),
            "min_doc_count" => self.min_doc_count = option.unsigned("minDocCount")?,
            "shard_min_doc_count" => self.shard_min_doc_count = option.unsigned("shardMinDocCount")?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What a shard returns: enough that the first `size` are right in most cases.
    fn shard_size(&self) -> usize {
        self.shard_size.unwrap_or_else(|| self.size + self.size / 2 + 10).max(self.size)
    }

    pub(in super::super) fn check_sampled(&self, name: &str, ctx: &SearchContext<'_>) -> Result<(), ApiError> {
        ctx.check_minimum(name, self.min_doc_count, Some(self.shard_min_doc_count))
    }

    /// Cuts ordered buckets down to the answer; the documents cut off by size are returned.
    pub(in super::super) fn cut(&self, ranked: &mut Vec<Ranked>, one_shard: bool) -> u64 {
        let count = |buckets: &[Ranked]| buckets.iter().map(|bucket| bucket.doc_count).sum::<u64>();
        let all = count(ranked);
        ranked.retain(|bucket| bucket.doc_count >= self.shard_min_doc_count.min(self.min_doc_count));
        let below_minimum_on_shard = all - count(ranked);
        let mut other = below_minimum_on_shard;
        if one_shard && ranked.len() > self.shard_size() {
            other += count(&ranked.split_off(self.shard_size()));
        }
        ranked.retain(|bucket| bucket.doc_count >= self.min_doc_count);
        if ranked.len() > self.size {
            other += count(&ranked.split_off(self.size));
        }
        other
    }
}

pub(in super::super) const KNOWN: &[&str] = &[
    "size",
    "shard_size",
    "min_doc_count",
    "shard_min_doc_count",
    "order",
    "include",
    "exclude",
    "field",
    "missing",
    "format",
    "script",
    "value_type",
    "execution_hint",
    "collect_mode",
    "show_term_doc_count_error",
];

impl TermsRequest {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut field = FieldOptions::default();
        let (mut sizes, mut order) = (Sizes::default(), vec![Order { by: "_count".into(), ascending: false }]);
        let (mut include, mut exclude, mut show_error) = (None, None, false);
        for option in options(place, "terms", body) {
            match option.name() {
                "order" => order = order::parse(&option)?,
                "include" => include = Some(Include::parse(&option)?),
                "exclude" => exclude = Some(Include::parse(&option)?),
                "show_term_doc_count_error" => show_error = option.boolean()?,
                "execution_hint" | "value_type" => _ = option.text()?,
                "collect_mode" => check_collect_mode(&option)?,
                _ if field.take(&option)? || sizes.take(&option)? => {}
                _ => return Err(option.unknown(KNOWN)),
            }
        }
        Ok(Self { field: field.require(body.span.start)?, sizes, order, include, exclude, show_error })
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let names = (aggregation.name.as_str(), aggregation.type_name);
        let values = Values::resolve(ctx, names, &self.field, Accepts::Any)?;
        let criteria = order::resolve(&self.order, &aggregation.below, ctx)?;
        self.sizes.check_sampled(&aggregation.name, ctx)?;
        let keys = KeySource::new(values, ctx, self.sizes.min_doc_count == 0)?;
        Ok(Box::new(Terms {
            keyed: Keyed::new(keys, (&self.include, &self.exclude), aggregation, ctx)?,
            criteria,
            sizes: self.sizes.clone(),
            show_error: self.show_error,
            one_shard: ctx.shards.len() == 1,
        }))
    }
}

fn check_collect_mode(option: &Opt<'_>) -> Result<(), Fault> {
    let mode = option.text()?;
    if matches!(mode, "breadth_first" | "depth_first") {
        return Ok(());
    }
    let exception = Exception::new("parse_exception", format!("no [collect_mode] found for value [{mode}]"));
    Err(option.failed(Fault { at: option.at(), exception }))
}

struct Terms {
    keyed: Keyed,
    criteria: Vec<Criterion>,
    sizes: Sizes,
    show_error: bool,
    one_shard: bool,
}

impl Collector for Terms {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.keyed.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        self.keyed.collect(docs)
    }

    fn keep(&self) -> Option<Kept> {
        self.keyed.keep()
    }

    fn resume(&mut self, kept: &Kept) -> bool {
        self.keyed.resume(kept)
    }

    fn seal(&mut self) {
        self.keyed.seal();
        if self.sizes.min_doc_count == 0 {
            self.keyed.decide_all();
        }
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        let mut ranked = self.ranked(parent);
        ranked.sort_by(|left, right| {
            order::compare(left, right, &self.criteria, |left, right| self.keyed.keys.compare(left, right))
        });
        let other = self.sizes.cut(&mut ranked, self.one_shard);
        budget.take(ranked.len())?;
        let buckets = ranked.iter().map(|ranked| self.answer(ranked, budget)).collect::<Result<_, _>>()?;
        let mut head = Map::new();
        head.insert("doc_count_error_upper_bound".into(), 0.into());
        head.insert("sum_other_doc_count".into(), other.into());
        let kind = match self.keyed.keys.class {
            Class::Keyword | Class::Unmapped => "sterms",
            Class::Integral => "lterms",
            Class::Floating => "dterms",
        };
        Ok(Outcome { kind, body: Body::Multi { head, buckets, keyed: false } })
    }
}

impl Terms {
    fn ranked(&self, parent: u32) -> Vec<Ranked> {
        let Keyed { keys, filter, table, below } = &self.keyed;
        let rank = |bucket: u32, count: u64, key: u64| Ranked::new(bucket, count, key, &self.criteria, below);
        let mut ranked: Vec<Ranked> = table
            .under(parent)
            .iter()
            .map(|bucket| rank(*bucket, table.doc_count(*bucket), table.key(*bucket)))
            .collect();
        // With no minimum, terms that no document of this bucket has are listed too.
        if self.sizes.min_doc_count == 0 && keys.class == Class::Keyword {
            let seen: std::collections::HashSet<u64> = ranked.iter().map(|ranked| ranked.key).collect();
            let absent = (0..keys.terms.len() as u64).filter(|key| !seen.contains(key) && filter.accepted_before(*key));
            ranked.extend(absent.map(|key| rank(NO_BUCKET, 0, key)));
        }
        ranked
    }

    fn answer(&self, ranked: &Ranked, budget: &mut Budget) -> Result<Bucket, ApiError> {
        let mut tail = Map::new();
        if self.show_error {
            tail.insert("doc_count_error_upper_bound".into(), Value::from(0));
        }
        let below = self.keyed.below.outcomes(ranked.bucket, budget)?;
        let Keyed { keys, .. } = &self.keyed;
        Ok(Bucket {
            name: keys.text(ranked.key),
            head: keys.head(ranked.key),
            doc_count: ranked.doc_count,
            tail,
            below,
        })
    }
}
