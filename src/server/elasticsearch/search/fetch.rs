//! Fetching: what of a document a hit shows, and how.

mod hit;
mod options;
mod source;
mod values;

pub(crate) use self::hit::{Fetcher, Hit, ObjectWriter, read_failure, score_text};
pub(crate) use self::options::{FetchOptions, FieldRequest};
pub(crate) use self::source::SourceFilter;
