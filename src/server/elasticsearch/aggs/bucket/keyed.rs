//! Buckets by the distinct values of one field: what `terms`, `rare_terms` and `significant_terms` count in.

use super::super::collector::{Children, Docs, Fall, Segment};
use super::super::kept::Kept;
use super::super::keywords::Terms;
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::table::BucketTable;
use super::include::{Include, KeyFilter};
use super::keys::KeySource;
use crate::server::elasticsearch::error::{ApiError, Exception};

pub(super) struct Keyed {
    pub(super) keys: KeySource,
    pub(super) filter: KeyFilter,
    pub(super) table: BucketTable,
    pub(super) below: Children,
}

/// What is kept for another search.
struct KeptKeyed {
    terms: Terms,
    table: BucketTable,
    below: Vec<Kept>,
}

impl Keyed {
    pub(super) fn new(
        keys: KeySource,
        named: (&Option<Include>, &Option<Include>),
        aggregation: &Aggregation,
        ctx: &SearchContext<'_>,
    ) -> Result<Self, ApiError> {
        let filter = KeyFilter::new(named, &aggregation.name, &keys, ctx)?;
        Ok(Self { keys, filter, table: BucketTable::default(), below: ctx.children(&aggregation.below)? })
    }

    pub(super) fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.keys.open(segment)?;
        self.below.open(segment)
    }

    /// Counts each document in the bucket of every key it has, and hands it down.
    pub(super) fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let mut fall = Fall::default();
        let leaf = self.below.is_empty();
        if self.filter.active {
            self.collect_some(docs, &mut fall)?;
        } else {
            let (table, mut failed) = (&mut self.table, None);
            self.keys.each(docs, |at, key, hint| {
                let Some(key) = key else { return };
                match table.bucket(docs.parent(at), key, hint) {
                    Ok(bucket) => {
                        table.count(bucket);
                        if !leaf {
                            fall.push(docs, at, bucket);
                        }
                    }
                    Err(error) => failed = Some(error),
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        self.below.collect(&fall.docs(docs.scores.is_some()))
    }

    /// Keys that a filter must let through; it may want their text.
    fn collect_some(&mut self, docs: &Docs<'_>, fall: &mut Fall) -> Result<(), Exception> {
        let mut found: Vec<(usize, u64, u64)> = Vec::with_capacity(docs.ids.len());
        self.keys.each(docs, |at, key, hint| found.extend(key.map(|key| (at, key, hint))))?;
        for (at, key, hint) in found {
            if !self.filter.accepts(self.keys.class, key, || self.keys.term(key).to_owned()) {
                continue;
            }
            let bucket = self.table.bucket(docs.parent(at), key, hint)?;
            self.table.count(bucket);
            if !self.below.is_empty() {
                fall.push(docs, at, bucket);
            }
        }
        Ok(())
    }

    /// What a filter decided about terms is not kept.
    pub(super) fn keep(&self) -> Option<Kept> {
        if self.filter.active {
            return None;
        }
        let (terms, table, below) = (self.keys.terms.copy(), self.table.copy(), self.below.keep()?);
        let bytes = terms.bytes() + table.bytes() + below.iter().map(Kept::bytes).sum::<usize>();
        Some(Kept::new(KeptKeyed { terms, table, below }, bytes))
    }

    pub(super) fn resume(&mut self, kept: &Kept) -> bool {
        let Some(KeptKeyed { terms, table, below }) = kept.get() else { return false };
        self.keys.terms = terms.copy();
        self.table = table.copy();
        self.below.resume(below)
    }

    pub(super) fn seal(&mut self) {
        self.table.seal();
        self.below.seal();
    }

    /// Asks the filter about every keyword of the index, for buckets that no document fell into.
    pub(super) fn decide_all(&mut self) {
        if self.filter.active {
            for key in 0..self.keys.terms.len() as u64 {
                self.filter.accepts(self.keys.class, key, || self.keys.term(key).to_owned());
            }
        }
    }
}
