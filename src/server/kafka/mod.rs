//! The embedded broker: the Kafka protocol over an append-only log on disk.

pub mod handlers;
pub mod state;
pub mod storage;
