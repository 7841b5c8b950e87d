//! `boosting`: documents of one query, scored lower where another matches too.

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader};

#[derive(Debug)]
pub(crate) struct BoostingLeaf {
    pub(crate) positive: Box<dyn Query>,
    pub(crate) negative: Box<dyn Query>,
    pub(crate) factor: f32,
}

impl Clone for BoostingLeaf {
    fn clone(&self) -> Self {
        Self { positive: self.positive.box_clone(), negative: self.negative.box_clone(), factor: self.factor }
    }
}

impl Query for BoostingLeaf {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let (positive, negative) = (self.positive.weight(scoring)?, self.negative.weight(scoring)?);
        Ok(Box::new(BoostingWeight { positive, negative, factor: self.factor }))
    }
}

struct BoostingWeight {
    positive: Box<dyn Weight>,
    negative: Box<dyn Weight>,
    factor: f32,
}

impl Weight for BoostingWeight {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let positive = self.positive.scorer(segment, boost)?;
        let negative = self.negative.scorer(segment, 1.0)?;
        Ok(Box::new(BoostingScorer { positive, negative, factor: self.factor }))
    }

    fn explain(&self, segment: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.positive.explain(segment, doc)
    }
}

struct BoostingScorer {
    positive: Box<dyn Scorer>,
    negative: Box<dyn Scorer>,
    factor: f32,
}

impl DocSet for BoostingScorer {
    fn advance(&mut self) -> DocId {
        self.positive.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.positive.seek(target)
    }

    fn doc(&self) -> DocId {
        self.positive.doc()
    }

    fn size_hint(&self) -> u32 {
        self.positive.size_hint()
    }
}

impl Scorer for BoostingScorer {
    fn score(&mut self) -> Score {
        let doc = self.positive.doc();
        let score = self.positive.score();
        if self.negative.doc() < doc {
            self.negative.seek(doc);
        }
        if self.negative.doc() == doc { score * self.factor } else { score }
    }
}
