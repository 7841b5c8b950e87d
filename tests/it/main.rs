//! What a user or a client sees. One binary: each one links everything.

mod architecture;
mod pipeline;
