//! Requests meant to do harm: a server's folder lies deep inside one that is watched, and no answer may hold what lies there.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SECRET: &str = "the secret outside";

pub(crate) struct Hostile {
    outside: tempfile::TempDir,
    /// `host:port`.
    address: String,
    before: BTreeMap<PathBuf, Vec<u8>>,
    /// Requests so far.
    pub(crate) sent: usize,
}

impl Hostile {
    pub(crate) fn new() -> Self {
        let outside = tempfile::tempdir().unwrap();
        let own = outside.path().join("a/b/own");
        fs::create_dir_all(&own).unwrap();
        for place in ["secret", "a/secret", "a/b/secret", "a/b/own.secret"] {
            fs::write(outside.path().join(place), SECRET).unwrap();
        }
        let before = files(outside.path(), &own);
        assert_eq!(before.len(), 4);
        Self { outside, address: String::new(), before, sent: 0 }
    }

    /// Where requests go: a server whose folder is [`Self::own_folder`].
    pub(crate) fn aim(&mut self, url: &str) {
        self.address = url.strip_prefix("http://").unwrap().to_owned();
    }

    pub(crate) fn own_folder(&self) -> PathBuf {
        self.outside.path().join("a/b/own")
    }

    /// The absolute path of a file that is not the server's.
    pub(crate) fn secret(&self) -> String {
        self.outside.path().join("secret").display().to_string()
    }

    pub(crate) fn own_files(&self) -> Vec<PathBuf> {
        files(&self.own_folder(), Path::new("/nowhere")).into_keys().collect()
    }

    #[track_caller]
    pub(crate) fn check_outside(&self) {
        assert_eq!(files(self.outside.path(), &self.own_folder()), self.before);
    }

    /// The answer as it came; empty when the server hung up.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        let is_framed = headers.iter().any(|(name, _)| ["content-length", "transfer-encoding"].contains(name));
        if !is_framed {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // A body that is shorter than it says ends with the connection.
        self.raw(&[head.as_bytes(), b"\r\n", body].concat(), is_framed)
    }

    pub(crate) fn raw(&mut self, bytes: &[u8], hangs_up: bool) -> String {
        self.sent += 1;
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // The server may refuse and hang up before all was sent.
        let _refused = stream.write_all(bytes).is_err();
        let _gone = hangs_up && stream.shutdown(std::net::Shutdown::Write).is_err();
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(bytes).get(..200)),
            }
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(!answer.contains(SECRET), "{}: {answer}", String::from_utf8_lossy(bytes));
        assert!(!answer.starts_with("HTTP/1.1 500"), "{}: {answer}", String::from_utf8_lossy(bytes));
        answer
    }
}

/// Percent-encodes everything.
pub(crate) fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// All files below a folder with their bytes, but those below `without`.
fn files(folder: &Path, without: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match () {
            () if path == without => {}
            () if entry.file_type().unwrap().is_dir() => found.extend(files(&path, without)),
            () => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}
