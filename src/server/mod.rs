//! The embedded servers, one folder a protocol. None depends on another, nor on the rest of the crate but for what is pure
//! (`lens`); those that speak HTTP share how sockets are accepted and drained.

pub mod bigquery;
pub mod elasticsearch;
pub mod gcs;
mod http1;
pub mod kafka;
pub mod kibana;
