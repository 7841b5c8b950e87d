//! ListPartitionReassignments (46): with one node nothing ever moves.

use kafka_protocol::messages::ListPartitionReassignmentsResponse;

pub(crate) fn handle() -> ListPartitionReassignmentsResponse {
    ListPartitionReassignmentsResponse::default().with_error_message(None)
}
