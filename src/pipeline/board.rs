//! Who has which partition, and how far each is done: shared by the thread that polls and the tasks that deliver.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{bulk::Origin, watermark::Watermark};

#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    epoch: u64,
    owned: BTreeMap<i32, Partition>,
}

#[derive(Debug, Default)]
struct Partition {
    /// Of the assignment: what an earlier one began does not count here.
    epoch: u64,
    watermark: Watermark,
    /// The last offset committed.
    committed: Option<i64>,
    /// Whether the log's end was seen.
    ended: bool,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn assign(&self, partitions: impl IntoIterator<Item = i32>) {
        let mut state = self.lock();
        state.epoch += 1;
        let epoch = state.epoch;
        for partition in partitions {
            state.owned.insert(partition, Partition { epoch, ..Partition::default() });
        }
    }

    pub(crate) fn revoke(&self, partitions: &[i32]) {
        let mut state = self.lock();
        state.owned.retain(|partition, _| !partitions.contains(partition));
    }

    pub(crate) fn owned(&self) -> BTreeSet<i32> {
        self.lock().owned.keys().copied().collect()
    }

    /// A message was received; gives the epoch to finish it with.
    pub(crate) fn begin(&self, partition: i32, offset: i64) -> u64 {
        let mut state = self.lock();
        match state.owned.get_mut(&partition) {
            Some(owned) => {
                owned.watermark.begin(offset);
                owned.epoch
            }
            // Given up a moment ago: no epoch is 0, so it counts for nobody.
            None => 0,
        }
    }

    /// Messages are indexed or dead-lettered. Those of an earlier assignment change nothing.
    pub(crate) fn finish(&self, origins: &[Origin]) {
        self.settle(origins, Watermark::finish);
    }

    /// Those of the messages that are not finished never will be, in this run: nobody need wait for them.
    pub(crate) fn give_up(&self, origins: &[Origin]) {
        self.settle(origins, Watermark::give_up);
    }

    fn settle(&self, origins: &[Origin], settle: impl Fn(&mut Watermark, i64)) {
        let mut state = self.lock();
        for origin in origins {
            if let Some(owned) = state.owned.get_mut(&origin.partition).filter(|owned| owned.epoch == origin.epoch) {
                settle(&mut owned.watermark, origin.offset);
            }
        }
        drop(state);
        self.settled.notify_all();
    }

    pub(crate) fn set_ended(&self, partition: i32) {
        if let Some(owned) = self.lock().owned.get_mut(&partition) {
            owned.ended = true;
        }
    }

    pub(crate) fn has_ended(&self, partition: i32) -> bool {
        self.lock().owned.get(&partition).is_some_and(|owned| owned.ended)
    }

    /// Offsets that may be committed and, unless `all` are asked for, are not.
    pub(crate) fn committable(&self, all: bool) -> Vec<(i32, i64)> {
        let state = self.lock();
        let fresh = state.owned.iter().filter_map(|(partition, owned)| {
            let offset = owned.watermark.committable()?;
            (all || owned.committed != Some(offset)).then_some((*partition, offset))
        });
        fresh.collect()
    }

    pub(crate) fn set_committed(&self, offsets: &[(i32, i64)]) {
        let mut state = self.lock();
        for (partition, offset) in offsets {
            if let Some(owned) = state.owned.get_mut(partition) {
                owned.committed = Some(*offset);
            }
        }
    }

    /// Of the partitions that are to be read up to `ends`, those we own and are done with.
    pub(crate) fn done(&self, ends: &BTreeMap<i32, i64>) -> BTreeSet<i32> {
        let state = self.lock();
        let done = state.owned.iter().filter(|(partition, owned)| {
            let reached = ends.get(partition).is_some_and(|end| owned.watermark.committable() >= Some(*end));
            reached || owned.ended && owned.watermark.is_drained()
        });
        done.map(|(partition, _)| *partition).collect()
    }

    /// Waits until all of these partitions is finished or given up, or the time is over; says whether all is finished.
    pub(crate) fn wait_drained(&self, partitions: &[i32], timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            let owned = || partitions.iter().filter_map(|partition| state.owned.get(partition));
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !owned().any(|owned| owned.watermark.is_under_way()) {
                return owned().all(|owned| owned.watermark.is_drained());
            }
            state = self.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(partition: i32, offset: i64, epoch: u64) -> Origin {
        Origin { partition, offset, epoch, timestamp_ms: None }
    }

    #[test]
    fn what_an_earlier_assignment_began_moves_nothing() {
        let board = Board::default();
        board.assign([0]);
        let before = board.begin(0, 5);
        board.revoke(&[0]);
        board.assign([0]);
        let after = board.begin(0, 5);
        assert_ne!(before, after);
        board.finish(&[origin(0, 5, before)]);
        assert_eq!(board.committable(false), []);
        board.finish(&[origin(0, 5, after)]);
        assert_eq!(board.committable(false), [(0, 6)]);
        board.set_committed(&[(0, 6)]);
        assert_eq!(board.committable(false), []);
    }

    #[test]
    fn a_partition_is_done_when_its_end_is_finished_or_was_seen_with_nothing_open() {
        let board = Board::default();
        board.assign([0, 1, 2]);
        let ends = BTreeMap::from([(0, 1), (1, 0), (2, 9)]);
        let epoch = board.begin(0, 0);
        board.begin(2, 0);
        board.set_ended(1);
        board.set_ended(2);
        assert_eq!(board.done(&ends), BTreeSet::from([1]));
        board.finish(&[origin(0, 0, epoch), origin(2, 0, epoch)]);
        assert_eq!(board.done(&ends), BTreeSet::from([0, 1, 2]));
    }

    #[test]
    fn draining_waits_for_what_is_under_way_and_no_longer_than_told() {
        let board = std::sync::Arc::new(Board::default());
        board.assign([0]);
        let epoch = board.begin(0, 0);
        assert!(!board.wait_drained(&[0], Duration::from_millis(20)));
        let other = board.clone();
        let finisher = std::thread::spawn(move || other.finish(&[origin(0, 0, epoch)]));
        assert!(board.wait_drained(&[0], Duration::from_secs(10)));
        finisher.join().unwrap();
    }

    #[test]
    fn draining_does_not_wait_for_what_is_given_up() {
        let board = std::sync::Arc::new(Board::default());
        board.assign([0, 1]);
        let epoch = board.begin(0, 0);
        board.begin(1, 0);
        let other = board.clone();
        let deliverer = std::thread::spawn(move || {
            other.finish(&[origin(1, 0, epoch)]);
            other.give_up(&[origin(0, 0, epoch), origin(1, 0, epoch)]);
        });
        let started = Instant::now();
        assert!(!board.wait_drained(&[0, 1], Duration::from_secs(60)));
        assert!(started.elapsed() < Duration::from_secs(30));
        assert!(board.wait_drained(&[1], Duration::ZERO));
        assert_eq!(board.committable(false), [(1, 1)]);
        deliverer.join().unwrap();
    }
}
