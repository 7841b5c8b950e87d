//! The dashboard server alone, in the calling process: the page over somebody else's Elasticsearch.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::header::HeaderValue;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ServeFailure;
use super::bind::bind;
use crate::client::{ElasticsearchAddress, ElasticsearchAuth};
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
    /// Elasticsearch is asked only when the page asks: with the address's credentials, and trusting its authority.
    pub async fn start(elasticsearch: &ElasticsearchAddress) -> Result<Self, ServeFailure> {
        let other = |reason: String| ServeFailure::Other { reason };
        let authorization = elasticsearch.auth.as_ref().map(authorization).transpose();
        let authorization = authorization.map_err(|reason| other(reason.to_owned()))?;
        let data = TemporaryFolder::new().map_err(|error| other(error.to_string()))?;
        let mut config = KibanaConfig::new(data.path().join("kibana"), &elasticsearch.url);
        config.authorization = authorization;
        config.ca_cert.clone_from(&elasticsearch.ca_cert);
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

/// As a header, which no log shows.
fn authorization(auth: &ElasticsearchAuth) -> Result<HeaderValue, &'static str> {
    let text = match auth {
        ElasticsearchAuth::ApiKey(key) => format!("ApiKey {}", key.expose()),
        ElasticsearchAuth::Basic { user, password } => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.expose())))
        }
    };
    let mut header = HeaderValue::try_from(text).map_err(|_| "the API key has characters that no header may have")?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Secret;

    #[test]
    fn credentials_become_a_header_that_does_not_print_itself() {
        let basic = ElasticsearchAuth::Basic { user: "me".into(), password: Secret::new("p@ss:/") };
        let header = authorization(&basic).unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic bWU6cEBzczov");
        assert_eq!(format!("{header:?}"), "Sensitive");
        let key = authorization(&ElasticsearchAuth::ApiKey(Secret::new("a2V5"))).unwrap();
        assert_eq!(key.to_str().unwrap(), "ApiKey a2V5");
        assert!(authorization(&ElasticsearchAuth::ApiKey(Secret::new("two\nlines"))).is_err());
    }
}
