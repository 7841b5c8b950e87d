//! `multi_terms`: a bucket for each combination of the values of several fields.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::Map;

use super::super::collector::{Children, Collector, Docs, Fall, Segment};
use super::super::options::{Opt, Place, options};
use super::super::order::{self, Criterion, Order, Ranked};
use super::super::outcome::{Body, Bucket, Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::table::BucketTable;
use super::super::values::{Accepts, FieldOptions, Values};
use super::keys::KeySource;
use super::terms::Sizes;
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct MultiTerms {
    fields: Vec<FieldOptions>,
    sizes: Sizes,
    order: Vec<Order>,
}

pub(in super::super) const KNOWN: &[&str] = &[
    "terms",
    "size",
    "shard_size",
    "min_doc_count",
    "shard_min_doc_count",
    "order",
    "collect_mode",
    "show_term_doc_count_error",
];

impl MultiTerms {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self {
            fields: Vec::new(),
            sizes: Sizes::default(),
            order: vec![Order { by: "_count".into(), ascending: false }],
        };
        for option in options(place, "multi_terms", body) {
            match option.name() {
                "terms" => request.fields = fields(&option)?,
                "order" => request.order = order::parse(&option)?,
                "collect_mode" => _ = option.text()?,
                "show_term_doc_count_error" => _ = option.boolean()?,
                _ if request.sizes.take(&option)? => {}
                _ => return Err(option.unknown(KNOWN)),
            }
        }
        if request.fields.len() < 2 {
            let reason = "The [terms] parameter in the aggregation [".to_owned()
                + place.name
                + "] must be present and have at least 2 fields or scripts.";
            return Err(Fault::illegal(body.span.start, reason));
        }
        Ok(request)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        self.sizes.check_sampled(&aggregation.name, ctx)?;
        let mut sources = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let values = Values::resolve(ctx, (&aggregation.name, "multi_terms"), field, Accepts::Any)?;
            sources.push(KeySource::new(values, ctx, false)?);
        }
        Ok(Box::new(MultiTermsCollector {
            sources,
            criteria: order::resolve(&self.order, &aggregation.below, ctx)?,
            sizes: self.sizes.clone(),
            one_shard: ctx.shards.len() == 1,
            tuples: Tuples::default(),
            table: BucketTable::default(),
            below: ctx.children(&aggregation.below)?,
        }))
    }
}

fn fields(option: &Opt<'_>) -> Result<Vec<FieldOptions>, Fault> {
    let items = option.value().as_array().ok_or_else(|| option.unsupported())?;
    items
        .iter()
        .map(|item| {
            let mut field = FieldOptions::default();
            for inner in options(option.place, "field_config", item) {
                if !field.take(&inner).map_err(|fault| option.failed(fault))? {
                    let known = ["field", "missing", "format", "script"];
                    return Err(option.failed(Fault { at: inner.at(), ..inner.unknown(&known) }));
                }
            }
            if field.field.is_empty() {
                let reason = "[field] and [script] cannot both be null.  Please specify one or the other.";
                return Err(option.illegal(reason));
            }
            Ok(field)
        })
        .collect()
}

/// Combinations of keys, numbered. A key may be absent.
#[derive(Debug, Default)]
pub(super) struct Tuples {
    ids: HashMap<Box<[Option<u64>]>, u64>,
    tuples: Vec<Box<[Option<u64>]>>,
}

impl Tuples {
    pub(super) fn intern(&mut self, tuple: &[Option<u64>]) -> u64 {
        if let Some(id) = self.ids.get(tuple) {
            return *id;
        }
        let id = self.tuples.len() as u64;
        self.tuples.push(tuple.into());
        self.ids.insert(tuple.into(), id);
        id
    }

    pub(super) fn get(&self, id: u64) -> &[Option<u64>] {
        usize::try_from(id).ok().and_then(|at| self.tuples.get(at)).map_or(&[], |tuple| tuple)
    }
}

/// Combinations one document may fall into.
const COMBINATIONS_MAX: usize = 10_000;

/// Every combination of one key from each list, for a document. Empty where a list is.
fn combinations(lists: &[&[Option<u64>]]) -> Result<Vec<Vec<Option<u64>>>, Exception> {
    let mut all: Vec<Vec<Option<u64>>> = vec![Vec::new()];
    for list in lists {
        if all.len().saturating_mul(list.len()) > COMBINATIONS_MAX {
            let reason = format!("a document has more than {COMBINATIONS_MAX} combinations of values");
            return Err(Exception::new("illegal_argument_exception", reason));
        }
        all = all
            .iter()
            .flat_map(|start| {
                list.iter().map(move |key| start.iter().copied().chain(std::iter::once(*key)).collect::<Vec<_>>())
            })
            .collect();
    }
    Ok(all)
}

/// Counts each document in the bucket of every tuple it has: `keys` holds a list for each document, for each source.
pub(super) fn fall_by_tuples(
    docs: &Docs<'_>,
    keys: &[Vec<Vec<Option<u64>>>],
    tuples: &mut Tuples,
    table: &mut BucketTable,
) -> Result<Fall, Exception> {
    let mut fall = Fall::default();
    for at in 0..docs.ids.len() {
        let lists: Vec<&[Option<u64>]> =
            keys.iter().map(|lists| lists.get(at).map_or(&[][..], Vec::as_slice)).collect();
        for tuple in combinations(&lists)? {
            let id = tuples.intern(&tuple);
            let bucket = table.bucket(docs.parent(at), id, id)?;
            table.count(bucket);
            fall.push(docs, at, bucket);
        }
    }
    Ok(fall)
}

struct MultiTermsCollector {
    sources: Vec<KeySource>,
    criteria: Vec<Criterion>,
    sizes: Sizes,
    one_shard: bool,
    tuples: Tuples,
    table: BucketTable,
    below: Children,
}

impl Collector for MultiTermsCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.sources.iter_mut().try_for_each(|source| source.open(segment))?;
        self.below.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let mut keys: Vec<Vec<Vec<Option<u64>>>> = Vec::with_capacity(self.sources.len());
        for source in &mut self.sources {
            let mut lists = vec![Vec::new(); docs.ids.len()];
            source.each(docs, |at, key, _| {
                if let (Some(key), Some(list)) = (key, lists.get_mut(at)) {
                    list.push(Some(key));
                }
            })?;
            keys.push(lists);
        }
        let fall = fall_by_tuples(docs, &keys, &mut self.tuples, &mut self.table)?;
        self.below.collect(&fall.docs(docs.scores.is_some()))
    }

    fn seal(&mut self) {
        self.table.seal();
        self.below.seal();
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        let table = &self.table;
        let mut ranked: Vec<Ranked> = table
            .under(parent)
            .iter()
            .map(|bucket| {
                Ranked::new(*bucket, table.doc_count(*bucket), table.key(*bucket), &self.criteria, &self.below)
            })
            .collect();
        ranked.sort_by(|left, right| {
            order::compare(left, right, &self.criteria, |left, right| self.compare(left, right))
        });
        let other = self.sizes.cut(&mut ranked, self.one_shard);
        budget.take(ranked.len())?;
        let buckets = ranked.iter().map(|ranked| self.answer(ranked, budget)).collect::<Result<_, _>>()?;
        let mut head = Map::new();
        head.insert("doc_count_error_upper_bound".into(), 0.into());
        head.insert("sum_other_doc_count".into(), other.into());
        Ok(Outcome { kind: "multi_terms", body: Body::Multi { head, buckets, keyed: false } })
    }
}

impl MultiTermsCollector {
    fn compare(&self, left: u64, right: u64) -> Ordering {
        let pairs = self.tuples.get(left).iter().zip(self.tuples.get(right));
        self.sources
            .iter()
            .zip(pairs)
            .map(|(source, (left, right))| source.compare(left.unwrap_or_default(), right.unwrap_or_default()))
            .find(|ordering| *ordering != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }

    fn answer(&self, ranked: &Ranked, budget: &mut Budget) -> Result<Bucket, ApiError> {
        let tuple = self.tuples.get(ranked.key);
        let parts = self.sources.iter().zip(tuple).map(|(source, key)| (source, key.unwrap_or_default()));
        let texts: Vec<String> = parts.clone().map(|(source, key)| source.text(key)).collect();
        let shown: Vec<serde_json::Value> = parts
            .map(|(source, key)| {
                let (value, text) = source.show(key);
                text.map_or(value, Into::into)
            })
            .collect();
        let name = texts.join("|");
        let mut head = Map::new();
        head.insert("key".into(), shown.into());
        head.insert("key_as_string".into(), name.as_str().into());
        let below = self.below.outcomes(ranked.bucket, budget)?;
        Ok(Bucket { name, head, doc_count: ranked.doc_count, tail: Map::new(), below })
    }
}
