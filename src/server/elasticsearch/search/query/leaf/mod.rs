//! Queries at the bottom of a plan, as tantivy runs them: documents by a column, by terms, and scored terms and phrases.

mod bitmap;
mod boosting;
mod columns;
mod constant;
mod scored;
mod terms;

pub(crate) use self::boosting::BoostingLeaf;
pub(crate) use self::columns::{ColumnTest, HasColumn, NumberColumn, NumberLeaf};
pub(crate) use self::constant::Constant;
pub(crate) use self::scored::{Phrase, ScoredBoolean, ScoredField, ScoredTerm};
pub(crate) use self::terms::{TermScan, TermSet};
