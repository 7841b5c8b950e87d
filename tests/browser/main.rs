//! The dashboard's page in a real browser: headless Chromium, driven over WebDriver, before an embedded stack that the
//! built binary started. Where Chromium or chromedriver is missing, each test says so and passes over, unless
//! `STOCKDEV_REQUIRE_BROWSER=1` makes that a failure.

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
#[path = "../it/support/http.rs"]
#[allow(dead_code, reason = "shared with the other target")]
mod http;

mod driver;
mod objects;
mod page;
mod stage;
mod truth;

mod data;
mod filters;
mod forecast;
mod foreign;
mod links;
mod live;
mod looks;
