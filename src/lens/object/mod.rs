//! Kibana's saved objects, read for showing: dashboards with their panels and controls, and data views.
//!
//! Kibana keeps JSON inside JSON strings and ids beside the things that they belong to, in a list of named references.
//! Here both are undone: what comes out holds values and ids. A dashboard fails as a whole only when its own attributes
//! are broken; a panel that can't be read or shown says why in its place.

mod content;
mod control;
mod dashboard;
mod data_view;
mod error;
mod json;
mod lens_panel;
mod panel;
mod reference;
#[cfg(test)]
mod tests;

pub use content::{LibraryItem, Markdown, PanelContent};
pub use control::{Chaining, Control, ControlKind, ControlWidth, Controls, OptionsList};
pub use dashboard::{Dashboard, Options, Refresh, SavedTime, Section};
pub use error::ObjectError;
pub use lens_panel::{LensLayer, LensPanel};
pub use panel::{Grid, Panel};
pub use reference::Reference;
