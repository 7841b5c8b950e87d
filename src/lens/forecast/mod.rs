//! The forecast panel: the last prices of each instrument, the continuation that a model predicts, and its interval.
//!
//! Kibana has no such panel, so the searches are our own; the rest is as in a Lens panel. The forecasts lie in an index beside
//! that of the ticks ([`index_of`]); whoever has made them has put them there.
//!
//! ```text
//! search::known -> Known    which instruments have forecasts, from when to when; none: there is no panel
//! search::latest -> Latest  of those the ones with the most ticks under range, query and filters, with their last price
//! Latest::window            what the charts show: some history, and the horizon
//! search::prices, search::forecasts -> figure
//! ```
//!
//! Filters and queries are about ticks. What they leave of the ticks decides which instruments are shown, so a forecast goes with
//! its instrument, and a filter on a field that forecasts lack needs no rule of its own.

mod answer;
mod figure;
mod model;
pub mod search;
#[cfg(test)]
mod tests;

pub use self::answer::{Known, Last, Latest, Window};
pub use self::figure::{draw, missed};
pub use self::model::{ForecastChart, ForecastFigure, ForecastLine, ForecastPoint, PriceLine};

use crate::lens::view::DataView;

/// The dashboard that has the panel, below its own ones: those of other authors are shown as they made them.
pub const DASHBOARD: &str = "stock-stream-dashboard";
/// The panel's id and title.
pub const PANEL: &str = "stockdev-forecast";
pub const TITLE: &str = "Forecast by instrument";

/// Charts that are drawn at most.
pub const CHARTS_MAX: usize = 12;

const TIME: &str = "timestamp";
const INSTRUMENT: &str = "instrument_token";
const PRICE: &str = "last_price";

/// The name of the index of the forecasts that belong to the ticks in the index `stream`.
///
/// It begins with another word, so that neither the template of the stream nor a data view `stock-*` takes it in.
pub fn index_name(stream: &str) -> String {
    format!("forecast-{stream}")
}

/// As [`index_name`]; `None` where `stream` is a pattern, or several indices.
pub fn index_of(stream: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let is_one = !stream.is_empty() && stream.chars().all(is_plain) && !stream.starts_with(['-', '_', '.']);
    is_one.then(|| index_name(stream))
}

/// Where the panel's data are.
#[derive(Debug, Clone)]
pub struct Places {
    /// Of the ticks.
    pub view: DataView,
    /// The data view's time field.
    pub time: String,
    /// Of the forecasts.
    pub index: String,
}

impl Places {
    /// `None` where the data view is none of ticks.
    pub fn of(view: &DataView) -> Option<Self> {
        let is_of_ticks = view.fields.contains_key(INSTRUMENT) && view.fields.contains_key(PRICE);
        let time = view.time_field.clone().filter(|_| is_of_ticks)?;
        Some(Self { view: view.clone(), time, index: index_of(&view.index)? })
    }
}
