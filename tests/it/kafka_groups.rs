//! Consumer groups on the wire, where a client library would hide what happens: broken connections, other generations.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use stockdev::server::kafka::{Broker, BrokerConfig};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const JOIN_GROUP: i16 = 11;
const HEARTBEAT: i16 = 12;
const SYNC_GROUP: i16 = 14;

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

async fn start(dir: &Path) -> Running {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let broker = Broker::open(BrokerConfig::new(dir, "127.0.0.1", address.port())).unwrap();
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let served = tokio::spawn(async move { broker.serve(vec![listener], stop).await.unwrap() });
    Running { address, shutdown, served }
}

fn string(text: &str) -> Vec<u8> {
    [&i16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

fn int(value: i32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

/// A connection that speaks version 0 of the group APIs.
struct Connection(TcpStream);

impl Connection {
    fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Connection(stream)
    }

    fn send(&mut self, api: i16, body: &[Vec<u8>]) {
        let head = [&api.to_be_bytes()[..], &0_i16.to_be_bytes(), &7_i32.to_be_bytes(), &string("test")].concat();
        let body = body.concat();
        let length = i32::try_from(head.len() + body.len()).unwrap();
        self.0.write_all(&[&length.to_be_bytes()[..], &head, &body].concat()).unwrap();
    }

    fn answer(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
        self.0.read_exact(&mut answer).unwrap();
        answer.split_off(4)
    }

    fn send_join(&mut self, member: &str) {
        let body = [string("g"), int(10_000), string(member), string("consumer"), int(1), string("range"), int(0)];
        self.send(JOIN_GROUP, &body);
    }

    /// Error code and generation, and the id at the place of the leader's.
    fn joined(&mut self) -> (i16, i32, String) {
        let answer = self.answer();
        let code = i16::from_be_bytes([answer[0], answer[1]]);
        let generation = i32::from_be_bytes([answer[2], answer[3], answer[4], answer[5]]);
        let protocol = usize::from(answer[7]);
        let leader = &answer[8 + protocol..];
        (code, generation, String::from_utf8(leader[2..2 + usize::from(leader[1])].to_vec()).unwrap())
    }

    fn heartbeat(&mut self, generation: i32, member: &str) -> i16 {
        self.send(HEARTBEAT, &[string("g"), int(generation), string(member)]);
        let answer = self.answer();
        i16::from_be_bytes([answer[0], answer[1]])
    }

    fn sync(&mut self, generation: i32, member: &str) -> i16 {
        let body = [string("g"), int(generation), string(member), int(1), string(member), int(1), vec![b'a']];
        self.send(SYNC_GROUP, &body);
        let answer = self.answer();
        i16::from_be_bytes([answer[0], answer[1]])
    }
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_in_a_join_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path()).await;
    let mut member = Connection::open(running.address);
    member.send_join("");
    let (code, generation, id) = member.joined();
    assert_eq!((code, generation), (0, 1));
    assert_eq!(member.sync(1, &id), 0);

    let mut broken = Connection::open(running.address);
    broken.send_join("");
    wait_for("the join was never seen", || member.heartbeat(1, &id) == 27);
    drop(broken);

    let start = Instant::now();
    member.send_join(&id);
    assert_eq!(member.joined(), (0, 2, id.clone()));
    assert!(start.elapsed() < Duration::from_secs(5), "well before the session of 10 s ends");
    assert_eq!(member.sync(2, &id), 0);
    assert_eq!(member.heartbeat(2, &id), 0);
    running.shutdown.cancel();
    running.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_before_the_restart_is_told_to_join_again_in_a_later_generation() {
    let dir = tempfile::tempdir().unwrap();
    let running = start(dir.path()).await;
    let mut member = Connection::open(running.address);
    member.send_join("");
    let (_, _, id) = member.joined();
    assert_eq!(member.sync(1, &id), 0);
    drop(member);
    running.shutdown.cancel();
    running.served.await.unwrap();

    let running = start(dir.path()).await;
    let mut member = Connection::open(running.address);
    assert_eq!(member.heartbeat(1, &id), 25);
    member.send_join(&id);
    assert_eq!(member.joined().0, 25);
    member.send_join("");
    let (code, generation, _) = member.joined();
    assert_eq!((code, generation), (0, 2));
    running.shutdown.cancel();
    running.served.await.unwrap();
}
