//! DescribeConfigs (32): what a topic or the broker is set to, with where each value comes from.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use super::text;
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::configs::{ConfigKey, KEYS, TopicConfig, ValueType};
use crate::server::kafka::state::topics::check_name;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

const SOURCE_TOPIC: i8 = 1;
const SOURCE_STATIC: i8 = 4;
const SOURCE_DEFAULT: i8 = 5;

type Described = Result<Vec<DescribeConfigsResourceResult>, (ResponseError, String)>;

pub(crate) fn handle(broker: &BrokerState, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let results = request.resources.into_iter().map(|resource| {
        let described = describe(broker, &resource, request.include_synonyms);
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name);
        match described {
            Ok(configs) => result.with_configs(configs).with_error_message(Some(StrBytes::new())),
            Err((error, message)) => result.with_error_code(error.code()).with_error_message(Some(text(message))),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn describe(broker: &BrokerState, resource: &DescribeConfigsResource, synonyms: bool) -> Described {
    let name = &*resource.resource_name;
    let entries = match resource.resource_type {
        TOPIC => {
            check_name(name).map_err(|error| (ResponseError::InvalidTopicException, error.to_string()))?;
            let topic = broker.topics.by_name(name);
            let topic = topic.ok_or((ResponseError::UnknownTopicOrPartition, String::new()))?;
            let config = topic.shared.config();
            KEYS.iter().map(|key| topic_entry(&config, key, synonyms)).collect()
        }
        // Defaults for all brokers, which nobody can set here.
        BROKER if name.is_empty() => Vec::new(),
        BROKER if name == broker.config.node_id.to_string() => broker_entries(broker, synonyms),
        BROKER => {
            let message = format!(
                "Unexpected broker id, expected {} or empty string, but received {name}",
                broker.config.node_id
            );
            return Err((ResponseError::InvalidRequest, message));
        }
        BROKER_LOGGER if name != broker.config.node_id.to_string() => {
            let message = format!("Unexpected broker id, expected {} but received {name}", broker.config.node_id);
            return Err((ResponseError::InvalidRequest, message));
        }
        CLIENT_METRICS if name.is_empty() => {
            let message = "Client metrics subscription name must not be empty";
            return Err((ResponseError::InvalidRequest, message.to_owned()));
        }
        GROUP if name.is_empty() => {
            return Err((ResponseError::InvalidRequest, "Group name must not be empty".to_owned()));
        }
        BROKER_LOGGER | CLIENT_METRICS | GROUP => Vec::new(),
        other => return Err((ResponseError::InvalidRequest, format!("Unsupported resource type: {other}"))),
    };
    Ok(match &resource.configuration_keys {
        Some(keys) => entries.into_iter().filter(|entry| keys.contains(&entry.name)).collect(),
        None => entries,
    })
}

fn topic_entry(config: &TopicConfig, key: &'static ConfigKey, with_synonyms: bool) -> DescribeConfigsResourceResult {
    let is_set = config.set().contains_key(key.name);
    let mut synonyms = Vec::new();
    if with_synonyms && is_set {
        synonyms.push(synonym(key.name, config.value(key), SOURCE_TOPIC));
    }
    if with_synonyms && !key.broker_name.is_empty() {
        synonyms.push(synonym(key.broker_name, key.default, SOURCE_DEFAULT));
    }
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(key.name))
        .with_value(Some(text(config.value(key))))
        .with_config_source(if is_set { SOURCE_TOPIC } else { SOURCE_DEFAULT })
        .with_synonyms(synonyms)
        .with_config_type(key.value_type as i8)
        .with_documentation(None)
}

fn synonym(name: &'static str, value: &str, source: i8) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(Some(text(value)))
        .with_source(source)
}

/// The settings this broker has, under Kafka's names.
fn broker_entries(broker: &BrokerState, with_synonyms: bool) -> Vec<DescribeConfigsResourceResult> {
    let config = &broker.config;
    let listener = format!("PLAINTEXT://{}:{}", config.advertised_host, config.advertised_port);
    let given = [
        ("advertised.listeners", listener, ValueType::String),
        ("auto.create.topics.enable", config.auto_create_topics.to_string(), ValueType::Boolean),
        ("broker.id", config.node_id.to_string(), ValueType::Int),
        ("log.dirs", broker.folder.logs_dir().to_string_lossy().into_owned(), ValueType::String),
        ("node.id", config.node_id.to_string(), ValueType::Int),
        ("num.partitions", config.default_partitions.to_string(), ValueType::Int),
        ("socket.request.max.bytes", config.limits.request_bytes.to_string(), ValueType::Int),
    ];
    let given =
        given.into_iter().map(|(name, value, kind)| broker_entry(name, &value, kind, SOURCE_STATIC, with_synonyms));
    let defaults = KEYS
        .iter()
        .filter(|key| !key.broker_name.is_empty())
        .map(|key| broker_entry(key.broker_name, key.default, key.value_type, SOURCE_DEFAULT, with_synonyms));
    given.chain(defaults).collect()
}

fn broker_entry(
    name: &'static str,
    value: &str,
    kind: ValueType,
    source: i8,
    with_synonyms: bool,
) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(Some(text(value)))
        .with_read_only(true)
        .with_config_source(source)
        .with_synonyms(if with_synonyms { vec![synonym(name, value, source)] } else { Vec::new() })
        .with_config_type(kind as i8)
        .with_documentation(None)
}
