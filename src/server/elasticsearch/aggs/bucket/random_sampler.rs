//! `random_sampler`: the aggregations below it over a random part of the documents, with counts and sums made estimates of all.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::collector::{Children, Collector, Docs, Fall, Segment};
use super::super::options::{Place, double_text, options};
use super::super::outcome::{Body, Budget, NamedOutcome, Outcome};
use super::super::request::{Aggregation, Aggregations, Kind};
use super::super::run::SearchContext;
use super::super::sampling::{Picker, Sampling};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct RandomSampler {
    probability: Option<f64>,
    seed: Option<i32>,
    shard_seed: Option<i32>,
}

pub(in super::super) const KNOWN: &[&str] = &["probability", "seed", "shard_seed"];

impl RandomSampler {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self { probability: None, seed: None, shard_seed: None };
        for option in options(place, "random_sampler", body) {
            let seed = || {
                let seed = option.int()?;
                i32::try_from(seed).map(Some).map_err(|_| {
                    option.illegal(format!("Numeric value ({seed}) out of range of int (-2147483648 - 2147483647)"))
                })
            };
            match option.name() {
                "probability" => {
                    let probability = option.double()?;
                    let was = double_text(probability);
                    if probability <= 0.0 {
                        return Err(option.illegal(format!("[probability] must be greater than 0.0, was [{was}]")));
                    }
                    if probability > 0.5 && probability != 1.0 {
                        let reason = format!("[probability] must be between 0.0 and 0.5 or exactly 1.0, was [{was}]");
                        return Err(option.illegal(reason));
                    }
                    request.probability = Some(probability);
                }
                "seed" => request.seed = seed()?,
                "shard_seed" => request.shard_seed = seed()?,
                _ => return Err(option.unknown(KNOWN)),
            }
        }
        Ok(request)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let name = &aggregation.name;
        let refuse = |what: String| {
            let reason = format!("[random_sampler] aggregation [{name}] {what}");
            Err(ctx.refused(Exception::new("illegal_argument_exception", reason)))
        };
        if aggregation.below.items.is_empty() {
            return refuse("must have sub-aggregations".to_owned());
        }
        let Some(probability) = self.probability else { return refuse("must have [probability] set".to_owned()) };
        if let Some(item) = unsupported(&aggregation.below) {
            let (kind, below) = (item.type_name, &item.name);
            return refuse(format!("does not support sampling [{kind}] aggregation [{below}]"));
        }
        // The answer names the seed, so that a sample that nobody chose can be had again.
        let seed = self.seed.unwrap_or_else(any_seed);
        let sampling = Sampling { probability, seed, shard_seed: self.shard_seed };
        let inner = SearchContext { sampling, ..*ctx };
        Ok(Box::new(Sampler {
            sampling,
            indices: ctx.shards.iter().map(|shard| Arc::clone(&shard.uuid)).collect(),
            picker: Sampling::NONE.picker("", 0),
            sampled: 0,
            below: inner.children(&aggregation.below)?,
        }))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "any 32 bits will do")]
fn any_seed() -> i32 {
    (RandomState::new().hash_one(0u8) as u32).cast_signed()
}

/// The first aggregation, on any level, whose counts could not be scaled.
fn unsupported(level: &Aggregations) -> Option<&Aggregation> {
    level.items.iter().find_map(|item| match item.kind {
        Kind::Missing(_) | Kind::Global | Kind::RandomSampler(_) => Some(item),
        _ => unsupported(&item.below),
    })
}

struct Sampler {
    sampling: Sampling,
    /// The ids of the indices, by shard.
    indices: Vec<Arc<str>>,
    /// The sample of the open segment.
    picker: Picker,
    sampled: u64,
    below: Children,
}

impl Collector for Sampler {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        let index = self.indices.get(segment.shard).map_or("", |uuid| uuid);
        self.picker = self.sampling.picker(index, segment.ordinal);
        self.below.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let mut fall = Fall::default();
        for (at, doc) in docs.ids.iter().enumerate() {
            if self.picker.picks(*doc) {
                self.sampled += 1;
                fall.push(docs, at, docs.parent(at));
            }
        }
        self.below.collect(&fall.docs(docs.scores.is_some()))
    }

    fn seal(&mut self) {
        self.below.seal();
    }

    /// The sampler's own count is that of the sample; every count below it is an estimate.
    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        let Sampling { probability, seed, shard_seed } = self.sampling;
        let mut head = Map::from_iter([("seed".to_owned(), seed.into())]);
        if let Some(shard_seed) = shard_seed {
            head.insert("shard_seed".into(), shard_seed.into());
        }
        head.insert("probability".into(), probability.into());
        let mut below = self.below.outcomes(parent, budget)?;
        if self.sampling.is_active() {
            scale(&mut below, self.sampling);
        }
        Ok(Outcome { kind: "random_sampler", body: Body::Single { head, doc_count: self.sampled, below } })
    }
}

/// Scales what counts documents; metrics know of the sample themselves.
fn scale(outcomes: &mut [NamedOutcome], sampling: Sampling) {
    for named in outcomes {
        match &mut named.outcome.body {
            Body::Metric(_) => {}
            Body::Single { doc_count, below, .. } => {
                *doc_count = sampling.count(*doc_count);
                scale(below, sampling);
            }
            Body::Multi { head, buckets, .. } => {
                scale_members(head, sampling);
                for bucket in buckets {
                    bucket.doc_count = sampling.count(bucket.doc_count);
                    scale_members(&mut bucket.tail, sampling);
                    scale(&mut bucket.below, sampling);
                }
            }
        }
    }
}

fn scale_members(members: &mut Map<String, Value>, sampling: Sampling) {
    for name in ["doc_count", "bg_count", "sum_other_doc_count"] {
        if let Some(member) = members.get_mut(name)
            && let Some(count) = member.as_u64()
        {
            *member = sampling.count(count).into();
        }
    }
}
