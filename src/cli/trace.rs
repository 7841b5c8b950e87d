//! What the parts of the program log, on standard error: with `-vv`, and in the live stream's process, whose standard
//! error is its log.

use std::io::{self, Write};
use std::sync::Arc;

use tracing::Level;

use super::Command;
use super::context::Context;
use crate::report::Printer;

/// From which level on this run logs, if at all.
pub(super) fn level(command: &Command, cx: &Context) -> Option<Level> {
    match command {
        Command::Live(_) => Some(Level::INFO),
        _ if cx.global.verbose > 1 => Some(Level::DEBUG),
        _ => None,
    }
}

pub(super) fn start(printer: &Arc<Printer>, level: Level) {
    let printer = Arc::clone(printer);
    let lines = move || Lines { printer: Arc::clone(&printer), text: Vec::new() };
    let subscriber = tracing_subscriber::fmt().with_writer(lines).with_ansi(false).with_max_level(level).finish();
    // Only the first subscriber counts; there is no other.
    let _already_set = tracing::subscriber::set_global_default(subscriber).is_err();
}

/// One event, handed to the printer when it is whole.
struct Lines {
    printer: Arc<Printer>,
    text: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.printer.talk(String::from_utf8_lossy(&self.text).trim_end());
    }
}
