//! Images: which are here, and getting those that are not.
//!
//! All pulls run at once. What counts is bytes: a pull that moves none for half a minute is given up, one that moves some
//! may take hours. Dropping a pull ends it; the engine keeps the layers that are complete.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::errors::Error as BollardError;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::Instant;

use super::engine::{Engine, EngineError};
use super::images::ImageReference;
use super::registry_auth;

/// Without a byte for so long a pull is given up.
const STALL: Duration = Duration::from_secs(30);
/// All bytes are here and the engine unpacks them: not every engine tells how far it is.
const UNPACK: Duration = Duration::from_secs(600);
/// How long a registry may take to say whether it has an image.
const REGISTRY_PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("`{image}` can't be pulled: {reason}")]
    Refused { image: String, reason: String, cause: PullCause },
    #[error("the pull of `{image}` stood still for {} s at {} bytes", STALL.as_secs(), bytes)]
    Stalled { image: String, bytes: u64 },
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// What a registry's or engine's refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullCause {
    /// The registry limits how often one may ask.
    RateLimit,
    /// It is there for others, or not at all.
    NoAccess,
    NotFound,
    /// No way to the registry: no network, a proxy, a certificate.
    Network,
    DiskFull,
    Other,
}

impl PullCause {
    /// From the text that came, which is all there is.
    fn of(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        if has(&["toomanyrequests", "rate limit", "too many requests"]) {
            Self::RateLimit
        } else if has(&["no space left"]) {
            Self::DiskFull
        } else if has(&["manifest unknown", "not found", "no matching manifest"]) {
            Self::NotFound
        } else if has(&["unauthorized", "denied", "authentication required", "no basic auth credentials"]) {
            Self::NoAccess
        } else if has(&[
            "dial tcp",
            "no such host",
            "i/o timeout",
            "tls",
            "x509",
            "proxyconnect",
            "connection refused",
            "connection reset",
            "network is unreachable",
            "timeout",
            "eof",
            "lookup",
        ]) {
            Self::Network
        } else {
            Self::Other
        }
    }
}

/// An image that is on the engine's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentImage {
    /// The engine's id of it.
    pub id: String,
    /// As the registry knows it; absent for one that was built or loaded here.
    pub digest: Option<String>,
    pub architecture: String,
}

impl PresentImage {
    /// Whether it is the one that `image` names, as far as that names a digest.
    pub fn is(&self, image: &ImageReference) -> bool {
        let (_, version) = image.pull_parts();
        !image.is_pinned() || self.digest.as_deref() == Some(version)
    }
}

/// How far a pull is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullAmount {
    pub done: u64,
    /// Grows while the registry still lists layers.
    pub total: u64,
}

/// Counts the bytes of one pull; read by whoever shows progress.
#[derive(Debug, Default)]
pub struct PullProgress {
    layers: Mutex<Layers>,
}

#[derive(Debug, Default)]
struct Layers {
    by_id: HashMap<String, Layer>,
    /// Any number that moved, unpacking included.
    moved: u64,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Layer {
    done: u64,
    total: u64,
    unpacked: u64,
    complete: bool,
}

impl PullProgress {
    pub fn amount(&self) -> PullAmount {
        let layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        PullAmount {
            done: layers.by_id.values().map(|layer| layer.done).sum(),
            total: layers.by_id.values().map(|layer| layer.total).sum(),
        }
    }

    fn take(&self, event: &CreateImageInfo) {
        let (Some(id), Some(status)) = (&event.id, &event.status) else { return };
        let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        let detail = event.progress_detail.as_ref();
        let (current, total) =
            (detail.and_then(|detail| number(detail.current)), detail.and_then(|detail| number(detail.total)));
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let layer = layers.by_id.entry(id.clone()).or_default();
        let before = (layer.done, layer.unpacked, layer.complete);
        match status.as_str() {
            "Downloading" => {
                layer.total = total.unwrap_or(layer.total).max(layer.total);
                layer.done = current.unwrap_or(layer.done);
            }
            "Download complete" | "Pull complete" | "Already exists" | "Verifying Checksum" => {
                layer.done = layer.total;
                layer.complete |= status != "Verifying Checksum";
            }
            "Extracting" => layer.unpacked = current.unwrap_or(layer.unpacked),
            _ => {}
        }
        if before != (layer.done, layer.unpacked, layer.complete) {
            layers.moved += 1;
        }
    }

    /// A number that changes with every byte, and whether all bytes known of are here.
    fn moved(&self) -> (u64, bool) {
        let layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        (layers.moved, !layers.by_id.is_empty() && layers.by_id.values().all(|layer| layer.complete))
    }
}

impl Engine {
    /// The image, if it is on the engine's machine.
    pub async fn image(&self, image: &ImageReference) -> Result<Option<PresentImage>, EngineError> {
        let name = image.local_name();
        let found = self.ask(&format!("look at image `{name}`"), self.docker.inspect_image(&name)).await;
        match found {
            Ok(found) => Ok(Some(PresentImage {
                id: found.id.unwrap_or_default(),
                digest: found
                    .repo_digests
                    .unwrap_or_default()
                    .into_iter()
                    .find_map(|digest| digest.split_once('@').map(|(_, digest)| digest.to_owned())),
                architecture: found.architecture.unwrap_or_default(),
            })),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the registry has the image, as far as it says so soon; nothing is pulled.
    pub async fn can_pull(&self, image: &ImageReference) -> Result<(), String> {
        let auth = registry_auth::credentials(image.registry()).await;
        let (name, version) = image.pull_parts();
        let separator = if version.starts_with("sha256:") { '@' } else { ':' };
        let name = format!("{name}{separator}{version}");
        let question = self.docker.inspect_registry_image(&name, auth);
        match tokio::time::timeout(REGISTRY_PATIENCE, question).await {
            Ok(Ok(_)) => Ok(()),
            // Podman's way to say that it has no such question; a registry's own "not found" has more words.
            Ok(Err(BollardError::DockerResponseServerError { status_code: 404, message }))
                if message.trim() == "Not Found" =>
            {
                Ok(())
            }
            Ok(Err(error)) => Err(EngineError::of("ask the registry", &error).to_string()),
            Err(_) => Err(format!("the registry did not answer within {} s", REGISTRY_PATIENCE.as_secs())),
        }
    }

    /// Pulls an image. A pinned one gets its tag too, so that it is found by name afterwards.
    pub async fn pull(&self, image: &ImageReference, progress: &PullProgress) -> Result<(), PullError> {
        let auth = registry_auth::credentials(image.registry()).await;
        let (name, version) = image.pull_parts();
        let mut tries_left = 1;
        loop {
            let options = CreateImageOptionsBuilder::default().from_image(name).tag(version).build();
            let events = self.docker.create_image(Some(options), None, auth.clone()).boxed();
            match follow(events, image, progress).await {
                // A known fault of the transport (bollard 560); a second try goes on with the layers that are here.
                Err(PullError::Refused { reason, .. }) if tries_left > 0 && reason.contains("remaining on stream") => {
                    tries_left -= 1;
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        let Some(tag) = image.tag().filter(|_| image.is_pinned()).map(str::to_owned) else { return Ok(()) };
        let (repository, pulled) = (image.name().to_owned(), format!("{name}@{version}"));
        self.change(&format!("name `{pulled}`"), move |docker| async move {
            let options = TagImageOptionsBuilder::default().repo(&repository).tag(&tag).build();
            docker.tag_image(&pulled, Some(options)).await
        })
        .await?;
        Ok(())
    }
}

/// Reads the events of a pull to their end.
async fn follow(
    mut events: BoxStream<'_, Result<CreateImageInfo, BollardError>>,
    image: &ImageReference,
    progress: &PullProgress,
) -> Result<(), PullError> {
    let mut last_move = Instant::now();
    let mut seen = progress.moved();
    loop {
        let limit = if seen.1 { UNPACK } else { STALL };
        let left = limit.saturating_sub(last_move.elapsed());
        let stalled = || PullError::Stalled { image: image.to_string(), bytes: progress.amount().done };
        let event = match tokio::time::timeout(left, events.next()).await {
            Err(_) => return Err(stalled()),
            Ok(None) => return Ok(()),
            Ok(Some(Ok(event))) => event,
            Ok(Some(Err(error))) => {
                let EngineError::Refused { reason, .. } = EngineError::of("pull", &error) else {
                    return Err(stalled());
                };
                let cause = PullCause::of(&reason);
                return Err(PullError::Refused { image: image.to_string(), reason, cause });
            }
        };
        progress.take(&event);
        // "Retrying in 5 seconds" comes every second and moves nothing.
        let now = progress.moved();
        if now != seen {
            (seen, last_move) = (now, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::{ErrorDetail, ProgressDetail};

    use super::*;

    fn event(id: &str, status: &str, current: i64, total: i64) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: Some(ProgressDetail { current: Some(current), total: Some(total) }),
            error_detail: None::<ErrorDetail>,
        }
    }

    fn image() -> ImageReference {
        "a/b:1".parse().unwrap()
    }

    #[test]
    fn bytes_are_summed_over_layers_and_a_complete_layer_counts_whole() {
        let progress = PullProgress::default();
        progress.take(&event("a", "Downloading", 10, 100));
        progress.take(&event("b", "Downloading", 5, 50));
        assert_eq!(progress.amount(), PullAmount { done: 15, total: 150 });
        progress.take(&event("a", "Download complete", 0, 0));
        assert_eq!(progress.amount(), PullAmount { done: 105, total: 150 });
        progress.take(&event("c", "Already exists", 0, 0));
        assert_eq!(progress.amount(), PullAmount { done: 105, total: 150 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_pull_that_only_retries_is_given_up_after_thirty_seconds_and_a_slow_one_is_not() {
        let progress = PullProgress::default();
        let retries = futures_util::stream::unfold(0, |n| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(event("a", &format!("Retrying in {} seconds", 5 - n % 5), 0, 0)), n + 1))
        });
        let started = Instant::now();
        let error = follow(retries.boxed(), &image(), &progress).await.unwrap_err();
        assert!(matches!(error, PullError::Stalled { .. }), "{error:?}");
        assert!(started.elapsed() >= STALL && started.elapsed() < STALL * 2, "{:?}", started.elapsed());

        let silent = futures_util::stream::pending().boxed();
        let error = follow(silent, &image(), &progress).await.unwrap_err();
        assert!(matches!(error, PullError::Stalled { .. }), "{error:?}");

        let slow = futures_util::stream::unfold(0_i64, |n| async move {
            if n == 20 {
                return None;
            }
            tokio::time::sleep(Duration::from_secs(20)).await;
            Some((Ok(event("z", "Downloading", n + 1, 100)), n + 1))
        });
        follow(slow.boxed(), &image(), &PullProgress::default()).await.unwrap();
    }

    #[test]
    fn a_refusal_is_told_by_its_words() {
        let check = |text: &str, cause: PullCause| assert_eq!(PullCause::of(text), cause, "{text}");
        check("toomanyrequests: You have reached your pull rate limit", PullCause::RateLimit);
        check("pull access denied for x, repository does not exist or may require 'docker login'", PullCause::NoAccess);
        check("manifest for a/b:9 not found: manifest unknown", PullCause::NotFound);
        check(
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
            PullCause::Network,
        );
        check("x509: certificate signed by unknown authority", PullCause::Network);
        check("write /var/lib/docker/tmp/x: no space left on device", PullCause::DiskFull);
        check("something else", PullCause::Other);
    }
}
