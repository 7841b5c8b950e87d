//! AlterConfigs (33), which replaces all that was set, and IncrementalAlterConfigs (44), which changes what it names.
//! Topics only: the broker's own settings come from its start.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    alter_configs_response, incremental_alter_configs_response,
};
use kafka_protocol::protocol::StrBytes;

use super::{blocking, text, topic_error};
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::configs::{ConfigKey, ValueType, find};
use crate::server::kafka::state::topics::TopicError;

const TOPIC: i8 = 2;

/// Code and message of one resource.
type Outcome = (i16, Option<StrBytes>);

pub(crate) async fn replace(broker: &Arc<BrokerState>, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let broker = Arc::clone(broker);
    blocking(move || {
        let responses = request.resources.into_iter().map(|resource| {
            let configs = resource.configs;
            let name = resource.resource_name;
            let (code, message) = alter(&broker, resource.resource_type, &name, request.validate_only, |_| {
                let entries = configs.iter().map(|config| match &config.value {
                    Some(value) => Ok((config.name.to_string(), value.to_string())),
                    None => Err(null_value(&config.name)),
                });
                entries.collect()
            });
            alter_configs_response::AlterConfigsResourceResponse::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(name)
                .with_error_code(code)
                .with_error_message(message)
        });
        AlterConfigsResponse::default().with_responses(responses.collect())
    })
    .await
}

pub(crate) async fn change(
    broker: &Arc<BrokerState>,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let broker = Arc::clone(broker);
    blocking(move || {
        let responses = request.resources.into_iter().map(|resource| {
            let configs = resource.configs;
            let name = resource.resource_name;
            let (code, message) = alter(&broker, resource.resource_type, &name, request.validate_only, |mut set| {
                for config in &configs {
                    apply(&mut set, &config.name, config.config_operation, config.value.as_deref())?;
                }
                Ok(set)
            });
            incremental_alter_configs_response::AlterConfigsResourceResponse::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(name)
                .with_error_code(code)
                .with_error_message(message)
        });
        IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
    })
    .await
}

fn alter(
    broker: &BrokerState,
    resource_type: i8,
    name: &str,
    validate_only: bool,
    change: impl FnOnce(BTreeMap<String, String>) -> Result<BTreeMap<String, String>, TopicError>,
) -> Outcome {
    if resource_type != TOPIC {
        let message = "only topic configs can be changed on this broker";
        return (ResponseError::InvalidRequest.code(), Some(StrBytes::from_static_str(message)));
    }
    match broker.topics.alter_config(name, validate_only, change) {
        Ok(()) => (0, None),
        Err(TopicError::Unknown) => {
            let message = format!("The topic '{name}' does not exist.");
            (ResponseError::UnknownTopicOrPartition.code(), Some(text(message)))
        }
        Err(error) => topic_error(&error),
    }
}

/// One change: 0 sets, 1 removes, 2 and 3 add to and take from a list.
fn apply(set: &mut BTreeMap<String, String>, name: &str, operation: i8, value: Option<&str>) -> Result<(), TopicError> {
    let key = find(name).ok_or_else(|| TopicError::InvalidConfig(format!("Unknown topic config name: {name}")))?;
    let value = match (operation, value) {
        (1, _) => {
            set.remove(name);
            return Ok(());
        }
        (_, Some(value)) => value,
        (_, None) => return Err(null_value(name)),
    };
    let new = match operation {
        0 => value.to_owned(),
        2 | 3 if key.value_type == ValueType::List => changed_list(set, key, operation == 2, value),
        2 | 3 => {
            let verb = if operation == 2 { "APPEND to" } else { "SUBTRACT from" };
            let text = format!("Can't {verb} key {name} because its type is not LIST.");
            return Err(TopicError::InvalidConfig(text));
        }
        other => return Err(TopicError::InvalidRequest(format!("Unknown operation {other} for {name}"))),
    };
    set.insert(name.to_owned(), new);
    Ok(())
}

fn null_value(name: &str) -> TopicError {
    TopicError::InvalidRequest(format!("Null value not supported for : {name}"))
}

fn changed_list(set: &BTreeMap<String, String>, key: &ConfigKey, add: bool, value: &str) -> String {
    let present = set.get(key.name).map_or(key.default, String::as_str);
    let mut items: Vec<&str> = present.split(',').filter(|item| !item.is_empty()).collect();
    for item in value.split(',').map(str::trim) {
        match add {
            true if !items.contains(&item) => items.push(item),
            true => {}
            false => items.retain(|present| *present != item),
        }
    }
    items.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_grow_and_shrink_and_other_values_do_not() {
        let mut set = BTreeMap::new();
        apply(&mut set, "cleanup.policy", 2, Some("compact")).expect("legal");
        assert_eq!(set.get("cleanup.policy").map(String::as_str), Some("delete,compact"));
        apply(&mut set, "cleanup.policy", 3, Some("delete")).expect("legal");
        assert_eq!(set.get("cleanup.policy").map(String::as_str), Some("compact"));
        assert!(apply(&mut set, "retention.ms", 2, Some("1")).is_err());
        assert!(apply(&mut set, "no.such.key", 0, Some("1")).is_err());
        apply(&mut set, "cleanup.policy", 1, None).expect("legal");
        assert!(set.is_empty());
    }
}
