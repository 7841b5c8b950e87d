//! The dashboard server alone, in the calling process: the page over somebody else's Elasticsearch.

use std::net::Ipv4Addr;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ServeFailure;
use super::bind::bind;
use crate::client::{ElasticsearchAddress, ElasticsearchAuth, path_segment};
use crate::server::kibana::{Kibana, KibanaConfig, KibanaError};
use crate::stack::TemporaryFolder;

/// On a free port of 127.0.0.1, with its saved objects in a folder that goes with it.
#[derive(Debug)]
pub struct DashboardServer {
    url: String,
    stop: CancellationToken,
    task: JoinHandle<Result<(), KibanaError>>,
    _data: TemporaryFolder,
}

impl DashboardServer {
    /// Elasticsearch is asked only when the page asks. It has to be at an `http` address, with a user or nobody.
    pub async fn start(elasticsearch: &ElasticsearchAddress) -> Result<Self, ServeFailure> {
        let other = |reason: String| ServeFailure::Other { reason };
        let elasticsearch = with_credentials(elasticsearch).map_err(|reason| other(reason.to_owned()))?;
        let data = TemporaryFolder::new().map_err(|error| other(error.to_string()))?;
        let config = KibanaConfig::new(data.path().join("kibana"), elasticsearch);
        let opened = tokio::task::spawn_blocking(move || Kibana::open(&config)).await;
        let server = opened.map_err(|panic| other(panic.to_string()))?.map_err(|error| other(error.to_string()))?;
        let bound = bind("Kibana", Some(Ipv4Addr::LOCALHOST.into()), 0, true)?;
        let listeners = bound.for_tokio().map_err(|error| other(error.to_string()))?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.serve(listeners, stop.clone()));
        Ok(Self { url: format!("http://127.0.0.1:{}", bound.port), stop, task, _data: data })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(panic) = self.task.await {
            tracing::error!("the dashboard server ended badly: {panic}");
        }
    }
}

/// As the server takes it: credentials within the address.
fn with_credentials(elasticsearch: &ElasticsearchAddress) -> Result<String, &'static str> {
    match &elasticsearch.auth {
        None => Ok(elasticsearch.url.clone()),
        Some(ElasticsearchAuth::ApiKey(_)) => Err("the page's server takes a user and a password, no API key"),
        Some(ElasticsearchAuth::Basic { user, password }) => match elasticsearch.url.strip_prefix("http://") {
            Some(rest) => Ok(format!("http://{}:{}@{rest}", path_segment(user), path_segment(password.expose()))),
            // The server names what is wrong with the address.
            None => Ok(elasticsearch.url.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Secret;

    #[test]
    fn credentials_are_encoded_into_the_address_and_a_key_is_refused() {
        let mut address = ElasticsearchAddress::new("http://host:9200");
        assert_eq!(with_credentials(&address).unwrap(), "http://host:9200");
        address.auth = Some(ElasticsearchAuth::Basic { user: "me".into(), password: Secret::new("p@ss:/") });
        assert_eq!(with_credentials(&address).unwrap(), "http://me:p%40ss%3A%2F@host:9200");
        address.auth = Some(ElasticsearchAuth::ApiKey(Secret::new("k")));
        assert!(with_credentials(&address).is_err());
    }
}
