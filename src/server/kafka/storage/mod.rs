//! What the broker keeps on disk.

pub(crate) mod offsets;
