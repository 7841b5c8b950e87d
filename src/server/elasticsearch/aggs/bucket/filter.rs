//! `filter`, `filters`, `missing` and `global`: buckets that a document is in or not, whatever its values.

use serde_json::Map;
use tantivy::COLLECT_BLOCK_BUFFER_LEN;
use tantivy::query::{AllScorer, EnableScoring, Weight};

use super::super::collector::{Children, Collector, Docs, Fall, Segment, slot};
use super::super::kept::Kept;
use super::super::keywords;
use super::super::options::{Place, options};
use super::super::outcome::{Body, Bucket, Budget, Outcome};
use super::super::request::{Aggregation, Kind};
use super::super::run::SearchContext;
use super::super::values::{Accepts, FIELD_OPTIONS, FieldOptions, Numbers, Values, refused, unreadable};
use super::range::bucket_of;
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;
use crate::server::elasticsearch::search::query::{self, Query};
use tantivy::columnar::StrColumn;

#[derive(Debug, Clone)]
pub(in super::super) struct Filter(Query);

impl Filter {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        query::parse_clause(body, place.src, 0).map(Self)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let test = Test::Query(Matcher::new(&self.0, ctx)?);
        Ok(Box::new(Single { kind: "filter", test, counts: Vec::new(), below: ctx.children(&aggregation.below)? }))
    }
}

#[derive(Debug, Clone)]
pub(in super::super) struct MissingBucket(FieldOptions);

impl MissingBucket {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut field = FieldOptions::default();
        for option in options(place, "missing", body) {
            if !field.take(&option)? {
                return Err(option.unknown(&FIELD_OPTIONS));
            }
        }
        field.require(body.span.start).map(Self)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let values = Values::resolve(ctx, (&aggregation.name, "missing"), &self.0, Accepts::Any)?;
        let test = Test::Missing(Box::new(Missing { values, numbers: Numbers::None, column: None }));
        Ok(Box::new(Single { kind: "missing", test, counts: Vec::new(), below: ctx.children(&aggregation.below)? }))
    }
}

/// `global` takes no options.
pub(in super::super) fn parse_global(place: Place<'_>, body: &Json) -> Result<Kind, Fault> {
    match body.as_object().and_then(|members| members.first()) {
        None => Ok(Kind::Global),
        Some(member) => {
            let reason = format!(
                "Expected [FIELD_NAME] under a [START_OBJECT], but got a [{}] in [{}]",
                member.value.token_name(),
                place.name
            );
            Err(Fault::parsing(place.src, member.value.span.start, reason))
        }
    }
}

/// The collector of `global`: it is fed every document, not those of the query.
pub(in super::super) fn start_global(
    ctx: &SearchContext<'_>,
    aggregation: &Aggregation,
) -> Result<Box<dyn Collector>, ApiError> {
    let below = ctx.children(&aggregation.below)?;
    Ok(Box::new(Single { kind: "global", test: Test::All, counts: Vec::new(), below }))
}

/// Counts of buckets, and what is below them, for another search.
struct KeptCounts {
    counts: Vec<u64>,
    below: Vec<Kept>,
}

fn keep(counts: &[u64], below: &Children) -> Option<Kept> {
    let below = below.keep()?;
    let bytes = size_of_val(counts) + below.iter().map(Kept::bytes).sum::<usize>();
    Some(Kept::new(KeptCounts { counts: counts.to_vec(), below }, bytes))
}

fn resume(kept: &Kept, counts: &mut Vec<u64>, below: &mut Children) -> bool {
    let Some(kept) = kept.get::<KeptCounts>() else { return false };
    counts.clone_from(&kept.counts);
    below.resume(&kept.below)
}

/// One bucket a parent, with the parent's number.
struct Single {
    kind: &'static str,
    test: Test,
    counts: Vec<u64>,
    below: Children,
}

enum Test {
    All,
    Query(Matcher),
    Missing(Box<Missing>),
}

/// The columns of the open segment in which a value may be.
struct Missing {
    values: Values,
    numbers: Numbers,
    column: Option<StrColumn>,
}

impl Test {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        match self {
            Self::All => Ok(()),
            Self::Query(matcher) => matcher.open(segment),
            Self::Missing(missing) => {
                missing.numbers = Numbers::None;
                missing.column = None;
                if missing.values.missing.is_none() {
                    missing.column = keywords::open(&missing.values, segment)?;
                    missing.numbers = missing.values.numbers(segment)?;
                }
                Ok(())
            }
        }
    }

    /// True of every document of the open segment, so that none has to be asked about.
    fn holds_everywhere(&self) -> bool {
        match self {
            Self::All => true,
            Self::Query(matcher) => matcher.everything,
            Self::Missing(_) => false,
        }
    }

    fn holds(&self, doc: u32) -> bool {
        match self {
            Self::All => true,
            Self::Query(matcher) => matcher.matches(doc),
            // A value that stands for a missing one leaves nothing missing.
            Self::Missing(missing) if missing.values.missing.is_some() => false,
            Self::Missing(missing) => {
                let in_keywords = missing.column.as_ref().is_some_and(|column| column.ords().index.has_value(doc));
                !in_keywords && !missing.numbers.has_value(doc)
            }
        }
    }
}

impl Collector for Single {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.test.open(segment)?;
        self.below.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        if self.test.holds_everywhere() {
            for at in 0..docs.ids.len() {
                if let Some(count) = slot(&mut self.counts, docs.parent(at)) {
                    *count += 1;
                }
            }
            return self.below.collect(docs);
        }
        let mut fall = Fall::default();
        for (at, doc) in docs.ids.iter().enumerate() {
            if self.test.holds(*doc) {
                let bucket = docs.parent(at);
                if let Some(count) = slot(&mut self.counts, bucket) {
                    *count += 1;
                }
                fall.push(docs, at, bucket);
            }
        }
        self.below.collect(&fall.docs(docs.scores.is_some()))
    }

    fn keep(&self) -> Option<Kept> {
        keep(&self.counts, &self.below)
    }

    fn resume(&mut self, kept: &Kept) -> bool {
        resume(kept, &mut self.counts, &mut self.below)
    }

    fn seal(&mut self) {
        self.below.seal();
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        let doc_count = self.counts.get(parent as usize).copied().unwrap_or_default();
        let below = self.below.outcomes(parent, budget)?;
        Ok(Outcome { kind: self.kind, body: Body::Single { head: Map::new(), doc_count, below } })
    }

    fn order_value(&self, parent: u32, _key: Option<&str>) -> f64 {
        self.counts.get(parent as usize).copied().unwrap_or_default() as f64
    }

    fn descend(&self) -> Option<&Children> {
        Some(&self.below)
    }
}

#[derive(Debug, Clone)]
pub(in super::super) struct Filters {
    /// Sorted by name where they have one.
    filters: Vec<(Option<String>, Query)>,
    other: Option<String>,
    keyed: bool,
}

impl Filters {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut filters = Vec::new();
        let (mut other_bucket, mut other_key, mut keyed) = (None, None, true);
        for option in options(place, "filters", body) {
            let value = option.value();
            match option.name() {
                "filters" if value.as_object().is_some() => {
                    for member in value.as_object().unwrap_or_default() {
                        filters.push((Some(member.key.clone()), clause(place, &member.value)?));
                    }
                    filters.sort_by(|left: &(Option<String>, Query), right| left.0.cmp(&right.0));
                }
                "filters" if value.as_array().is_some() => {
                    for item in value.as_array().unwrap_or_default() {
                        filters.push((None, clause(place, item)?));
                    }
                }
                "other_bucket" if value.as_bool().is_some() => other_bucket = value.as_bool(),
                "keyed" if value.as_bool().is_some() => keyed = value.as_bool().unwrap_or(true),
                "other_bucket_key" if value.as_str().is_some() => other_key = value.as_str().map(str::to_owned),
                name => {
                    let reason = format!("Unknown key for a {} in [{}]: [{name}].", value.token_name(), place.name);
                    return Err(Fault::parsing(place.src, option.at(), reason));
                }
            }
        }
        if filters.is_empty() {
            return Err(Fault::illegal(body.span.start, "[filters] cannot be empty."));
        }
        let wanted = other_bucket.unwrap_or(other_key.is_some());
        let other = wanted.then(|| other_key.unwrap_or_else(|| "_other_".to_owned()));
        Ok(Self { filters, other, keyed })
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let named = self.filters.iter().any(|(name, _)| name.is_some());
        let matchers = self.filters.iter().map(|(_, query)| Matcher::new(query, ctx)).collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<String> = self.filters.iter().map(|(name, _)| name.clone().unwrap_or_default()).collect();
        names.extend(self.other.clone());
        Ok(Box::new(FiltersCollector {
            matchers,
            names,
            other: self.other.is_some(),
            keyed: self.keyed && named,
            named,
            counts: Vec::new(),
            below: ctx.children(&aggregation.below)?,
        }))
    }
}

fn clause(place: Place<'_>, json: &Json) -> Result<Query, Fault> {
    if json.as_object().is_none() {
        return Err(Fault::parsing(place.src, json.span.start, "[_na] query malformed, must start with start_object"));
    }
    query::parse_clause(json, place.src, 0)
}

struct FiltersCollector {
    matchers: Vec<Matcher>,
    names: Vec<String>,
    other: bool,
    keyed: bool,
    named: bool,
    counts: Vec<u64>,
    below: Children,
}

impl Collector for FiltersCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.matchers.iter_mut().try_for_each(|matcher| matcher.open(segment))?;
        self.below.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let mut fall = Fall::default();
        let width = self.names.len();
        for (at, doc) in docs.ids.iter().enumerate() {
            let mut matched = false;
            for filter in 0..width {
                let fits = match self.matchers.get(filter) {
                    Some(matcher) => matcher.matches(*doc),
                    None => self.other && !matched,
                };
                if fits {
                    matched = true;
                    let bucket = bucket_of(docs.parent(at), filter, width);
                    if let Some(count) = slot(&mut self.counts, bucket) {
                        *count += 1;
                    }
                    fall.push(docs, at, bucket);
                }
            }
        }
        self.below.collect(&fall.docs(docs.scores.is_some()))
    }

    fn keep(&self) -> Option<Kept> {
        keep(&self.counts, &self.below)
    }

    fn resume(&mut self, kept: &Kept) -> bool {
        resume(kept, &mut self.counts, &mut self.below)
    }

    fn seal(&mut self) {
        self.below.seal();
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        budget.take(self.names.len())?;
        let mut buckets = Vec::with_capacity(self.names.len());
        for (at, name) in self.names.iter().enumerate() {
            let bucket = bucket_of(parent, at, self.names.len());
            let mut head = Map::new();
            if self.named && !self.keyed {
                head.insert("key".into(), name.as_str().into());
            }
            buckets.push(Bucket {
                name: name.clone(),
                head,
                doc_count: self.counts.get(bucket as usize).copied().unwrap_or_default(),
                tail: Map::new(),
                below: self.below.outcomes(bucket, budget)?,
            });
        }
        Ok(Outcome { kind: "filters", body: Body::Multi { head: Map::new(), buckets, keyed: self.keyed } })
    }
}

/// A query planned for every index, and the documents of the open segment that match it.
pub(super) struct Matcher {
    weights: Vec<Box<dyn Weight>>,
    words: Vec<u64>,
    /// Every document of the open segment matches; `words` is empty then.
    everything: bool,
}

impl Matcher {
    pub(super) fn new(query: &Query, ctx: &SearchContext<'_>) -> Result<Self, ApiError> {
        let mut weights = Vec::with_capacity(ctx.shards.len());
        for shard in ctx.shards {
            let planned = query::plan(query, shard, ctx.clock).map_err(|error| refused(shard, error))?;
            let scoring = EnableScoring::disabled_from_searcher(&shard.searcher);
            weights.push(planned.weight(scoring).map_err(|error| refused(shard, unreadable(error)))?);
        }
        Ok(Self { weights, words: Vec::new(), everything: false })
    }

    pub(super) fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.words.clear();
        self.everything = false;
        let Some(weight) = self.weights.get(segment.shard) else { return Ok(()) };
        let mut scorer = weight.scorer(segment.reader, 1.0).map_err(unreadable)?;
        self.everything = scorer.is::<AllScorer>() && scorer.size_hint() == segment.reader.max_doc();
        if self.everything {
            return Ok(());
        }
        self.words.resize(segment.reader.max_doc().div_ceil(64) as usize, 0);
        let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
        loop {
            let count = scorer.fill_buffer(&mut buffer);
            for doc in buffer.get(..count).unwrap_or_default() {
                if let Some(word) = self.words.get_mut((doc / 64) as usize) {
                    *word |= 1 << (doc % 64);
                }
            }
            if count < COLLECT_BLOCK_BUFFER_LEN {
                return Ok(());
            }
        }
    }

    pub(super) fn matches(&self, doc: u32) -> bool {
        self.everything || self.words.get((doc / 64) as usize).is_some_and(|word| word >> (doc % 64) & 1 == 1)
    }
}
