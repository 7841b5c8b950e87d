//! Formulas of Lens: text to columns, and the arithmetic over them.
//!
//! ```text
//! text -> parse (tree with positions) -> lower (checked; hidden columns, depth first)
//!      -> [search and answer] -> evaluate (per row)
//! ```
//!
//! The columns are those that Kibana itself makes of a text (`<id>X0`, `<id>X1`, ...), in its order, so that searches
//! and answers compare. What Kibana refuses is refused here, with the place in the text.

mod arguments;
mod error;
mod evaluate;
mod functions;
mod lower;
mod math;
mod parse;
mod tree;

pub use error::FormulaError;
pub use functions::names;
pub use lower::{Expanded, Within, expand, expand_within};
pub use math::{Expression, MathFunction};
