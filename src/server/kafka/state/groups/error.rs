//! What a group request can be refused with, and the protocol's code for it.

use kafka_protocol::ResponseError;

use crate::server::kafka::storage::offsets::WriteError;

/// A refusal, as the protocol knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("the group id is empty or too long")]
    InvalidGroupId,
    #[error("the session timeout is outside the allowed range")]
    InvalidSessionTimeout,
    #[error("no protocol is common to all members")]
    InconsistentProtocol,
    #[error("the member is not known")]
    UnknownMember,
    #[error("the member must join again with the id it was given")]
    MemberIdRequired,
    #[error("the group, or the number of groups, is at its maximum")]
    Full,
    #[error("another member has taken over the instance id")]
    FencedInstance,
    #[error("the generation is not the present one")]
    IllegalGeneration,
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    #[error("the group does not exist")]
    GroupNotFound,
    #[error("the group has members")]
    GroupNotEmpty,
    #[error("the group is subscribed to the topic")]
    SubscribedToTopic,
    #[error("the members' metadata or assignments are too large")]
    TooLarge,
    #[error("too many changes wait to be written")]
    Busy,
    #[error("the change could not be written")]
    NotWritten,
    #[error("the store of committed offsets failed and takes no more writes")]
    StoreClosed,
}

impl GroupError {
    pub(crate) fn code(self) -> i16 {
        match self {
            GroupError::InvalidGroupId => ResponseError::InvalidGroupId,
            GroupError::InvalidSessionTimeout => ResponseError::InvalidSessionTimeout,
            GroupError::InconsistentProtocol => ResponseError::InconsistentGroupProtocol,
            GroupError::UnknownMember => ResponseError::UnknownMemberId,
            GroupError::MemberIdRequired => ResponseError::MemberIdRequired,
            GroupError::Full => ResponseError::GroupMaxSizeReached,
            GroupError::FencedInstance => ResponseError::FencedInstanceId,
            GroupError::IllegalGeneration => ResponseError::IllegalGeneration,
            GroupError::RebalanceInProgress => ResponseError::RebalanceInProgress,
            GroupError::GroupNotFound => ResponseError::GroupIdNotFound,
            GroupError::GroupNotEmpty => ResponseError::NonEmptyGroup,
            GroupError::SubscribedToTopic => ResponseError::GroupSubscribedToTopic,
            // What the real server answers when a group's record is larger than its log takes.
            GroupError::TooLarge | GroupError::StoreClosed => ResponseError::UnknownServerError,
            // Both are "come back": clients retry these two.
            GroupError::Busy => ResponseError::CoordinatorLoadInProgress,
            GroupError::NotWritten => ResponseError::CoordinatorNotAvailable,
        }
        .code()
    }
}

impl From<WriteError> for GroupError {
    fn from(error: WriteError) -> GroupError {
        match error {
            WriteError::Busy => GroupError::Busy,
            WriteError::Failed => GroupError::NotWritten,
            WriteError::Closed => GroupError::StoreClosed,
        }
    }
}
