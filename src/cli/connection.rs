//! From addresses and secrets to what the pipeline dials.

use std::io::Read;

use super::context::{Context, Found};
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::parse::Origin;
use crate::client::{ElasticsearchAddress, ElasticsearchAuth, KafkaAddress, KibanaAddress, Secret};
use crate::stack::docker::Credentials;
use crate::stack::{Endpoints, external};

/// Properties of librdkafka that hold secrets.
const SECRET_PROPERTIES: [&str; 6] = [
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "ssl.key.pem",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
];
/// What `stockdev env` and many programs call Elasticsearch's address.
const ELASTICSEARCH_URL: &str = "ELASTICSEARCH_URL";
/// A secret is never longer.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// The servers, with credentials.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) endpoints: Endpoints,
    pub(super) kafka: KafkaAddress,
    pub(super) elasticsearch: ElasticsearchAddress,
    /// Where the stack has one.
    pub(super) kibana: Option<KibanaAddress>,
}

impl Connection {
    /// To the endpoints that the flags name, else the running project's.
    pub(super) fn from_context(cx: &Context) -> Result<Self, Failure> {
        Self::to(cx, cx.endpoints()?)
    }

    pub(super) fn to(cx: &Context, endpoints: Endpoints) -> Result<Self, Failure> {
        let mut kafka = KafkaAddress::new(endpoints.kafka.clone());
        kafka.properties = properties(cx)?;
        kafka.check().map_err(|error| failures::kafka(&error))?;
        if let Some(path) = &cx.global.ca_cert {
            // Absolute, for the live stream's process as well.
            kafka.trust(&std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        }
        let mut elasticsearch = ElasticsearchAddress::new(endpoints.elasticsearch.clone());
        elasticsearch.auth = match auth(cx)? {
            Some(given) => Some(given),
            None => own_credentials(cx, |own| own.elasticsearch == endpoints.elasticsearch)?,
        };
        elasticsearch.ca_cert = cx.global.ca_cert.clone();
        let kibana = endpoints.kibana.as_ref().map(|url| beside(&elasticsearch, url));
        Ok(Self { endpoints, kafka, elasticsearch, kibana })
    }

    /// The same servers and secrets at other addresses.
    pub(super) fn move_to(&mut self, endpoints: &Endpoints) {
        self.endpoints = endpoints.clone();
        self.kafka.bootstrap.clone_from(&endpoints.kafka);
        self.elasticsearch.url.clone_from(&endpoints.elasticsearch);
        if let (Some(kibana), Some(url)) = (&mut self.kibana, &endpoints.kibana) {
            kibana.url.clone_from(url);
        }
    }

    /// To Elasticsearch alone: the one that `--elasticsearch` names, else the running project's, else the exported one.
    /// `None` where there is none.
    pub(super) fn to_elasticsearch(cx: &Context) -> Result<Option<ElasticsearchAddress>, Failure> {
        let endpoints = match cx.endpoints() {
            Ok(endpoints) => endpoints,
            Err(error) if cx.global.elasticsearch.is_some() => return Err(error),
            Err(_) => match std::env::var(ELASTICSEARCH_URL).ok().filter(|url| !url.is_empty()) {
                Some(url) => external::some(None, Some(&url), None)
                    .map_err(|error| failures::external(&error).tried(format!("the address in {ELASTICSEARCH_URL}")))?,
                None => return Ok(None),
            },
        };
        Ok(Some(Self::to(cx, endpoints)?.elasticsearch))
    }

    /// To Kibana alone: the one that `--kibana` names, else the running project's.
    pub(super) fn to_kibana(cx: &Context) -> Result<KibanaAddress, Failure> {
        let url = match &cx.global.kibana {
            Some(url) => external::kibana(url).map_err(|error| failures::external(&error))?,
            None => match Found::look(&cx.project())?.endpoints() {
                Some(Endpoints { kibana: Some(url), .. }) => url,
                Some(_) => return Err(no_kibana(cx)),
                None => {
                    return Err(cx.not_running().next("stockdev dashboard --help", "or name a Kibana: --kibana URL"));
                }
            },
        };
        let mut kibana = KibanaAddress::new(url);
        kibana.auth = match auth(cx)? {
            Some(given) => Some(given),
            None => own_credentials(cx, |own| own.kibana.as_ref() == Some(&kibana.url))?,
        };
        kibana.ca_cert = cx.global.ca_cert.clone();
        Ok(kibana)
    }

    /// The secrets as variables of a background process.
    pub(super) fn as_variables(&self) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        match &self.elasticsearch.auth {
            Some(ElasticsearchAuth::Basic { user, password }) => {
                variables.push(("STOCKDEV_ELASTICSEARCH_USER".to_owned(), user.clone()));
                variables.push(("STOCKDEV_ELASTICSEARCH_PASSWORD".to_owned(), password.expose().to_owned()));
            }
            Some(ElasticsearchAuth::ApiKey(key)) => {
                variables.push(("STOCKDEV_ELASTICSEARCH_API_KEY".to_owned(), key.expose().to_owned()));
            }
            None => {}
        }
        if let Some(path) = self.elasticsearch.ca_cert.as_ref().and_then(|path| std::path::absolute(path).ok()) {
            variables.push(("STOCKDEV_CA_CERT".to_owned(), path.display().to_string()));
        }
        if !self.kafka.properties.is_empty() {
            let pairs = self.kafka.properties.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
            variables.push(("STOCKDEV_KAFKA_PROPERTY".to_owned(), pairs.join(";")));
        }
        variables
    }
}

/// Those of this project's own secured stack, for its own addresses and no other.
pub(super) fn own_credentials(
    cx: &Context,
    is_dialled: impl Fn(&Endpoints) -> bool,
) -> Result<Option<ElasticsearchAuth>, Failure> {
    let project = cx.project();
    let record = Found::look(&project)?.record;
    let is_own = record.is_some_and(|record| {
        record.docker.is_some_and(|docker| docker.secure) && record.endpoints.as_ref().is_some_and(&is_dialled)
    });
    if !is_own {
        return Ok(None);
    }
    let credentials = Credentials::load(&project).map_err(|error| failures::credentials(&error))?;
    Ok(credentials
        .map(|credentials| ElasticsearchAuth::Basic { user: credentials.user, password: credentials.password }))
}

/// Kibana takes the users, the keys and, as a rule, the certificate authority of its Elasticsearch.
fn beside(elasticsearch: &ElasticsearchAddress, url: &str) -> KibanaAddress {
    let mut kibana = KibanaAddress::new(url);
    kibana.auth = elasticsearch.auth.clone();
    kibana.ca_cert = elasticsearch.ca_cert.clone();
    kibana
}

fn no_kibana(cx: &Context) -> Failure {
    Failure::new(ErrorId::Usage, format!("the stack of project `{}` has no Kibana", cx.global.project))
        .left("nothing was done")
        .next("stockdev dashboard import --kibana http://localhost:5601", "name one")
        .next("stockdev dashboard show > dashboard.ndjson", "or import the file by hand")
}

fn auth(cx: &Context) -> Result<Option<ElasticsearchAuth>, Failure> {
    let global = &cx.global;
    if let Some(value) = &global.elasticsearch_api_key {
        let key = secret(cx, "elasticsearch_api_key", "--elasticsearch-api-key", value)?;
        return Ok(Some(ElasticsearchAuth::ApiKey(key)));
    }
    match (&global.elasticsearch_user, &global.elasticsearch_password) {
        (Some(user), Some(value)) => {
            let password = secret(cx, "elasticsearch_password", "--elasticsearch-password", value)?;
            Ok(Some(ElasticsearchAuth::Basic { user: user.clone(), password }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(Failure::new(ErrorId::Usage, "--elasticsearch-user needs a password")
            .next("export STOCKDEV_ELASTICSEARCH_PASSWORD=...", "or --elasticsearch-password @FILE")),
        (None, Some(_)) => Err(Failure::new(ErrorId::Usage, "--elasticsearch-password needs --elasticsearch-user")
            .next("stockdev --help", "how credentials are given")),
    }
}

fn properties(cx: &Context) -> Result<Vec<(String, String)>, Failure> {
    let from_variable = cx.secret_origin.get("kafka_property") == Some(&Origin::Variable);
    let given = &cx.global.kafka_property;
    let pairs: Vec<&str> = match from_variable {
        true => given.iter().flat_map(|pair| pair.split(';')).filter(|pair| !pair.trim().is_empty()).collect(),
        false => given.iter().map(String::as_str).collect(),
    };
    pairs.into_iter().map(|pair| property(cx, pair.trim())).collect()
}

fn property(cx: &Context, pair: &str) -> Result<(String, String), Failure> {
    let (key, value) = pair.split_once('=').ok_or_else(|| {
        Failure::new(ErrorId::Usage, format!("`{pair}` is no Kafka property: expected KEY=VALUE"))
            .next("stockdev --help", "how properties are given")
    })?;
    if !SECRET_PROPERTIES.contains(&key) {
        return Ok((key.to_owned(), value.to_owned()));
    }
    let secret = secret(cx, "kafka_property", &format!("--kafka-property {key}="), value)?;
    Ok((key.to_owned(), secret.expose().to_owned()))
}

/// `@FILE` and `-` may stand anywhere, the secret itself only in a variable.
fn secret(cx: &Context, id: &str, flag: &str, value: &str) -> Result<Secret, Failure> {
    let text = match (value.strip_prefix('@'), value) {
        (Some(path), _) => std::fs::read_to_string(path).map_err(|error| {
            Failure::new(ErrorId::Usage, format!("cannot read the secret for {flag}"))
                .tried(format!("read `{path}`"))
                .got(error.to_string())
        })?,
        (None, "-") => {
            let mut text = String::new();
            let read = std::io::stdin().take(SECRET_BYTES_MAX).read_to_string(&mut text);
            read.map_err(|error| {
                Failure::new(ErrorId::Usage, format!("cannot read the secret for {flag}")).got(error.to_string())
            })?;
            text
        }
        (None, _) if cx.secret_origin.get(id) == Some(&Origin::Variable) => value.to_owned(),
        (None, _) => {
            return Err(Failure::new(ErrorId::SecretExposed, format!("the secret for {flag} stands in plain sight"))
                .left("it was not used")
                .next("stockdev explain SECRET_EXPOSED", "the three ways to give it"));
        }
    };
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}
