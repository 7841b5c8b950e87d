//! `cardinality`: how many distinct values.

use std::hash::{DefaultHasher, Hasher};

use serde_json::Map;
use tantivy::columnar::StrColumn;

use super::super::collector::{Collector, Docs, Segment, slot};
use super::super::hyperloglog::Distinct;
use super::super::kept::Kept;
use super::super::keywords;
use super::super::options::{Place, options};
use super::super::outcome::{Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::table::mix;
use super::super::values::{Accepts, Class, FieldOptions, Numbers, Values, unreadable};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct Cardinality {
    field: FieldOptions,
    threshold: u64,
    hint: Option<String>,
}

const THRESHOLD: u64 = 3000;
const THRESHOLD_MAX: u64 = 40_000;
pub(in super::super) const KNOWN: &[&str] =
    &["field", "missing", "script", "precision_threshold", "execution_hint", "format"];

impl Cardinality {
    pub(in super::super) fn parse(place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let mut request = Self { field: FieldOptions::default(), threshold: THRESHOLD, hint: None };
        for option in options(place, "cardinality", body) {
            match option.name() {
                "precision_threshold" => {
                    request.threshold = option.unsigned("precisionThreshold")?.min(THRESHOLD_MAX);
                }
                "execution_hint" => request.hint = Some(option.text()?.to_owned()),
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
        let values = Values::resolve(ctx, (&aggregation.name, "cardinality"), &self.field, Accepts::Any)?;
        if let Some(hint) = &self.hint
            && !matches!(
                hint.as_str(),
                "global_ordinals" | "segment_ordinals" | "direct" | "save_memory_heuristic" | "save_time_heuristic"
            )
        {
            let reason = format!(
                "Invalid execution mode for cardinality aggregation.  Got [{hint}]expected one of [global_ordinal, segment_ordinal, direct]"
            );
            return Err(ctx.refused(Exception::new("illegal_argument_exception", reason)));
        }
        let missing = match (&values.missing, values.class) {
            (None, _) => None,
            (Some(scalar), Class::Keyword | Class::Unmapped) => Some(hash(scalar.to_text().as_bytes())),
            (Some(_), _) => values.missing_f64(ctx)?.map(|value| mix(value.to_bits())),
        };
        Ok(Box::new(CardinalityCollector {
            values,
            threshold: self.threshold,
            missing,
            numbers: Numbers::None,
            column: None,
            hashes: Vec::new(),
            states: Vec::new(),
        }))
    }
}

/// A hash that is the same in every segment and every run.
pub(in super::super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

struct CardinalityCollector {
    values: Values,
    threshold: u64,
    /// The hash of the value that stands for a missing one.
    missing: Option<u64>,
    numbers: Numbers,
    column: Option<StrColumn>,
    /// Hashes of the open segment's terms by ordinal; 0 is not known yet.
    hashes: Vec<u64>,
    states: Vec<Distinct>,
}

impl Collector for CardinalityCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.numbers = Numbers::None;
        self.column = None;
        self.hashes.clear();
        if self.values.class != Class::Keyword {
            self.numbers = self.values.numbers(segment)?;
            return Ok(());
        }
        self.column = keywords::open(&self.values, segment)?;
        self.hashes.resize(self.column.as_ref().map_or(0, |column| column.num_terms()), 0);
        Ok(())
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let mut found: Vec<(usize, u64)> = Vec::with_capacity(docs.ids.len());
        if let Some(column) = &self.column {
            let mut ords = Vec::with_capacity(docs.ids.len());
            keywords::each_ordinal(column, docs, |at, ordinal| ords.push((at, ordinal)));
            learn(&mut self.hashes, column, &ords)?;
            for (at, ordinal) in ords {
                let known = ordinal.map(|ordinal| {
                    self.hashes.get(usize::try_from(ordinal).unwrap_or(usize::MAX)).copied().unwrap_or_default()
                });
                found.extend(known.or(self.missing).map(|hash| (at, hash)));
            }
        } else {
            let mut next = 0;
            let missing = self.missing;
            let floating = self.values.class == Class::Floating;
            let mut take = |at: usize, bits: u64| {
                found.extend((next..at).filter_map(|gap| missing.map(|hash| (gap, hash))));
                next = at + 1;
                found.push((at, mix(bits)));
            };
            if floating || missing.is_some() {
                self.numbers.each_f64(docs, None, |at, value| take(at, value.to_bits()));
            } else {
                self.numbers.each_i64(docs, None, |at, value| take(at, value.cast_unsigned()));
            }
            found.extend((next..docs.ids.len()).filter_map(|gap| missing.map(|hash| (gap, hash))));
        }
        for (at, hash) in found {
            if let Some(state) = slot(&mut self.states, docs.parent(at)) {
                state.add(hash, self.threshold);
            }
        }
        Ok(())
    }

    fn keep(&self) -> Option<Kept> {
        let bytes = self.states.iter().map(|state| size_of::<Distinct>() + state.bytes()).sum();
        Some(Kept::new(self.states.clone(), bytes))
    }

    fn resume(&mut self, kept: &Kept) -> bool {
        let Some(states) = kept.get::<Vec<Distinct>>() else { return false };
        self.states.clone_from(states);
        true
    }

    fn outcome(&self, parent: u32, _budget: &mut Budget) -> Result<Outcome, ApiError> {
        let count = self.states.get(parent as usize).map_or(0, Distinct::count);
        Ok(Outcome::metric("cardinality", Map::from_iter([("value".to_owned(), count.into())])))
    }

    fn order_value(&self, parent: u32, _key: Option<&str>) -> f64 {
        self.states.get(parent as usize).map_or(0, Distinct::count) as f64
    }
}

/// Fills in the hashes of terms met for the first time in this segment.
fn learn(hashes: &mut [u64], column: &StrColumn, ords: &[(usize, Option<u64>)]) -> Result<(), Exception> {
    let known = |ordinal: u64| hashes.get(usize::try_from(ordinal).unwrap_or(usize::MAX)).is_none_or(|hash| *hash != 0);
    let mut unknown: Vec<u64> = ords.iter().filter_map(|(_, ordinal)| *ordinal).filter(|ord| !known(*ord)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    let mut at = unknown.iter();
    column
        .dictionary()
        .sorted_ords_to_term_cb(&unknown, |bytes| {
            let slot = at.next().and_then(|ord| usize::try_from(*ord).ok()).and_then(|ord| hashes.get_mut(ord));
            if let Some(slot) = slot {
                *slot = hash(bytes).max(1);
            }
        })
        .map_err(unreadable)?;
    Ok(())
}
