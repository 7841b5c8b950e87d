//! Where Kibana is, and the few calls of its HTTP API that are made: its status, saved objects imported and listed.
//!
//! Kibana takes the users and API keys of the Elasticsearch behind it. Redirects are not followed: Kibana answers an API
//! call itself, so one means that something else, or Kibana below a base path, is at the address.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use reqwest::{
    Client, Method, RequestBuilder, Response, Url,
    header::LOCATION,
    multipart::{Form, Part},
    redirect::Policy,
};
use serde_json::Value;

use super::{
    ElasticsearchAuth,
    elasticsearch::excerpt,
    http::{CaCertError, authorized, client_builder, innermost},
};

/// An import migrates every object and writes them all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// No answer read here is near it: a listing names titles only.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Objects asked for in one listing; Kibana refuses more than 10,000.
const FOUND_MAX: usize = 1000;

/// A Kibana and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KibanaAddress {
    /// `http://` or `https://`, with a base path if Kibana has one, without credentials.
    pub url: String,
    pub auth: Option<ElasticsearchAuth>,
    /// PEM file of a private certificate authority.
    pub ca_cert: Option<PathBuf>,
    /// The space whose objects are meant; the default one is `None`.
    pub space: Option<String>,
}

/// What Kibana says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KibanaStatus {
    pub level: KibanaLevel,
    /// Kept back from whoever did not log in.
    pub version: Option<String>,
    /// Its own words.
    pub summary: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KibanaLevel {
    Available,
    /// A plugin does not work; saved objects do.
    Degraded,
    /// Booting, or without Elasticsearch.
    Unavailable,
    Critical,
}

/// A saved object as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundObject {
    pub id: String,
    pub title: String,
    pub updated_at: Option<String>,
}

/// The first objects of a type, by title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundObjects {
    pub objects: Vec<FoundObject>,
    /// How many there are.
    pub total: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum KibanaClientError {
    #[error("`{url}` is not a Kibana address: {reason}")]
    Url { url: String, reason: String },
    #[error("the CA certificate {} can't be used: {reason}", .path.display())]
    CaCert { path: PathBuf, reason: String },
    #[error("a Kibana client can't be made: {0}")]
    Build(String),
    #[error("Kibana at {url} did not answer {request}: {reason}")]
    Unreachable { url: String, request: String, reason: String },
    #[error("Kibana at {url} is not ready: {reason}")]
    NotReady { url: String, request: String, reason: String },
    #[error("Kibana at {url} refused the credentials ({status}): {reason}")]
    Unauthorized { url: String, status: u16, reason: String },
    #[error("what answers at {url} is not Kibana: {request} gave {status} `{found}`")]
    WrongService { url: String, request: String, status: u16, found: String },
    #[error("Kibana at {url} answered {request} with {status}: {reason}")]
    Refused { url: String, request: String, status: u16, reason: String },
}

impl KibanaLevel {
    /// As Kibana writes it.
    pub fn name(self) -> &'static str {
        match self {
            KibanaLevel::Available => "available",
            KibanaLevel::Degraded => "degraded",
            KibanaLevel::Unavailable => "unavailable",
            KibanaLevel::Critical => "critical",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [KibanaLevel::Available, KibanaLevel::Degraded, KibanaLevel::Unavailable, KibanaLevel::Critical]
            .into_iter()
            .find(|level| level.name() == name)
    }
}

impl KibanaAddress {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), auth: None, ca_cert: None, space: None }
    }

    /// The address of a dashboard, for a browser.
    pub fn dashboard_url(&self, id: &str) -> String {
        format!("{}{}/app/dashboards#/view/{id}", self.url.trim_end_matches('/'), self.space_prefix())
    }

    /// Asks how Kibana is. While it boots that is [`KibanaLevel::Unavailable`], an answer like any other.
    pub async fn status(&self, timeout: Duration) -> Result<KibanaStatus, KibanaClientError> {
        let call = Call { kibana: self, method: Method::GET, path: "/api/status".to_owned() };
        let answer = call.send_with(|request| request.timeout(timeout)).await?;
        let body = answer.json();
        let overall = body.as_ref().and_then(|body| body.pointer("/status/overall"));
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        match overall.and_then(|overall| KibanaLevel::parse(overall.get("level")?.as_str()?)) {
            Some(level) if matches!(answer.status, 200 | 503) => Ok(KibanaStatus {
                level,
                version: text(body.as_ref().and_then(|body| body.pointer("/version/number"))),
                summary: text(overall.and_then(|overall| overall.get("summary"))),
            }),
            // Before its own routes are there, every path gets this text.
            _ if is_booting(&answer) => Ok(KibanaStatus {
                level: KibanaLevel::Unavailable,
                version: None,
                summary: Some(excerpt(&answer.body)),
            }),
            _ => Err(call.wrong_service(&answer)),
        }
    }

    /// Whether saved objects can be read and written: available, or degraded in some plugin.
    pub async fn probe(&self, timeout: Duration) -> Result<KibanaStatus, KibanaClientError> {
        let status = self.status(timeout).await?;
        match status.level {
            KibanaLevel::Available | KibanaLevel::Degraded => Ok(status),
            KibanaLevel::Unavailable | KibanaLevel::Critical => Err(KibanaClientError::NotReady {
                url: self.url.clone(),
                request: "GET /api/status".to_owned(),
                reason: match status.summary {
                    Some(summary) => format!("it says `{}`: {summary}", status.level.name()),
                    None => format!("it says `{}`", status.level.name()),
                },
            }),
        }
    }

    /// Sends saved objects, one a line; with `overwrite` those of the same id are replaced. Gives the answer's document:
    /// it is for the caller to see what became of each object.
    pub async fn import(&self, ndjson: &[u8], overwrite: bool) -> Result<Value, KibanaClientError> {
        let path = format!("{}/api/saved_objects/_import?overwrite={overwrite}", self.space_prefix());
        let call = Call { kibana: self, method: Method::POST, path };
        // Kibana looks at the end of the name.
        let part = Part::bytes(ndjson.to_vec()).file_name("stockdev.ndjson");
        let part = part.mime_str("application/ndjson").map_err(|error| KibanaClientError::Build(error.to_string()))?;
        let answer = call.send_with(|request| request.multipart(Form::new().part("file", part))).await?;
        let document = call.expect(&answer)?;
        match document.get("success").is_some_and(Value::is_boolean) {
            true => Ok(document),
            false => Err(call.wrong_service(&answer)),
        }
    }

    /// A saved object with all that it refers to, one a line, as Kibana exports them.
    pub async fn export(&self, kind: &str, id: &str) -> Result<Bytes, KibanaClientError> {
        let path = format!("{}/api/saved_objects/_export", self.space_prefix());
        let call = Call { kibana: self, method: Method::POST, path };
        let wanted = serde_json::json!({
            "objects": [{"type": kind, "id": id}], "includeReferencesDeep": true, "excludeExportDetails": true,
        });
        let answer = call.send_with(|request| request.json(&wanted)).await?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        call.expect(&answer)?;
        Err(call.wrong_service(&answer))
    }

    /// The saved objects of a type.
    pub async fn find(&self, kind: &str) -> Result<FoundObjects, KibanaClientError> {
        let path = format!(
            "{}/api/saved_objects/_find?type={kind}&fields=title&per_page={FOUND_MAX}&page=1",
            self.space_prefix()
        );
        let call = Call { kibana: self, method: Method::GET, path };
        let answer = call.send_with(|request| request).await?;
        let document = call.expect(&answer)?;
        let saved = document.get("saved_objects").and_then(Value::as_array);
        let (Some(saved), Some(total)) = (saved, document.get("total").and_then(Value::as_u64)) else {
            return Err(call.wrong_service(&answer));
        };
        let mut objects: Vec<FoundObject> = saved.iter().filter_map(found).collect();
        objects.sort_by(|one, other| (&one.title, &one.id).cmp(&(&other.title, &other.id)));
        Ok(FoundObjects { objects, total })
    }

    /// The ids of the spaces that these credentials may see, or `None` where Kibana does not say.
    pub async fn spaces(&self) -> Result<Option<Vec<String>>, KibanaClientError> {
        let call = Call { kibana: self, method: Method::GET, path: "/api/spaces/space".to_owned() };
        let answer = call.send_with(|request| request).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let document = call.expect(&answer)?;
        let ids = |spaces: &Vec<Value>| {
            spaces.iter().filter_map(|space| space.get("id")?.as_str()).map(str::to_owned).collect()
        };
        Ok(document.as_array().map(ids))
    }

    fn space_prefix(&self) -> String {
        match self.space.as_deref() {
            None | Some("default") => String::new(),
            Some(space) => format!("/s/{space}"),
        }
    }

    fn client(&self) -> Result<(Client, Url), KibanaClientError> {
        let wrong = |reason: String| KibanaClientError::Url { url: self.url.clone(), reason };
        let url = Url::parse(&self.url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("it has to start with `http://` or `https://` and name a host".into()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("credentials have no place in it".into()));
        }
        let builder = client_builder(&url, self.ca_cert.as_deref())
            .map_err(|CaCertError { path, reason }| KibanaClientError::CaCert { path, reason })?
            .timeout(REQUEST_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("stockdev/", env!("CARGO_PKG_VERSION")));
        let client = builder.build().map_err(|error| KibanaClientError::Build(why(&error)))?;
        Ok((client, url))
    }
}

/// One request, and how errors name it.
struct Call<'a> {
    kibana: &'a KibanaAddress,
    method: Method,
    /// From the base path on, with the query.
    path: String,
}

struct KibanaAnswer {
    status: u16,
    location: Option<String>,
    body: Bytes,
}

impl KibanaAnswer {
    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The message of Kibana's error document, or the body's beginning.
    fn reason(&self) -> String {
        let message = self.json().and_then(|body| Some(body.get("message")?.as_str()?.to_owned()));
        message.unwrap_or_else(|| excerpt(&self.body))
    }
}

impl Call<'_> {
    /// Without the query: for messages.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path.split('?').next().unwrap_or_default())
    }

    async fn send_with(
        &self,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<KibanaAnswer, KibanaClientError> {
        let (client, url) = self.kibana.client()?;
        let target = format!("{}{}", url.as_str().trim_end_matches('/'), self.path);
        // Kibana wants the header with everything that writes; the value does not matter.
        let request = client.request(self.method.clone(), target).header("kbn-xsrf", "stockdev");
        let request = authorized(request, self.kibana.auth.as_ref())
            .map_err(|error| KibanaClientError::Url { url: self.kibana.url.clone(), reason: error.to_string() })?;
        let response = complete(request).send().await.map_err(|error| self.unreachable(why(&error)))?;
        let answer = self.read(response).await?;
        match answer.status {
            401 | 403 => Err(KibanaClientError::Unauthorized {
                url: self.kibana.url.clone(),
                status: answer.status,
                reason: answer.reason(),
            }),
            _ => Ok(answer),
        }
    }

    async fn read(&self, mut response: Response) -> Result<KibanaAnswer, KibanaClientError> {
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(why(&error)))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(self.unreachable(format!("the answer is larger than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(KibanaAnswer { status, location, body: body.into() })
    }

    /// The document of a success; anything else is an error.
    fn expect(&self, answer: &KibanaAnswer) -> Result<Value, KibanaClientError> {
        let url = self.kibana.url.clone();
        match (answer.status, answer.json()) {
            (200, Some(document)) => Ok(document),
            (503, _) => Err(KibanaClientError::NotReady { url, request: self.name(), reason: answer.reason() }),
            // Kibana's errors are documents with these members.
            (status, Some(error)) if error.get("message").is_some_and(Value::is_string) && status >= 400 => {
                Err(KibanaClientError::Refused { url, request: self.name(), status, reason: answer.reason() })
            }
            _ => Err(self.wrong_service(answer)),
        }
    }

    fn unreachable(&self, reason: String) -> KibanaClientError {
        KibanaClientError::Unreachable { url: self.kibana.url.clone(), request: self.name(), reason }
    }

    fn wrong_service(&self, answer: &KibanaAnswer) -> KibanaClientError {
        KibanaClientError::WrongService {
            url: self.kibana.url.clone(),
            request: self.name(),
            status: answer.status,
            found: match &answer.location {
                Some(location) => format!("location: {location}"),
                None => excerpt(&answer.body),
            },
        }
    }
}

fn is_booting(answer: &KibanaAnswer) -> bool {
    answer.status == 503 && String::from_utf8_lossy(&answer.body).contains("Kibana server is not ready yet")
}

fn found(saved: &Value) -> Option<FoundObject> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Some(FoundObject {
        id: text(saved.get("id"))?,
        title: text(saved.pointer("/attributes/title")).unwrap_or_default(),
        updated_at: text(saved.get("updated_at")),
    })
}

/// The innermost cause; that nothing came in time is said in our own words.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() { "nothing came in time".to_owned() } else { innermost(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Secret;

    fn build(address: &KibanaAddress) -> Result<Client, KibanaClientError> {
        address.client().map(|(client, _)| client)
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_before_anything_is_sent() {
        for url in ["127.0.0.1:5601", "ftp://host", "http://", "nonsense", "http://elastic:hunter2@host"] {
            let error = build(&KibanaAddress::new(url)).unwrap_err();
            assert!(matches!(error, KibanaClientError::Url { .. }), "{url}: {error:?}");
        }
    }

    #[test]
    fn a_certificate_file_without_a_certificate_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [PathBuf::from("/no/such/ca.pem"), file.path().to_owned()] {
            let address = KibanaAddress { ca_cert: Some(path.clone()), ..KibanaAddress::new("https://host:5601") };
            let text = build(&address).unwrap_err().to_string();
            assert!(text.contains(&path.display().to_string()), "{text}");
        }
    }

    #[test]
    fn a_dashboards_address_has_the_base_path_and_the_space() {
        let mut address = KibanaAddress::new("http://host:5601/kibana/");
        assert_eq!(address.dashboard_url("d"), "http://host:5601/kibana/app/dashboards#/view/d");
        address.space = Some("team".into());
        assert_eq!(address.dashboard_url("d"), "http://host:5601/kibana/s/team/app/dashboards#/view/d");
        address.space = Some("default".into());
        assert_eq!(address.dashboard_url("d"), "http://host:5601/kibana/app/dashboards#/view/d");
    }

    #[tokio::test]
    async fn a_key_that_no_header_can_carry_is_refused_without_printing_it() {
        let auth = Some(ElasticsearchAuth::ApiKey(Secret::new("hun\nter2")));
        let address = KibanaAddress { auth, ..KibanaAddress::new("http://127.0.0.1:1") };
        let text = address.find("dashboard").await.unwrap_err().to_string();
        assert!(text.contains("API key") && !text.contains("ter2"), "{text}");
    }

    #[tokio::test]
    async fn a_kibana_that_is_not_there_is_named_with_what_came_back() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = KibanaAddress::new(format!("http://{free}")).probe(Duration::from_secs(5)).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, KibanaClientError::Unreachable { .. }), "{error:?}");
        assert!(text.contains(&free.to_string()) && text.contains("GET /api/status"), "{text}");
        assert!(text.to_lowercase().contains("refused"), "{text}");
    }
}
