//! The background process's logs: one file a service, bounded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// The logs that exist, by service; the first one is the process itself.
pub const LOG_NAMES: [&str; 7] = ["stockdev", "kafka", "elasticsearch", "kibana", "gcs", "bigquery", "live"];
/// A log that grew beyond this is moved aside, and the one moved aside before is dropped.
const BYTES_MAX: u64 = 16 << 20;

/// The log of a service in the folder `logs`.
pub fn log_path(logs: &Path, name: &str) -> PathBuf {
    logs.join(format!("{name}.log"))
}

/// Hands each event's text to the log of the service it came from.
#[derive(Clone, Debug)]
pub(super) struct Logs {
    files: Arc<Vec<Mutex<BoundedFile>>>,
}

impl Logs {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let files = LOG_NAMES.iter().map(|name| BoundedFile::open(log_path(folder, name)).map(Mutex::new));
        Ok(Self { files: Arc::new(files.collect::<io::Result<_>>()?) })
    }
}

fn place(target: &str) -> usize {
    let service = |name: &str| target.starts_with(&format!("stockdev::server::{name}")) || target == name;
    LOG_NAMES.iter().position(|name| service(name)).unwrap_or(0)
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = LogWriter;

    fn make_writer(&'a self) -> LogWriter {
        LogWriter { files: Arc::clone(&self.files), place: 0 }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> LogWriter {
        LogWriter { files: Arc::clone(&self.files), place: place(meta.target()) }
    }
}

/// Writes one event.
#[derive(Debug)]
pub(super) struct LogWriter {
    files: Arc<Vec<Mutex<BoundedFile>>>,
    place: usize,
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = self.files.get(self.place) else { return Ok(bytes.len()) };
        file.lock().unwrap_or_else(PoisonError::into_inner).append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct BoundedFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl BoundedFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, file, length })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.length >= BYTES_MAX {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *self = Self::open(std::mem::take(&mut self.path))?;
        }
        self.file.write_all(bytes)?;
        self.length += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_go_to_the_log_of_their_service() {
        for (target, name) in [
            ("stockdev::server::kafka::storage", "kafka"),
            ("stockdev::server::elasticsearch", "elasticsearch"),
            ("kafka", "kafka"),
            ("stockdev::server::gcs::store", "gcs"),
            ("stockdev::stack", "stockdev"),
            ("hyper", "stockdev"),
        ] {
            assert_eq!(LOG_NAMES[place(target)], name, "{target}");
        }
    }

    #[test]
    fn a_log_is_moved_aside_when_it_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kafka.log");
        let mut file = BoundedFile::open(path.clone()).unwrap();
        file.length = BYTES_MAX;
        file.append(b"after\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after\n");
        assert!(folder.path().join("kafka.log.1").exists());
    }
}
