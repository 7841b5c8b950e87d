//! The way back: what was made for a project is removed again. What is not there any more is no failure.

use std::time::Duration;

use elasticsearch::http::Method;

use super::{SetupError, TEMPLATE_NAME};
use crate::client::{ElasticsearchAddress, JSON, KafkaAddress};

const TIMEOUT: Duration = Duration::from_secs(15);

/// Whether the index template is there, whatever it says.
pub async fn has_template(elasticsearch: &ElasticsearchAddress) -> Result<bool, SetupError> {
    let client = elasticsearch.connect()?;
    let path = format!("/_index_template/{TEMPLATE_NAME}");
    let answer = client.send(Method::Get, &path, None, JSON).await?;
    match answer.status {
        200 => Ok(true),
        404 => Ok(false),
        _ => Err(client.refused(&format!("GET {path}"), &answer).into()),
    }
}

/// Removes a topic with its messages; says whether it was there.
pub async fn remove_topic(kafka: &KafkaAddress, topic: &str) -> Result<bool, SetupError> {
    Ok(kafka.delete_topic(topic, TIMEOUT).await?)
}

/// Removes an index with its documents; says whether it was there.
pub async fn remove_index(elasticsearch: &ElasticsearchAddress, index: &str) -> Result<bool, SetupError> {
    remove(elasticsearch, &format!("/{index}")).await
}

/// Removes the index template; says whether it was there.
pub async fn remove_template(elasticsearch: &ElasticsearchAddress) -> Result<bool, SetupError> {
    remove(elasticsearch, &format!("/_index_template/{TEMPLATE_NAME}")).await
}

async fn remove(elasticsearch: &ElasticsearchAddress, path: &str) -> Result<bool, SetupError> {
    let client = elasticsearch.connect()?;
    let answer = client.send(Method::Delete, path, None, JSON).await?;
    match answer.status {
        200 => Ok(true),
        404 => Ok(false),
        _ => Err(client.refused(&format!("DELETE {path}"), &answer).into()),
    }
}
