//! What a run does, as events; and the renderers that show them.
//!
//! A command tells [`Report`] about its phases. `Report` keeps the times for the final document and hands each event to
//! one renderer for people on standard error (bars, plain lines, or nothing) and, when asked for, to one for programs on
//! standard output. Only this folder knows indicatif, and only [`Printer`] writes to the two streams.

mod bars;
mod event;
mod github;
mod lines;
mod numbers;
mod printer;
mod run;
mod style;

pub use event::{Event, Phase, PhaseState, PhaseTime};
pub use github::{Annotation, GitHub, cell as markdown_cell};
pub use numbers::{bytes, count, counted, seconds};
pub use printer::{DataWriter, Printer};
pub use run::{Report, Running};
pub use style::{ColorChoice, Looks, OutputFormat, Progress, ProgressChoice, Terminal};
