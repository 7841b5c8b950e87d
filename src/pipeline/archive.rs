//! A topic as a file, from which it can be put back as it was: every message with its partition, time, key and headers.
//!
//! Gzipped lines of JSON: a head, a line a message, an end with their number, so that a file that was cut off is known for
//! one. Bytes that are not text stand as base64. Offsets are written for people and not put back: a topic counts from 0.

mod lines;
mod restore;
mod save;

pub use lines::{ARCHIVE_FORMAT, ArchiveError, ArchiveHead, ArchiveReader};
pub use restore::{RestoreError, RestoreReport, check_room, restore_topic};
pub use save::{SaveError, SaveReport, save_topic};
