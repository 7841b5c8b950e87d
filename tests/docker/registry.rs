//! Pulls, from a registry of the test's own: a handful of routes of the registry API (v2) over images of one layer that
//! nothing can run. `docker` takes a registry on 127.0.0.1 without TLS.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::RngCore;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::engine::{Stack, docker};

const LAYER_BYTES: usize = 3_000_000;
const CHUNK: usize = 100_000;
/// Between chunks: a layer takes about a second.
const PAUSE: Duration = Duration::from_millis(30);
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

struct Image {
    name: &'static str,
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

struct Registry {
    address: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Whose layer is being sent.
    sending: BTreeSet<&'static str>,
    at_once: usize,
}

fn sha256(bytes: &[u8]) -> String {
    let hex: String = digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl Image {
    fn new(name: &'static str) -> Self {
        let mut content = vec![0; LAYER_BYTES];
        rand::rng().fill_bytes(&mut content);
        let mut header = tar::Header::new_gnu();
        header.set_size(LAYER_BYTES.try_into().unwrap());
        header.set_mode(0o644);
        header.set_cksum();
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_data(&mut header, "content", content.as_slice()).unwrap();
        let archive = archive.into_inner().unwrap();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {"Cmd": ["/content"]},
            "rootfs": {"type": "layers", "diff_ids": [sha256(&archive)]},
        })
        .to_string()
        .into_bytes();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        gzip.write_all(&archive).unwrap();
        let layer = gzip.finish().unwrap();
        let blob = |kind: &str, bytes: &[u8]| json!({"mediaType": format!("application/vnd.docker.{kind}"), "size": bytes.len(), "digest": sha256(bytes)});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": blob("container.image.v1+json", &config),
            "layers": [blob("image.rootfs.diff.tar.gzip", &layer)],
        });
        Self { name, manifest: manifest.to_string().into_bytes(), config, layer }
    }

    /// What a path below `/v2/<name>/` gives, and of what type.
    fn find(&self, rest: &str) -> Option<(&'static str, &[u8])> {
        match rest.split_once('/')? {
            ("manifests", "1") => Some((MANIFEST, &self.manifest)),
            ("manifests", wanted) if wanted == sha256(&self.manifest) => Some((MANIFEST, &self.manifest)),
            ("blobs", wanted) if wanted == sha256(&self.config) => Some(("application/octet-stream", &self.config)),
            ("blobs", wanted) if wanted == sha256(&self.layer) => Some(("application/octet-stream", &self.layer)),
            _ => None,
        }
    }
}

impl Registry {
    /// `stalls`: whose layer stands still in its middle.
    fn start(names: &[&'static str], stalls: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let images: Arc<Vec<Image>> = Arc::new(names.iter().map(|name| Image::new(name)).collect());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (images, seen) = (Arc::clone(&images), Arc::clone(&shared));
                // A client that leaves in the middle is no matter of the registry's.
                std::thread::spawn(move || answer(stream, &images, &seen, stalls).ok());
            }
        });
        Self { address, seen }
    }

    fn image(&self, name: &str) -> String {
        format!("{}/{name}:1", self.address)
    }
}

fn answer(
    stream: TcpStream,
    images: &[Image],
    seen: &Mutex<Seen>,
    stalls: Option<&'static str>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.by_ref().take(8192).read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line);
        }
        let mut words = lines[0].split_ascii_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = path.trim_start_matches("/v2/");
        let found = images.iter().find_map(|image| {
            let rest = path.strip_prefix(image.name)?.strip_prefix('/')?;
            image.find(rest).map(|found| (image, found))
        });
        let Some((image, (kind, body))) = found else {
            let status = if path.is_empty() { "200 OK" } else { "404 Not Found" };
            write!(stream, "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}")?;
            continue;
        };
        let (length, digest) = (body.len(), sha256(body));
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\ndocker-content-digest: {digest}\r\n\r\n"
        )?;
        if method == "HEAD" {
            continue;
        }
        if length > LAYER_BYTES {
            send_layer(&mut stream, image, body, seen, stalls == Some(image.name))?;
        } else {
            stream.write_all(body)?;
        }
    }
}

fn send_layer(
    stream: &mut TcpStream,
    image: &Image,
    body: &[u8],
    seen: &Mutex<Seen>,
    stalls: bool,
) -> std::io::Result<()> {
    {
        let mut seen = seen.lock().unwrap();
        seen.sending.insert(image.name);
        seen.at_once = seen.at_once.max(seen.sending.len());
    }
    for (number, chunk) in body.chunks(CHUNK).enumerate() {
        if stalls && number == 10 {
            // Until the client has enough of it.
            return stream.read(&mut [0]).map(drop);
        }
        stream.write_all(chunk)?;
        std::thread::sleep(PAUSE);
    }
    seen.lock().unwrap().sending.remove(image.name);
    Ok(())
}

#[test]
fn images_are_pulled_at_once_and_their_bytes_counted_in_one_bar() {
    let Some(stack) = Stack::new() else { return };
    let registry = Registry::start(&["kafka", "elasticsearch"], None);
    let (kafka, elasticsearch) = (registry.image("kafka"), registry.image("elasticsearch"));
    let ran = stack.run(&stack.up_events(&["--kafka-image", &kafka, "--elasticsearch-image", &elasticsearch]));
    docker(&["rmi", &kafka, &elasticsearch]);
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pulls: Vec<&Value> = events.iter().filter(|event| event["phase"] == "pull").collect();
    assert_eq!(pulls.last().unwrap()["state"], "finished", "{ran:?}");
    let amounts = pulls.iter().filter(|event| event["state"] == "progress" && event["unit"] == "bytes");
    let (done, total) = amounts.fold((BTreeSet::new(), 0), |(mut done, total), event| {
        done.insert(event["done"].as_u64().unwrap());
        (done, total.max(event["total"].as_u64().unwrap_or_default()))
    });
    let layers = u64::try_from(2 * LAYER_BYTES).unwrap();
    assert!(done.len() > 3, "{done:?}");
    assert!(total > layers && total < layers + 100_000, "{total}");
    assert_eq!(registry.seen.lock().unwrap().at_once, 2);
    // What cannot run ends `up`, and nothing is left.
    assert_ne!(ran.code, Some(0), "{ran:?}");
    stack.expect_nothing_left();
}

#[test]
fn a_pull_that_stands_still_is_given_up_after_half_a_minute_without_a_byte() {
    let Some(stack) = Stack::new() else { return };
    let registry = Registry::start(&["still/kafka"], Some("still/kafka"));
    let image = registry.image("still/kafka");
    let started = Instant::now();
    let refused = stack.up(&["--kafka-image", &image]).expect(12).document();
    assert!(started.elapsed() > Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(refused["phase"], "pull");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains(&image) && message.contains("stood still for 30 s"), "{message}");
    stack.expect_nothing_left();
    // Whoever left the choice of the stack to us gets one all the same.
    let arguments = ["up", "--kafka-image", &image, "--without", "kibana", "--ports", "auto", "--output", "json"];
    let ran = stack.run(&arguments).expect(0);
    assert!(ran.stderr.contains("embedded stack: "), "{ran:?}");
    let ready = ran.document();
    assert_eq!((ready["stack"].as_str(), ready["indexed"].as_u64()), (Some("embedded"), Some(2000)), "{ready}");
    stack.run(&["down"]).expect(0);
    stack.expect_nothing_left();
}
