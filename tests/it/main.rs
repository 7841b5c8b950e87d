//! What a user or a client sees. One binary: each one links everything.

mod es_cases;
mod es_node;
mod support;
