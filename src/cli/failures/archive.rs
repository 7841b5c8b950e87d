//! `export` and `import`.

use std::path::Path;

use super::{consume, counts, kafka, output};
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::pipeline::{ArchiveError, RestoreError, SaveError};

/// A topic that could not be written into a file.
pub(in crate::cli) fn save(error: &SaveError, file: &Path) -> Failure {
    let failure = match error {
        SaveError::Kafka(error) => kafka(error),
        SaveError::Count(error) => counts(error),
        SaveError::Consume(crate::pipeline::ConsumeError::Write(error)) | SaveError::Write(error) => {
            output(&format!("`{}`", file.display()), error)
        }
        SaveError::Consume(error) => consume(error),
    };
    failure.left(format!("`{}` is as before", file.display()))
}

/// A file that is no whole archive.
pub(in crate::cli) fn archive(error: &ArchiveError, file: &Path) -> Failure {
    let name = file.display();
    match error {
        ArchiveError::Read(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Failure::new(ErrorId::DataNotFound, format!("there is no `{name}`")).tried(format!("open `{name}`"))
        }
        error => Failure::new(ErrorId::ArchiveInvalid, format!("`{name}` can't be put back"))
            .tried(format!("read `{name}`"))
            .got(error.to_string())
            .next("stockdev export FILE", "write it again, where the topic is")
            .next(format!("stockdev produce {name}"), "if it holds ticks, as JSON or CSV"),
    }
}

/// An archive that could not be put into a topic.
pub(in crate::cli) fn restore(error: &RestoreError, file: &Path, flag: &str) -> Failure {
    match error {
        RestoreError::Kafka(error) => kafka(error),
        RestoreError::Count(error) => counts(error),
        RestoreError::Archive(error) => archive(error, file),
        RestoreError::NotEmpty { .. } => Failure::new(ErrorId::TopicNotEmpty, error.to_string())
            .left("nothing was changed")
            .next(format!("stockdev down{flag} && stockdev up{flag} --no-stream"), "begin with an empty one")
            .next("stockdev import --topic OTHER FILE", "or put it beside"),
        RestoreError::Partitions { wanted, .. } => {
            Failure::new(ErrorId::TopicNotEmpty, error.to_string()).left("nothing was changed").next(
                format!("stockdev down{flag} && stockdev up{flag} --no-stream --partitions {wanted}"),
                "make it with as many",
            )
        }
        RestoreError::NotDelivered { topic, sent, reason, .. } => {
            Failure::new(ErrorId::PipelineFailed, error.to_string())
                .tried(format!("send to topic `{topic}`"))
                .got(reason.clone())
                .left(format!("{sent} messages before them are in the topic"))
                .next(format!("stockdev down{flag} && stockdev up{flag} --no-stream"), "begin again with an empty one")
        }
    }
}
