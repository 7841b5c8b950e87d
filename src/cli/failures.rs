//! Every module's errors, turned into what a person is told. No wildcard arms: a new kind of error needs a new sentence.

mod archive;
mod cloud;
mod engine;

use std::io;

use super::explain::ErrorId;
use super::failure::Failure;
use crate::client::{ElasticsearchClientError, KafkaClientError, KibanaClientError};
use crate::pipeline::{ConsumeError, CountError, FormatError, IndexError, ProduceError, ResumeError};
use crate::setup::{DashboardError, RejectedObject, SetupError};
use crate::stack::docker::EngineSearch;
use crate::stack::embedded::{ServeFailure, StartError};
use crate::stack::external::ExternalError;
use crate::stack::{FileError, Folders, LockError, PortSource, ProjectFolders, RecordError, listening_holder};
use crate::tick::{ReadError, WriteError};

pub(super) use archive::*;
pub(super) use cloud::*;
pub(super) use engine::*;

/// A file of the state folder.
pub(super) fn file(error: &FileError) -> Failure {
    if error.source.kind() == io::ErrorKind::StorageFull {
        return disk_full(&error.to_string());
    }
    Failure::new(ErrorId::StateUnwritable, error.to_string())
        .tried(format!("{} `{}`", error.action, error.path.display()))
        .got(error.source.to_string())
        .next("stockdev paths", "show the folders in use")
        .next("export XDG_STATE_HOME=DIR", "put the state elsewhere")
}

fn disk_full(got: &str) -> Failure {
    Failure::new(ErrorId::DiskFull, "the disk is full")
        .got(got)
        .next("df -h", "see which one")
        .next("stockdev up", "go on, once there is space")
}

pub(super) fn record(error: &RecordError) -> Failure {
    match error {
        RecordError::TooNew { .. } => Failure::new(ErrorId::StateTooNew, error.to_string())
            .left("nothing was changed")
            .next("stockdev version", "this one's version"),
        RecordError::Damaged { .. } => Failure::new(ErrorId::StateUnwritable, error.to_string())
            .next("stockdev up", "repair it")
            .next("stockdev down", "remove the project"),
        RecordError::File(error) => file(error),
    }
}

pub(super) fn lock(error: &LockError, project: &str) -> Failure {
    match error {
        LockError::Busy { holder } => {
            let failure =
                Failure::new(ErrorId::ProjectBusy, format!("another stockdev is changing project `{project}`"))
                    .got(holder.map_or_else(|| "it did not say which".to_owned(), |pid| format!("pid {pid} holds it")))
                    .left("nothing was changed");
            let failure = match holder {
                Some(pid) => failure.next(format!("kill {pid}"), "end it"),
                None => failure,
            };
            failure.next("stockdev ls", "list the projects")
        }
        LockError::File(error) => file(error),
    }
}

pub(super) fn external(error: &ExternalError) -> Failure {
    Failure::new(ErrorId::Usage, error.to_string()).next("stockdev --help", "how endpoints are named")
}

/// No container engine, though one was demanded: what was asked, and why the first one did not do.
pub(super) fn no_engine(search: &EngineSearch) -> Failure {
    const SHOWN: usize = 3;
    let failure = Failure::new(ErrorId::NoEngine, "no container engine answers");
    let mut tried: Vec<&str> = search.tried.iter().take(SHOWN).map(|tried| tried.address.as_str()).collect();
    let more = search.tried.len().saturating_sub(SHOWN);
    let more_text = format!("{more} more");
    if more > 0 {
        tried.push(&more_text);
    }
    // Where only one was asked, it matters who named it.
    let source = match search.tried.as_slice() {
        [only] => format!(" (from {})", only.source),
        _ => String::new(),
    };
    let failure = match search.tried.first() {
        Some(first) => failure.tried(format!("{}{source}", tried.join(", "))).got(first.why.to_string()),
        None => failure.got("nowhere to ask"),
    };
    failure
        .next("stockdev doctor", "every address asked, and what helps")
        .next("stockdev up --stack embedded", "the same protocols, no engine needed")
        .next("stockdev up --stack external --kafka HOST:PORT --elasticsearch URL", "servers you run")
}

/// The background process could not be started.
pub(super) fn start(error: &StartError, ports: &PortSource, folders: &Folders, project: &ProjectFolders) -> Failure {
    let log = crate::stack::embedded::log_path(&project.logs(), "stockdev");
    let failure = match error {
        StartError::File(error) => return file(error),
        StartError::Failed(failure) => serve(failure, ports, folders),
        StartError::Spawn(error) => {
            Failure::new(ErrorId::Internal, "cannot start the background process").got(error.to_string())
        }
        StartError::Died { status } => {
            Failure::new(ErrorId::ServiceDied, "the background process ended while it started")
                .got(last_lines(&log).unwrap_or_else(|| status.clone()))
                .next("stockdev logs", "read why")
        }
        StartError::TooLate(limit) => {
            Failure::new(ErrorId::Deadline, format!("the servers did not start within {} s", limit.as_secs()))
                .next("stockdev logs", "read why")
                .next("stockdev up --timeout 10m", "give them more time")
        }
    };
    failure.left("nothing is left running").log(log)
}

fn serve(failure: &ServeFailure, ports: &PortSource, folders: &Folders) -> Failure {
    match failure {
        ServeFailure::PortTaken { service, address, port, reason } => {
            port_taken(service, address, *port, reason, ports, folders)
        }
        ServeFailure::CannotListen { address, reason, .. } => Failure::new(ErrorId::CannotListen, failure.to_string())
            .tried(format!("bind {address} ({})", ports.describe()))
            .got(reason.clone())
            .next("stockdev up --port-base 9300", "use other ports"),
        ServeFailure::CannotOpen { reason, disk_full: true, .. } => disk_full(reason),
        ServeFailure::CannotOpen { service, reason, disk_full: false } => {
            Failure::new(ErrorId::ServiceFailed, format!("{service} cannot open its data"))
                .got(reason.clone())
                .next(format!("stockdev logs {}", service.to_lowercase()), "read more")
                .next("stockdev down --keep-data", "stop what may still hold the data; then `up` again")
                .next("stockdev down", "or remove the data and start afresh")
        }
        ServeFailure::Ended { service, code } => Failure::new(ErrorId::ServiceDied, failure.to_string())
            .got(format!("exit code {code}, from inside the background process"))
            .next(format!("stockdev logs {service}"), "read more"),
        ServeFailure::Other { reason } => Failure::new(ErrorId::ServiceDied, "the background process gave up")
            .got(reason.clone())
            .next("stockdev logs", "read why"),
    }
}

fn port_taken(service: &str, address: &str, port: u16, reason: &str, ports: &PortSource, folders: &Folders) -> Failure {
    let holder = listening_holder(port, folders);
    let got = match &holder {
        Some(holder) => match &holder.project {
            Some(project) => format!("{reason}, by stockdev project `{project}` (pid {})", holder.pid),
            None => format!("{reason}, by pid {} \"{}\"", holder.pid, holder.command),
        },
        None => format!("{reason}, by a process that this user may not see"),
    };
    let base = if (9300..=9304).contains(&port) { 9400 } else { 9300 };
    let failure = Failure::new(ErrorId::PortTaken, format!("{service} cannot listen on {address}"))
        .tried(format!("bind {address} ({})", ports.describe()))
        .got(got)
        .next("stockdev up --ports auto", "take free ports")
        .next(format!("stockdev up --port-base {base}"), "choose ports");
    match holder {
        Some(holder) => match holder.project {
            Some(project) => failure.next(format!("stockdev down --project {project}"), "stop that project"),
            None => failure.next(format!("kill {}", holder.pid), "free this one"),
        },
        None => failure.next(format!("ss -ltnp 'sport = :{port}'"), "see who has it"),
    }
}

/// The last lines of a log, to quote.
pub(super) fn last_lines(log: &std::path::Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    let text = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(text)
}

/// A file that the user named.
pub(super) fn data_file(path: &std::path::Path, error: &io::Error) -> Failure {
    Failure::new(ErrorId::DataNotFound, format!("cannot read `{}`", path.display()))
        .tried(format!("open `{}`", path.display()))
        .got(error.to_string())
        .left("nothing was started")
        .next("stockdev up", "stream the sample that is inside the program")
}

/// Output that could not be written. A reader that left is no failure: the caller looks at the printer.
pub(super) fn output(what: &str, error: &io::Error) -> Failure {
    let id = if error.kind() == io::ErrorKind::StorageFull { ErrorId::DiskFull } else { ErrorId::OutputFailed };
    Failure::new(id, format!("cannot write {what}")).got(error.to_string())
}

/// A Kafka client's error.
pub(super) fn kafka(error: &KafkaClientError) -> Failure {
    match error {
        KafkaClientError::Properties(_) => {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev --help", "how --kafka-property is given")
        }
        KafkaClientError::TlsMissing { property } => {
            Failure::new(ErrorId::KafkaTlsMissing, "this stockdev was built without TLS and SCRAM for Kafka")
                .tried(format!("--kafka-property {property}"))
                .got(error.to_string())
                .left("nothing was dialled")
                .next("cargo install --path . --features kafka-tls", "build it with them (needs perl)")
        }
        KafkaClientError::Unreachable { bootstrap, reason, .. } => {
            let failure = Failure::new(ErrorId::EndpointUnreachable, format!("Kafka does not answer at {bootstrap}"))
                .tried(format!("asked {bootstrap}"))
                .got(reason.clone());
            match security_hint(reason) {
                Some((command, why)) => failure.next(command, why),
                None => failure.next("stockdev status", "see what answers"),
            }
            .next(format!("kcat -L -b {bootstrap}"), "ask it with another tool")
        }
        KafkaClientError::Unauthorized { bootstrap, reason } => {
            Failure::new(ErrorId::EndpointUnreachable, "Kafka refused the credentials")
                .tried(format!("asked {bootstrap} with the properties of --kafka-property"))
                .got(reason.clone())
                .next("stockdev explain ENDPOINT_UNREACHABLE", "how credentials are given")
        }
        KafkaClientError::Refused { what, reason, .. } => {
            Failure::new(ErrorId::KafkaFailed, "Kafka answered with an error")
                .tried(what.clone())
                .got(reason.clone())
                .next("stockdev logs kafka", "read more")
        }
        KafkaClientError::NoSuchTopic { topic } => {
            Failure::new(ErrorId::KafkaFailed, format!("the topic `{topic}` is not there"))
                .next("stockdev up", "create it and stream the sample")
        }
        KafkaClientError::Interrupted(_) => Failure::new(ErrorId::Internal, error.to_string()),
    }
}

/// What librdkafka's words say about a wrong `security.protocol`: what to try, and why.
fn security_hint(reason: &str) -> Option<(&'static str, &'static str)> {
    let (hung_up, state) = (reason.contains("Disconnected"), |state| reason.contains(&format!("in state {state}")));
    // A listener that wants TLS hangs up on the first request, one that wants a user on the one behind it.
    let reason = match hung_up {
        true if state("APIVERSION_QUERY") => "connecting to a SSL listener",
        true if state("SSL_HANDSHAKE") => "connecting to a PLAINTEXT",
        true if state("UP") => "might require SASL",
        _ => reason,
    };
    let hints = [
        (
            "connecting to a SSL listener",
            "--kafka-property security.protocol=SSL",
            "the broker may want TLS (or SASL_SSL)",
        ),
        (
            "connecting to a PLAINTEXT",
            "--kafka-property security.protocol=PLAINTEXT",
            "the broker does not speak TLS (or SASL_PLAINTEXT)",
        ),
        (
            "might require SASL",
            "--kafka-property security.protocol=SASL_PLAINTEXT",
            "the broker wants a user (or SASL_SSL): see `explain`",
        ),
        (
            "certificate verify failed",
            "--ca-cert FILE",
            "the certificate authority that the broker's certificate is from",
        ),
    ];
    hints.iter().find(|(sign, ..)| reason.contains(sign)).map(|(_, command, why)| (*command, *why))
}

/// An Elasticsearch client's error.
pub(super) fn elasticsearch(error: &ElasticsearchClientError) -> Failure {
    match error {
        ElasticsearchClientError::Url { .. } | ElasticsearchClientError::CaCert { .. } => {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev --help", "how endpoints are named")
        }
        ElasticsearchClientError::Build(_) => Failure::new(ErrorId::Internal, error.to_string()),
        ElasticsearchClientError::Unreachable { url, request, reason } => {
            Failure::new(ErrorId::EndpointUnreachable, format!("Elasticsearch does not answer at {url}"))
                .tried(request.clone())
                .got(reason.clone())
                .next("stockdev status", "see what answers")
                .next(format!("curl {url}"), "ask it with another tool")
        }
        ElasticsearchClientError::Unauthorized { status, reason, .. } => {
            Failure::new(ErrorId::EndpointUnreachable, format!("Elasticsearch refused the credentials ({status})"))
                .got(reason.clone())
                .next("stockdev explain ENDPOINT_UNREACHABLE", "how credentials are given")
        }
        ElasticsearchClientError::WrongService { url, request, status, found } => {
            Failure::new(ErrorId::EndpointUnreachable, format!("what answers at {url} is not Elasticsearch"))
                .tried(request.clone())
                .got(format!("status {status}, `{found}`"))
                .next(format!("curl {url}"), "see what it is")
        }
        ElasticsearchClientError::Refused { request, status, reason, .. } => {
            Failure::new(ErrorId::ElasticsearchFailed, format!("Elasticsearch answered with status {status}"))
                .tried(request.clone())
                .got(reason.clone())
                .next("stockdev logs elasticsearch", "read more")
        }
    }
}

/// Topic and template.
pub(super) fn setup(error: &SetupError) -> Failure {
    match error {
        SetupError::Kafka(error) => kafka(error),
        SetupError::Elasticsearch(error) => elasticsearch(error),
        SetupError::NotReady { .. } => {
            Failure::new(ErrorId::Deadline, error.to_string()).next("stockdev logs kafka", "read why")
        }
        SetupError::NotOurs { index } => Failure::new(ErrorId::ElasticsearchFailed, error.to_string())
            .next(format!("curl -X DELETE \"$ELASTICSEARCH_URL/{index}\""), "remove it, if nobody needs it"),
        SetupError::Forecasts { .. } => Failure::new(ErrorId::ElasticsearchFailed, error.to_string()),
        SetupError::Template(_) => Failure::new(ErrorId::Internal, error.to_string()),
    }
}

/// A Kibana client's error.
pub(super) fn kibana(error: &KibanaClientError) -> Failure {
    match error {
        KibanaClientError::Url { .. } | KibanaClientError::CaCert { .. } => {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev --help", "how endpoints are named")
        }
        KibanaClientError::Build(_) => Failure::new(ErrorId::Internal, error.to_string()),
        KibanaClientError::Unreachable { url, request, reason } => {
            Failure::new(ErrorId::EndpointUnreachable, format!("Kibana does not answer at {url}"))
                .tried(request.clone())
                .got(reason.clone())
                .next(format!("curl {url}/api/status"), "ask it with another tool")
        }
        KibanaClientError::NotReady { url, request, reason } => {
            Failure::new(ErrorId::EndpointUnreachable, format!("Kibana at {url} is not ready"))
                .tried(request.clone())
                .got(reason.clone())
                .next(format!("curl {url}/api/status"), "see how it is; it takes a minute to boot")
        }
        KibanaClientError::Unauthorized { status, reason, .. } => {
            Failure::new(ErrorId::EndpointUnreachable, format!("Kibana refused the credentials ({status})"))
                .tried("the user or API key of Elasticsearch, which Kibana takes as well")
                .got(reason.clone())
                .next("stockdev explain ENDPOINT_UNREACHABLE", "how credentials are given")
        }
        KibanaClientError::WrongService { url, request, status, found } => {
            Failure::new(ErrorId::EndpointUnreachable, format!("what answers at {url} is not Kibana"))
                .tried(request.clone())
                .got(format!("status {status}, `{found}`"))
                .next(format!("curl -i {url}/api/status"), "see what it is; a base path is part of the address")
        }
        KibanaClientError::Refused { request, status, reason, .. } => {
            Failure::new(ErrorId::KibanaFailed, format!("Kibana answered with status {status}"))
                .tried(request.clone())
                .got(reason.clone())
                .next("stockdev logs kibana", "read more")
        }
    }
}

/// Saved objects that did not get into Kibana.
pub(super) fn dashboard(error: &DashboardError) -> Failure {
    let rejected = || Failure::new(ErrorId::DashboardRejected, error.to_string());
    match error {
        DashboardError::Kibana(error) => kibana(error),
        DashboardError::File(_) => {
            rejected().left("nothing was sent").next("stockdev dashboard show", "see a file that Kibana takes")
        }
        DashboardError::NoSuchSpace { space, there } => rejected()
            .got(format!("there are: {}", there.join(", ")))
            .left("nothing was written")
            .next("stockdev dashboard import --space default", "import into the default one")
            .next(format!("stockdev dashboard import --space {space}"), "once it was made, under Stack Management"),
        DashboardError::FileRefused { status, reason } => {
            Failure::new(ErrorId::DashboardRejected, format!("Kibana refused the file ({status})"))
                .tried("POST /api/saved_objects/_import")
                .got(reason.clone())
                .left("nothing was written")
                .next("stockdev explain DASHBOARD_REJECTED", "what the reasons are")
        }
        DashboardError::Rejected { rejected: objects, written } => {
            let line = |object: &RejectedObject| format!("{} `{}`: {}", object.kind, object.id, object.why);
            let mut lines: Vec<String> = objects.iter().take(3).map(line).collect();
            if let (Some(last), true) = (lines.last_mut(), objects.len() > 3) {
                last.push_str(&format!("; and {} more", objects.len() - 3));
            }
            let left = match written.len() {
                0 => "nothing was written".to_owned(),
                1 => "the other object was written".to_owned(),
                number => format!("the other {number} objects were written"),
            };
            rejected()
                .tried("POST /api/saved_objects/_import")
                .got(lines.join("\n"))
                .left(left)
                .next("stockdev explain DASHBOARD_REJECTED", "what the reasons are")
        }
    }
}

pub(super) fn counts(error: &CountError) -> Failure {
    match error {
        CountError::Kafka(error) => kafka(error),
        CountError::Elasticsearch(error) => elasticsearch(error),
    }
}

/// A source of ticks that can't be read.
pub(super) fn read(error: &ReadError) -> Failure {
    match error {
        ReadError::Open { file, source } => data_file(std::path::Path::new(file.as_ref()), source),
        ReadError::Simulator(_) => {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev generate --help", "what is possible")
        }
        ReadError::Io { .. } | ReadError::Empty { .. } | ReadError::Unrecognised { .. } | ReadError::Header { .. } => {
            Failure::new(ErrorId::DataInvalid, error.to_string())
                .next("stockdev explain DATA_INVALID", "what can be read")
        }
        ReadError::Record { place, problem } => Failure::new(ErrorId::DataInvalid, format!("{place}: {problem}"))
            .tried(format!("read the tick at {}:{}", place.file, place.line))
            .got(problem.to_string())
            .next("stockdev produce --skip-invalid FILE", "pass over such ticks, and count them"),
    }
}

pub(super) fn resume(error: &ResumeError) -> Failure {
    match error {
        ResumeError::Partitions { .. } | ResumeError::Shrunk { .. } => {
            Failure::new(ErrorId::PipelineFailed, "the last stream can't be gone on with")
                .got(error.to_string())
                .next("stockdev up --replay", "stream it again as a whole")
                .next("stockdev down", "remove all and start afresh")
        }
    }
}

pub(super) fn produce(error: &ProduceError) -> Failure {
    match error {
        ProduceError::Kafka(error) => kafka(error),
        ProduceError::Pace(_) => {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev produce --help", "what goes together")
        }
        ProduceError::Resume(error) => resume(error),
        ProduceError::Read { source, sent } => read(source).left(format!("{sent} ticks were sent before")),
        ProduceError::Thread(_) => Failure::new(ErrorId::Internal, error.to_string()),
        ProduceError::NotDelivered { topic, sent, unsent, reason, .. } => {
            Failure::new(ErrorId::PipelineFailed, format!("{unsent} ticks were not acknowledged"))
                .tried(format!("send to topic `{topic}`"))
                .got(reason.clone())
                .left(format!("{sent} ticks were sent"))
                .next("stockdev status", "see what answers")
                .next("stockdev up", "go on where it stopped")
        }
    }
}

pub(super) fn consume(error: &ConsumeError) -> Failure {
    let usage =
        || Failure::new(ErrorId::Usage, error.to_string()).next("stockdev consume --help", "what goes together");
    match error {
        ConsumeError::Kafka(error) => kafka(error),
        ConsumeError::NoSuchPartition { .. } | ConsumeError::WithGroup(_) | ConsumeError::StoredWithoutGroup => usage(),
        ConsumeError::Write(error) => output("standard output", error),
        ConsumeError::Read { .. } => {
            Failure::new(ErrorId::KafkaFailed, error.to_string()).next("stockdev logs kafka", "read why")
        }
    }
}

pub(super) fn write(error: &WriteError) -> Failure {
    match error {
        WriteError::Read(error) => read(error).left("what came before it was written"),
        WriteError::Simulator(_) => {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev generate --help", "what is possible")
        }
        WriteError::Write(error) => output("the ticks", error),
        WriteError::Encode(_) => Failure::new(ErrorId::Internal, error.to_string()),
    }
}

pub(super) fn format(error: &FormatError) -> Failure {
    Failure::new(ErrorId::Usage, error.to_string()).next("stockdev consume --help", "the formats")
}

pub(super) fn index(error: &IndexError) -> Failure {
    match error {
        IndexError::Kafka(error) => kafka(error),
        IndexError::Elasticsearch(error) => elasticsearch(error),
        IndexError::DeadLetter(_) => {
            Failure::new(ErrorId::PipelineFailed, "rejected documents can't be kept as dead letters")
                .got(error.to_string())
                .left("their offsets are not committed: they are read again")
                .next("stockdev logs kafka", "read why")
        }
        IndexError::Read { .. } => {
            Failure::new(ErrorId::KafkaFailed, error.to_string()).next("stockdev logs kafka", "read why")
        }
        IndexError::Commit { .. } => Failure::new(ErrorId::PipelineFailed, error.to_string())
            .left("what was not committed is indexed again under the same ids")
            .next("stockdev index --until-caught-up", "commit it"),
        IndexError::Thread(_) | IndexError::Task(_) => Failure::new(ErrorId::Internal, error.to_string()),
    }
}
