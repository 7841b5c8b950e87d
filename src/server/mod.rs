//! The embedded servers, one folder a protocol. None depends on another, nor on the rest of the crate but for what is pure
//! (`lens`); those that speak HTTP share sockets, request targets, bodies and routes (`http`).

pub mod bigquery;
pub mod elasticsearch;
pub mod gcs;
mod http;
pub mod kafka;
pub mod kibana;
