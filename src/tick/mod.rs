//! The domain: the tick of an exchange, its readers and its simulator.
//!
//! A tick is what an exchange says about one instrument at one moment: last price, the session's volume and OHLC, and
//! five levels of market depth. It comes as a JSON array, as NDJSON or as CSV in the `log_inf.csv` layout, and leaves as
//! one JSON object; JSON passes through as the bytes it came in.

mod csv;
mod error;
mod input;
mod json;
mod model;
mod reader;
mod sample;
mod simulator;
mod source;
mod time;
mod validate;
mod write;

pub use csv::{ColumnMap, ColumnMapError};
pub use error::{Place, Problem, ReadError};
pub use input::{InputFormat, LINE_BYTES_MAX, RECORD_BYTES_MAX};
pub use model::{Depth, Level, Tick, column_names};
pub use reader::{ReadOptions, TickReader, TickRecord};
pub use sample::{SAMPLE, SAMPLE_NAME, SAMPLE_TICKS, sample_options};
pub use simulator::{Hours, Simulator, SimulatorError, SimulatorOptions};
pub use source::{Survey, TickSource};
pub use time::{TimePolicy, TimeShift, default_zone, format_timestamp, parse_timestamp};
pub(crate) use write::write_line;
pub use write::{ConvertReport, WriteError, convert, generate};
