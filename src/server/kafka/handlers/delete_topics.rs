//! DeleteTopics (20), by name or, from version 6, by id.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_topics_request::{DeleteTopicState, DeleteTopicsRequest};
use kafka_protocol::messages::delete_topics_response::{DeletableTopicResult, DeleteTopicsResponse};
use kafka_protocol::protocol::StrBytes;

use super::{blocking, error_message, find_topic, topic_error, topic_name};
use crate::server::kafka::state::broker::BrokerState;

/// First version with one list of names and ids.
const STATES_SINCE: i16 = 6;

pub(crate) async fn handle(
    broker: &Arc<BrokerState>,
    version: i16,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let states = match version >= STATES_SINCE {
        true => request.topics,
        false => {
            let names = request.topic_names.into_iter();
            names.map(|name| DeleteTopicState::default().with_name(Some(name))).collect()
        }
    };
    let deleting = Arc::clone(broker);
    let delete_all = move || states.into_iter().map(|state| delete(&deleting, version, state)).collect::<Vec<_>>();
    let results = blocking(delete_all).await;
    for deleted in results.iter().filter(|result| result.error_code == 0).filter_map(|result| result.name.as_ref()) {
        // What groups committed for it must not be found by a topic that is made under the same name later.
        if let Err(error) = broker.groups.forget_topic(deleted).await {
            tracing::error!(topic = &*deleted.0, ?error, "cannot drop the committed offsets of a deleted topic");
        }
    }
    DeleteTopicsResponse::default().with_responses(results)
}

fn delete(broker: &BrokerState, version: i16, state: DeleteTopicState) -> DeletableTopicResult {
    let result = DeletableTopicResult::default()
        .with_name(state.name.clone())
        .with_topic_id(state.topic_id)
        .with_error_message(None);
    let asked = match (&state.name, state.topic_id.is_nil()) {
        (Some(name), true) => find_topic(broker, name, state.topic_id),
        (None, false) => find_topic(broker, "", state.topic_id),
        (Some(_), false) => {
            let message = StrBytes::from_static_str("You may not specify both topic name and topic id.");
            return result.with_error_code(ResponseError::InvalidRequest.code()).with_error_message(Some(message));
        }
        (None, true) => {
            let message = StrBytes::from_static_str("Neither topic name nor id were specified.");
            return result.with_error_code(ResponseError::InvalidRequest.code()).with_error_message(Some(message));
        }
    };
    let topic = match asked {
        Ok(topic) => topic,
        Err(error) => {
            return result.with_error_code(error.code()).with_error_message(Some(error_message(error)));
        }
    };
    let result = result.with_name(Some(topic_name(&topic.shared.name)));
    let result = if version >= STATES_SINCE { result.with_topic_id(topic.shared.id) } else { result };
    match broker.topics.delete(&topic.shared.name) {
        Ok(()) => result,
        Err(error) => {
            let (code, message) = topic_error(&error);
            result.with_error_code(code).with_error_message(message)
        }
    }
}
