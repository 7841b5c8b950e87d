//! What goes wrong with Google Cloud, or with the servers that stand in for it.

use super::{consume, counts, read};
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::client::{GoogleError, GoogleService};
use crate::cloud::{BigQueryError, GcsError, PlaceholderProblem, ScriptError};

/// A client's error.
pub(in crate::cli) fn google(error: &GoogleError) -> Failure {
    match error {
        GoogleError::Url { .. } | GoogleError::NoEndpoint { .. } => {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev gcs push --help", "how endpoints are named")
        }
        GoogleError::Credentials { reason } => {
            Failure::new(ErrorId::CloudNotSetUp, "there are no usable Google credentials")
                .got(reason.clone())
                .left("nothing was sent")
                .next("gcloud auth application-default login", "log in as yourself")
                .next(
                    "stockdev gcs push --cloud gcp --service-account KEY.json",
                    "or take a service account's key file",
                )
                .next("stockdev gcs push", "without an account: the stack's own servers")
        }
        GoogleError::Build { .. } => Failure::new(ErrorId::Internal, error.to_string()),
        GoogleError::Unreachable { service, url, request, reason } => {
            Failure::new(ErrorId::EndpointUnreachable, format!("{service} does not answer at {url}"))
                .tried(request.clone())
                .got(reason.clone())
                .next("stockdev status", "see what answers")
                .next(format!("curl -i {url}"), "ask it with another tool")
        }
        GoogleError::Denied { service, request, status, reason } => {
            let role = match service {
                GoogleService::Storage => "roles/storage.admin",
                GoogleService::BigQuery => "roles/bigquery.admin",
            };
            Failure::new(ErrorId::CloudRefused, format!("{service} refused the request ({status})"))
                .tried(request.clone())
                .got(reason.clone())
                .next("stockdev explain CLOUD_REFUSED", "which rights and settings it takes")
                .next(
                    format!("gcloud projects add-iam-policy-binding PROJECT --member=user:YOU --role={role}"),
                    "grant them",
                )
        }
        GoogleError::Refused { service: GoogleService::Storage, url, request, status: 404, reason } => {
            Failure::new(ErrorId::CloudFailed, "there is no such bucket or object")
                .tried(format!("{request}, at {url}"))
                .got(reason.clone())
                .next("stockdev gcs push", "make the bucket and put ticks into it")
                .next("stockdev gcs ls --bucket OTHER", "or look into another one")
        }
        GoogleError::Refused { service, url, request, status, reason } => {
            Failure::new(ErrorId::CloudFailed, format!("{service} answered with status {status}"))
                .tried(format!("{request}, at {url}"))
                .got(reason.clone())
                .next("stockdev explain CLOUD_FAILED", "what the usual reasons are")
        }
    }
}

/// A push into a bucket.
pub(in crate::cli) fn gcs(error: &GcsError) -> Failure {
    let failed = || Failure::new(ErrorId::CloudFailed, error.to_string());
    match error {
        GcsError::Google(error) => google(error),
        GcsError::Name(_) => Failure::new(ErrorId::Usage, error.to_string()),
        GcsError::Read(error) => read(error).left("nothing was sent"),
        GcsError::Spool(source) => Failure::new(ErrorId::DiskFull, error.to_string())
            .tried(format!("write below `{}`", std::env::temp_dir().display()))
            .got(source.to_string())
            .left("nothing was sent")
            .next("export TMPDIR=DIR", "use a disk with more space"),
        GcsError::Changed { .. } => {
            failed().left("nothing was overwritten").next("stockdev gcs push", "again, over what is there now")
        }
        GcsError::OtherTopic { .. } => failed()
            .left("nothing was sent")
            .next("stockdev gcs push --from-topic --bucket OTHER", "into another bucket")
            .next("stockdev gcs ls", "see what is there"),
        GcsError::Stalled(_) => Failure::new(ErrorId::Deadline, format!("the upload stands still: {error}"))
            .left("the object is as it was before")
            .next("stockdev gcs push --timeout 10m", "give it more time"),
        // The command itself says by what it was interrupted.
        GcsError::Cancelled => Failure::new(ErrorId::Interrupted, "interrupted"),
        GcsError::Consume(error) => consume(error),
        GcsError::Count(error) => counts(error),
        GcsError::Task(_) => Failure::new(ErrorId::Internal, error.to_string()),
    }
}

/// A script that is not sent.
pub(in crate::cli) fn script(error: &ScriptError) -> Failure {
    let invalid = |message: String| Failure::new(ErrorId::ScriptInvalid, message).left("nothing was run");
    match error {
        ScriptError::Empty { .. } => invalid(error.to_string()).next("stockdev bigquery run --help", "what can be run"),
        ScriptError::Placeholder { problem, excerpt, .. } => {
            let failure = invalid(error.to_string()).got(excerpt.clone());
            match problem {
                PlaceholderProblem::NoValue(name) => {
                    failure.next(format!("stockdev bigquery run --{name} NAME"), "name it")
                }
                PlaceholderProblem::Unknown(_) | PlaceholderProblem::Unterminated => {
                    failure.next("stockdev explain SCRIPT_INVALID", "what placeholders there are")
                }
            }
        }
    }
}

/// A script that was sent.
pub(in crate::cli) fn bigquery(error: &BigQueryError) -> Failure {
    match error {
        BigQueryError::Google(error) => google(error),
        BigQueryError::Failed { script, reason, message, place, excerpt, job, statements_done } => {
            let place = place.map(|place| format!(":{place}")).unwrap_or_default();
            let got = excerpt
                .as_ref()
                .map_or_else(|| message.clone(), |excerpt| format!("{}\n{excerpt}", first_line(message)));
            let left = match statements_done {
                0 => "nothing of the script was done".to_owned(),
                1 => "the statement before it was done".to_owned(),
                number => format!("the {number} statements before it were done"),
            };
            let failure = Failure::new(ErrorId::ScriptFailed, format!("BigQuery rejects {script}{place} ({reason})"))
                .tried(format!("job {job}"))
                .got(got)
                .left(left);
            match reason.as_str() {
                "bytesBilledLimitExceeded" => {
                    failure.next("stockdev bigquery run --max-bytes-billed 10GB", "allow it to read more")
                }
                "notFound" => {
                    failure.next("stockdev bigquery run", "run all five in order, each makes what the next reads")
                }
                _ => failure,
            }
            .next(format!("stockdev bigquery run --dry-run {script}"), "check it without running it")
        }
        BigQueryError::TooLate { job, .. } => Failure::new(ErrorId::Deadline, error.to_string())
            .tried(format!("job {job}"))
            .left("the job was asked to end")
            .next("stockdev bigquery run --timeout 1h", "give it more time"),
        // The command itself says by what it was interrupted.
        BigQueryError::Cancelled { job, .. } => {
            Failure::new(ErrorId::Interrupted, error.to_string()).left(format!("job {job} was asked to end"))
        }
        BigQueryError::Location { found, .. } => Failure::new(ErrorId::CloudFailed, error.to_string())
            .left("nothing was run")
            .next("stockdev bigquery run --dataset OTHER", "another dataset, made beside the bucket")
            .next(
                format!("stockdev gcs push --location {found} --bucket OTHER"),
                "or another bucket, beside the dataset",
            ),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
