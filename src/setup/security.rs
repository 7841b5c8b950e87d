//! What a secured Elasticsearch has to have before Kibana can start.

use elasticsearch::http::Method;

use super::SetupError;
use crate::client::{ElasticsearchAddress, JSON, Secret};

/// A new token of the service account that Kibana talks to Elasticsearch as
/// (<https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-security-create-service-token>).
pub async fn kibana_token(elasticsearch: &ElasticsearchAddress) -> Result<Secret, SetupError> {
    let client = elasticsearch.connect()?;
    // Without a name of ours Elasticsearch gives one, so that a second token never meets the first.
    let path = "/_security/service/elastic/kibana/credential/token";
    let answer = client.send(Method::Post, path, None, JSON).await?;
    let token = answer.json().and_then(|body| Some(body.pointer("/token/value")?.as_str()?.to_owned()));
    match (answer.status, token) {
        (200, Some(token)) => Ok(Secret::new(token)),
        _ => Err(client.refused(&format!("POST {path}"), &answer).into()),
    }
}
