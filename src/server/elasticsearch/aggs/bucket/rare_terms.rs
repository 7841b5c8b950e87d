//! `rare_terms`: a bucket for each value that few documents have, the rarest first.

use serde_json::Map;

use super::super::collector::{Collector, Docs, Segment};
use super::super::options::{Place, options};
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
pub(in super::super) struct RareTerms {
    field: FieldOptions,
    max_doc_count: u64,
    include: Option<Include>,
    exclude: Option<Include>,
}

pub(in super::super) const KNOWN: &[&str] =
    &["max_doc_count", "precision", "include", "exclude", "field", "missing", "format", "script", "value_type"];

/// The most that `max_doc_count` may be.
const MAX_DOC_COUNT_MAX: i64 = 100;

impl RareTerms {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self { field: FieldOptions::default(), max_doc_count: 1, include: None, exclude: None };
        for option in options(place, "rare_terms", body) {
            match option.name() {
                "max_doc_count" => {
                    if let Some(text) = option.value().as_str().filter(|text| text.trim().parse::<f64>().is_err()) {
                        return Err(option.illegal(format!("For input string: \"{text}\"")));
                    }
                    let (value, name) = (option.int()?, place.name);
                    request.max_doc_count = match u64::try_from(value) {
                        Ok(count) if count > 0 && value <= MAX_DOC_COUNT_MAX => count,
                        Ok(count) if count > 0 => {
                            // The missing spaces are Elasticsearch's.
                            let reason = format!("[max_doc_count] must be smallerthan {MAX_DOC_COUNT_MAX}in [{name}]");
                            return Err(option.illegal(reason));
                        }
                        _ => {
                            let reason = format!("[max_doc_count] must be greater than 0. Found [{value}] in [{name}]");
                            return Err(option.illegal(reason));
                        }
                    };
                }
                // Counting here is exact, so there is nothing to be precise about.
                "precision" => {
                    if option.double()? < 0.000_01 {
                        return Err(option.illegal("[precision] must be greater than 0.00001"));
                    }
                }
                "include" => request.include = Some(Include::parse(&option)?),
                "exclude" => request.exclude = Some(Include::parse(&option)?),
                "value_type" => _ = option.text()?,
                _ if request.field.take(&option)? => {}
                _ => return Err(option.unknown(KNOWN)),
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
        let keys = KeySource::new(values, ctx, false)?;
        if keys.class == Class::Floating {
            let reason = "RareTerms aggregation does not support floating point fields.";
            return Err(ctx.refused(Exception::new("illegal_argument_exception", reason)));
        }
        Ok(Box::new(Rare {
            keyed: Keyed::new(keys, (&self.include, &self.exclude), aggregation, ctx)?,
            max_doc_count: self.max_doc_count,
        }))
    }
}

struct Rare {
    keyed: Keyed,
    max_doc_count: u64,
}

impl Collector for Rare {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.keyed.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        self.keyed.collect(docs)
    }

    fn seal(&mut self) {
        self.keyed.seal();
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        let Keyed { keys, table, below, .. } = &self.keyed;
        let mut rare: Vec<(u64, u64, u32)> = table
            .under(parent)
            .iter()
            .map(|bucket| (table.doc_count(*bucket), table.key(*bucket), *bucket))
            .filter(|(doc_count, ..)| *doc_count <= self.max_doc_count)
            .collect();
        rare.sort_by(|left, right| left.0.cmp(&right.0).then_with(|| keys.compare(left.1, right.1)));
        budget.take(rare.len())?;
        let buckets = rare
            .into_iter()
            .map(|(doc_count, key, bucket)| {
                let below = below.outcomes(bucket, budget)?;
                Ok(Bucket { name: keys.text(key), head: keys.head(key), doc_count, tail: Map::new(), below })
            })
            .collect::<Result<_, ApiError>>()?;
        let kind = match keys.class {
            Class::Keyword => "srareterms",
            Class::Integral | Class::Floating => "lrareterms",
            Class::Unmapped => "sterms",
        };
        Ok(Outcome { kind, body: Body::Multi { head: Map::new(), buckets, keyed: false } })
    }
}
