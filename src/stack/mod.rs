//! What answers at the endpoints, and what is recorded of it between commands.
