//! Settings from flags, variables, files and defaults, resolved once.
