//! What a user or a client sees. One binary: each one links everything.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::let_underscore_must_use,
    reason = "a test fails by panic and may talk"
)]

mod architecture;
mod archive;
mod bigquery_clients;
mod bigquery_hostile;
mod cli;
mod cli_doctor;
mod cli_repair;
mod cli_smoke;
mod cli_support;
mod cli_up;
mod cloud;
mod cloud_gcs;
mod compatibility;
mod dashboard;
mod dashboard_elsewhere;
mod dashboard_embedded;
mod env_clients;
mod es_aggregations;
mod es_cases;
mod es_clients;
mod es_node;
mod external_purge;
mod external_secured;
mod forecasts;
mod gcs_clients;
mod gcs_hostile;
mod kafka_broker;
mod kafka_clients;
mod kafka_groups;
mod outages;
mod pipeline;
mod support;
