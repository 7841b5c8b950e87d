//! Records and frames as bytes. Decoding trusts nothing: each length is checked against what is left.

use super::table::{CommittedOffset, GroupFacts, StoredGroup};

pub(super) const MAGIC: &[u8; 8] = b"STKOFF01";
pub(super) const FRAME_HEADER_BYTES: usize = 8;
/// No frame is longer. Callers split commits so that none comes near (see [`COMMIT_PARTITIONS_MAX`]).
pub(super) const FRAME_BYTES_MAX: usize = 32 << 20;
/// Partitions in one commit record: with the longest group id, topic names and notes still under the frame's bound.
pub(crate) const COMMIT_PARTITIONS_MAX: usize = 500;

const KIND_COMMIT: u8 = 1;
const KIND_DELETE_OFFSETS: u8 = 2;
const KIND_EXPIRE_OFFSETS: u8 = 3;
const KIND_DELETE_GROUP: u8 = 4;
const KIND_FACTS: u8 = 5;

/// One change of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    Commit {
        group: String,
        offsets: Vec<(String, i32, CommittedOffset)>,
    },
    DeleteOffsets {
        group: String,
        partitions: Vec<(String, i32)>,
    },
    /// Drops what was committed before that moment: decided here, in the log's order, so that a newer commit stays.
    ExpireOffsets {
        group: String,
        before_ms: i64,
    },
    DeleteGroup {
        group: String,
    },
    Facts {
        group: String,
        facts: GroupFacts,
    },
}

impl Record {
    /// The records that rebuild one group: what compaction writes.
    pub(super) fn snapshot(group: &str, stored: &StoredGroup) -> Vec<Record> {
        let facts = stored.facts.clone().map(|facts| Record::Facts { group: group.to_owned(), facts });
        let all: Vec<_> = stored
            .offsets
            .iter()
            .flat_map(|(topic, of_topic)| of_topic.iter().map(|(p, committed)| (topic.clone(), *p, committed.clone())))
            .collect();
        let commits = all
            .chunks(COMMIT_PARTITIONS_MAX)
            .map(|chunk| Record::Commit { group: group.to_owned(), offsets: chunk.to_vec() });
        facts.into_iter().chain(commits).collect()
    }

    /// Appends the record's frame to `out`. False, and nothing appended, if it is over the bound.
    pub(super) fn encode_frame(&self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
        self.encode(out);
        let body = out.get(start + FRAME_HEADER_BYTES..).unwrap_or_default();
        let (Ok(length), true) = (u32::try_from(body.len()), body.len() <= FRAME_BYTES_MAX) else {
            out.truncate(start);
            return false;
        };
        let crc = crc32c::crc32c(body);
        if let Some(header) = out.get_mut(start..start + FRAME_HEADER_BYTES) {
            let (length_at, crc_at) = header.split_at_mut(4);
            length_at.copy_from_slice(&length.to_be_bytes());
            crc_at.copy_from_slice(&crc.to_be_bytes());
        }
        true
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Record::Commit { group, offsets } => {
                out.push(KIND_COMMIT);
                put_str(out, group);
                put_count(out, offsets.len());
                for (topic, partition, committed) in offsets {
                    put_str(out, topic);
                    out.extend_from_slice(&partition.to_be_bytes());
                    out.extend_from_slice(&committed.offset.to_be_bytes());
                    out.extend_from_slice(&committed.leader_epoch.to_be_bytes());
                    put_str(out, &committed.metadata);
                    out.extend_from_slice(&committed.committed_at_ms.to_be_bytes());
                }
            }
            Record::DeleteOffsets { group, partitions } => {
                out.push(KIND_DELETE_OFFSETS);
                put_str(out, group);
                put_count(out, partitions.len());
                for (topic, partition) in partitions {
                    put_str(out, topic);
                    out.extend_from_slice(&partition.to_be_bytes());
                }
            }
            Record::ExpireOffsets { group, before_ms } => {
                out.push(KIND_EXPIRE_OFFSETS);
                put_str(out, group);
                out.extend_from_slice(&before_ms.to_be_bytes());
            }
            Record::DeleteGroup { group } => {
                out.push(KIND_DELETE_GROUP);
                put_str(out, group);
            }
            Record::Facts { group, facts } => {
                out.push(KIND_FACTS);
                put_str(out, group);
                put_str(out, &facts.protocol_type);
                out.extend_from_slice(&facts.generation.to_be_bytes());
                out.extend_from_slice(&facts.empty_since_ms.unwrap_or(-1).to_be_bytes());
            }
        }
    }

    /// The record in `body`; none if the bytes are not exactly one record.
    pub(super) fn decode(body: &[u8]) -> Option<Record> {
        let mut input = Input(body);
        let [kind] = input.array()?;
        let group = input.string()?;
        let record = match kind {
            KIND_COMMIT => Record::Commit { group, offsets: input.list(Input::committed)? },
            KIND_DELETE_OFFSETS => {
                Record::DeleteOffsets { group, partitions: input.list(|input| Some((input.string()?, input.i32()?)))? }
            }
            KIND_EXPIRE_OFFSETS => Record::ExpireOffsets { group, before_ms: input.i64()? },
            KIND_DELETE_GROUP => Record::DeleteGroup { group },
            KIND_FACTS => Record::Facts {
                group,
                facts: GroupFacts {
                    protocol_type: input.string()?,
                    generation: input.i32()?,
                    empty_since_ms: Some(input.i64()?).filter(|ms| *ms >= 0),
                },
            },
            _ => return None,
        };
        input.0.is_empty().then_some(record)
    }
}

/// Lengths come from requests that are bounded far below 4 GiB; an impossible one makes a frame that is refused.
fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(u32::from_be_bytes(self.array()?)).ok()?;
        (count <= self.0.len()).then_some(count)
    }

    fn string(&mut self) -> Option<String> {
        let length = self.count()?;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(head).ok().map(str::to_owned)
    }

    /// Collects without reserving by the announced count: memory follows the bytes that are really there.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Some(items)
    }

    fn committed(&mut self) -> Option<(String, i32, CommittedOffset)> {
        let topic = self.string()?;
        let partition = self.i32()?;
        let offset = self.i64()?;
        let leader_epoch = self.i32()?;
        let metadata = self.string()?;
        let committed_at_ms = self.i64()?;
        Some((topic, partition, CommittedOffset { offset, leader_epoch, metadata, committed_at_ms }))
    }
}
