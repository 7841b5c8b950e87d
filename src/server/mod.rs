//! The embedded servers, one folder a protocol. None depends on another, nor on the rest of the crate.

pub mod elasticsearch;
pub mod kafka;
pub mod kibana;
