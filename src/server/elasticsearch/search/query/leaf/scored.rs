//! Terms and phrases with the score Elasticsearch gives them: BM25 over the documents that have the field.

use std::sync::Arc;

use tantivy::columnar::{Column, ColumnIndex};
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::query::{AllScorer, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, InvertedIndexReader, Score, Searcher, SegmentReader, TERMINATED, Term};

use super::columns::{ColumnTest, NumberColumn, NumberLeaf};
use super::constant::Matcher;
use super::terms::TermScan;
use crate::server::elasticsearch::storage::schema::{Fields, kw_column, len_column};

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Which field's statistics a score rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScoredField {
    Keyword(String),
    Text(String),
}

/// How many documents have a field, and how many tokens they hold altogether.
#[derive(Debug, Clone, Copy, Default)]
struct FieldStats {
    documents: u64,
    tokens: u64,
}

impl ScoredField {
    fn stats(&self, searcher: &Searcher, fields: &Fields) -> tantivy::Result<FieldStats> {
        let mut stats = FieldStats::default();
        for segment in searcher.segment_readers() {
            match self {
                Self::Keyword(path) => {
                    let Some(column) = segment.fast_fields().str(&kw_column(path))? else { continue };
                    stats.documents += with_value(&column.ords().index, segment.max_doc());
                    stats.tokens += u64::from(column.ords().values.num_vals());
                }
                Self::Text(path) => {
                    let term = Term::from_field_text(fields.field_names, path);
                    stats.documents += u64::from(segment.inverted_index(fields.field_names)?.doc_freq(&term)?);
                    if let Some(lengths) = lengths(segment, path)? {
                        let sum: i64 = lengths.values.iter().sum();
                        stats.tokens += u64::try_from(sum).unwrap_or(0);
                    }
                }
            }
        }
        Ok(stats)
    }
}

/// Tokens of a text field by document, one value for each text of an array.
fn lengths(segment: &SegmentReader, path: &str) -> tantivy::Result<Option<Column<i64>>> {
    segment.fast_fields().column_opt::<i64>(&len_column(path))
}

fn with_value(index: &ColumnIndex, max_doc: DocId) -> u64 {
    match index {
        ColumnIndex::Empty { .. } => 0,
        ColumnIndex::Full => u64::from(max_doc),
        ColumnIndex::Optional(index) => u64::from(index.num_non_nulls()),
        ColumnIndex::Multivalued(_) => (0..max_doc).map(|doc| u64::from(index.has_value(doc))).sum(),
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "Lucene computes it so")]
fn idf(with_term: u64, documents: u64) -> f32 {
    let documents = documents.max(with_term);
    let ratio = ((documents - with_term) as f64 + 0.5) / (with_term as f64 + 0.5);
    (1.0 + ratio).ln() as f32
}

/// Everything about a term or phrase that does not depend on the document.
#[derive(Debug, Clone, Copy)]
struct Bm25 {
    idf: f32,
    average_length: f32,
}

impl Bm25 {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "Lucene computes it so")]
    fn new(idf: f32, stats: FieldStats) -> Self {
        let average_length =
            if stats.documents == 0 { 1.0 } else { (stats.tokens as f64 / stats.documents as f64) as f32 };
        Self { idf, average_length: average_length.max(f32::MIN_POSITIVE) }
    }

    fn score(&self, boost: f32, frequency: f32, length: u32) -> f32 {
        let weight = boost * (1.0 + K1) * self.idf;
        let inverse = 1.0 / (K1 * ((1.0 - B) + B * stored_length(length) / self.average_length));
        weight - weight / (1.0 + frequency * inverse)
    }
}

/// A length after Lucene's one byte: exact to 39, then four significant bits.
#[expect(clippy::cast_precision_loss, reason = "lengths beyond 2^24 lose nothing that the byte keeps")]
fn stored_length(length: u32) -> f32 {
    const EXACT: u32 = 24;
    let Some(rest) = length.checked_sub(EXACT) else { return length as f32 };
    let shift = (32 - rest.leading_zeros()).saturating_sub(4);
    (EXACT + ((rest >> shift) << shift)) as f32
}

/// One term of a keyword or text field.
#[derive(Debug, Clone)]
pub(crate) struct ScoredTerm {
    pub(crate) field: ScoredField,
    pub(crate) term: Term,
    pub(crate) fields: Fields,
}

impl Query for ScoredTerm {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let bm25 = match scoring {
            EnableScoring::Enabled { searcher, .. } => {
                let with_term = searcher.doc_freq(&self.term)?;
                let stats = self.field.stats(searcher, &self.fields)?;
                Some(Bm25::new(idf(with_term, stats.documents), stats))
            }
            EnableScoring::Disabled { .. } => None,
        };
        Ok(Box::new(TermWeight { query: self.clone(), bm25 }))
    }
}

struct TermWeight {
    query: ScoredTerm,
    bm25: Option<Bm25>,
}

impl Weight for TermWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let index = segment.inverted_index(self.query.term.field())?;
        let frequencies = if self.bm25.is_some() { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
        let Some(postings) = index.read_postings(&self.query.term, frequencies)? else {
            return Ok(Box::new(ConstScorer::new(AllScorer::new(0), boost)));
        };
        let Some(bm25) = self.bm25 else { return Ok(Box::new(ConstScorer::new(postings, boost))) };
        let lengths = match &self.query.field {
            ScoredField::Keyword(_) => None,
            ScoredField::Text(path) => lengths(segment, path)?,
        };
        Ok(Box::new(TermScorer { postings, bm25, boost, lengths }))
    }

    fn explain(&self, _segment: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("term", self.bm25.map_or(0.0, |bm25| bm25.idf)))
    }
}

struct TermScorer {
    postings: SegmentPostings,
    bm25: Bm25,
    boost: f32,
    /// None where lengths do not count (keywords): each is 1.
    lengths: Option<Column<i64>>,
}

fn length_of(lengths: Option<&Column<i64>>, doc: DocId) -> u32 {
    lengths.map_or(1, |column| {
        let sum: i64 = column.values_for_doc(doc).sum();
        u32::try_from(sum).unwrap_or(u32::MAX)
    })
}

impl DocSet for TermScorer {
    fn advance(&mut self) -> DocId {
        self.postings.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.postings.doc() { self.postings.doc() } else { self.postings.seek(target) }
    }

    fn doc(&self) -> DocId {
        self.postings.doc()
    }

    fn size_hint(&self) -> u32 {
        self.postings.size_hint()
    }
}

impl Scorer for TermScorer {
    #[expect(clippy::cast_precision_loss, reason = "frequencies are small")]
    fn score(&mut self) -> Score {
        let length = length_of(self.lengths.as_ref(), self.postings.doc());
        self.bm25.score(self.boost, self.postings.term_freq() as f32, length)
    }
}

/// A boolean value: documents by column, the score of a term.
#[derive(Debug, Clone)]
pub(crate) struct ScoredBoolean {
    pub(crate) path: String,
    pub(crate) value: bool,
}

impl Query for ScoredBoolean {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let score = match scoring {
            EnableScoring::Enabled { searcher, .. } => self.score(searcher)?,
            EnableScoring::Disabled { .. } => 1.0,
        };
        Ok(Box::new(BooleanWeight { leaf: self.leaf(), score }))
    }
}

impl ScoredBoolean {
    fn leaf(&self) -> NumberLeaf {
        let value = i64::from(self.value);
        NumberLeaf { path: self.path.clone(), test: ColumnTest::Integers { low: value, high: value } }
    }

    fn score(&self, searcher: &Searcher) -> tantivy::Result<f32> {
        let mut stats = FieldStats::default();
        let mut with_value_count = 0;
        for segment in searcher.segment_readers() {
            if let Some(column) = NumberColumn::open(segment, &self.path)? {
                stats.documents += with_value(column.index(), segment.max_doc());
                with_value_count += u64::from(self.leaf().docs(segment)?.count_including_deleted());
            }
        }
        stats.tokens = stats.documents;
        Ok(Bm25::new(idf(with_value_count, stats.documents), stats).score(1.0, 1.0, 1))
    }
}

struct BooleanWeight {
    leaf: NumberLeaf,
    score: f32,
}

impl Weight for BooleanWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(ConstScorer::new(self.leaf.docs(segment)?, boost * self.score)))
    }

    fn explain(&self, _segment: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("boolean", self.score))
    }
}

/// Tokens one after another in a text field.
#[derive(Debug, Clone)]
pub(crate) struct Phrase {
    pub(crate) path: String,
    /// Token and place, places ascending.
    pub(crate) terms: Vec<(Term, u32)>,
    /// A last token of which only the start is given, and its place.
    pub(crate) last_prefix: Option<(TermScan, u32)>,
    /// How many terms the prefix may stand for.
    pub(crate) max_expansions: usize,
    pub(crate) slop: u32,
    pub(crate) fields: Fields,
}

impl Query for Phrase {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let bm25 = match scoring {
            EnableScoring::Enabled { searcher, .. } => Some(self.bm25(searcher)?),
            EnableScoring::Disabled { .. } => None,
        };
        Ok(Box::new(PhraseWeight { query: Arc::new(self.clone()), bm25 }))
    }
}

impl Phrase {
    fn bm25(&self, searcher: &Searcher) -> tantivy::Result<Bm25> {
        let stats = ScoredField::Text(self.path.clone()).stats(searcher, &self.fields)?;
        let mut sum = 0.0;
        for (term, _) in &self.terms {
            sum += idf(searcher.doc_freq(term)?, stats.documents);
        }
        if let Some((prefix, _)) = &self.last_prefix {
            for segment in searcher.segment_readers() {
                let index = segment.inverted_index(self.fields.txt)?;
                for (_, info) in prefix.terms(&index, self.max_expansions)? {
                    sum += idf(u64::from(info.doc_freq), stats.documents);
                }
            }
        }
        Ok(Bm25::new(sum, stats))
    }

    fn slots(&self, index: &InvertedIndexReader) -> tantivy::Result<Option<Vec<Slot>>> {
        let option = IndexRecordOption::WithFreqsAndPositions;
        let mut slots = Vec::new();
        for (term, place) in &self.terms {
            let Some(postings) = index.read_postings(term, option)? else { return Ok(None) };
            slots.push(Slot { postings: vec![postings], place: i64::from(*place), found: Vec::new() });
        }
        if let Some((prefix, place)) = &self.last_prefix {
            let mut postings = Vec::new();
            for (_, info) in prefix.terms(index, self.max_expansions)? {
                postings.push(index.read_postings_from_terminfo(&info, option)?);
            }
            slots.push(Slot { postings, place: i64::from(*place), found: Vec::new() });
        }
        Ok(Some(slots))
    }
}

struct PhraseWeight {
    query: Arc<Phrase>,
    bm25: Option<Bm25>,
}

impl Weight for PhraseWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let index = segment.inverted_index(self.query.fields.txt)?;
        let Some(slots) = self.query.slots(&index)?.filter(|slots| !slots.is_empty()) else {
            return Ok(Box::new(ConstScorer::new(AllScorer::new(0), boost)));
        };
        let lengths = lengths(segment, &self.query.path)?;
        let slop = i64::from(self.query.slop);
        let mut scorer = PhraseScorer { slots, slop, bm25: self.bm25, boost, lengths, doc: 0, frequency: 0.0 };
        scorer.find();
        Ok(Box::new(scorer))
    }

    fn explain(&self, _segment: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("phrase", self.bm25.map_or(0.0, |bm25| bm25.idf)))
    }
}

/// One place of a phrase: the postings of every term that may stand there.
struct Slot {
    postings: Vec<SegmentPostings>,
    place: i64,
    /// Positions in the current document, less the place: equal numbers are a match.
    found: Vec<i64>,
}

impl Slot {
    fn doc(&self) -> DocId {
        self.postings.iter().map(DocSet::doc).min().unwrap_or(TERMINATED)
    }

    fn seek(&mut self, target: DocId) -> DocId {
        for postings in &mut self.postings {
            if postings.doc() < target {
                postings.seek(target);
            }
        }
        self.doc()
    }

    fn read_positions(&mut self, doc: DocId) {
        self.found.clear();
        let mut positions = Vec::new();
        for postings in &mut self.postings {
            if postings.doc() == doc {
                postings.positions(&mut positions);
                self.found.extend(positions.iter().map(|position| i64::from(*position) - self.place));
            }
        }
        self.found.sort_unstable();
    }
}

struct PhraseScorer {
    slots: Vec<Slot>,
    slop: i64,
    bm25: Option<Bm25>,
    boost: f32,
    lengths: Option<Column<i64>>,
    doc: DocId,
    frequency: f32,
}

impl PhraseScorer {
    /// Goes to the first matching document from where the slots stand.
    fn find(&mut self) -> DocId {
        loop {
            self.doc = self.align();
            if self.doc == TERMINATED {
                return TERMINATED;
            }
            self.slots.iter_mut().for_each(|slot| slot.read_positions(self.doc));
            self.frequency = if self.slop == 0 { self.exact() } else { self.sloppy() };
            if self.frequency > 0.0 {
                return self.doc;
            }
            self.step();
        }
    }

    fn step(&mut self) {
        if let Some(first) = self.slots.first_mut() {
            first.seek(self.doc.saturating_add(1).min(TERMINATED));
        }
    }

    fn align(&mut self) -> DocId {
        let mut target = self.slots.first().map_or(TERMINATED, Slot::doc);
        loop {
            let mut highest = target;
            for slot in &mut self.slots {
                if highest == TERMINATED {
                    return TERMINATED;
                }
                highest = highest.max(slot.seek(highest));
            }
            if highest == target {
                return target;
            }
            target = highest;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of positions")]
    fn exact(&self) -> f32 {
        let Some((first, others)) = self.slots.split_first() else { return 0.0 };
        let everywhere = |start: &&i64| others.iter().all(|slot| slot.found.binary_search(start).is_ok());
        first.found.iter().filter(everywhere).count() as f32
    }

    /// Lucene's sloppy frequency: each match counts 1 / (1 + its width), the slot that lies first moves on.
    fn sloppy(&self) -> f32 {
        let mut places = vec![0_usize; self.slots.len()];
        let value = |slot: usize, places: &[usize]| Some(*self.slots.get(slot)?.found.get(*places.get(slot)?)?);
        let mut frequency = 0.0;
        let mut best: Option<(usize, i64)> = None;
        loop {
            let now: Option<Vec<i64>> = (0..self.slots.len()).map(|slot| value(slot, &places)).collect();
            let Some(now) = now else { break };
            let (Some(high), Some((first, low))) =
                (now.iter().max(), now.iter().enumerate().min_by_key(|(_, position)| **position))
            else {
                break;
            };
            let width = high - low;
            best = match best {
                Some((slot, narrowest)) if slot == first => Some((slot, narrowest.min(width))),
                ended => {
                    frequency += self.counts(ended);
                    Some((first, width))
                }
            };
            if let Some(place) = places.get_mut(first) {
                *place += 1;
            }
        }
        frequency + self.counts(best)
    }

    #[expect(clippy::cast_precision_loss, reason = "widths within a text")]
    fn counts(&self, ended: Option<(usize, i64)>) -> f32 {
        match ended {
            Some((_, width)) if width <= self.slop => 1.0 / (1.0 + width as f32),
            _ => 0.0,
        }
    }
}

impl DocSet for PhraseScorer {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        self.step();
        self.find()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.doc {
            return self.doc;
        }
        if let Some(first) = self.slots.first_mut() {
            first.seek(target);
        }
        self.find()
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        let rarest = |slot: &Slot| slot.postings.iter().map(DocSet::size_hint).sum::<u32>();
        self.slots.iter().map(rarest).min().unwrap_or(0)
    }
}

impl Scorer for PhraseScorer {
    fn score(&mut self) -> Score {
        let Some(bm25) = self.bm25 else { return self.boost };
        bm25.score(self.boost, self.frequency, length_of(self.lengths.as_ref(), self.doc))
    }
}
