//! BigQuery ML's numerics: linear regression and ARIMA_PLUS. No I/O, no SQL: typed columns in, models and rows out.
//!
//! A statement's options become [`ModelOptions`], its rows a [`Frame`], both a [`Model`] that serialises. Each `ML.X` function is a
//! method that gives a [`Table`]: fields with BigQuery's names, types and order, and rows.
//! What is approximated beside Google's service is said at the head of the file that does it.

mod error;
mod frame;
mod model;
mod options;
mod table;

pub(crate) mod arima;
pub(crate) mod linear;

pub(crate) use error::MlError;
pub(crate) use frame::Frame;
pub(crate) use model::Model;
pub(crate) use options::ModelOptions;
pub(crate) use table::Table;
