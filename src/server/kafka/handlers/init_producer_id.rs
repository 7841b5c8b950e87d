//! InitProducerId (22): an id for an idempotent producer.
//!
//! Transactions are not served: a transactional id gets TRANSACTIONAL_ID_AUTHORIZATION_FAILED (53), the one code that
//! every client library takes as final for it, instead of trying again until its timeout.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::blocking;
use crate::server::kafka::state::broker::BrokerState;

pub(crate) async fn handle(
    broker: &Arc<BrokerState>,
    version: i16,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let refused = |error: ResponseError| {
        InitProducerIdResponse::default()
            .with_error_code(error.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1)
    };
    match &request.transactional_id {
        Some(id) if id.is_empty() => return refused(ResponseError::InvalidRequest),
        Some(_) => return refused(ResponseError::TransactionalIdAuthorizationFailed),
        None => {}
    }
    // From version 3 a client may name the id and epoch it had; without transactions a new id serves as well.
    tracing::debug!(version, "giving out a producer id");
    let broker = Arc::clone(broker);
    match blocking(move || broker.producer_ids.next()).await {
        Ok(id) => InitProducerIdResponse::default().with_producer_id(ProducerId(id)).with_producer_epoch(0),
        Err(error) => {
            tracing::error!(%error, "cannot give out a producer id");
            refused(ResponseError::KafkaStorageError)
        }
    }
}
