//! `ARIMA_PLUS`: series on an equal grid, cleaned, split into seasons and a trend, the trend an ARIMA model of lowest AIC.
//!
//! Approximated beside Google's service, whose inner tests are not published: how a frequency is inferred (`grid`), what counts as a
//! spike, a dip or a step (`clean`), when a season counts and how it continues (`season`). Candidates, likelihood, AIC, forecasts and
//! intervals are exact. Holiday effects are not modelled.

mod bounds;
mod candidate;
mod clean;
mod evaluate;
mod explain;
mod grid;
mod kalman;
mod kpss;
mod minimise;
mod model;
mod normal;
mod options;
mod polynomial;
mod prepare;
mod report;
mod season;
mod series;
#[cfg(test)]
mod tests;

pub(crate) use model::ArimaModel;
pub(crate) use options::ArimaOptions;
