//! The embedded broker: the Kafka protocol over an append-only log on disk.
