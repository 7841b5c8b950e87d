//! The engine, connected: the few calls that the docker stack makes, each with a limit, each finished even when nobody waits.
//!
//! A call that changes something goes on when its caller is dropped (Ctrl-C drops the whole `up`): a request that was sent is
//! carried out by the engine anyway, and what comes of it must be there to be cleaned up. [`Engine::settle`] waits for those.

use std::time::Duration;

use bollard::errors::Error as BollardError;
use bollard::models::SystemInfo;
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio_util::task::TaskTracker;

use super::find::EngineAddress;
use crate::stack::causes::with_causes;

/// One call may take this long; starting a container on a busy machine takes its time.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// The first questions: an engine that hangs is as good as none.
const FIRST_LIMIT: Duration = Duration::from_secs(5);
/// Seconds that bollard itself allows for the head of an answer.
const HEAD_SECONDS: u64 = 120;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("cannot connect to the engine at {address}: {reason}")]
    Connect { address: String, reason: String },
    #[error("the engine did not {what} within {} s", limit.as_secs())]
    TooLate { what: String, limit: Duration },
    #[error("the engine could not {what}: {reason}")]
    Refused {
        what: String,
        /// HTTP status of the engine's answer, where there was one.
        status: Option<u16>,
        reason: String,
    },
}

impl EngineError {
    pub(super) fn of(what: impl Into<String>, error: &BollardError) -> Self {
        let (status, reason) = match error {
            BollardError::DockerResponseServerError { status_code, message } => (Some(*status_code), message.clone()),
            other => (None, with_causes(other)),
        };
        Self::Refused { what: what.into(), status, reason: reason.trim().to_owned() }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => *status,
            Self::Connect { .. } | Self::TooLate { .. } => None,
        }
    }
}

/// A connected engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) docker: Docker,
    pub address: EngineAddress,
    pub info: EngineInfo,
    changes: TaskTracker,
}

/// What the engine says of itself, as far as a stack depends on it ([`super::survey`] asks for more).
#[derive(Clone, Debug, Default)]
pub struct EngineInfo {
    pub version: String,
    pub architecture: String,
    /// Memory of the engine's machine in bytes, zero when it does not say.
    pub memory: u64,
}

impl EngineInfo {
    fn of(info: SystemInfo) -> Self {
        Self {
            version: info.server_version.unwrap_or_default(),
            architecture: info.architecture.unwrap_or_default(),
            memory: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
        }
    }

    pub fn is_arm(&self) -> bool {
        matches!(self.architecture.as_str(), "aarch64" | "arm64")
    }
}

impl Engine {
    /// Connects, agrees on an API version, asks the engine what it is.
    pub async fn connect(address: &EngineAddress) -> Result<Self, EngineError> {
        let refused = |error: &BollardError| EngineError::Connect {
            address: address.address.clone(),
            reason: with_causes(error),
        };
        let docker = dial(address).map_err(|error| refused(&error))?;
        let late = |what: &str| EngineError::TooLate { what: what.to_owned(), limit: FIRST_LIMIT };
        let docker = tokio::time::timeout(FIRST_LIMIT, docker.negotiate_version())
            .await
            .map_err(|_| late("say its version"))?
            .map_err(|error| refused(&error))?;
        let info = tokio::time::timeout(FIRST_LIMIT, docker.info())
            .await
            .map_err(|_| late("say what it is"))?
            .map_err(|error| refused(&error))?;
        Ok(Self { docker, address: address.clone(), info: EngineInfo::of(info), changes: TaskTracker::new() })
    }

    /// A question: dropped with its caller.
    pub(super) async fn ask<T>(
        &self,
        what: &str,
        question: impl Future<Output = Result<T, BollardError>>,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(CALL_LIMIT, question).await {
            Ok(answer) => answer.map_err(|error| EngineError::of(what, &error)),
            Err(_) => Err(EngineError::TooLate { what: what.to_owned(), limit: CALL_LIMIT }),
        }
    }

    /// A change: goes on when its caller is dropped, and is waited for by [`Engine::settle`].
    pub(super) async fn change<T: Send + 'static, F>(
        &self,
        what: &str,
        change: impl FnOnce(Docker) -> F,
    ) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, BollardError>> + Send + 'static,
    {
        let work = change(self.docker.clone());
        let task = self.changes.spawn(async move { tokio::time::timeout(CALL_LIMIT, work).await });
        match task.await {
            Ok(Ok(answer)) => answer.map_err(|error| EngineError::of(what, &error)),
            Ok(Err(_)) => Err(EngineError::TooLate { what: what.to_owned(), limit: CALL_LIMIT }),
            Err(error) => Err(EngineError::Refused {
                what: what.to_owned(),
                status: None,
                reason: format!("the call broke off: {error}"),
            }),
        }
    }

    /// Waits for changes that nobody waits for any more.
    pub async fn settle(&self) {
        self.changes.close();
        let _gave_up = tokio::time::timeout(CALL_LIMIT, self.changes.wait()).await.is_err();
        self.changes.reopen();
    }
}

/// A client for the address; nothing is sent yet.
pub(super) fn dial(address: &EngineAddress) -> Result<Docker, BollardError> {
    if let Some(tls) = &address.tls {
        return Docker::connect_with_ssl(
            &address.address,
            &tls.key,
            &tls.cert,
            &tls.ca,
            HEAD_SECONDS,
            API_DEFAULT_VERSION,
        );
    }
    match address.address.split_once("://") {
        Some(("unix", _)) => Docker::connect_with_unix(&address.address, HEAD_SECONDS, API_DEFAULT_VERSION),
        _ => Docker::connect_with_http(&address.address, HEAD_SECONDS, API_DEFAULT_VERSION),
    }
}
