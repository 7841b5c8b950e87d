//! What several tests share.

pub(crate) mod clients;
pub(crate) mod containers;
pub(crate) mod hostile;
pub(crate) mod http;
pub(crate) mod kibana;
pub(crate) mod servers;
pub(crate) mod xml;
