//! Documents by the values of a column.

use std::ops::Range;

use tantivy::columnar::{Column, ColumnIndex};
use tantivy::query::AllScorer;
use tantivy::{DocId, DocSet, SegmentReader, TERMINATED};

use super::constant::Matcher;
use crate::server::elasticsearch::storage::schema::{kw_column, num_column};

/// The numbers of a field in one segment.
#[derive(Clone)]
pub(crate) enum NumberColumn {
    Integers(Column<i64>),
    Floats(Column<f64>),
}

impl NumberColumn {
    /// None where no document of the segment has a value.
    pub(crate) fn open(segment: &SegmentReader, path: &str) -> tantivy::Result<Option<Self>> {
        let name = num_column(path);
        let columns = segment.fast_fields();
        if let Some(column) = columns.column_opt::<i64>(&name)? {
            return Ok(Some(Self::Integers(column)));
        }
        Ok(columns.column_opt::<f64>(&name)?.map(Self::Floats))
    }

    pub(crate) fn index(&self) -> &ColumnIndex {
        match self {
            Self::Integers(column) => &column.index,
            Self::Floats(column) => &column.index,
        }
    }
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ColumnTest {
    /// Both ends included.
    Integers {
        low: i64,
        high: i64,
    },
    Floats {
        low: f64,
        high: f64,
    },
    /// Sorted.
    IntegerSet(Vec<i64>),
    FloatSet(Vec<f64>),
}

/// Documents with a number that passes a test.
#[derive(Debug, Clone)]
pub(crate) struct NumberLeaf {
    pub(crate) path: String,
    pub(crate) test: ColumnTest,
}

impl Matcher for NumberLeaf {
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Box<dyn DocSet>> {
        let Some(column) = NumberColumn::open(segment, &self.path)? else { return Ok(none()) };
        let max_doc = segment.max_doc();
        Ok(match (column, &self.test) {
            (NumberColumn::Integers(column), ColumnTest::Integers { low, high }) => {
                in_range(column, *low, *high, max_doc)
            }
            (NumberColumn::Floats(column), ColumnTest::Floats { low, high }) => in_range(column, *low, *high, max_doc),
            (NumberColumn::Integers(column), ColumnTest::IntegerSet(set)) => {
                let set = set.clone();
                Scan::start(InSet { column, test: move |value| set.binary_search(&value).is_ok() }, max_doc)
            }
            (NumberColumn::Floats(column), ColumnTest::FloatSet(set)) => {
                let set = set.clone();
                let test = move |value: f64| set.binary_search_by(|other| other.total_cmp(&value)).is_ok();
                Scan::start(InSet { column, test }, max_doc)
            }
            // A column of the other kind holds nothing that the test could mean.
            _ => none(),
        })
    }

    fn matches_all(&self, segment: &SegmentReader) -> tantivy::Result<bool> {
        let Some(column) = NumberColumn::open(segment, &self.path)? else { return Ok(false) };
        Ok(match (column, &self.test) {
            (NumberColumn::Integers(column), ColumnTest::Integers { low, high }) => covers(&column, *low, *high),
            (NumberColumn::Floats(column), ColumnTest::Floats { low, high }) => covers(&column, *low, *high),
            _ => false,
        })
    }
}

/// Every document has a value, and all values are in the range.
fn covers<T>(column: &Column<T>, low: T, high: T) -> bool
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    matches!(column.index, ColumnIndex::Full) && low <= column.min_value() && column.max_value() <= high
}

fn none() -> Box<dyn DocSet> {
    Box::new(AllScorer::new(0))
}

fn in_range<T>(column: Column<T>, low: T, high: T, max_doc: DocId) -> Box<dyn DocSet>
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    if low > high || high < column.min_value() || low > column.max_value() {
        return none();
    }
    if covers(&column, low, high) {
        return Box::new(AllScorer::new(max_doc));
    }
    Scan::start(InRange { column, low, high }, max_doc)
}

/// Documents that have the field at all.
#[derive(Debug, Clone)]
pub(crate) struct HasColumn {
    pub(crate) path: String,
    pub(crate) keyword: bool,
}

impl HasColumn {
    fn index(&self, segment: &SegmentReader) -> tantivy::Result<Option<ColumnIndex>> {
        Ok(if self.keyword {
            segment.fast_fields().str(&kw_column(&self.path))?.map(|column| column.ords().index.clone())
        } else {
            NumberColumn::open(segment, &self.path)?.map(|column| column.index().clone())
        })
    }
}

impl Matcher for HasColumn {
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Box<dyn DocSet>> {
        Ok(match self.index(segment)? {
            None => none(),
            Some(ColumnIndex::Full) => Box::new(AllScorer::new(segment.max_doc())),
            Some(index) => Scan::start(HasValue(index), segment.max_doc()),
        })
    }

    fn matches_all(&self, segment: &SegmentReader) -> tantivy::Result<bool> {
        Ok(match self.index(segment)? {
            Some(ColumnIndex::Full) => true,
            Some(ColumnIndex::Optional(index)) => index.num_non_nulls() == segment.max_doc(),
            // A start for each document that has a value, and one more: so it is in all that this version of tantivy writes.
            Some(ColumnIndex::Multivalued(index)) => {
                index.get_start_index_column().num_vals().checked_sub(1) == Some(segment.max_doc())
            }
            _ => false,
        })
    }
}

/// Finds the matching documents of a window.
trait Window: Send + 'static {
    fn fill(&self, window: Range<DocId>, docs: &mut Vec<DocId>);
}

struct InRange<T> {
    column: Column<T>,
    low: T,
    high: T,
}

impl<T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static> Window for InRange<T> {
    fn fill(&self, window: Range<DocId>, docs: &mut Vec<DocId>) {
        self.column.get_docids_for_value_range(self.low..=self.high, window, docs);
        docs.dedup();
    }
}

struct InSet<T, F> {
    column: Column<T>,
    test: F,
}

impl<T, F> Window for InSet<T, F>
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
    F: Fn(T) -> bool + Send + 'static,
{
    fn fill(&self, window: Range<DocId>, docs: &mut Vec<DocId>) {
        docs.extend(window.filter(|doc| self.column.values_for_doc(*doc).any(&self.test)));
    }
}

struct HasValue(ColumnIndex);

impl Window for HasValue {
    fn fill(&self, window: Range<DocId>, docs: &mut Vec<DocId>) {
        docs.extend(window.filter(|doc| self.0.has_value(*doc)));
    }
}

/// Walks a segment window by window; windows grow while the reader goes on, and start small again where it seeks.
struct Scan<W> {
    window: W,
    max_doc: DocId,
    /// The first document not looked at yet.
    ahead: DocId,
    width: DocId,
    found: Vec<DocId>,
    at: usize,
    doc: DocId,
}

const WIDTH_MIN: DocId = 128;
const WIDTH_MAX: DocId = 8192;

impl<W: Window> Scan<W> {
    fn start(window: W, max_doc: DocId) -> Box<dyn DocSet> {
        let mut scan = Self { window, max_doc, ahead: 0, width: 1024, found: Vec::new(), at: 0, doc: 0 };
        scan.refill();
        Box::new(scan)
    }

    fn refill(&mut self) -> DocId {
        self.found.clear();
        self.at = 0;
        while self.found.is_empty() && self.ahead < self.max_doc {
            let end = self.ahead.saturating_add(self.width).min(self.max_doc);
            self.window.fill(self.ahead..end, &mut self.found);
            self.ahead = end;
            self.width = (self.width * 2).min(WIDTH_MAX);
        }
        self.doc = self.found.first().copied().unwrap_or(TERMINATED);
        self.doc
    }
}

impl<W: Window> DocSet for Scan<W> {
    fn advance(&mut self) -> DocId {
        self.at += 1;
        match self.found.get(self.at) {
            Some(doc) => {
                self.doc = *doc;
                self.doc
            }
            None => self.refill(),
        }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.doc {
            return self.doc;
        }
        let rest = self.found.get(self.at..).unwrap_or_default();
        let skipped = rest.partition_point(|doc| *doc < target);
        if let Some(doc) = rest.get(skipped) {
            self.at += skipped;
            self.doc = *doc;
            return self.doc;
        }
        if target > self.ahead {
            self.ahead = target;
            self.width = WIDTH_MIN;
        }
        self.refill()
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        // Unknown before the walk; a third of what is there keeps it behind rarer terms and before `match_all`.
        self.max_doc / 3
    }
}
