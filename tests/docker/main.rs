//! The docker stack against a real engine: what `up` makes, what `down` leaves, and what is there after every kind of
//! accident. Where no engine answers or images are missing, each test says so and passes over, unless
//! `STOCKDEV_REQUIRE_ENGINE=1` makes that a failure.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::let_underscore_must_use,
    reason = "a test fails by panic and may talk"
)]

#[path = "../it/cli_support.rs"]
#[allow(dead_code, reason = "shared with the other target")]
mod cli_support;

mod accidents;
mod engine;
mod errors;
mod kibana;
mod lifecycle;
mod parity;
mod registry;
mod secure;
