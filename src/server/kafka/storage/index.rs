//! A sparse index of one segment, in memory: an entry for every few KiB appended, with the largest timestamp of what the
//! entry stands for. It is rebuilt by walking batch headers at start, so nothing of it needs to be on disk.

/// Where a batch begins, and the largest timestamp from here to the next entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    base_offset: i64,
    position: u64,
    max_timestamp: i64,
}

/// The entries of one segment, in order.
#[derive(Debug, Default)]
pub(crate) struct SparseIndex {
    entries: Vec<Entry>,
}

impl SparseIndex {
    /// Takes note of a batch at `position`; a new entry begins when the last one is `interval_bytes` behind.
    pub(crate) fn add(&mut self, base_offset: i64, position: u64, max_timestamp: i64, interval_bytes: u64) {
        match self.entries.last_mut() {
            Some(last) if position - last.position < interval_bytes => {
                last.max_timestamp = last.max_timestamp.max(max_timestamp);
            }
            _ => self.entries.push(Entry { base_offset, position, max_timestamp }),
        }
    }

    /// Where to begin looking for `offset`: the batch that holds it is at this position or after it.
    pub(crate) fn position_before(&self, offset: i64) -> u64 {
        let after = self.entries.partition_point(|entry| entry.base_offset <= offset);
        after.checked_sub(1).and_then(|index| self.entries.get(index)).map_or(0, |entry| entry.position)
    }

    /// Where to begin looking for the first batch with a timestamp of at least `timestamp`; `None` when there is none.
    pub(crate) fn position_of_timestamp(&self, timestamp: i64) -> Option<u64> {
        self.entries.iter().find(|entry| entry.max_timestamp >= timestamp).map(|entry| entry.position)
    }
}
