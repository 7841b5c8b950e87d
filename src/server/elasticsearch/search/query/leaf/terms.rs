//! Documents by terms of the inverted index: a set of terms, or all that pass a test.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use tantivy::postings::TermInfo;
use tantivy::query::AllScorer;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, SegmentReader, Term};

use super::bitmap::Bitmap;
use super::constant::Matcher;

/// Documents with any of these terms.
#[derive(Debug, Clone)]
pub(crate) struct TermSet {
    pub(crate) field: Field,
    pub(crate) terms: Arc<Vec<Term>>,
}

impl Matcher for TermSet {
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Box<dyn DocSet>> {
        let index = segment.inverted_index(self.field)?;
        let mut found = Vec::new();
        for term in self.terms.iter() {
            found.extend(index.get_term_info(term)?);
        }
        union(&index, &found, segment)
    }
}

/// Documents with a term of one path that lies between two texts and passes a test.
#[derive(Clone)]
pub(crate) struct TermScan {
    /// Any term of the path: what stands before the text in the dictionary is taken from it.
    pub(crate) path: Term,
    pub(crate) lower: Bound<String>,
    pub(crate) upper: Bound<String>,
    pub(crate) test: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl fmt::Debug for TermScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TermScan").field("lower", &self.lower).field("upper", &self.upper).finish_non_exhaustive()
    }
}

impl TermScan {
    /// Terms that start with `prefix` and pass `test`. `path` is the path's term of the empty text.
    pub(crate) fn with_prefix(
        path: Term,
        prefix: String,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> TermScan {
        TermScan { path, lower: Bound::Included(prefix), upper: Bound::Unbounded, test: Arc::new(test) }.bounded()
    }

    /// Above the last text that starts as the lower bound does there is nothing to find.
    fn bounded(mut self) -> Self {
        if let Bound::Included(prefix) = &self.lower
            && let Some(next) = after_prefix(prefix)
        {
            self.upper = Bound::Excluded(next);
        }
        self
    }

    /// The matching terms of a segment, in order, at most `limit`.
    pub(crate) fn terms(&self, index: &InvertedIndexReader, limit: usize) -> tantivy::Result<Vec<(String, TermInfo)>> {
        let head = self.path.serialized_value_bytes();
        let key = |text: &str| [head, text.as_bytes()].concat();
        let range = index.terms().range();
        let range = match &self.lower {
            Bound::Included(text) => range.ge(key(text)),
            Bound::Excluded(text) => range.gt(key(text)),
            Bound::Unbounded => range.ge(head),
        };
        let range = match &self.upper {
            Bound::Included(text) => range.le(key(text)),
            Bound::Excluded(text) => range.lt(key(text)),
            Bound::Unbounded => range,
        };
        let mut stream = range.into_stream()?;
        let mut found = Vec::new();
        while found.len() < limit && stream.advance() {
            let Some(text) = stream.key().strip_prefix(head) else { break };
            let Ok(text) = std::str::from_utf8(text) else { continue };
            if (self.test)(text) {
                found.push((text.to_owned(), stream.value().clone()));
            }
        }
        Ok(found)
    }
}

/// The least text above all that start with `prefix`, where there is one.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

impl Matcher for TermScan {
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Box<dyn DocSet>> {
        let index = segment.inverted_index(self.path.field())?;
        let found: Vec<TermInfo> = self.terms(&index, usize::MAX)?.into_iter().map(|(_, postings)| postings).collect();
        union(&index, &found, segment)
    }
}

fn union(index: &InvertedIndexReader, found: &[TermInfo], segment: &SegmentReader) -> tantivy::Result<Box<dyn DocSet>> {
    match found {
        [] => Ok(Box::new(AllScorer::new(0))),
        [one] => Ok(Box::new(index.read_postings_from_terminfo(one, IndexRecordOption::Basic)?)),
        many => {
            let mut bitmap = Bitmap::builder(segment.max_doc());
            for info in many {
                let mut postings = index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
                while !postings.docs().is_empty() {
                    postings.docs().iter().for_each(|doc| bitmap.insert(*doc));
                    postings.advance();
                }
            }
            Ok(Box::new(bitmap.build()))
        }
    }
}
