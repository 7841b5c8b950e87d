//! Bytes in, values out: no socket, no clock.

pub(crate) mod json;
