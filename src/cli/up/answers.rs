//! Which services answer by now: a phase waits for those that it needs, and for no other.

use tokio::sync::watch;

use crate::cli::connection::Connection;
use crate::client::{ElasticsearchAddress, KafkaAddress, KibanaAddress};
use crate::stack::Endpoints;
use crate::stack::docker::Service;

/// The services of a stack, each with its address once it answers.
#[derive(Debug)]
pub(super) struct Answers {
    seen: watch::Sender<Seen>,
}

#[derive(Debug)]
struct Seen {
    connection: Connection,
    /// Those that do not answer yet.
    open: Vec<Service>,
}

impl Answers {
    /// Of a stack that comes up: nothing answers yet at the addresses that are meant for it.
    pub(super) fn awaited(connection: Connection) -> Self {
        let mut open = vec![Service::Kafka, Service::Elasticsearch];
        open.extend(connection.kibana.is_some().then_some(Service::Kibana));
        Self { seen: watch::Sender::new(Seen { connection, open }) }
    }

    /// Of a stack that answers.
    pub(super) fn whole(connection: Connection) -> Self {
        Self { seen: watch::Sender::new(Seen { connection, open: Vec::new() }) }
    }

    /// `service` answers; its address is the one among `endpoints`, which may not be the one that was meant for it.
    pub(super) fn answered(&self, service: Service, endpoints: &Endpoints) {
        self.seen.send_modify(|seen| {
            seen.connection.move_to(endpoints);
            seen.open.retain(|open| *open != service);
        });
    }

    pub(super) fn is_whole(&self) -> bool {
        self.seen.borrow().open.is_empty()
    }

    pub(super) async fn kafka(&self) -> KafkaAddress {
        self.once(|open| !open.contains(&Service::Kafka)).await.kafka
    }

    pub(super) async fn elasticsearch(&self) -> ElasticsearchAddress {
        self.once(|open| !open.contains(&Service::Elasticsearch)).await.elasticsearch
    }

    /// At once, and nothing, where the stack has no Kibana.
    pub(super) async fn kibana(&self) -> Option<KibanaAddress> {
        self.once(|open| !open.contains(&Service::Kibana)).await.kibana
    }

    /// All of them.
    pub(super) async fn all(&self) -> Connection {
        self.once(<[Service]>::is_empty).await
    }

    async fn once(&self, is_so: impl Fn(&[Service]) -> bool) -> Connection {
        let mut seen = self.seen.subscribe();
        match seen.wait_for(|seen| is_so(&seen.open)).await {
            Ok(seen) => seen.connection.clone(),
            // The sender lives as long as `self`.
            Err(_) => std::future::pending().await,
        }
    }
}
