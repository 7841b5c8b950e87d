//! What every plain HTTP client here does alike: no proxy for this machine, a private authority, credentials, short reasons.

use std::error::Error;
use std::path::{Path, PathBuf};

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, Url};

use super::ElasticsearchAuth;

/// Certificates that can't be trusted, because they can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the CA certificate {} can't be used: {reason}", .path.display())]
pub(crate) struct CaCertError {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

/// A builder of a client for `url`, which trusts the certificates (PEM, one or more) in `ca_cert` as well.
pub(crate) fn client_builder(url: &Url, ca_cert: Option<&Path>) -> Result<ClientBuilder, CaCertError> {
    let mut builder = Client::builder();
    if is_loopback(url) {
        // A proxy does not know this machine's own addresses.
        builder = builder.no_proxy();
    }
    let Some(path) = ca_cert else { return Ok(builder) };
    let wrong = |reason: String| CaCertError { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(innermost(&error)))?;
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it".into()));
    }
    Ok(certificates.into_iter().fold(builder, |builder, one| builder.add_root_certificate(one)))
}

/// An API key with characters that no header may have.
#[derive(Debug, thiserror::Error)]
#[error("the API key has characters that no header may have")]
pub(crate) struct InvalidKey;

/// The request with the credentials.
pub(crate) fn authorized(
    request: RequestBuilder,
    auth: Option<&ElasticsearchAuth>,
) -> Result<RequestBuilder, InvalidKey> {
    Ok(match auth {
        Some(ElasticsearchAuth::Basic { user, password }) => request.basic_auth(user, Some(password.expose())),
        Some(ElasticsearchAuth::ApiKey(key)) => {
            let mut value = HeaderValue::try_from(format!("ApiKey {}", key.expose())).map_err(|_| InvalidKey)?;
            value.set_sensitive(true);
            request.header(AUTHORIZATION, value)
        }
        None => request,
    })
}

/// The innermost cause: "connection refused", not "error sending request".
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// As one segment of a path; commas and asterisks, which join and match names of indices, stay.
pub(crate) fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'_' | b'.' | b'~' | b'*' | b',' => segment.push(char::from(byte)),
            plain if plain.is_ascii_alphanumeric() => segment.push(char::from(plain)),
            other => segment.push_str(&format!("%{other:02X}")),
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_addresses_bypass_the_proxy() {
        let check = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(check("http://127.0.0.1:9200") && check("http://[::1]:9200") && check("http://localhost"));
        assert!(!check("http://10.0.0.1:9200") && !check("http://example.org"));
    }
}
