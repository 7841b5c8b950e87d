//! Who may ask. A browser sends requests for any page that asks it to, so a request that names an `Origin` must come from
//! a page of this machine: nothing else stands between a web site and the tables here. Programs send no `Origin`.

use hyper::header::{HeaderMap, ORIGIN};

use super::error::ApiError;

/// # Errors
/// 403 for a page of another host.
pub(super) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("null");
    let host = origin.split_once("://").map(|(_, authority)| host_name(authority));
    if host.is_some_and(is_local) {
        return Ok(());
    }
    Err(ApiError::new(403, "accessDenied", format!("Access Denied: requests from pages of {origin} are refused")))
}

/// Without the port and the brackets of an IPv6 address.
fn host_name(authority: &str) -> &str {
    if let Some((address, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    authority.split_once(':').map_or(authority, |(name, _)| name)
}

fn is_local(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_and_pages_of_this_machine_may_ask() {
        let allowed = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            check(&headers).is_ok()
        };
        assert!(allowed(None));
        for origin in ["http://localhost:9050", "http://127.0.0.1", "http://[::1]:80", "https://a.localhost"] {
            assert!(allowed(Some(origin)), "{origin}");
        }
        for origin in ["null", "http://evil.test", "http://127.0.0.1.evil.test", "http://10.0.0.1", "x"] {
            assert!(!allowed(Some(origin)), "{origin}");
        }
    }
}
