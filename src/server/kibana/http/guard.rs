//! Who may write. A browser sends requests for any page that asks it to, so a request that writes needs a header that
//! pages of other origins can't add (`kbn-xsrf`), an `Origin` that is this server's own, and a `Host` that no stranger's
//! name server can point here: `localhost`, an address, or a name that the configuration allows.

use hyper::header::{HOST, HeaderMap, ORIGIN};

use super::super::error::ApiError;

/// # Errors
/// 400 without the header, 403 for a foreign page.
pub(super) fn check(method: &str, headers: &HeaderMap, allowed_hosts: &[String]) -> Result<(), ApiError> {
    if matches!(method, "GET" | "HEAD" | "OPTIONS") {
        return Ok(());
    }
    check_origin(headers, allowed_hosts)?;
    if !headers.contains_key("kbn-xsrf") && !headers.contains_key("kbn-version") {
        return Err(ApiError::bad_request("Request must contain a kbn-xsrf header."));
    }
    Ok(())
}

/// What is no browser sends no `Origin`, and is let pass.
fn check_origin(headers: &HeaderMap, allowed_hosts: &[String]) -> Result<(), ApiError> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("null");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    if authority.is_none_or(|authority| !authority.eq_ignore_ascii_case(host)) {
        return Err(ApiError::new(403, format!("Requests that write are refused from pages of [{origin}]")));
    }
    if !is_own(host_name(host), allowed_hosts) {
        return Err(ApiError::new(403, format!("Requests that write are refused under the host name [{host}]")));
    }
    Ok(())
}

/// Without the port and the brackets of an IPv6 address.
fn host_name(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

fn is_own(name: &str, allowed_hosts: &[String]) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok()
        || allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(headers: &[(&'static str, &'static str)]) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        assert!(check("GET", &map, &[]).is_ok(), "reading is free");
        check("POST", &map, &["box.lan".to_owned()]).err().map(|error| error.status)
    }

    #[test]
    fn only_own_pages_and_programs_may_write() {
        let xsrf = ("kbn-xsrf", "1");
        assert_eq!(status(&[("host", "x")]), Some(400));
        assert_eq!(status(&[("host", "anything"), xsrf]), None, "no browser");
        assert_eq!(status(&[("host", "x"), ("kbn-version", "8.12.2")]), None);
        let own = ["localhost:5601", "127.0.0.1:5601", "[::1]:5601", "kibana.localhost", "box.lan:5601", "BOX.lan"];
        for host in own {
            let origin: &'static str = format!("http://{host}").leak();
            assert_eq!(status(&[("host", host), ("origin", origin), xsrf]), None, "{host}");
        }
        let foreign = [
            ("localhost:5601", "http://evil.test"),
            ("localhost:5601", "http://localhost:8080"),
            ("localhost:5601", "null"),
            ("evil.test:5601", "http://evil.test:5601"),
            ("127.0.0.1.evil.test", "http://127.0.0.1.evil.test"),
            ("", "http://"),
        ];
        for (host, origin) in foreign {
            assert_eq!(status(&[("host", host), ("origin", origin), xsrf]), Some(403), "{host} {origin}");
        }
    }
}
