//! DescribeCluster (60): the one node.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};

use super::{CLUSTER_OPERATIONS, NO_OPERATIONS, text};
use crate::server::kafka::state::broker::BrokerState;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(crate) fn handle(broker: &BrokerState, request: DescribeClusterRequest) -> DescribeClusterResponse {
    let refused = match request.endpoint_type {
        BROKERS => None,
        CONTROLLERS => Some((
            ResponseError::MismatchedEndpointType,
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
                .to_owned(),
        )),
        other => Some((ResponseError::UnsupportedEndpointType, format!("Unsupported endpoint type {other}"))),
    };
    if let Some((error, message)) = refused {
        return DescribeClusterResponse::default()
            .with_error_code(error.code())
            .with_error_message(Some(text(message)));
    }
    let config = &broker.config;
    let node = DescribeClusterBroker::default()
        .with_broker_id(BrokerId(config.node_id))
        .with_host(text(config.advertised_host.as_str()))
        .with_port(i32::from(config.advertised_port))
        .with_rack(None);
    let operations = match request.include_cluster_authorized_operations {
        true => CLUSTER_OPERATIONS,
        false => NO_OPERATIONS,
    };
    DescribeClusterResponse::default()
        .with_error_message(None)
        .with_cluster_id(text(broker.cluster_id.as_str()))
        .with_controller_id(BrokerId(config.node_id))
        .with_brokers(vec![node])
        .with_cluster_authorized_operations(operations)
}
