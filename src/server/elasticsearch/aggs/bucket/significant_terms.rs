//! `significant_terms`: the values that the documents of a bucket have more often than those of the whole index.

mod background;
mod heuristic;

use serde_json::Map;

use self::background::Background;
use self::heuristic::{Frequencies, Heuristic};
use super::super::collector::{Collector, Docs, Segment, slot};
use super::super::format::ValueFormat;
use super::super::options::{Opt, Place, options};
use super::super::outcome::{Body, Bucket, Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::values::{Accepts, Class, FieldOptions, Values};
use super::filter::Matcher;
use super::include::Include;
use super::keyed::Keyed;
use super::keys::KeySource;
use super::terms::Sizes;
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::{Fault, did_you_mean, place};
use crate::server::elasticsearch::search::query::{self, Query};

#[derive(Debug, Clone)]
pub(in super::super) struct SignificantTerms {
    field: FieldOptions,
    sizes: Sizes,
    include: Option<Include>,
    exclude: Option<Include>,
    background: Option<Query>,
    heuristic: Heuristic,
    execution_hint: Option<String>,
}

pub(in super::super) const KNOWN: &[&str] = &[
    "size",
    "shard_size",
    "min_doc_count",
    "shard_min_doc_count",
    "background_filter",
    "include",
    "exclude",
    "field",
    "missing",
    "format",
    "script",
    "value_type",
    "execution_hint",
    "jlh",
    "chi_square",
    "gnd",
    "mutual_information",
    "percentage",
];

impl SignificantTerms {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self {
            field: FieldOptions::default(),
            sizes: Sizes { min_doc_count: 3, ..Sizes::default() },
            include: None,
            exclude: None,
            background: None,
            heuristic: Heuristic::Jlh,
            execution_hint: None,
        };
        for option in options(place, "significant_terms", body) {
            match option.name() {
                "shard_size" => request.sizes.shard_size = Some(shard_size(&option)?),
                "include" => request.include = Some(Include::parse(&option)?),
                "exclude" => request.exclude = Some(Include::parse(&option)?),
                "background_filter" => {
                    option.object()?;
                    let query = query::parse_clause(option.value(), place.src, 0);
                    request.background = Some(query.map_err(|fault| option.failed(fault))?);
                }
                "execution_hint" => request.execution_hint = Some(option.text()?.to_owned()),
                "value_type" => _ = option.text()?,
                _ if request.field.take(&option)? || request.sizes.take(&option)? => {}
                _ => match Heuristic::parse(&option)? {
                    // The last one counts.
                    Some(heuristic) => request.heuristic = heuristic,
                    None => return Err(unknown(&option)),
                },
            }
        }
        request.field = request.field.require(body.span.start)?;
        Ok(request)
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let names = (aggregation.name.as_str(), aggregation.type_name);
        let values = Values::resolve(ctx, names, &self.field, Accepts::Any)?;
        let illegal = |reason: &str| ctx.refused(Exception::new("illegal_argument_exception", reason));
        if let Some(hint) = self.execution_hint.as_deref()
            && !matches!(hint, "map" | "global_ordinals")
        {
            return Err(illegal(&format!(
                "Unknown `execution_hint`: [{hint}], expected any of [map, global_ordinals]"
            )));
        }
        self.sizes.check_sampled(&aggregation.name, ctx)?;
        let mapped = values.class != Class::Unmapped;
        let mut keys = KeySource::new(values, ctx, false)?;
        if keys.class == Class::Floating {
            let reason = "No support for examining floating point numerics";
            let refused = ctx.refused(Exception::new("unsupported_operation_exception", reason));
            return Err(ApiError { status: 500, ..refused });
        }
        let matcher = self.background.as_ref().map(|query| Matcher::new(query, ctx)).transpose()?;
        let background = if mapped { Background::count(&mut keys, matcher, ctx)? } else { Background::default() };
        Ok(Box::new(Significant {
            keyed: Keyed::new(keys, (&self.include, &self.exclude), aggregation, ctx)?,
            background,
            heuristic: self.heuristic,
            sizes: self.sizes.clone(),
            one_shard: ctx.shards.len() == 1,
            mapped,
            doc_counts: Vec::new(),
            not_superset: illegal(heuristic::NOT_SUPERSET),
        }))
    }
}

fn shard_size(option: &Opt<'_>) -> Result<usize, Fault> {
    let value = option.int()?;
    usize::try_from(value).ok().filter(|size| *size > 0).ok_or_else(|| {
        // The second space is Elasticsearch's.
        option.illegal(format!("[shardSize] must be greater than  0. Found [{value}] in [{}]", option.place.name))
    })
}

/// What is no option is looked for among the heuristics, so it is there that it is not found.
fn unknown(option: &Opt<'_>) -> Fault {
    let (name, src) = (option.name(), option.place.src);
    if matches!(name, "script" | "script_heuristic") {
        return option.unknown(KNOWN);
    }
    let near = did_you_mean(name, KNOWN);
    let at = option.member.key_span.start;
    let mut fault = Fault::content(src, at, &format!("[significant_terms] unknown field [{name}]{near}"));
    let reason = format!("{} unknown field [{name}]", place(src, option.at()));
    fault.exception = fault.exception.caused_by(Exception::new("named_object_not_found_exception", reason));
    fault
}

struct Significant {
    keyed: Keyed,
    background: Background,
    heuristic: Heuristic,
    sizes: Sizes,
    one_shard: bool,
    mapped: bool,
    /// Documents of each bucket of the level above.
    doc_counts: Vec<u64>,
    /// The refusal where a bucket has documents that the background has not.
    not_superset: ApiError,
}

/// A term that stands out.
struct Found {
    score: f64,
    key: u64,
    bucket: u32,
    doc_count: u64,
    bg_count: u64,
}

impl Collector for Significant {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.keyed.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        for at in 0..docs.ids.len() {
            if let Some(count) = slot(&mut self.doc_counts, docs.parent(at)) {
                *count += 1;
            }
        }
        self.keyed.collect(docs)
    }

    fn seal(&mut self) {
        self.keyed.seal();
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        let kind = if self.keyed.keys.class == Class::Integral { "siglterms" } else { "sigsterms" };
        let mut head = Map::new();
        if !self.mapped {
            return Ok(Outcome { kind, body: Body::Multi { head, buckets: Vec::new(), keyed: false } });
        }
        let doc_count = self.doc_counts.get(parent as usize).copied().unwrap_or_default();
        head.insert("doc_count".into(), doc_count.into());
        head.insert("bg_count".into(), self.background.size.into());
        let mut found = self.found(parent, doc_count)?;
        found.sort_by(|left, right| {
            let by_key = || self.keyed.keys.compare(right.key, left.key);
            right.score.total_cmp(&left.score).then_with(by_key)
        });
        if let (true, Some(shard_size)) = (self.one_shard, self.sizes.shard_size) {
            found.truncate(shard_size);
        }
        found.retain(|found| found.doc_count >= self.sizes.min_doc_count);
        found.truncate(self.sizes.size);
        budget.take(found.len())?;
        let buckets = found.iter().map(|found| self.answer(found, budget)).collect::<Result<_, _>>()?;
        Ok(Outcome { kind, body: Body::Multi { head, buckets, keyed: false } })
    }
}

impl Significant {
    fn found(&self, parent: u32, subset_size: u64) -> Result<Vec<Found>, ApiError> {
        let table = &self.keyed.table;
        let mut all = Vec::new();
        for bucket in table.under(parent) {
            let (key, doc_count) = (table.key(*bucket), table.doc_count(*bucket));
            if doc_count < self.sizes.shard_min_doc_count {
                continue;
            }
            let bg_count = self.background.count_of(key);
            let (subset, superset) = ((doc_count, subset_size), (bg_count, self.background.size));
            let Some(score) = self.heuristic.score(Frequencies { subset, superset }) else {
                return Err(self.not_superset.clone());
            };
            if score > 0.0 {
                all.push(Found { score, key, bucket: *bucket, doc_count, bg_count });
            }
        }
        Ok(all)
    }

    fn answer(&self, found: &Found, budget: &mut Budget) -> Result<Bucket, ApiError> {
        let keys = &self.keyed.keys;
        let mut head = keys.head(found.key);
        if let (ValueFormat::Boolean, Some(text)) = (&keys.values.format, head.get_mut("key_as_string")) {
            // No text here, whatever the member's name says.
            *text = (found.key != 0).into();
        }
        let mut tail = Map::from_iter([("score".to_owned(), found.score.into())]);
        tail.insert("bg_count".into(), found.bg_count.into());
        let below = self.keyed.below.outcomes(found.bucket, budget)?;
        Ok(Bucket { name: keys.text(found.key), head, doc_count: found.doc_count, tail, below })
    }
}
