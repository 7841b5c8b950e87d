//! What a user or a client sees. One binary: each one links everything.

mod architecture;
mod cli;
mod cli_support;
mod kafka_broker;
mod es_cases;
mod es_node;
mod support;
mod pipeline;
mod kafka_clients;
mod kafka_groups;
