//! The domain: the tick, its readers and its simulator.
