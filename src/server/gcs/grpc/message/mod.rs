//! The messages of `google.storage.v2`: the fields that are used here, with the numbers of Google's published definition.
//! Fields that are not named are skipped when a message is read, as Protocol Buffers has it.

mod bucket;
mod common;
mod object;
mod read;

pub(super) use bucket::*;
pub(super) use common::*;
pub(super) use object::*;
pub(super) use read::*;
