//! The one place that writes to standard output and standard error.
//!
//! A reader that leaves (`stockdev consume | head`) is a quiet success: after the first broken pipe nothing more is
//! written to that stream, and [`Printer::reader_left`] lets a command that only produces output stop early.

use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

/// Both output streams, with what became of them.
#[derive(Debug, Default)]
pub struct Printer {
    out_closed: AtomicBool,
    err_closed: AtomicBool,
}

impl Printer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `text` and a line end to standard output.
    pub fn out(&self, text: &str) {
        if self.reader_left() {
            return;
        }
        let mut stream = io::stdout().lock();
        let written =
            stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(b"\n")).and_then(|()| stream.flush());
        note_closed(written, &self.out_closed);
    }

    /// Writes `value` as one line of JSON to standard output.
    pub fn json_line<T: Serialize>(&self, value: &T) {
        let text = serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
        self.out(&text);
    }

    /// Writes `text` and a line end to standard error.
    pub fn talk(&self, text: &str) {
        if self.err_closed.load(Ordering::Relaxed) {
            return;
        }
        let mut stream = io::stderr().lock();
        let written = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(b"\n"));
        note_closed(written, &self.err_closed);
    }

    /// A buffered writer to standard output, for data in bulk.
    pub fn data(&self) -> DataWriter<'_> {
        DataWriter { printer: self, buffer: BufWriter::with_capacity(64 * 1024, io::stdout()) }
    }

    /// Whether the reader of standard output has gone away.
    pub fn reader_left(&self) -> bool {
        self.out_closed.load(Ordering::Relaxed)
    }
}

fn note_closed(written: io::Result<()>, closed: &AtomicBool) {
    if written.is_err() {
        closed.store(true, Ordering::Relaxed);
    }
}

/// See [`Printer::data`]. A broken pipe is reported to the caller once, and remembered by the printer.
#[derive(Debug)]
pub struct DataWriter<'a> {
    printer: &'a Printer,
    buffer: BufWriter<io::Stdout>,
}

impl DataWriter<'_> {
    fn remember<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            self.printer.out_closed.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for DataWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.buffer.write(bytes);
        self.remember(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.buffer.flush();
        self.remember(flushed)
    }
}
