//! How much memory each service gets, fitted to the machine that runs the engine.
//!
//! A JVM needs more than its heap: Elasticsearch takes up to half of it again for buffers, and both pages of files. A
//! container that outgrows its limit is killed without a word (137), so the limits leave room.

use super::service::Service;

const MIB: u64 = 1024 * 1024;

/// One service's share, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The container's limit.
    pub limit: u64,
    /// The heap of the JVM, or of node.
    pub heap: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine's machine has {} MiB of memory, the services need {} MiB", have / MIB, need / MIB)]
pub struct TooLittleMemory {
    pub have: u64,
    pub need: u64,
}

/// The least that a service runs with.
fn least(service: Service) -> Share {
    match service {
        Service::Kafka => Share { limit: 640 * MIB, heap: 256 * MIB },
        Service::Elasticsearch => Share { limit: 1280 * MIB, heap: 512 * MIB },
        Service::Kibana => Share { limit: 1024 * MIB, heap: 640 * MIB },
    }
}

/// More than this does nothing for a stack on one machine.
fn most(service: Service) -> Share {
    match service {
        Service::Kafka => Share { limit: 1280 * MIB, heap: 512 * MIB },
        Service::Elasticsearch => Share { limit: 2560 * MIB, heap: 1024 * MIB },
        Service::Kibana => Share { limit: 1536 * MIB, heap: 1024 * MIB },
    }
}

/// What `services` need at least, in bytes.
pub fn needed(services: &[Service]) -> u64 {
    services.iter().map(|service| least(*service).limit).sum()
}

/// The shares of `services` on a machine with `total` bytes (zero: not known).
pub fn shares(services: &[Service], total: u64) -> Result<Vec<(Service, Share)>, TooLittleMemory> {
    let need = needed(services);
    if total != 0 && total < need {
        return Err(TooLittleMemory { have: total, need });
    }
    let generous: u64 = services.iter().map(|service| most(*service).limit).sum();
    // The generous shares are taken where they are at most half of the machine: the other half is the user's.
    let share = if total == 0 || generous * 2 <= total { most } else { least };
    Ok(services.iter().map(|service| (*service, share(*service))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_machine_gives_more_and_a_small_one_says_what_is_missing() {
        let gib = 1024 * MIB;
        let limit = |total: u64| shares(&Service::ALL, total).map(|all| all.iter().map(|(_, s)| s.limit).sum::<u64>());
        assert_eq!(limit(32 * gib), Ok(5376 * MIB));
        assert_eq!(limit(0), Ok(5376 * MIB));
        assert_eq!(limit(8 * gib), Ok(2944 * MIB));
        let error = limit(2 * gib).unwrap_err();
        assert_eq!(error.to_string(), "the engine's machine has 2048 MiB of memory, the services need 2944 MiB");
        assert!(shares(&[Service::Kafka, Service::Elasticsearch], 2 * gib).is_ok());
    }

    #[test]
    fn no_heap_fills_its_container() {
        for service in Service::ALL {
            for share in [least(service), most(service)] {
                assert!(share.heap * 8 <= share.limit * 6, "{service:?} {share:?}");
            }
        }
    }
}
