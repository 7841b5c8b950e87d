//! stockdev: the whole real-time stock pipeline in one command.
//!
//! The table of contents. Arrows go one way: `cli` -> `stack`, `setup`, `cloud`, `pipeline` -> `tick`; `server` depends on none
//! of them and only `stack::embedded` starts it (`tests/it/architecture.rs` holds this).

pub mod cli;
pub mod client;
pub mod cloud;
pub mod config;
pub mod lens;
pub mod pipeline;
pub mod report;
pub mod server;
pub mod setup;
pub mod stack;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tick;
