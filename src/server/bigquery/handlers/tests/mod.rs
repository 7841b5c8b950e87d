//! Each route through a socket.

mod complaints;
mod data;
mod hostile;
mod jobs;
mod meta;
mod queries;
mod uploads;
