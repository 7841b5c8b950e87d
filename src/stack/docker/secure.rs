//! The credentials of a secured stack: made here, kept in a file that only its owner may read, never printed.
//!
//! Elasticsearch gets them as a user of its file realm, put into the container before it starts: so the password is neither in
//! the container's environment, where `docker inspect` shows it, nor on a command line. Only its salted hash is there
//! (PBKDF2 with SHA-512, in the form of `config/users`). Kibana's token is a service token of the same kind, in
//! `config/service_tokens`: it needs no call to Elasticsearch, and works from the first moment.
//! (//! <https://www.elastic.co/docs/deploy-manage/users-roles/cluster-or-deployment-auth/file-based>).

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rand::rngs::OsRng;
use rand::{Rng, TryRngCore};
use serde::{Deserialize, Serialize};

use crate::client::Secret;
use crate::stack::files::{FileError, read_if_there, replace_private_file};
use crate::stack::folders::ProjectFolders;

const USER: &str = "stockdev";
/// Service account and name of Kibana's token.
const TOKEN_NAME: &str = "elastic/kibana/stockdev";
/// What service tokens begin with.
const TOKEN_MARK: [u8; 4] = [0, 1, 0, 1];
const PASSWORD_CHARS: usize = 24;
const ITERATIONS: u32 = 10_000;
const SALT_BYTES: usize = 32;
const HASH_BYTES: usize = 32;
/// The user that the official image runs Elasticsearch as.
const UID: u64 = 1000;
/// Where the files go.
pub(super) const CONFIG_FOLDER: &str = "/usr/share/elasticsearch/config";

#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("`{path}` is damaged: {reason}")]
    Damaged { path: String, reason: String },
    #[error("this machine gives no random numbers: {0}")]
    Random(String),
    #[error("the files for Elasticsearch can't be packed: {0}")]
    Pack(#[from] std::io::Error),
}

/// A user of Elasticsearch, with all rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: Secret,
    /// The secret part of Kibana's service token.
    kibana: Secret,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    user: String,
    password: String,
    kibana: String,
}

impl Credentials {
    pub fn generate() -> Result<Self, CredentialsError> {
        const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
        let mut random = OsRng.unwrap_err();
        let letter = |random: &mut _| char::from(LETTERS[Rng::random_range(random, 0..LETTERS.len())]);
        let mut secret = || Secret::new((0..PASSWORD_CHARS).map(|_| letter(&mut random)).collect::<String>());
        Ok(Self { user: USER.to_owned(), password: secret(), kibana: secret() })
    }

    pub fn load(folders: &ProjectFolders) -> Result<Option<Self>, CredentialsError> {
        let path = folders.credentials();
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| CredentialsError::Damaged {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        let (password, kibana) = (Secret::new(stored.password), Secret::new(stored.kibana));
        Ok(Some(Self { user: stored.user, password, kibana }))
    }

    /// Writes `credentials.json`, and the password alone into a file of its own, for `curl -u stockdev:"$(cat FILE)"`.
    pub fn save(&self, folders: &ProjectFolders) -> Result<(), CredentialsError> {
        let stored = Stored {
            user: self.user.clone(),
            password: self.password.expose().to_owned(),
            kibana: self.kibana.expose().to_owned(),
        };
        let bytes = serde_json::to_vec(&stored).map_err(|error| CredentialsError::Random(error.to_string()))?;
        replace_private_file(&folders.credentials(), &bytes)?;
        replace_private_file(&folders.password(), self.password.expose().as_bytes())?;
        Ok(())
    }

    /// The token that Kibana talks to Elasticsearch with: four bytes that mark it, the account's and the token's name, the
    /// secret, in base64 without padding.
    pub fn kibana_token(&self) -> Secret {
        let mut bytes = TOKEN_MARK.to_vec();
        bytes.extend_from_slice(format!("{TOKEN_NAME}:{}", self.kibana.expose()).as_bytes());
        Secret::new(STANDARD_NO_PAD.encode(bytes))
    }

    /// `users` and `users_roles` of the file realm, and `service_tokens`, as a tar archive for the container's configuration folder.
    pub(super) fn files(&self) -> Result<Vec<u8>, CredentialsError> {
        let users = format!("{}:{}\n", self.user, hash(self.password.expose(), &salt()?));
        let roles = format!("superuser:{}\n", self.user);
        let tokens = format!("{TOKEN_NAME}:{}\n", hash(self.kibana.expose(), &salt()?));
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in [("users", users), ("users_roles", roles), ("service_tokens", tokens)] {
            let mut header = tar::Header::new_ustar();
            header.set_size(u64::try_from(content.len()).unwrap_or(0));
            header.set_mode(0o660);
            header.set_uid(UID);
            header.set_gid(0);
            archive.append_data(&mut header, name, content.as_bytes())?;
        }
        Ok(archive.into_inner()?)
    }
}

fn salt() -> Result<[u8; SALT_BYTES], CredentialsError> {
    let mut salt = [0; SALT_BYTES];
    OsRng.try_fill_bytes(&mut salt).map_err(|error| CredentialsError::Random(error.to_string()))?;
    Ok(salt)
}

/// `{PBKDF2}ITERATIONS$SALT$HASH`, as Elasticsearch writes it.
fn hash(password: &str, salt: &[u8; SALT_BYTES]) -> String {
    let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
    let mut hashed = [0; HASH_BYTES];
    ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA512, iterations, salt, password.as_bytes(), &mut hashed);
    format!("{{PBKDF2}}{ITERATIONS}${}${}", STANDARD.encode(salt), STANDARD.encode(hashed))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn two_passwords_are_never_the_same_and_never_shown() {
        let (one, two) = (Credentials::generate().unwrap(), Credentials::generate().unwrap());
        assert_ne!(one.password.expose(), two.password.expose());
        assert_eq!(one.password.expose().len(), PASSWORD_CHARS);
        assert!(!format!("{one:?}").contains(one.password.expose()));
    }

    #[test]
    fn kibanas_token_begins_as_elasticsearch_writes_them() {
        let token = Credentials::generate().unwrap().kibana_token();
        assert!(token.expose().starts_with("AAEAAWVsYXN0aWMva2liYW5hL3N0b2NrZGV2O"), "{}", token.expose());
    }

    #[test]
    fn the_archive_holds_the_hash_and_not_the_password() {
        let credentials = Credentials::generate().unwrap();
        let archive = credentials.files().unwrap();
        let mut files = Vec::new();
        for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            assert!(!text.contains(credentials.password.expose()));
            files.push((entry.path().unwrap().display().to_string(), text));
        }
        assert!(files[0].1.starts_with("stockdev:{PBKDF2}10000$"), "{files:?}");
        assert_eq!(files[1], ("users_roles".to_owned(), "superuser:stockdev\n".to_owned()));
        assert!(files[2].1.starts_with("elastic/kibana/stockdev:{PBKDF2}10000$"), "{files:?}");
    }
}
