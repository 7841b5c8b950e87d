//! What a user or a client sees. One binary: each one links everything.

mod architecture;
mod cli;
mod cli_support;
mod compatibility;
mod es_cases;
mod es_node;
mod kafka_broker;
mod kafka_clients;
mod kafka_groups;
mod pipeline;
mod support;
