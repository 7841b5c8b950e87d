//! Doors for fuzzers: each takes any bytes and must neither panic nor take memory beyond proportion.

use super::import;

/// A file of saved objects, imported where there are none yet: once as it is, once as copies.
pub fn import(bytes: &[u8]) {
    if let Ok(objects) = import::read(bytes) {
        import::plan_for_fuzzing(objects);
    }
}
