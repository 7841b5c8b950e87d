//! Indexing pressure: how many bytes of documents may be under way at once. Over it a write is refused (429), not queued.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::elasticsearch::error::Exception;

/// Request bytes that a node takes in at once; what they become in memory is a small multiple.
pub(crate) const INDEXING_BYTES_MAX: usize = 32 << 20;

/// Bytes under way in a node, and their limit.
#[derive(Debug)]
pub(crate) struct IndexingPressure {
    used: AtomicUsize,
    limit: usize,
}

/// A share of the limit, given back when dropped.
#[derive(Debug)]
pub(crate) struct PressurePermit {
    pressure: Arc<IndexingPressure>,
    bytes: usize,
}

impl IndexingPressure {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit })
    }

    /// A share of `bytes`. One request alone is let through whatever its size, so that it is not refused for ever.
    ///
    /// # Errors
    /// `es_rejected_execution_exception`, to be answered with 429.
    pub(crate) fn acquire(self: &Arc<Self>, bytes: usize) -> Result<PressurePermit, Exception> {
        let fits = |used: usize| {
            let next = used.checked_add(bytes)?;
            (used == 0 || next <= self.limit).then_some(next)
        };
        match self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) {
            Ok(_) => Ok(PressurePermit { pressure: Arc::clone(self), bytes }),
            Err(used) => {
                let reason = format!(
                    "rejected execution of coordinating operation [coordinating_and_primary_bytes={used}, replica_bytes=0, all_bytes={used}, coordinating_operation_bytes={bytes}, max_coordinating_bytes={}]",
                    self.limit
                );
                Err(Exception::new("es_rejected_execution_exception", reason))
            }
        }
    }
}

impl Drop for PressurePermit {
    fn drop(&mut self) {
        self.pressure.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_over_the_limit_are_refused_until_others_are_done() {
        let pressure = IndexingPressure::new(100);
        let first = pressure.acquire(150).unwrap();
        assert_eq!(pressure.acquire(1).unwrap_err().kind, "es_rejected_execution_exception");
        drop(first);
        let _a = pressure.acquire(60).unwrap();
        let _b = pressure.acquire(40).unwrap();
        assert!(pressure.acquire(1).is_err());
    }
}
