//! Google Cloud, or the servers that stand in for it: from flags and variables to an address.
//!
//! The rule that keeps an account safe: `--cloud gcp` alone reaches Google. Everything else asks a server at an address that
//! was given or that the project's own stack has, anonymously.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::context::{Context, Found};
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use crate::client::{GCLOUD_LOGIN, GoogleAddress, GoogleService};
use crate::cloud::{BucketName, DatasetName, ProjectId};
use crate::stack::Endpoints;

/// Names that need none of their own where nobody else's are.
pub(super) use crate::stack::embedded::CLOUD_PROJECT as EMBEDDED_PROJECT;
const EMBEDDED_BUCKET: &str = "stockdev-ticks";
const DATASET: &str = "stock_data";
const HEADING: &str = "Google Cloud";

/// `--cloud`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CloudChoice {
    /// Servers that stand in for Google's: the stack's own, or those that an endpoint names.
    Embedded,
    /// Google Cloud, with real credentials.
    Gcp,
}

#[derive(Args, Debug, Clone)]
#[command(next_help_heading = HEADING)]
pub(super) struct CloudArgs {
    /// Google Cloud itself, or the stack's own servers; real credentials are used with gcp only [default: embedded]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "embedded|gcp")]
    cloud: Option<CloudChoice>,
    /// Project at Google; left out, GOOGLE_CLOUD_PROJECT's
    #[arg(long, value_name = "PROJECT")]
    gcp_project: Option<ProjectId>,
    /// Bucket with the ticks; with the stack's own servers it needs none [stockdev-ticks]
    #[arg(long, value_name = "NAME")]
    bucket: Option<BucketName>,
    /// Where a bucket or dataset that is missing is made
    #[arg(long, value_name = "LOCATION", default_value = "EU", value_parser = parse_location, hide_short_help = true)]
    location: String,
    /// A server that stands in for Cloud Storage; left out, STORAGE_EMULATOR_HOST or the stack's own
    #[arg(long, value_name = "URL", hide_short_help = true)]
    gcs_endpoint: Option<String>,
    /// A server that stands in for BigQuery; left out, BIGQUERY_EMULATOR_HOST or the stack's own
    #[arg(long, value_name = "URL", hide_short_help = true)]
    bigquery_endpoint: Option<String>,
    /// Key file of a service account, instead of application default credentials
    #[arg(long, value_name = "FILE", hide_short_help = true, value_hint = clap::ValueHint::FilePath)]
    service_account: Option<PathBuf>,
    /// Act as this service account
    #[arg(long, value_name = "EMAIL", hide_short_help = true)]
    impersonate: Option<String>,
}

#[derive(Args, Debug, Clone)]
#[command(next_help_heading = HEADING)]
pub(super) struct DatasetArgs {
    /// Dataset of BigQuery, made where it is missing
    #[arg(long, value_name = "NAME", default_value = DATASET)]
    pub(super) dataset: DatasetName,
}

/// Google's locations are words of letters, digits and hyphens.
fn parse_location(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        true => Ok(text.to_owned()),
        false => Err("expected a location such as EU, US or europe-west1".to_owned()),
    }
}

impl CloudArgs {
    /// Whether Google itself is asked.
    pub(super) fn is_google(&self) -> bool {
        self.cloud == Some(CloudChoice::Gcp)
    }

    /// Whether it was said where the cloud is.
    pub(super) fn is_given(&self) -> bool {
        self.cloud.is_some()
    }

    /// For a command on its own: a flag wins over the variables of Google's tools, and those over the project's running stack.
    /// Nothing is dialled.
    pub(super) fn address(&self, cx: &Context) -> Result<GoogleAddress, Failure> {
        let stack = Found::look(&cx.project())?.endpoints();
        self.resolve(cx, |flag, variable, own| flag.or(variable).or(own), stack.as_ref())
    }

    /// For `up`, which knows its stack: its servers win over variables, which may point at another one.
    pub(super) fn address_in(&self, stack: &Endpoints, cx: &Context) -> Result<GoogleAddress, Failure> {
        self.resolve(cx, |flag, variable, own| flag.or(own).or(variable), Some(stack))
    }

    fn resolve(
        &self,
        cx: &Context,
        first: impl Fn(Option<String>, Option<String>, Option<String>) -> Option<String>,
        stack: Option<&Endpoints>,
    ) -> Result<GoogleAddress, Failure> {
        let google = self.is_google();
        self.check_together(google)?;
        if google {
            let project =
                self.given_project()?.ok_or_else(|| missing("--gcp-project", "export GOOGLE_CLOUD_PROJECT=PROJECT"))?;
            if let Some(name) =
                ["STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST"].into_iter().find(|name| is_set(name))
            {
                cx.report.note(&format!("{name} is set, but not used: --cloud gcp asks Google itself"));
            }
            let address = GoogleAddress::of_google(project, &self.location, self.service_account.clone());
            return Ok(address.acting_as(self.impersonate.clone()));
        }
        say_unused_credentials(cx);
        let own = |of: fn(&Endpoints) -> &Option<String>| stack.and_then(|stack| of(stack).clone());
        let gcs = first(self.gcs_endpoint.clone(), emulator("STORAGE_EMULATOR_HOST"), own(|stack| &stack.gcs));
        let bigquery =
            first(self.bigquery_endpoint.clone(), emulator("BIGQUERY_EMULATOR_HOST"), own(|stack| &stack.bigquery));
        let project = self.given_project()?.unwrap_or_else(|| EMBEDDED_PROJECT.to_owned());
        let address = GoogleAddress::of_servers(gcs.as_deref(), bigquery.as_deref(), project, &self.location);
        address.map_err(|error| failures::google(&error))
    }

    /// The bucket that is meant at that address.
    pub(super) fn bucket(&self, address: &GoogleAddress) -> Result<BucketName, Failure> {
        match &self.bucket {
            Some(bucket) => Ok(bucket.clone()),
            // Names of buckets are shared by everybody: there is none to suggest.
            None if address.is_google() => Err(missing("--bucket", "export STOCKDEV_BUCKET=NAME")),
            None => EMBEDDED_BUCKET.parse().map_err(internal),
        }
    }

    pub(super) fn given_bucket(&self) -> Option<&BucketName> {
        self.bucket.as_ref()
    }

    fn given_project(&self) -> Result<Option<String>, Failure> {
        if let Some(project) = &self.gcp_project {
            return Ok(Some(project.to_string()));
        }
        match std::env::var("GOOGLE_CLOUD_PROJECT").ok().filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => match value.parse::<ProjectId>() {
                Ok(project) => Ok(Some(project.to_string())),
                Err(error) => Err(Failure::new(ErrorId::Usage, format!("GOOGLE_CLOUD_PROJECT: {error}"))
                    .left("nothing was done")
                    .next("stockdev gcs push --gcp-project PROJECT", "name another")),
            },
        }
    }

    /// Flags that contradict each other.
    fn check_together(&self, google: bool) -> Result<(), Failure> {
        let endpoint = [
            (self.gcs_endpoint.is_some(), "--gcs-endpoint"),
            (self.bigquery_endpoint.is_some(), "--bigquery-endpoint"),
        ];
        let key =
            [(self.service_account.is_some(), "--service-account"), (self.impersonate.is_some(), "--impersonate")];
        let first =
            |flags: [(bool, &'static str); 2]| flags.into_iter().find_map(|(given, flag)| given.then_some(flag));
        let wrong = match google {
            true => first(endpoint)
                .map(|flag| (flag, "names a server that stands in for Google's", "leave out --cloud gcp")),
            false => first(key).map(|flag| (flag, "is for Google itself", "add --cloud gcp")),
        };
        match wrong {
            None => Ok(()),
            Some((flag, why, remedy)) => Err(Failure::new(ErrorId::Usage, format!("{flag} {why}: {remedy}"))
                .left("nothing was done")
                .next("stockdev gcs push --help", "what goes together")),
        }
    }
}

/// The names in a script for this address.
pub(super) fn project_id(address: &GoogleAddress) -> Result<ProjectId, Failure> {
    address.project().parse().map_err(internal)
}

fn internal(error: crate::cloud::NameError) -> Failure {
    Failure::new(ErrorId::Internal, error.to_string())
}

/// What Google needs to know and nobody said.
fn missing(flag: &'static str, variable: &'static str) -> Failure {
    Failure::new(ErrorId::CloudNotSetUp, format!("Google Cloud is asked for, but {flag} is missing"))
        .left("nothing was sent")
        .next(format!("stockdev gcs push --cloud gcp {flag} NAME"), "name it")
        .next(variable, "or once for all commands")
        .next("stockdev gcs push", "without an account: the stack's own servers")
}

/// Whether a server is there to be asked, said before anything is dialled.
pub(super) fn need(address: &GoogleAddress, service: GoogleService, cx: &Context) -> Result<(), Failure> {
    if address.endpoint_is_known(service) {
        return Ok(());
    }
    let (flag, command) = match service {
        GoogleService::Storage => ("--gcs-endpoint URL", "gcs push"),
        GoogleService::BigQuery => ("--bigquery-endpoint URL", "bigquery run"),
    };
    let project = &cx.global.project;
    let failure = Failure::new(ErrorId::NotRunning, format!("project `{project}` has no running server for {service}"));
    Err(failure
        .left("nothing was sent")
        .next(format!("stockdev up{} --stack embedded", cx.project_flag()), "start the stack's own")
        .next(format!("stockdev {command} {flag}"), "name one")
        .next(format!("stockdev {command} --cloud gcp --gcp-project PROJECT --bucket NAME"), "or ask Google itself"))
}

fn emulator(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty()).map(|value| with_scheme(&value))
}

/// Go's client takes the variable without a scheme.
fn with_scheme(value: &str) -> String {
    if value.contains("://") { value.to_owned() } else { format!("http://{value}") }
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Somebody with an account should know that it is left alone.
fn say_unused_credentials(cx: &Context) {
    let seen = if is_set("GOOGLE_APPLICATION_CREDENTIALS") {
        Some("GOOGLE_APPLICATION_CREDENTIALS is set".to_owned())
    } else {
        let path = std::env::home_dir().map(|home| home.join(GCLOUD_LOGIN)).filter(|path| path.is_file());
        path.map(|path| format!("`{}` is there", path.display()))
    };
    if let Some(seen) = seen {
        cx.report.note(&format!("{seen}, but not used: only --cloud gcp reaches Google"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulators_address_may_lack_its_scheme() {
        assert_eq!(with_scheme("localhost:4443"), "http://localhost:4443");
        assert_eq!(with_scheme("https://localhost:4443"), "https://localhost:4443");
    }

    #[test]
    fn the_names_for_the_stacks_own_servers_are_names() {
        assert!(EMBEDDED_BUCKET.parse::<BucketName>().is_ok());
        assert!(EMBEDDED_PROJECT.parse::<ProjectId>().is_ok());
        assert!(DATASET.parse::<DatasetName>().is_ok());
    }
}
