//! The request as a typed tree, and the parser of its levels; each aggregation's own options are read in its own file.

use serde_json::Value;

use super::bucket::composite::Composite;
use super::bucket::date_histogram::DateHistogram;
use super::bucket::filter::{Filter, Filters, MissingBucket};
use super::bucket::histogram::Histogram;
use super::bucket::multi_terms::MultiTerms;
use super::bucket::random_sampler::RandomSampler;
use super::bucket::range::Range;
use super::bucket::rare_terms::RareTerms;
use super::bucket::significant_terms::SignificantTerms;
use super::bucket::terms::TermsRequest;
use super::metric::cardinality::Cardinality;
use super::metric::percentiles::Percentiles;
use super::metric::stats::Stats;
use super::metric::top_hits::TopHits;
use super::metric::top_metrics::TopMetrics;
use super::metric::weighted_avg::WeightedAvg;
use super::options::Place;
use super::pipeline::Pipeline;
use crate::server::elasticsearch::codec::json::{Json, Member, Source};
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::{Fault, did_you_mean, place};

/// One level of a request: what stands under `aggs`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aggregations {
    pub(super) items: Vec<Aggregation>,
}

impl Aggregations {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// A text that is equal for requests which gather the same from the same documents of the same index: what only widens the answer,
    /// such as the range of a chart, is left out. None where it depends on when it is asked.
    pub(super) fn gathering(&self) -> Option<String> {
        let text = format!("{:?}", self.bare());
        (!text.contains("\"now")).then_some(text)
    }

    fn bare(&self) -> Self {
        let mut bare = self.clone();
        for item in &mut bare.items {
            if let Kind::DateHistogram(request) = &mut item.kind {
                request.forget_extended_bounds();
            }
            item.below = item.below.bare();
        }
        bare
    }
}

#[derive(Debug, Clone)]
pub(super) struct Aggregation {
    pub(super) name: String,
    pub(super) meta: Option<Value>,
    /// The type as written: `avg`, `terms`.
    pub(super) type_name: &'static str,
    pub(super) kind: Kind,
    pub(super) below: Aggregations,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Terms(Box<TermsRequest>),
    MultiTerms(Box<MultiTerms>),
    DateHistogram(Box<DateHistogram>),
    Histogram(Box<Histogram>),
    Range(Box<Range>),
    Filter(Filter),
    Filters(Filters),
    Missing(MissingBucket),
    Global,
    Composite(Box<Composite>),
    RareTerms(Box<RareTerms>),
    SignificantTerms(Box<SignificantTerms>),
    RandomSampler(RandomSampler),
    Stats(Stats),
    Cardinality(Cardinality),
    Percentiles(Percentiles),
    WeightedAvg(Box<WeightedAvg>),
    TopHits(Box<TopHits>),
    TopMetrics(Box<TopMetrics>),
    Pipeline(Pipeline),
}

/// Every aggregation served, by its name in requests.
pub(crate) const AGGREGATION_NAMES: &[&str] = &[
    "avg",
    "avg_bucket",
    "cardinality",
    "composite",
    "cumulative_sum",
    "date_histogram",
    "date_range",
    "derivative",
    "extended_stats",
    "filter",
    "filters",
    "global",
    "histogram",
    "max",
    "max_bucket",
    "median_absolute_deviation",
    "min",
    "min_bucket",
    "missing",
    "multi_terms",
    "percentile_ranks",
    "percentiles",
    "random_sampler",
    "range",
    "rare_terms",
    "serial_diff",
    "significant_terms",
    "stats",
    "stats_bucket",
    "sum",
    "sum_bucket",
    "terms",
    "top_hits",
    "top_metrics",
    "value_count",
    "weighted_avg",
];

/// The options of an aggregation. Those of `top_hits` are beside what a search says of its hits (`_source`, `fields`, ..).
pub(crate) fn options_of(name: &str) -> &'static [&'static str] {
    use super::bucket::{
        composite, date_histogram, histogram, multi_terms, random_sampler, range, rare_terms, significant_terms, terms,
    };
    use super::metric::{cardinality, percentiles, top_metrics, weighted_avg};
    match name {
        "terms" => terms::KNOWN,
        "multi_terms" => multi_terms::KNOWN,
        "date_histogram" => date_histogram::KNOWN,
        "histogram" => histogram::KNOWN,
        "range" => range::KNOWN,
        "date_range" => range::KNOWN_OF_DATES,
        "filters" => &["filters", "other_bucket", "other_bucket_key", "keyed"],
        "filter" | "global" => &[],
        "composite" => composite::KNOWN,
        "rare_terms" => rare_terms::KNOWN,
        "significant_terms" => significant_terms::KNOWN,
        "random_sampler" => random_sampler::KNOWN,
        "cardinality" => cardinality::KNOWN,
        "percentiles" => percentiles::KNOWN,
        "percentile_ranks" => percentiles::KNOWN_OF_RANKS,
        "median_absolute_deviation" => percentiles::KNOWN_OF_DEVIATION,
        "weighted_avg" => weighted_avg::KNOWN,
        "top_hits" => &["from", "size", "sort", "track_scores"],
        "top_metrics" => top_metrics::KNOWN,
        "extended_stats" => &["field", "missing", "format", "sigma"],
        "derivative" => &["buckets_path", "format", "gap_policy", "unit"],
        "serial_diff" => &["buckets_path", "format", "gap_policy", "lag"],
        "cumulative_sum" | "avg_bucket" | "max_bucket" | "min_bucket" | "sum_bucket" | "stats_bucket" => {
            &["buckets_path", "format", "gap_policy"]
        }
        _ => &super::values::FIELD_OPTIONS,
    }
}

impl Kind {
    fn read(type_name: &'static str, place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        Ok(match type_name {
            "terms" => Self::Terms(Box::new(TermsRequest::parse(place, body)?)),
            "multi_terms" => Self::MultiTerms(Box::new(MultiTerms::parse(place, body)?)),
            "date_histogram" => Self::DateHistogram(Box::new(DateHistogram::parse(place, body)?)),
            "histogram" => Self::Histogram(Box::new(Histogram::parse(place, body)?)),
            "range" | "date_range" => Self::Range(Box::new(Range::parse(type_name, place, body)?)),
            "filter" => Self::Filter(Filter::parse(place, body)?),
            "filters" => Self::Filters(Filters::parse(place, body)?),
            "missing" => Self::Missing(MissingBucket::parse(place, body)?),
            "global" => super::bucket::filter::parse_global(place, body)?,
            "composite" => Self::Composite(Box::new(Composite::parse(place, body)?)),
            "rare_terms" => Self::RareTerms(Box::new(RareTerms::parse(place, body)?)),
            "significant_terms" => Self::SignificantTerms(Box::new(SignificantTerms::parse(place, body)?)),
            "random_sampler" => Self::RandomSampler(RandomSampler::parse(place, body)?),
            "cardinality" => Self::Cardinality(Cardinality::parse(place, body)?),
            "percentiles" | "percentile_ranks" | "median_absolute_deviation" => {
                Self::Percentiles(Percentiles::parse(type_name, place, body)?)
            }
            "weighted_avg" => Self::WeightedAvg(Box::new(WeightedAvg::parse(place, body)?)),
            "top_hits" => Self::TopHits(Box::new(TopHits::parse(place, body)?)),
            "top_metrics" => Self::TopMetrics(Box::new(TopMetrics::parse(place, body)?)),
            "avg" | "sum" | "min" | "max" | "stats" | "extended_stats" | "value_count" => {
                Self::Stats(Stats::parse(type_name, place, body)?)
            }
            _ => Self::Pipeline(Pipeline::parse(type_name, place, body)?),
        })
    }

    fn has_buckets(&self) -> bool {
        matches!(
            self,
            Self::Terms(_)
                | Self::MultiTerms(_)
                | Self::DateHistogram(_)
                | Self::Histogram(_)
                | Self::Range(_)
                | Self::Filter(_)
                | Self::Filters(_)
                | Self::Missing(_)
                | Self::Global
                | Self::Composite(_)
                | Self::RareTerms(_)
                | Self::SignificantTerms(_)
                | Self::RandomSampler(_)
        )
    }
}

/// Reads the value of `aggs` or `aggregations`.
///
/// # Errors
/// The errors of Elasticsearch's parser, with its places: an unknown type, option or name, a value of the wrong kind.
pub(crate) fn parse(json: &Json, src: &Source<'_>) -> Result<Aggregations, ApiError> {
    let aggregations = level(json, src, 0)?;
    super::pipeline::validate(&aggregations)?;
    Ok(aggregations)
}

/// Levels allowed; no dashboard comes near.
const DEPTH_MAX: usize = 100;

fn level(json: &Json, src: &Source<'_>, depth: usize) -> Result<Aggregations, Fault> {
    let Some(members) = json.as_object() else {
        let reason = format!("Unknown key for a {} in [aggs].", json.token_name());
        return Err(Fault::parsing(src, json.span.start, reason));
    };
    if depth > DEPTH_MAX {
        return Err(Fault::illegal(json.span.start, format!("aggregations are nested deeper than {DEPTH_MAX} levels")));
    }
    let mut items: Vec<Aggregation> = Vec::with_capacity(members.len());
    for member in members {
        let name = &member.key;
        if name.is_empty() || name.contains(['[', ']', '>']) {
            let reason = format!(
                "Invalid aggregation name [{name}]. Aggregation names can contain any character except '[', ']', and '>'"
            );
            return Err(Fault::parsing(src, member.key_span.start, reason));
        }
        if items.iter().any(|item| item.name == *name) {
            let at = member.key_span.end;
            let reason = format!("Duplicate field '{name}'");
            return Err(Fault::content(src, at, &reason));
        }
        items.push(definition(member, src, depth)?);
    }
    Ok(Aggregations { items })
}

fn definition(member: &Member, src: &Source<'_>, depth: usize) -> Result<Aggregation, Fault> {
    let name = &member.key;
    let Some(members) = member.value.as_object() else {
        let token = member.value.token_name();
        let reason = format!("Aggregation definition for [{name} starts with a [{token}], expected a [START_OBJECT].");
        return Err(Fault::parsing(src, member.value.span.start, reason));
    };
    let mut found: Option<(&'static str, Kind)> = None;
    let (mut meta, mut below) = (None, None);
    for part in members {
        let at = part.value.span.start;
        if part.value.as_object().is_none() {
            let reason = format!(
                "Expected [START_OBJECT] under [{}], but got a [{}] in [{name}]",
                part.key,
                part.value.token_name()
            );
            return Err(Fault::parsing(src, at, reason));
        }
        match part.key.as_str() {
            "meta" => meta = Some(part.value.to_value()),
            "aggs" | "aggregations" if below.is_some() => {
                return Err(Fault::parsing(src, at, format!("Found two sub aggregation definitions under [{name}]")));
            }
            "aggs" | "aggregations" => below = Some(level(&part.value, src, depth + 1)?),
            type_name => {
                if let Some((first, _)) = &found {
                    let reason =
                        format!("Found two aggregation type definitions in [{name}]: [{first}] and [{type_name}]");
                    return Err(Fault::parsing(src, at, reason));
                }
                let Some(known) = AGGREGATION_NAMES.iter().find(|known| **known == type_name) else {
                    return Err(unknown_type(src, at, type_name));
                };
                found = Some((known, Kind::read(known, Place { src, name }, &part.value)?));
            }
        }
    }
    let Some((type_name, kind)) = found else {
        let end = member.value.span.end.saturating_sub(1);
        return Err(Fault::parsing(src, end, format!("Missing definition for aggregation [{name}]")));
    };
    if below.is_some() && !kind.has_buckets() {
        let reason = format!("Aggregator [{name}] of type [{type_name}] cannot accept sub-aggregations");
        return Err(Fault::illegal(member.value.span.start, reason));
    }
    Ok(Aggregation { name: name.clone(), meta, type_name, kind, below: below.unwrap_or_default() })
}

fn unknown_type(src: &Source<'_>, at: usize, type_name: &str) -> Fault {
    let near = did_you_mean(type_name, AGGREGATION_NAMES);
    let mut fault = Fault::parsing(src, at, format!("Unknown aggregation type [{type_name}]{near}"));
    let cause = format!("{} unknown field [{type_name}]", place(src, at));
    fault.exception = fault.exception.caused_by(Exception::new("named_object_not_found_exception", cause));
    fault
}
