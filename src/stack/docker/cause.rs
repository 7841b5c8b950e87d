//! What a container's end means, in words: from its exit code and its last lines.

use super::project::Ended;
use super::service::Service;

/// Why a service ended or does not come up, as far as the signs tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The sentence for people.
    pub meaning: String,
    pub remedy: Remedy,
}

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    MoreMemory,
    MoreDisk,
    /// The image is for other processors.
    OtherImage,
    /// The kept data does not go with this version or cluster.
    OtherData,
    ReadLog,
}

/// Reads the signs. `limit` is the container's memory limit in bytes.
pub fn cause_of(service: Service, ended: Option<Ended>, log: &[String], limit: Option<u64>) -> Cause {
    let has = |parts: &[&str]| log.iter().any(|line| parts.iter().any(|part| line.contains(part)));
    let say = |meaning: &str, remedy: Remedy| Cause { meaning: meaning.to_owned(), remedy };
    let code = ended.map(|ended| ended.exit_code);
    if ended.is_some_and(|ended| ended.out_of_memory) || has(&["java.lang.OutOfMemoryError", "heap out of memory"]) {
        let limit = limit.map(|bytes| format!(" of {} MiB", bytes / (1024 * 1024))).unwrap_or_default();
        return say(&format!("it ran out of memory: its limit{limit} was not enough"), Remedy::MoreMemory);
    }
    if has(&["No space left on device", "no space left on device", "flood stage disk watermark", "flood-stage"]) {
        return say("the engine's disk is full", Remedy::MoreDisk);
    }
    if has(&["exec format error"]) {
        return say("the image is made for another processor", Remedy::OtherImage);
    }
    if has(&["cannot downgrade a node", "InconsistentClusterIdException", "doesn't match stored clusterId"]) {
        return say("the kept data is of a newer version or of another cluster", Remedy::OtherData);
    }
    if has(&["AccessDeniedException", "Permission denied"]) && code.is_some_and(|code| code != 0) {
        return say("it may not write its data folder: the volume belongs to another user", Remedy::OtherData);
    }
    match (code, service) {
        (None, _) => say("it runs, but does not answer", Remedy::ReadLog),
        (Some(137), _) => say("it was killed from outside (137 is SIGKILL)", Remedy::ReadLog),
        (Some(143 | 130), _) => say("it was stopped from outside", Remedy::ReadLog),
        (Some(78), Service::Elasticsearch) => say("a bootstrap check of Elasticsearch failed", Remedy::ReadLog),
        (Some(132 | 134), _) => say("its JVM met an instruction that this processor does not have", Remedy::OtherImage),
        (Some(126 | 127), _) => {
            say("the image has no such program: it is no image of this service", Remedy::OtherImage)
        }
        (Some(0), _) => say("it ended by itself, as if its work were done", Remedy::ReadLog),
        (Some(_), _) => say("it gave up; its log says why", Remedy::ReadLog),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_has_its_words() {
        let check = |code: i64, oom: bool, log: &str, words: &str| {
            let ended = Some(Ended { exit_code: code, out_of_memory: oom });
            let cause = cause_of(Service::Elasticsearch, ended, &[log.to_owned()], Some(1280 << 20));
            assert!(cause.meaning.contains(words), "{code} {log}: {}", cause.meaning);
        };
        check(137, true, "", "ran out of memory: its limit of 1280 MiB");
        check(137, false, "", "killed from outside");
        check(3, false, "java.lang.OutOfMemoryError: Java heap space", "out of memory");
        check(78, false, "bootstrap check failure [1] of [1]", "bootstrap check");
        check(134, false, "SIGILL (0x4)", "instruction");
        check(1, false, "exec /usr/bin/x: exec format error", "another processor");
        check(1, false, "java.io.IOException: No space left on device", "disk is full");
        check(1, false, "cannot downgrade a node from version [9.2.4] to version [8.19.0]", "newer version");
        check(1, false, "java.nio.file.AccessDeniedException: /usr/share/elasticsearch/data", "another user");
        check(127, false, "", "no such program");
        check(1, false, "anything", "its log says why");
    }

    #[test]
    fn a_service_that_runs_is_not_said_to_have_ended() {
        assert_eq!(cause_of(Service::Kafka, None, &[], None).meaning, "it runs, but does not answer");
    }
}
