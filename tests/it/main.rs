//! What a user or a client sees. One binary: each one links everything.

mod kafka_broker;
mod kafka_clients;
mod kafka_groups;
