//! A leaf whose documents all score alike.

use std::fmt::Debug;

use tantivy::query::{AllScorer, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader};

/// Which documents of a segment match.
pub(crate) trait Matcher: Debug + Clone + Send + Sync + 'static {
    fn docs(&self, segment: &SegmentReader) -> tantivy::Result<Box<dyn DocSet>>;

    /// Known without a walk: every document of the segment matches. What stands above can leave the clause out then.
    fn matches_all(&self, _segment: &SegmentReader) -> tantivy::Result<bool> {
        Ok(false)
    }
}

/// A matcher as a query: score 1, before boosts.
#[derive(Debug, Clone)]
pub(crate) struct Constant<M>(pub(crate) M);

impl<M: Matcher> Query for Constant<M> {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl<M: Matcher> Weight for Constant<M> {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        #[expect(clippy::float_cmp, reason = "exactly the score that `AllScorer` gives")]
        if boost == 1.0 && self.0.matches_all(segment)? {
            return Ok(Box::new(AllScorer::new(segment.max_doc())));
        }
        Ok(Box::new(ConstScorer::new(self.0.docs(segment)?, boost)))
    }

    fn explain(&self, _segment: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("constant score", 1.0))
    }
}
