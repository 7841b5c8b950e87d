//! `explain`: every error that stockdev can end with, its exit code and its page.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::failure::Failure;

/// Explain an error: what it means, why it happens, what helps
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  stockdev explain PORT_TAKEN\n  stockdev explain            list all")]
pub(super) struct ExplainArgs {
    /// The id in an error's first line, such as PORT_TAKEN; left out, all are listed
    id: Option<String>,
}

macro_rules! error_ids {
    ($($variant:ident $name:literal $code:literal $page:literal)*) => {
        /// What went wrong. Stable: scripts match on the names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorId { $($variant),* }

        impl ErrorId {
            pub const ALL: &[ErrorId] = &[$(ErrorId::$variant),*];

            /// As errors, documents and `explain` name it.
            pub fn name(self) -> &'static str {
                match self { $(ErrorId::$variant => $name),* }
            }

            /// The exit code that goes with it.
            pub fn exit_code(self) -> u8 {
                match self { $(ErrorId::$variant => $code),* }
            }

            /// What it means, why it happens, what helps.
            pub fn page(self) -> &'static str {
                match self { $(ErrorId::$variant => $page),* }
            }
        }
    };
}

error_ids! {
    Usage "USAGE" 2
"The command line can't be understood: a misspelt command or flag, a value of the wrong kind, or two that exclude each
other. `stockdev COMMAND --help` lists what there is, with examples. Commands are never guessed or abbreviated."
    ConfigInvalid "CONFIG_INVALID" 2
"A settings file can't be read or has a key or value that stockdev does not know. Each flag has a key of the same name:
flags of every command at the top level, those of one command in a table named as it:

    project = \"demo\"
    [up]
    port-base = 9300

`stockdev paths` shows which files are read. Flags win over variables, those over the project's file, that over the user's."
    SecretExposed "SECRET_EXPOSED" 2
"Secrets are not taken on the command line, where every user of the machine can read them. Put the secret into a file and
write `--elasticsearch-password @FILE`, or `-` to read it from standard input, or set the variable of the flag, such as
STOCKDEV_ELASTICSEARCH_PASSWORD."
    DataNotFound "DATA_NOT_FOUND" 2
"The file with the ticks is not there or may not be read. It was looked at before anything was started. Without `--data`,
`up` streams the sample that is inside the program."
    DataInvalid "DATA_INVALID" 1
"A tick can't be read. The error names file, line and, where known, column and value. Nothing after that place was sent;
what was sent before it stays. `--skip-invalid` counts such ticks and goes on without them; `stockdev convert FILE --map
COLUMN=FIELD` reads other layouts."
    ArchiveInvalid "ARCHIVE_INVALID" 1
"The file is not what `stockdev export` writes, was cut off or damaged, or was written by a newer stockdev. A file is read
to its end before anything is sent, so nothing was changed; from standard input it can't be, and what came before the
damage is in the topic. Files with ticks are for `stockdev produce` and `up --data`."
    TopicNotEmpty "TOPIC_NOT_EMPTY" 1
"An archive is put back as it was: each message at its place, in a topic that holds nothing yet and has at least as many
partitions. `stockdev up --no-stream` makes such a topic; `import --topic` names another one."
    NotRunning "NOT_RUNNING" 3
"The project has no running stack, so there is no endpoint to talk to. `stockdev up` starts it, `stockdev ls` lists the
projects of this machine, `--project NAME` picks another, `--kafka`, `--elasticsearch`, `--gcs-endpoint` and
`--bigquery-endpoint` name endpoints directly. Only the embedded stack has servers that stand in for Google's."
    Degraded "DEGRADED" 4
"The stack runs but a part of it does not answer, or documents wait to be indexed. `stockdev status` says which,
`stockdev logs SERVICE` why. A service that ends by itself is started again up to five times a minute."
    DeadLetters "DEAD_LETTERS" 5
"Elasticsearch rejected some documents. Nothing is lost: each is in the topic stock-stream-dlq, with the reason and the
place it came from in its headers. `stockdev consume --topic stock-stream-dlq` shows them. The usual reason is a value
that does not fit the mapping, see `stockdev template show`."
    NoEngine "NO_ENGINE" 10
"The docker stack was demanded but no container engine answers. It is looked for as docker's own command does: DOCKER_HOST,
DOCKER_CONTEXT, the current context, then the usual sockets of Docker, Podman, Colima, OrbStack, Rancher and Lima.
`stockdev doctor` lists every address tried and why it did not do. `--stack embedded` needs no engine."
    EngineFailed "ENGINE_FAILED" 1
"The container engine refused a request or stopped answering; the message quotes it. `stockdev doctor` looks at the engine.
What this run had made was removed again, unless the message says otherwise; `stockdev down` removes whatever is left."
    ImageUnavailable "IMAGE_UNAVAILABLE" 12
"A container image is not on this machine and could not be pulled, or was not to be (`--offline`, `--pull never`). The
message names every image that is missing. A pull is given up after 30 seconds without a byte, never for its length.
Behind a registry's rate limit, `docker login` helps; `--stack embedded` needs no images."
    CredentialsLost "CREDENTIALS_LOST" 1
"Containers of a secured stack run, but the file with their credentials is gone, with the project's state folder. They can't
be made up again from the containers. `stockdev down` removes the stack and its data; `up --secure` makes another."
    LowMemory "LOW_MEMORY" 13
"The machine, or the virtual machine in which the container engine runs, has too little memory for the services. The message
says how much there is and how much they need. Give the engine more, leave Kibana out (`--without kibana`), or use
`--stack embedded`, which runs in well under 150 MB with the sample."
    PortTaken "PORT_TAKEN" 11
"Another program listens on a port that the stack needs. stockdev never moves to another port by itself, because clients
would then talk to the wrong server. `--port-base N` uses N and the numbers after it, `--ports auto` takes free ones and
remembers them, or stop the program that the error names."
    CannotListen "CANNOT_LISTEN" 1
"The stack can't listen on an address: it is not this machine's, or the port is below 1024 and needs rights. Look at
`--listen` and `--port-base`."
    StateUnwritable "STATE_UNWRITABLE" 13
"The state folder can't be written: read only, owned by another user, or not a folder. `stockdev paths` shows it;
XDG_STATE_HOME moves it."
    DiskFull "DISK_FULL" 13
"The disk with the state folder is full. What was acknowledged is on disk. Free some space and run `stockdev up` again:
it goes on where it stopped. `stockdev down` removes the project's data."
    StateTooNew "STATE_TOO_NEW" 1
"A newer stockdev wrote this project's state. An older one won't guess at its data. Use the newer one, or remove the
project with it (`stockdev down`)."
    Deadline "DEADLINE" 14
"A phase made no progress for as long as `--timeout` allows. What runs is left running, so that it can be looked at:
`stockdev status`, `stockdev logs`. A slow machine may need a longer `--timeout`."
    ServiceDied "SERVICE_DIED" 15
"A process of the stack ended by itself. Its own reason is in the message and in its log. Acknowledged data is on disk:
`stockdev up` goes on from there."
    ServiceFailed "SERVICE_FAILED" 1
"A service could not open its data. Its own reason is in the message. If its files are damaged and the data may go,
`stockdev down` removes them."
    ProjectBusy "PROJECT_BUSY" 16
"Another stockdev is changing this project right now: one command at a time. Wait for it, or end it; a lock never
outlives its process. `--project NAME` works on another one."
    EndpointUnreachable "ENDPOINT_UNREACHABLE" 1
"An endpoint does not answer, or refuses the credentials. For the embedded stack, `stockdev status` says what is up. For an
external one look at the address, the network and the credentials:

    --kafka-property security.protocol=SASL_SSL --kafka-property sasl.mechanism=SCRAM-SHA-512
    --kafka-property sasl.username=NAME --kafka-property sasl.password=@FILE
    --elasticsearch-user NAME --elasticsearch-password @FILE, or --elasticsearch-api-key @FILE
    --ca-cert FILE

or the same as variables (STOCKDEV_KAFKA_PROPERTY holds several, separated by semicolons) and in stockdev.toml."
    KafkaFailed "KAFKA_FAILED" 1
"Kafka answered with an error, which the message quotes. `stockdev logs kafka` may say more."
    ElasticsearchFailed "ELASTICSEARCH_FAILED" 1
"Elasticsearch answered with an error, which the message quotes. `stockdev logs elasticsearch` may say more."
    KibanaFailed "KIBANA_FAILED" 1
"Kibana answered with an error, which the message quotes. `stockdev logs kibana` may say more."
    DashboardRejected "DASHBOARD_REJECTED" 1
"Kibana did not take the dashboard. The message names each object and why. On a conflict or a missing reference nothing at
all was written. Objects from a newer Kibana can't go into an older one."
    CloudNotSetUp "CLOUD_NOT_SET_UP" 20
"Google Cloud was asked for with `--cloud gcp`, but project, bucket or credentials are missing. The project is --gcp-project
or GOOGLE_CLOUD_PROJECT, the bucket --bucket. Credentials are Google's usual ones, or a key file, perhaps to act as another
account:

    gcloud auth application-default login
    export GOOGLE_APPLICATION_CREDENTIALS=KEY.json
    stockdev gcs push --cloud gcp --service-account KEY.json --impersonate NAME@PROJECT.iam.gserviceaccount.com

Without `--cloud gcp` no account is needed and none is used: the same commands ask the stack's own servers."
    CloudRefused "CLOUD_REFUSED" 20
"Google knows who asks, but does not allow it; its words are in the message. The account needs roles/storage.admin on the
project (or the bucket) for `gcs push`, and roles/bigquery.user, roles/bigquery.dataEditor and roles/storage.objectViewer
for `bigquery run`. The project needs a billing account, and the APIs switched on:

    gcloud services enable storage.googleapis.com bigquery.googleapis.com"
    CloudFailed "CLOUD_FAILED" 1
"Cloud Storage or BigQuery answered with an error, which the message quotes, or what is there does not fit: an object that
somebody else changes at the same time, a bucket that holds another topic of the same name, a dataset in another location
than the bucket. Names of buckets are shared by everybody: one that is taken by somebody else can't be used."
    ScriptInvalid "SCRIPT_INVALID" 2
"A script can't be sent. Its placeholders are `${project}`, `${dataset}` and `${bucket}`, filled from --gcp-project, --dataset and
--bucket; any other, or one that is not closed, is an error. All scripts are checked before the first one is run."
    ScriptFailed "SCRIPT_FAILED" 1
"BigQuery rejected a statement. The message has its words, and the place in the script's own file. What the statements
before it did is done: run the script again, the shipped ones replace what they make. `--dry-run` checks a script without
running it."
    KafkaTlsMissing "KAFKA_TLS_MISSING" 2
"The cluster needs TLS, or a SASL mechanism other than PLAIN, and this stockdev was built without them: they need OpenSSL
inside librdkafka. Build it with the feature: `cargo install --path . --features kafka-tls` (needs perl)."
    SmokeFailed "SMOKE_FAILED" 1
"A check of `stockdev smoke` failed: a part of the pipeline gave a wrong result or could not be asked. The report names each
check, with what was expected and what came. `--junit FILE` writes it for CI."
    PipelineFailed "PIPELINE_FAILED" 1
"The stream or the indexer stopped with an error, which the message quotes. What was acknowledged is kept; running the same
command again goes on from there."
    CountMismatch "COUNT_MISMATCH" 1
"After streaming and indexing, the numbers of messages and documents do not agree. Another program may have written to
the topic or the index meanwhile. `stockdev status` shows the counts, `stockdev down` and `stockdev up` start afresh."
    CommandNotStarted "COMMAND_NOT_STARTED" 1
"`exec` could not start the command: it is not there or may not be run. The stack was taken down again."
    UnknownId "UNKNOWN_ID" 2
"`explain` knows no error of that name. `stockdev explain` lists all."
    LogNotFound "LOG_NOT_FOUND" 3
"There is no such log: the service has not run in this project, or its name is another. Logs are removed by `down`."
    OutputFailed "OUTPUT_FAILED" 1
"A file or stream could not be written. The message names it and the system's reason."
    Interrupted "INTERRUPTED" 130
"Ctrl-C (SIGINT) came before the command was done. What this run had started was stopped again."
    Terminated "TERMINATED" 143
"SIGTERM came before the command was done. What this run had started was stopped again."
    Internal "INTERNAL" 1
"A mistake in stockdev itself. Please report it, with the message and what you did."
}

impl ErrorId {
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.name().eq_ignore_ascii_case(name))
    }
}

pub(super) fn run(args: &ExplainArgs, cx: &Context) -> Result<u8, Failure> {
    let Some(name) = &args.id else {
        cx.result(&list_text(), &json!(ErrorId::ALL.iter().map(|id| document(*id)).collect::<Vec<_>>()));
        return Ok(0);
    };
    let id = ErrorId::find(name).ok_or_else(|| {
        Failure::new(ErrorId::UnknownId, format!("there is no error `{name}`"))
            .next("stockdev explain", "list all errors")
    })?;
    let text = format!("{} (exit code {})\n\n{}", id.name(), id.exit_code(), id.page());
    cx.result(&text, &document(id));
    Ok(0)
}

fn document(id: ErrorId) -> serde_json::Value {
    json!({"id": id.name(), "exit_code": id.exit_code(), "page": id.page()})
}

fn list_text() -> String {
    let row = |id: &ErrorId| {
        let first = id.page().replace('\n', " ");
        let sentence = first.split_once(". ").map_or(first.as_str(), |(head, _)| head);
        let sentence = sentence.split_once(": ").map_or(sentence, |(head, _)| head);
        format!("{:<22} {:>3}  {}", id.name(), id.exit_code(), sentence.trim_end_matches('.'))
    };
    ErrorId::ALL.iter().map(row).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_name_of_its_own_and_a_page_that_fits_a_screen() {
        for (place, id) in ErrorId::ALL.iter().enumerate() {
            assert!(id.name().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{}", id.name());
            assert_eq!(ErrorId::find(id.name()), Some(*id));
            assert!(ErrorId::ALL.iter().take(place).all(|other| other.name() != id.name()));
            assert!(id.page().len() > 60 && id.page().lines().all(|line| line.len() <= 130), "{}", id.name());
            assert_ne!(id.exit_code(), 0);
        }
    }
}
