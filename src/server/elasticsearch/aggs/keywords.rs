//! Keyword columns: segment ordinals become terms of the whole search, each kept once.

use std::collections::HashMap;

use tantivy::columnar::{ColumnIndex, StrColumn};

use super::collector::{Docs, Segment};
use super::values::{Rows, Values, unreadable};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::storage::schema::kw_column;

const UNKNOWN: u32 = u32::MAX;

/// Opens the keyword column of a field in a segment.
pub(super) fn open(values: &Values, segment: &Segment<'_>) -> Result<Option<StrColumn>, Exception> {
    let Some(field) = values.shard_field(segment.shard) else { return Ok(None) };
    segment.reader.fast_fields().str(&kw_column(&field.path)).map_err(unreadable)
}

/// The distinct ordinals of every document, ascending: `visit(position, ordinal)`. None where a document has none.
pub(super) fn each_ordinal(column: &StrColumn, docs: &Docs<'_>, mut visit: impl FnMut(usize, Option<u64>)) {
    let ords = column.ords();
    if matches!(ords.index, ColumnIndex::Full) {
        let mut found = vec![0; docs.ids.len()];
        ords.values.get_vals(docs.ids, &mut found);
        found.into_iter().enumerate().for_each(|(at, ordinal)| visit(at, Some(ordinal)));
        return;
    }
    let rows = Rows::of(&ords.index, docs.ids);
    let mut found = rows.read(ords.values.as_ref());
    rows.each(&mut found, |at, own| {
        if own.is_empty() {
            visit(at, None);
        }
        own.sort_unstable();
        own.chunk_by(|left, right| left == right).filter_map(<[u64]>::first).for_each(|ord| visit(at, Some(*ord)));
    });
}

/// The terms seen so far, numbered in the order they were met.
#[derive(Debug, Default)]
pub(super) struct Terms {
    ids: HashMap<Box<str>, u32>,
    terms: Vec<Box<str>>,
    /// From the ordinals of the open segment to ids.
    segment: Vec<u32>,
    /// How many of those have no id yet.
    unknown: usize,
}

impl Terms {
    pub(super) fn intern(&mut self, term: &str) -> u32 {
        if let Some(id) = self.ids.get(term) {
            return *id;
        }
        let id = u32::try_from(self.terms.len()).unwrap_or(UNKNOWN);
        self.terms.push(term.into());
        self.ids.insert(term.into(), id);
        id
    }

    pub(super) fn term(&self, id: u32) -> &str {
        self.terms.get(id as usize).map_or("", |term| term)
    }

    /// A copy, with no segment open.
    pub(super) fn copy(&self) -> Self {
        Self { ids: self.ids.clone(), terms: self.terms.clone(), ..Self::default() }
    }

    /// About what a copy takes.
    pub(super) fn bytes(&self) -> usize {
        self.terms.iter().map(|term| 2 * term.len() + 64).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.terms.len()
    }

    /// Forgets the ordinals of the last segment; `all` reads every term of the new one.
    pub(super) fn open(&mut self, column: Option<&StrColumn>, all: bool) -> Result<(), Exception> {
        self.segment.clear();
        self.unknown = 0;
        let Some(column) = column else { return Ok(()) };
        self.segment.resize(column.num_terms(), UNKNOWN);
        self.unknown = column.num_terms();
        if all {
            let ords: Vec<u64> = (0..column.num_terms() as u64).collect();
            self.learn(column, ords)?;
        }
        Ok(())
    }

    /// The ids of ordinals, [`Self::id`] of which is asked next, are known after this.
    pub(super) fn prepare(&mut self, column: &StrColumn, docs: &Docs<'_>) -> Result<(), Exception> {
        if self.unknown == 0 {
            return Ok(());
        }
        let mut unknown = Vec::new();
        each_ordinal(column, docs, |_, ord| unknown.extend(ord.filter(|ord| self.id(*ord) == UNKNOWN)));
        unknown.sort_unstable();
        unknown.dedup();
        self.learn(column, unknown)
    }

    pub(super) fn id(&self, ordinal: u64) -> u32 {
        usize::try_from(ordinal).ok().and_then(|at| self.segment.get(at)).copied().unwrap_or(UNKNOWN)
    }

    fn learn(&mut self, column: &StrColumn, ords: Vec<u64>) -> Result<(), Exception> {
        if ords.is_empty() {
            return Ok(());
        }
        let mut at = ords.iter();
        let complete = column.dictionary().sorted_ords_to_term_cb(&ords, |bytes| {
            let id = self.intern(&String::from_utf8_lossy(bytes));
            let slot = at.next().and_then(|ord| usize::try_from(*ord).ok()).and_then(|ord| self.segment.get_mut(ord));
            if let Some(slot) = slot {
                self.unknown = self.unknown.saturating_sub(usize::from(*slot == UNKNOWN));
                *slot = id;
            }
        });
        match complete {
            Ok(true) => Ok(()),
            Ok(false) => Err(unreadable("a term is missing from its dictionary")),
            Err(error) => Err(unreadable(error)),
        }
    }
}
