//! Names of buckets and objects, held against Google's rules.

use super::super::error::ApiError;

/// Bytes of an object's name.
const OBJECT_NAME_BYTES_MAX: usize = 1024;

/// # Errors
/// 400: no bucket may have this name.
pub(crate) fn check_bucket_name(name: &str) -> Result<(), ApiError> {
    let length_max = if name.contains('.') { 222 } else { 63 };
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_good = (3..=length_max).contains(&name.len())
        && name.bytes().all(|byte| is_alphanumeric(byte) || matches!(byte, b'-' | b'_' | b'.'))
        && name.split('.').all(|part| {
            let (first, last) = (part.bytes().next(), part.bytes().next_back());
            part.len() <= 63 && first.is_some_and(is_alphanumeric) && last.is_some_and(is_alphanumeric)
        })
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !name.starts_with("goog")
        && !name.contains("google");
    if is_good { Ok(()) } else { Err(ApiError::invalid(format!("Invalid bucket name: '{}'", shortened(name)))) }
}

/// # Errors
/// 400: no object may have this name.
pub(crate) fn check_object_name(name: &str) -> Result<(), ApiError> {
    if name.is_empty() {
        return Err(ApiError::required("name"));
    }
    let is_good = name.len() <= OBJECT_NAME_BYTES_MAX
        && !name.contains(['\r', '\n', '\0'])
        && name != "."
        && name != ".."
        && !name.starts_with(".well-known/acme-challenge/");
    if is_good { Ok(()) } else { Err(ApiError::invalid(format!("Invalid object name: '{}'", shortened(name)))) }
}

fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_rules_decide_which_names_there_are() {
        let long = "a".repeat(64);
        let bad =
            ["ab", "Abc", "-abc", "abc-", "a..b", "a b", "1.2.3.4", "goog-x", "my-google", "../etc", &long, "a.-b"];
        for name in bad {
            assert!(check_bucket_name(name).is_err(), "{name}");
        }
        for name in ["abc", "a_b-c", "0x1", "example.com", &"a".repeat(63)] {
            assert!(check_bucket_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a\nb", "a\rb", "\0", &"é".repeat(513), ".well-known/acme-challenge/x"] {
            assert!(check_object_name(name).is_err(), "{name}");
        }
        for name in ["a", "../../etc/passwd", "/", "é".repeat(512).as_str(), "a\\b", "C:\\x", "'; DROP TABLE x"] {
            assert!(check_object_name(name).is_ok(), "{name}");
        }
    }
}
