//! What must exist before ticks flow: the topic and the index template; and what stands beside them: Kibana's dashboard,
//! forecasts. Every call may be made again and again.

mod dashboard;
mod forecast;
mod ready;
mod remove;
mod template;
mod topic;

pub use dashboard::{
    DASHBOARD_ID, DASHBOARD_NDJSON, DashboardError, DashboardOutcome, IMPORT_BYTES_MAX, ImportedObject, InvalidFile,
    RejectedObject, Rejection, canonical, import_dashboard,
};
pub use forecast::{FORECASTS_MAX, ForecastOutcome, has_forecasts, replace_forecasts};
pub use ready::prove_usable;
pub use remove::{has_template, remove_index, remove_template, remove_topic};
pub use template::{TEMPLATE_JSON, TEMPLATE_NAME, TemplateOutcome, apply_template};
pub use topic::{TopicOutcome, TopicSpec, ensure_topic};

use crate::client::{ElasticsearchClientError, KafkaClientError};

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Kafka(#[from] KafkaClientError),
    #[error(transparent)]
    Elasticsearch(#[from] ElasticsearchClientError),
    #[error("the topic `{topic}` was made, but has no partition with a leader after {seconds} s")]
    NotReady { topic: String, seconds: u64 },
    #[error("the index `{index}` is there, and stockdev has not made it: forecasts are not written into it")]
    NotOurs { index: String },
    #[error("the forecasts could not be written into `{index}`: {reason}")]
    Forecasts { index: String, reason: String },
    #[error("the index template in the binary is not JSON: {0}")]
    Template(#[from] serde_json::Error),
}
