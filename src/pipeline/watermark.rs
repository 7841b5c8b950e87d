//! Up to where a partition may be committed, while its messages are finished in any order. Pure.

use std::collections::VecDeque;

/// Offsets of one partition between the first that is not finished and the last one begun.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Watermark {
    /// Begun, in order; the front one is never finished.
    open: VecDeque<(i64, Stage)>,
    /// One behind the last offset before the front one.
    committable: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    UnderWay,
    /// Nobody works on it any more, though it is not finished.
    GivenUp,
    Finished,
}

impl Watermark {
    /// A message was received. Offsets come in order; one that came before is begun again.
    pub(crate) fn begin(&mut self, offset: i64) {
        if self.open.back().is_none_or(|(last, _)| *last < offset) {
            self.open.push_back((offset, Stage::UnderWay));
        } else if let Some(entry) = self.entry(offset) {
            entry.1 = Stage::UnderWay;
        }
    }

    /// A message is indexed or dead-lettered for good. An offset that was not begun changes nothing.
    pub(crate) fn finish(&mut self, offset: i64) {
        if let Some(entry) = self.entry(offset) {
            entry.1 = Stage::Finished;
        }
        while let Some((offset, Stage::Finished)) = self.open.front().copied() {
            self.committable = Some(offset + 1);
            self.open.pop_front();
        }
    }

    /// A message that is not finished never will be, in this run.
    pub(crate) fn give_up(&mut self, offset: i64) {
        if let Some(entry) = self.entry(offset).filter(|entry| entry.1 == Stage::UnderWay) {
            entry.1 = Stage::GivenUp;
        }
    }

    /// The offset to commit: all messages before it are finished. `None` while none is.
    pub(crate) fn committable(&self) -> Option<i64> {
        self.committable
    }

    /// Whether nothing that was begun is unfinished.
    pub(crate) fn is_drained(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether waiting may still finish something.
    pub(crate) fn is_under_way(&self) -> bool {
        self.open.iter().any(|(_, stage)| *stage == Stage::UnderWay)
    }

    fn entry(&mut self, offset: i64) -> Option<&mut (i64, Stage)> {
        let index = self.open.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
        self.open.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_committed_before_what_comes_first_is_finished() {
        let mut watermark = Watermark::default();
        for offset in [5, 6, 9] {
            watermark.begin(offset);
        }
        watermark.finish(6);
        watermark.finish(9);
        assert_eq!(watermark.committable(), None);
        watermark.finish(5);
        assert_eq!(watermark.committable(), Some(10));
        assert!(watermark.is_drained());
    }

    #[test]
    fn what_is_given_up_is_not_waited_for_and_holds_back_what_follows() {
        let mut watermark = Watermark::default();
        for offset in [5, 6, 7] {
            watermark.begin(offset);
        }
        watermark.finish(5);
        watermark.give_up(6);
        assert!(watermark.is_under_way());
        watermark.finish(7);
        watermark.give_up(7);
        assert!(!watermark.is_under_way() && !watermark.is_drained());
        assert_eq!(watermark.committable(), Some(6));
        watermark.begin(6);
        assert!(watermark.is_under_way());
        watermark.finish(6);
        assert_eq!(watermark.committable(), Some(8));
    }

    #[test]
    fn an_offset_that_was_not_begun_moves_nothing() {
        let mut watermark = Watermark::default();
        watermark.begin(3);
        watermark.finish(4);
        watermark.finish(2);
        assert_eq!(watermark.committable(), None);
        assert!(!watermark.is_drained());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Against the definition: the committable offset is behind the longest finished beginning, at every step.
        #[test]
        fn it_is_the_end_of_the_longest_finished_beginning(
            gaps in proptest::collection::vec(1i64..4, 1..60),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 1..120),
        ) {
            let offsets: Vec<i64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let mut watermark = Watermark::default();
            let mut finished = BTreeSet::new();
            let mut begun = 0;
            for index in order {
                // Begin one, then finish any that has begun.
                if begun < offsets.len() {
                    watermark.begin(offsets[begun]);
                    begun += 1;
                }
                let offset = offsets[index.index(begun)];
                watermark.finish(offset);
                finished.insert(offset);
                let expected = offsets[..begun].iter().take_while(|offset| finished.contains(offset)).last().map(|last| last + 1);
                prop_assert_eq!(watermark.committable(), expected);
                prop_assert_eq!(watermark.is_drained(), finished.len() == begun);
            }
        }
    }
}
