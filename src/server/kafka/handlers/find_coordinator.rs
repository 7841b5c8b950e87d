//! FindCoordinator (10): one node coordinates everything.

use kafka_protocol::{
    ResponseError,
    messages::{BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator_response::Coordinator},
    protocol::StrBytes,
};

use super::group_limits::NAMES_MAX;
use crate::server::kafka::state::{ClientInfo, groups::GroupCoordinator};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
/// The first version with a list of keys, and with flat fields no more.
const LIST_VERSION: i16 = 4;
const SHARE_VERSION: i16 = 6;

/// Where clients reach this node.
#[derive(Debug, Clone)]
pub(crate) struct AdvertisedNode {
    pub(crate) id: i32,
    pub(crate) host: String,
    pub(crate) port: i32,
}

const MALFORMED: &str = "This most likely occurs because of a request being malformed by the client library or the \
                         message was sent to an incompatible broker. See the broker logs for more details.";

pub(crate) async fn handle(
    _groups: &GroupCoordinator,
    _client: &ClientInfo,
    node: &AdvertisedNode,
    version: i16,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    if version >= LIST_VERSION {
        let over = request.coordinator_keys.len() > NAMES_MAX;
        let coordinators = request.coordinator_keys.into_iter().take(NAMES_MAX).map(|key| {
            if over { refused(key, Refusal::Malformed) } else { listed(key, request.key_type, version, node) }
        });
        return FindCoordinatorResponse::default().with_error_message(None).with_coordinators(coordinators.collect());
    }
    let found = check(&request.key, request.key_type, version);
    let answer = FindCoordinatorResponse::default();
    match found {
        Ok(()) => answer
            .with_error_message(Some(StrBytes::from_static_str("NONE")))
            .with_node_id(BrokerId(node.id))
            .with_host(StrBytes::from_string(node.host.clone()))
            .with_port(node.port),
        Err(refusal) => answer
            .with_error_code(refusal.code())
            .with_error_message(Some(StrBytes::from_static_str(MALFORMED)))
            .with_node_id(BrokerId(-1))
            .with_port(-1),
    }
}

#[derive(Debug, Clone, Copy)]
enum Refusal {
    /// A type that this version does not have.
    Malformed,
    /// A share group key that is none.
    BadKey,
    /// Share groups are not served.
    NotAvailable,
}

impl Refusal {
    fn code(self) -> i16 {
        match self {
            Refusal::Malformed | Refusal::BadKey => ResponseError::InvalidRequest.code(),
            Refusal::NotAvailable => ResponseError::CoordinatorNotAvailable.code(),
        }
    }
}

fn check(key: &str, key_type: i8, version: i16) -> Result<(), Refusal> {
    match key_type {
        GROUP | TRANSACTION => Ok(()),
        // `group:topic id:partition`
        SHARE if version >= SHARE_VERSION && key.split(':').count() == 3 => Err(Refusal::NotAvailable),
        SHARE if version >= SHARE_VERSION => Err(Refusal::BadKey),
        _ => Err(Refusal::Malformed),
    }
}

fn listed(key: StrBytes, key_type: i8, version: i16, node: &AdvertisedNode) -> Coordinator {
    match check(&key, key_type, version) {
        Ok(()) => Coordinator::default()
            .with_key(key)
            .with_node_id(BrokerId(node.id))
            .with_host(StrBytes::from_string(node.host.clone()))
            .with_port(node.port)
            .with_error_message(Some(StrBytes::default())),
        Err(refusal) => refused(key, refusal),
    }
}

fn refused(key: StrBytes, refusal: Refusal) -> Coordinator {
    let message = match refusal {
        Refusal::Malformed => MALFORMED,
        Refusal::BadKey | Refusal::NotAvailable => "",
    };
    Coordinator::default()
        .with_key(key)
        .with_node_id(BrokerId(-1))
        .with_port(-1)
        .with_error_code(refusal.code())
        .with_error_message(Some(StrBytes::from_static_str(message)))
}
