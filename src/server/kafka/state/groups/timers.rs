//! The clock of all groups: one task that sleeps until the next deadline.

use std::sync::{Arc, Weak};

use tokio::{sync::Notify, time::Instant};

use super::coordinator::{Inner, now_ms};
use crate::server::kafka::storage::offsets::Record;

/// Ends when the coordinator is gone.
pub(super) async fn run(coordinator: Weak<Inner>, wake: Arc<Notify>) {
    let mut next_check = Instant::now();
    loop {
        let Some(inner) = coordinator.upgrade() else { return };
        if Instant::now() >= next_check {
            next_check = Instant::now() + inner.config.retention_check_interval;
            inner.expire_offsets(now_ms());
        }
        let due = inner.tick_due().map_or(next_check, |due| due.min(next_check));
        drop(inner);
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = wake.notified() => {}
        }
    }
}

impl Inner {
    /// Ticks every group whose time has come; returns when the next one's comes.
    fn tick_due(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut groups = self.lock();
        while let Some((due, id)) = groups.armed.pop_first() {
            if due > now {
                groups.armed.insert((due, id));
                return Some(due);
            }
            self.change(&mut groups, &id, false, |group, now| {
                group.armed = None;
                group.tick(now);
            });
        }
        None
    }

    /// Drops the offsets of groups that have been without members for the retention time, then groups without offsets.
    pub(super) fn expire_offsets(&self, now_ms: i64) {
        let retention_ms = i64::try_from(self.config.offsets_retention.as_millis()).unwrap_or(i64::MAX);
        let before_ms = now_ms.saturating_sub(retention_ms);
        let mut groups = self.lock();
        let stored: Vec<String> = self
            .store
            .read()
            .groups()
            .filter(|(_, stored)| {
                let empty_since_ms = stored.facts.as_ref().and_then(|facts| facts.empty_since_ms);
                empty_since_ms.is_none_or(|since| since < before_ms)
                    && stored.offsets.values().flat_map(|of| of.values()).any(|c| c.committed_at_ms < before_ms)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in stored {
            // In use again, whatever the disk says: its members need their offsets.
            if groups.by_id.get(&id).is_some_and(|group| !group.is_idle()) {
                continue;
            }
            // A full queue is no harm: the next check comes.
            drop(self.store.submit(Record::ExpireOffsets { group: id, before_ms }));
        }
        self.forget_idle(&mut groups, self.config.retention_check_interval);
    }
}
