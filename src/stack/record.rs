//! What is recorded of a project: `state.json` in its folder.
//!
//! Written as a whole, atomically, before each resource is made. The background processes write their own small files
//! (`server.json`, `live.json`), so that killing the command that starts one loses nothing.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::docker::{EngineTls, Images, Service};
use super::embedded::ServerFile;
use super::endpoints::{Endpoints, StackKind};
use super::files::{FileError, read_if_there, replace_file};
use super::folders::ProjectFolders;
use super::ports::ServicePorts;
use super::process::ProcessId;

/// The format this program writes. A higher one is refused: its data is not for us to guess at.
pub const FORMAT: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("`{}` has format {found}, this stockdev knows formats up to {FORMAT}: a newer stockdev wrote it", path.display())]
    TooNew { path: PathBuf, found: u64 },
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(transparent)]
    File(#[from] FileError),
}

/// A project, as recorded between commands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub format: u32,
    pub project: String,
    pub stack: StackKind,
    /// Where `up` was run.
    pub folder: PathBuf,
    pub listen: Option<String>,
    pub ports: PortsRecord,
    /// Where the embedded servers keep their data.
    pub data: PathBuf,
    pub ephemeral: bool,
    /// The broker syncs to disk before it acknowledges.
    #[serde(default)]
    pub fsync: bool,
    /// What was streamed, oldest first; the last one may be unfinished.
    pub streams: Vec<StreamRecord>,
    /// Addresses of an external stack.
    #[serde(default)]
    pub endpoints: Option<Endpoints>,
    /// What this project made on an external stack, or was about to.
    #[serde(default)]
    pub created: CreatedRecord,
    #[serde(default)]
    pub live: Option<LiveRecord>,
    /// The docker stack's own.
    #[serde(default)]
    pub docker: Option<DockerRecord>,
}

/// What was asked for of the docker stack, so that the next `up` asks for the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerRecord {
    /// The address of the engine that runs it.
    pub engine: String,
    /// What proves to that engine who we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<EngineTls>,
    pub images: Images,
    pub services: Vec<Service>,
    /// Elasticsearch asks for the credentials in `credentials.json`.
    pub secure: bool,
    /// Containers are being made: what the engine is asked for may appear after we have died.
    pub changing: bool,
}

/// What was not there before this project: recorded before it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedRecord {
    pub topic: bool,
    pub dead_letter_topic: bool,
    pub index: bool,
    pub template: bool,
    /// The index of forecasts.
    #[serde(default)]
    pub forecasts: bool,
}

/// The ports of the embedded and the docker stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortsRecord {
    /// Whether they were chosen freely (`--ports auto`).
    pub auto: bool,
    #[serde(flatten)]
    pub ports: ServicePorts,
}

/// One stream into the topic: the plan is recorded before the first tick goes, so that it can be resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamRecord {
    pub source: StreamSource,
    /// The pipeline's own: how far each partition reached before the first tick.
    pub base: serde_json::Value,
    /// How far the ticks' times are shifted, in microseconds; absent while not decided.
    pub shift_micros: Option<i64>,
    pub done: bool,
    /// Ticks acknowledged, once done.
    pub sent: u64,
}

impl StreamRecord {
    /// Of messages that came another way, and so are not streamed again.
    pub fn unknown(sent: u64) -> Self {
        let base = serde_json::Value::Null;
        Self { source: StreamSource::Unknown, base, shift_micros: None, done: true, sent }
    }
}

/// What was streamed, told apart from what is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum StreamSource {
    Sample,
    /// A file as it was: another length or time makes it another source.
    File {
        path: PathBuf,
        bytes: u64,
        modified_ms: u64,
    },
    Simulated {
        ticks: u64,
    },
    Stdin,
    /// The record was lost; only the count is known.
    Unknown,
}

/// The live stream that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRecord {
    pub rate: Option<f64>,
}

/// What the live stream's process says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveFile {
    pub process: ProcessId,
}

impl Record {
    /// Reads the record, `None` when there is none.
    pub fn load(folders: &ProjectFolders) -> Result<Option<Self>, RecordError> {
        let path = folders.record();
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        parse(&path, &bytes).map(Some)
    }

    pub fn save(&self, folders: &ProjectFolders) -> Result<(), FileError> {
        let bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        replace_file(&folders.record(), &bytes)
    }

    /// The last stream, if one was begun.
    pub fn last_stream(&self) -> Option<&StreamRecord> {
        self.streams.last()
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Record, RecordError> {
    let damaged = |reason: String| RecordError::Damaged { path: path.to_owned(), reason };
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        None => return Err(damaged("it names no format".into())),
        Some(found) if found > u64::from(FORMAT) => return Err(RecordError::TooNew { path: path.to_owned(), found }),
        Some(_) => {}
    }
    serde_json::from_value(value).map_err(|error| damaged(error.to_string()))
}

/// Reads a file that a background process writes about itself; a damaged one counts as absent, because that process
/// writes it anew at its next start.
pub(super) fn read_own_file<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    Ok(read_if_there(path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

impl LiveFile {
    pub fn load(folders: &ProjectFolders) -> Result<Option<Self>, FileError> {
        read_own_file(&folders.live())
    }
}

impl ServerFile {
    pub fn load(folders: &ProjectFolders) -> Result<Option<Self>, FileError> {
        read_own_file(&folders.server())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn record() -> Record {
        Record {
            format: FORMAT,
            project: "p".into(),
            stack: StackKind::Embedded,
            folder: "/here".into(),
            listen: None,
            ports: PortsRecord {
                auto: false,
                ports: ServicePorts { kafka: 9092, elasticsearch: 9200, ..ServicePorts::default() },
            },
            data: "/data".into(),
            ephemeral: false,
            fsync: true,
            streams: vec![StreamRecord {
                source: StreamSource::File { path: "/t.csv".into(), bytes: 7, modified_ms: 8 },
                base: serde_json::json!([0]),
                shift_micros: Some(-5),
                done: true,
                sent: 2000,
            }],
            endpoints: None,
            created: CreatedRecord { topic: true, ..CreatedRecord::default() },
            live: None,
            docker: None,
        }
    }

    #[test]
    fn a_record_survives_the_disk() {
        let bytes = serde_json::to_vec_pretty(&record()).unwrap();
        assert_eq!(parse(Path::new("state.json"), &bytes).unwrap(), record());
    }

    #[test]
    fn any_torn_record_is_damaged_and_never_half_read() {
        let bytes = serde_json::to_vec_pretty(&record()).unwrap();
        for length in 0..bytes.len() {
            let result = parse(Path::new("state.json"), &bytes[..length]);
            assert!(matches!(result, Err(RecordError::Damaged { .. })), "{length}: {result:?}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_with_a_sentence() {
        let error = parse(Path::new("state.json"), br#"{"format":2,"anything":[]}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`state.json` has format 2, this stockdev knows formats up to 1: a newer stockdev wrote it"
        );
    }
}
