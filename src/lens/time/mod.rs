//! Time as a dashboard writes it: date math (`now-1d/d`), intervals of histograms (`auto`, `30s`), time shifts
//! (`1d`, `previous`), durations (`15m`). Also the width of a histogram of numbers, which follows a rule of the same
//! kind.
//!
//! Pure: what is *now* and which zone holds are told by the caller. Neighbours: the scope resolves its range here, the
//! layer its intervals and shifts.

mod date_math;
mod error;
mod interval;
mod iso;
mod number;
mod shift;
mod unit;

pub use date_math::parse_date_math;
pub use error::TimeError;
pub use interval::{Interval, auto_interval, interval};
pub use number::number_interval;
pub(crate) use shift::check_shift;
pub use shift::{shift, shift_over_histogram};
pub use unit::duration_ms;
