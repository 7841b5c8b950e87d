//! Palettes: named ones ([`named`]), bands of values ([`bands`]) and colours of series and categories ([`series`]).

pub(super) mod bands;
pub(super) mod named;
pub(super) mod series;
