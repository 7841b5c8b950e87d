//! Every API at every served version, from frame to frame: what comes in is made along the schemas, what goes out must be
//! what the codec crate reads, to the last byte.

use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use tempfile::TempDir;

use super::*;
use crate::server::kafka::BrokerConfig;
use crate::server::kafka::codec::apis::{APIS, Api};
use crate::server::kafka::codec::frame::tests::generate;
use crate::server::kafka::codec::frame::{decode_request, read_head};
use crate::server::kafka::state::configs::TopicConfig;

const WORDS: &[&str] = &["topic", "other", "1", "consumer", "no such topic", ""];

fn broker(dir: &TempDir) -> Arc<BrokerState> {
    let broker = BrokerState::open(BrokerConfig::new(dir.path(), "localhost", 9)).expect("a new folder opens");
    broker.topics.create("topic", 3, TopicConfig::default()).expect("made");
    Arc::new(broker)
}

async fn answer_frame(broker: &Arc<BrokerState>, frame: Bytes) -> Option<Vec<u8>> {
    let request = decode_request(frame).expect("a valid request");
    // Group requests may wait for members that never come, and fetches for data: then there is no answer to check.
    let reply = tokio::time::timeout(Duration::from_millis(200), start(broker, ClientInfo::default(), request)).await;
    match reply {
        Ok(Reply::Frame(pieces, _)) => Some(pieces.concat()),
        Ok(Reply::Nothing) | Err(_) => None,
        Ok(Reply::Close) => Some(Vec::new()),
    }
}

fn check_answer(api: &Api, version: i16, frame: &[u8]) {
    let name = format!("{} v{version}", api.served.name);
    let length = i32::from_be_bytes(frame[..4].try_into().expect("a length"));
    assert_eq!(usize::try_from(length), Ok(frame.len() - 4), "{name}: the frame is as long as it says");
    assert_eq!(frame[4..8], 77_i32.to_be_bytes(), "{name}: the correlation id");
    let header_bytes = if ApiKey::response_header_version(&api.key, version) >= 1 { 9 } else { 8 };
    let mut body = Bytes::copy_from_slice(&frame[header_bytes..]);
    let decoded = ResponseKind::decode(api.key, &mut body, version);
    assert!(decoded.is_ok(), "{name}: {decoded:?}");
    assert!(body.is_empty(), "{name}: {} bytes left", body.len());
}

#[tokio::test]
async fn every_served_version_is_answered_in_its_own_shape() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = broker(&dir);
    for api in APIS {
        for version in api.accepted_min..=api.served.max {
            let mut answers = 0;
            for seed in 0..12 {
                let frame = generate(api, version, WORDS, seed);
                assert_eq!(read_head(&frame).map(|head| head.version), Some(version));
                let Some(answer) = answer_frame(&broker, frame).await else { continue };
                // Only a produce with acks=0 says anything by closing.
                if answer.is_empty() {
                    assert_eq!(api.key, ApiKey::Produce, "{} v{version} closed the connection", api.served.name);
                    continue;
                }
                check_answer(api, version, &answer);
                answers += 1;
            }
            assert!(answers > 0, "{} v{version} was never answered", api.served.name);
        }
    }
}

#[tokio::test]
async fn a_panic_in_a_request_closes_its_connection_and_nothing_else() {
    let head = RequestHead { key: 3, version: 0, correlation_id: 1 };
    let reply = caught(head, Box::pin(async { panic!("on purpose") })).await;
    assert!(matches!(reply, Reply::Close));
}
