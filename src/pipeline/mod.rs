//! Ticks to Kafka, Kafka to Elasticsearch, Kafka to the terminal or to a file and back.
//!
//! ```text
//! tick::TickReader -> produce -> [Kafka] -> index -> [Elasticsearch]
//!                                    \-> consume (terminal)
//!                                    \-> archive (file) -> [Kafka]
//! ```
//!
//! Everything here is a plain client of a public protocol: no code asks what answers at the addresses. A tick counts as
//! sent when the broker acknowledged it; an offset is committed only when Elasticsearch (or the dead letter topic) has
//! acknowledged all before it.

mod archive;
mod board;
mod bulk;
mod consume;
mod counts;
mod dead_letter;
mod deliver;
mod feed;
mod format;
mod index;
mod pace;
mod partition;
mod poller;
mod produce;
mod progress;
mod resume;
mod watermark;

pub use archive::{
    ARCHIVE_FORMAT, ArchiveError, ArchiveHead, ArchiveReader, RestoreError, RestoreReport, SaveError, SaveReport,
    check_room, restore_topic, save_topic,
};
pub use consume::{
    ConsumeError, ConsumeFrom, ConsumeFromError, ConsumeOptions, ConsumeReport, ConsumedMessage, consume,
};
pub use counts::{CountError, GroupLag, PartitionOffsets, document_count, group_lag, refresh_index, topic_counts};
pub use dead_letter::DeadLetterError;
pub use feed::{Outline, outline};
pub use format::{FormatError, MessageFormat};
pub use index::{IndexError, IndexOptions, IndexReport, Until, index, index_once_known};
pub use pace::{Pace, PaceError, Pacer};
pub use partition::partition_of;
pub use produce::{DELIVERY_TIMEOUT, ProduceError, ProduceOptions, ProduceReport, produce};
pub use progress::{Progress, ProgressSnapshot};
pub use resume::{ResumeError, ResumePlan};

/// The codec that every client reads with what it comes with: kafka-python has none of the others without a further package. At
/// its first level it is a sixth slower to send than lz4, and a quarter smaller.
const COMPRESSION: (&str, &str) = ("compression.type", "gzip");
const COMPRESSION_LEVEL: (&str, &str) = ("compression.level", "1");

/// The topic ticks go to.
pub const TOPIC: &str = "stock-stream";
/// The index they end in.
pub const INDEX: &str = "stock-stream";
/// Where documents go that Elasticsearch rejects.
pub const DEAD_LETTER_TOPIC: &str = "stock-stream-dlq";
/// The consumer group of the indexers.
pub const INDEXER_GROUP: &str = "stock-stream-indexer";
