//! Where Google Cloud Storage and BigQuery are, who asks, and what their clients' errors mean.
//!
//! One rule keeps a real account safe: an endpoint that is given (an embedded server, an emulator) is always asked anonymously;
//! Google's own endpoints are only dialled by an address made with [`GoogleAddress::of_google`], which the user has to ask for.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use google_cloud_auth::credentials::{self, Credentials, anonymous, impersonated, service_account};
use google_cloud_gax::error::{Error, rpc::Code};
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_policy::{RetryPolicyArg, RetryPolicyExt as _};
use google_cloud_storage::retry_policy::RetryableErrors;

use super::http::{client_builder, innermost};

/// How often a request is sent at most. Google's own clients try a refused connection for five minutes.
const ATTEMPTS: u32 = 5;
/// How long one attempt of a request without much data may take.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to get a token.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(15);
/// Where gcloud keeps a login for programs, below the home folder.
pub(crate) const GCLOUD_LOGIN: &str = ".config/gcloud/application_default_credentials.json";
/// A key file is a few kilobytes.
const KEY_BYTES_MAX: u64 = 1 << 20;

/// Which of Google's services an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoogleService {
    Storage,
    BigQuery,
}

impl fmt::Display for GoogleService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GoogleService::Storage => "Google Cloud Storage",
            GoogleService::BigQuery => "BigQuery",
        })
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum GoogleCredentials {
    Anonymous,
    /// Application default credentials: GOOGLE_APPLICATION_CREDENTIALS, gcloud's login, or the machine's own account.
    Default,
    /// The key file of a service account.
    ServiceAccount(PathBuf),
}

/// Google Cloud, or servers that stand in for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleAddress {
    /// `None` is Google's own, as below.
    gcs: Option<String>,
    bigquery: Option<String>,
    project: String,
    /// Where buckets and datasets are made: `EU`, `US`, `europe-west1`.
    location: String,
    credentials: GoogleCredentials,
    /// The service account to act as.
    impersonate: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum GoogleError {
    #[error("`{url}` is no address of {service}: expected http://HOST:PORT or https://HOST:PORT, without credentials")]
    Url { service: GoogleService, url: String },
    #[error("there is no server of {service} to ask")]
    NoEndpoint { service: GoogleService },
    #[error("Google's credentials can't be used: {reason}")]
    Credentials { reason: String },
    #[error("a client of {service} can't be made: {reason}")]
    Build { service: GoogleService, reason: String },
    #[error("{service} at {url} did not answer {request}: {reason}")]
    Unreachable { service: GoogleService, url: String, request: String, reason: String },
    #[error("{service} refused {request} ({status}): {reason}")]
    Denied { service: GoogleService, request: String, status: u16, reason: String },
    #[error("{service} answered {request} with {status}: {reason}")]
    Refused { service: GoogleService, url: String, request: String, status: u16, reason: String },
}

impl GoogleError {
    /// What was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, GoogleError::Refused { status: 404, .. })
    }

    /// What was to be made is there already.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, GoogleError::Refused { status: 409, .. })
    }

    /// A precondition did not hold.
    pub(crate) fn is_changed(&self) -> bool {
        matches!(self, GoogleError::Refused { status: 412, .. })
    }
}

impl GoogleAddress {
    /// Servers that stand in for Google's; one that is `None` is not there. Nobody's credentials are sent.
    pub fn of_servers(
        gcs: Option<&str>,
        bigquery: Option<&str>,
        project: impl Into<String>,
        location: impl Into<String>,
    ) -> Result<Self, GoogleError> {
        let checked = |url: Option<&str>, service| url.map(|url| check_url(url, service)).transpose();
        Ok(Self {
            gcs: checked(gcs, GoogleService::Storage)?,
            bigquery: checked(bigquery, GoogleService::BigQuery)?,
            project: project.into(),
            location: location.into(),
            credentials: GoogleCredentials::Anonymous,
            impersonate: None,
        })
    }

    /// Google's own services, with the key of a service account or, without one, application default credentials.
    pub fn of_google(project: impl Into<String>, location: impl Into<String>, key: Option<PathBuf>) -> Self {
        Self {
            gcs: None,
            bigquery: None,
            project: project.into(),
            location: location.into(),
            credentials: key.map_or(GoogleCredentials::Default, GoogleCredentials::ServiceAccount),
            impersonate: None,
        }
    }

    /// The same, acting as another service account.
    pub fn acting_as(mut self, account: Option<String>) -> Self {
        self.impersonate = account;
        self
    }

    pub fn project(&self) -> &str {
        &self.project
    }

    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whether Google itself is asked.
    pub fn is_google(&self) -> bool {
        self.credentials != GoogleCredentials::Anonymous
    }

    /// Whether there is somebody to ask.
    pub fn endpoint_is_known(&self, service: GoogleService) -> bool {
        self.endpoint(service).is_ok()
    }

    /// Where requests go: for messages and documents.
    pub fn url(&self, service: GoogleService) -> &str {
        let (given, own) = match service {
            GoogleService::Storage => (&self.gcs, "https://storage.googleapis.com"),
            GoogleService::BigQuery => (&self.bigquery, "https://bigquery.googleapis.com"),
        };
        given.as_deref().unwrap_or(own)
    }

    /// The endpoint to set at a client: `None` for Google's own. A server that is not there is never replaced by Google's.
    pub(crate) fn endpoint(&self, service: GoogleService) -> Result<Option<&str>, GoogleError> {
        let given = match service {
            GoogleService::Storage => self.gcs.as_deref(),
            GoogleService::BigQuery => self.bigquery.as_deref(),
        };
        match given {
            None if !self.is_google() => Err(GoogleError::NoEndpoint { service }),
            given => Ok(given),
        }
    }

    /// The credentials, tried: a token is fetched, so that what is missing is said at once and in our own words.
    pub(crate) async fn credentials(&self) -> Result<Credentials, GoogleError> {
        // Google's clients take the process's TLS provider and panic where there is none. Another one may be first: that is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let unusable = |reason: String| GoogleError::Credentials { reason };
        let source = match &self.credentials {
            GoogleCredentials::Anonymous => return Ok(anonymous::Builder::new().build()),
            GoogleCredentials::Default => credentials::Builder::default().build(),
            GoogleCredentials::ServiceAccount(path) => service_account::Builder::new(read_key(path)?).build(),
        };
        let source = source.map_err(|error| unusable(innermost(&error)))?;
        let credentials = match &self.impersonate {
            None => source,
            Some(account) => impersonated::Builder::from_source_credentials(source)
                .with_target_principal(account)
                .build()
                .map_err(|error| unusable(innermost(&error)))?,
        };
        match tokio::time::timeout(TOKEN_TIMEOUT, credentials.headers(hyper::http::Extensions::new())).await {
            Ok(Ok(_)) => Ok(credentials),
            Ok(Err(error)) => Err(unusable(self.why_no_token(&innermost(&error)))),
            Err(_) => Err(unusable(format!("no token came within {} s", TOKEN_TIMEOUT.as_secs()))),
        }
    }

    /// Without a login, Google's client asks for the machine's own account last, and only that failure is in its error.
    fn why_no_token(&self, reason: &str) -> String {
        if self.credentials != GoogleCredentials::Default || has_default_credentials() {
            return reason.to_owned();
        }
        format!(
            "GOOGLE_APPLICATION_CREDENTIALS is not set, gcloud has no login here (`~/{GCLOUD_LOGIN}`), and this machine has no account of its own ({reason})"
        )
    }

    /// What an error of one of Google's clients means. `request` names what was asked, as `GET bucket b`.
    pub(crate) fn classify(&self, service: GoogleService, request: &str, error: &Error) -> GoogleError {
        let request = request.to_owned();
        if error.is_authentication() {
            return GoogleError::Credentials { reason: innermost(error) };
        }
        match status_of(error) {
            Some((status @ (401 | 403), reason)) => GoogleError::Denied { service, request, status, reason },
            Some((status, reason)) => {
                GoogleError::Refused { service, url: self.url(service).to_owned(), request, status, reason }
            }
            None => {
                let reason = if error.is_timeout() { "nothing came in time".to_owned() } else { innermost(error) };
                GoogleError::Unreachable { service, url: self.url(service).to_owned(), request, reason }
            }
        }
    }
}

/// Whether a variable or a login of gcloud's names credentials.
fn has_default_credentials() -> bool {
    std::env::var_os("GOOGLE_APPLICATION_CREDENTIALS").is_some_and(|path| !path.is_empty())
        || std::env::home_dir().is_some_and(|home| home.join(GCLOUD_LOGIN).is_file())
}

/// Whether a server that stands in for Cloud Storage answers as one, asked once.
pub(crate) async fn probe_storage(url: &str, timeout: Duration) -> Result<(), GoogleError> {
    probe(GoogleService::Storage, url, "/storage/v1/b?project=p&maxResults=1", timeout).await
}

/// The same of a BigQuery server.
///
/// # Errors
/// As [`probe_storage`].
pub(crate) async fn probe_bigquery(url: &str, timeout: Duration) -> Result<(), GoogleError> {
    probe(GoogleService::BigQuery, url, "/bigquery/v2/projects?maxResults=1", timeout).await
}

async fn probe(service: GoogleService, url: &str, path: &str, timeout: Duration) -> Result<(), GoogleError> {
    let request = format!("GET {}", path.split('?').next().unwrap_or(path));
    let unreachable =
        |reason: String| GoogleError::Unreachable { service, url: url.to_owned(), request: request.clone(), reason };
    let parsed = reqwest::Url::parse(&check_url(url, service)?)
        .map_err(|_| GoogleError::Url { service, url: url.to_owned() })?;
    let client = client_builder(&parsed, None)
        .map_err(|error| error.to_string())
        .and_then(|builder| builder.build().map_err(|error| innermost(&error)))
        .map_err(|reason| GoogleError::Build { service, reason })?;
    let asked = client.get(format!("{url}{path}")).timeout(timeout).send();
    let answer = asked.await.map_err(|error| unreachable(innermost(&error)))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(GoogleError::Refused {
            service,
            url: url.to_owned(),
            request: request.clone(),
            status: status.as_u16(),
            reason: status.canonical_reason().unwrap_or("no reason given").to_owned(),
        }),
    }
}

/// What is tried again: refused connections, and what the service itself calls passing (408, 429, 5xx).
pub(crate) fn retries() -> RetryPolicyArg {
    RetryPolicyArg::from(RetryableErrors.with_attempt_limit(ATTEMPTS))
}

/// Pauses between attempts: short at first, for a server on this machine is back soon or not at all.
pub(crate) fn backoff() -> ExponentialBackoff {
    let builder = ExponentialBackoffBuilder::new()
        .with_initial_delay(Duration::from_millis(200))
        .with_maximum_delay(Duration::from_secs(4));
    builder.clamp()
}

/// The status of an answer, as HTTP counts them, and the service's own words. `None`: there was no answer.
fn status_of(error: &Error) -> Option<(u16, String)> {
    let status = error.status();
    let reason = || match (status, error.http_payload()) {
        (Some(status), _) if !status.message.is_empty() => status.message.clone(),
        (_, Some(payload)) => String::from_utf8_lossy(payload).chars().take(300).collect(),
        _ => innermost(error),
    };
    match (error.http_status_code(), status) {
        (Some(code), _) if code >= 300 => Some((code, reason())),
        // gRPC: a failed call is an answer with HTTP status 200.
        (_, Some(status)) if !(error.is_connect() || error.is_io() || error.is_transport()) => {
            Some((http_status(status.code), reason()))
        }
        _ => None,
    }
}

fn http_status(code: Code) -> u16 {
    match code {
        Code::InvalidArgument | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::FailedPrecondition => 412,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        _ => 500,
    }
}

fn check_url(url: &str, service: GoogleService) -> Result<String, GoogleError> {
    // What stands before an `@` may be a password.
    let shown = url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, host)| format!("***@{host}"));
    let wrong = || GoogleError::Url { service, url: shown.clone() };
    let parsed = reqwest::Url::parse(url).map_err(|_| wrong())?;
    let is_good = matches!(parsed.scheme(), "http" | "https")
        && parsed.host_str().is_some()
        && parsed.username().is_empty()
        && parsed.password().is_none();
    if is_good { Ok(url.trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

fn read_key(path: &std::path::Path) -> Result<serde_json::Value, GoogleError> {
    let unusable = |reason: String| GoogleError::Credentials { reason: format!("`{}`: {reason}", path.display()) };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unusable(error.to_string()))?;
    // What is no plain file has no size to go by.
    file.take(KEY_BYTES_MAX + 1).read_to_end(&mut text).map_err(|error| unusable(error.to_string()))?;
    if text.len() as u64 > KEY_BYTES_MAX {
        return Err(unusable("it is too large for a key file".to_owned()));
    }
    // The parser's own words would quote the key.
    let key: serde_json::Value = serde_json::from_slice(&text).map_err(|_| unusable("it is not JSON".to_owned()))?;
    match key.get("type").and_then(serde_json::Value::as_str) {
        Some("service_account") => Ok(key),
        Some(other) => Err(unusable(format!(
            "it holds credentials of type `{other}`; GOOGLE_APPLICATION_CREDENTIALS takes those, this flag a `service_account`"
        ))),
        None => Err(unusable("it is no key of a service account".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(gcs: Option<&str>, bigquery: Option<&str>) -> Result<GoogleAddress, GoogleError> {
        GoogleAddress::of_servers(gcs, bigquery, "p", "EU")
    }

    #[test]
    fn an_endpoint_that_is_given_is_asked_anonymously_and_one_that_is_not_is_never_googles() {
        let address = servers(Some("http://127.0.0.1:4443/"), None).unwrap();
        assert!(!address.is_google());
        assert_eq!(address.endpoint(GoogleService::Storage).unwrap(), Some("http://127.0.0.1:4443"));
        let error = address.endpoint(GoogleService::BigQuery).unwrap_err();
        assert!(matches!(error, GoogleError::NoEndpoint { service: GoogleService::BigQuery }));
        let google = GoogleAddress::of_google("p", "EU", None);
        assert!(google.is_google() && google.endpoint(GoogleService::Storage).unwrap().is_none());
    }

    #[test]
    fn addresses_that_cannot_work_are_refused() {
        for url in ["127.0.0.1:4443", "ftp://host", "http://", "http://user:hunter2@host"] {
            let error = servers(Some(url), None).unwrap_err();
            assert!(matches!(error, GoogleError::Url { .. }), "{url}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_key_file_that_is_none_is_named_and_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        for (text, expected) in [
            ("{\"type\": \"authorized_user\", \"refresh_token\": \"hunter2\"}", "authorized_user"),
            ("{\"private_key\": \"hunter2\"", "it is not JSON"),
            ("[1]", "no key of a service account"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = GoogleAddress::of_google("p", "EU", Some(path.clone())).credentials().await.unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, GoogleError::Credentials { .. }), "{error:?}");
            assert!(text.contains(expected) && text.contains("key.json") && !text.contains("hunter2"), "{text}");
        }
    }
}
