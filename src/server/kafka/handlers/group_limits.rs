//! What the group handlers share: bounds on requests whose answers would be many times larger than they are.

use kafka_protocol::protocol::StrBytes;

/// Groups, members or keys named in one request. A larger request is refused with `INVALID_REQUEST`.
pub(super) const NAMES_MAX: usize = 10_000;
/// Partitions named in one request.
pub(super) const PARTITIONS_MAX: usize = 100_000;
/// Bytes of notes, metadata and assignments in one answer: what repeats a name over and over gets no more.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How much one answer may still hold.
pub(super) struct AnswerBudget {
    bytes: usize,
    entries: usize,
}

impl AnswerBudget {
    pub(super) fn new() -> AnswerBudget {
        AnswerBudget { bytes: ANSWER_BYTES_MAX, entries: PARTITIONS_MAX }
    }

    /// Takes one entry of `bytes`; false if the answer is full.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match (self.entries.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(entries), Some(bytes)) => {
                *self = AnswerBudget { bytes, entries };
                true
            }
            _ => false,
        }
    }
}

/// An owned string, as the codec takes it.
pub(super) fn text(owned: String) -> StrBytes {
    StrBytes::from_string(owned)
}
