//! Takes a request to its handler and the answer into a frame. A panic in a handler closes its connection, no more.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use kafka_protocol::messages::{RequestKind, ResponseKind};
use tokio::sync::OwnedSemaphorePermit;

use super::codec::frame::{self, Request, RequestHead};
use super::handlers::{self, produce};
use super::state::ClientInfo;
use super::state::broker::BrokerState;

/// What a request leads to on its connection.
pub(crate) enum Reply {
    /// The pieces of a response frame, and the memory they hold until they are written.
    Frame(Vec<Bytes>, Option<OwnedSemaphorePermit>),
    /// Nothing: a produce with `acks=0` that went well.
    Nothing,
    /// The connection closes.
    Close,
}

pub(crate) type ReplyFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// An answer that is there already.
pub(super) fn ready(reply: Reply) -> ReplyFuture {
    Box::pin(std::future::ready(reply))
}

/// Starts a request. A produce has queued its batches when this returns, so pipelined produces keep their order; all else
/// happens in the future.
pub(super) fn start(broker: &Arc<BrokerState>, client: ClientInfo, request: Request) -> ReplyFuture {
    let head = request.head;
    let started = catch_unwind(AssertUnwindSafe(|| match request.body {
        RequestKind::Produce(produce) => produce::start(broker, head, produce),
        body => start_other(Arc::clone(broker), client, head, body),
    }));
    match started {
        Ok(future) => caught(head, future),
        Err(_) => panicked(head),
    }
}

fn panicked(head: RequestHead) -> ReplyFuture {
    tracing::error!(key = head.key, version = head.version, "a request panicked; closing its connection");
    ready(Reply::Close)
}

/// The same future, with a panic turned into the end of the connection.
fn caught(head: RequestHead, mut future: ReplyFuture) -> ReplyFuture {
    Box::pin(poll_fn(move |context| {
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))).unwrap_or_else(|_| {
            future = panicked(head);
            Poll::Ready(Reply::Close)
        })
    }))
}

fn start_other(broker: Arc<BrokerState>, client: ClientInfo, head: RequestHead, body: RequestKind) -> ReplyFuture {
    Box::pin(async move {
        if let RequestKind::Fetch(request) = body {
            return handlers::fetch::handle(&broker, head, request).await;
        }
        match answer(&broker, &client, head.version, body).await {
            Some(body) => encode(head, &body),
            None => Reply::Close,
        }
    })
}

/// A frame of the answer.
pub(super) fn encode(head: RequestHead, body: &ResponseKind) -> Reply {
    match frame::encode_response(head, body) {
        Ok(frame) => Reply::Frame(vec![frame], None),
        Err(error) => {
            tracing::error!(key = head.key, version = head.version, %error, "an answer does not encode");
            Reply::Close
        }
    }
}

/// The answer of everything but Produce and Fetch; `None` for a request that is not in the table of served APIs.
async fn answer(
    broker: &Arc<BrokerState>,
    client: &ClientInfo,
    version: i16,
    body: RequestKind,
) -> Option<ResponseKind> {
    Some(match body {
        RequestKind::ApiVersions(request) => handlers::api_versions::handle(version, request).into(),
        RequestKind::Metadata(request) => handlers::metadata::handle(broker, version, request).await.into(),
        RequestKind::ListOffsets(request) => handlers::list_offsets::handle(broker, version, request).await.into(),
        RequestKind::CreateTopics(request) => handlers::create_topics::handle(broker, version, request).await.into(),
        RequestKind::DeleteTopics(request) => handlers::delete_topics::handle(broker, version, request).await.into(),
        RequestKind::CreatePartitions(request) => handlers::create_partitions::handle(broker, request).await.into(),
        RequestKind::DeleteRecords(request) => handlers::delete_records::handle(broker, request).await.into(),
        RequestKind::DescribeConfigs(request) => handlers::describe_configs::handle(broker, request).into(),
        RequestKind::AlterConfigs(request) => handlers::alter_configs::replace(broker, request).await.into(),
        RequestKind::IncrementalAlterConfigs(request) => handlers::alter_configs::change(broker, request).await.into(),
        RequestKind::DescribeCluster(request) => handlers::describe_cluster::handle(broker, request).into(),
        RequestKind::DescribeTopicPartitions(request) => {
            handlers::describe_topic_partitions::handle(broker, request).into()
        }
        RequestKind::DescribeLogDirs(request) => handlers::describe_log_dirs::handle(broker, request).await.into(),
        RequestKind::InitProducerId(request) => {
            handlers::init_producer_id::handle(broker, version, request).await.into()
        }
        RequestKind::OffsetForLeaderEpoch(request) => handlers::offset_for_leader_epoch::handle(broker, request).into(),
        RequestKind::ListPartitionReassignments(_) => handlers::list_partition_reassignments::handle().into(),
        other => return group_answer(broker, client, version, other).await,
    })
}

/// The answers of the group coordinator.
async fn group_answer(
    broker: &Arc<BrokerState>,
    client: &ClientInfo,
    version: i16,
    body: RequestKind,
) -> Option<ResponseKind> {
    let groups = &broker.groups;
    let topics = broker.topics.as_ref();
    Some(match body {
        RequestKind::FindCoordinator(request) => {
            handlers::find_coordinator::handle(groups, client, &broker.node, version, request).await.into()
        }
        RequestKind::JoinGroup(request) => handlers::join_group::handle(groups, client, version, request).await.into(),
        RequestKind::SyncGroup(request) => handlers::sync_group::handle(groups, client, version, request).await.into(),
        RequestKind::Heartbeat(request) => handlers::heartbeat::handle(groups, client, version, request).await.into(),
        RequestKind::LeaveGroup(request) => {
            handlers::leave_group::handle(groups, client, version, request).await.into()
        }
        RequestKind::OffsetCommit(request) => {
            handlers::offset_commit::handle(groups, client, topics, version, request).await.into()
        }
        RequestKind::OffsetFetch(request) => {
            handlers::offset_fetch::handle(groups, client, version, request).await.into()
        }
        RequestKind::OffsetDelete(request) => {
            handlers::offset_delete::handle(groups, client, topics, version, request).await.into()
        }
        RequestKind::DescribeGroups(request) => {
            handlers::describe_groups::handle(groups, client, version, request).await.into()
        }
        RequestKind::ListGroups(request) => {
            handlers::list_groups::handle(groups, client, version, request).await.into()
        }
        RequestKind::DeleteGroups(request) => {
            handlers::delete_groups::handle(groups, client, version, request).await.into()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
