//! The request target: path and query, percent-encoded.

use std::fmt::Write;

/// The decoded segments of a path; empty ones are left out. `None`: an escape is broken.
pub(crate) fn decode_path(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, false)).collect()
}

/// The parameters of a query, in order. `None`: an escape is broken.
pub(crate) fn decode_query(query: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name, true)?, decode(value, true)?))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// `None`: an escape is broken, or what is written is not UTF-8.
pub(crate) fn decode(text: &str, plus_is_blank: bool) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' if plus_is_blank => decoded.push(b' '),
            b'%' => {
                let (digits, after) = after.split_at_checked(2)?;
                decoded.push(hex(digits)?);
                rest = after;
            }
            other => decoded.push(other),
        }
    }
    String::from_utf8(decoded).ok()
}

/// The byte that an escape's digits stand for.
pub(crate) fn hex(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

/// As one segment of a path, or a value of a query.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_escapes_are_refused() {
        for text in ["%", "%4", "%zz", "%+1", "%ff", "a%C3"] {
            assert_eq!(decode(text, false), None, "{text}");
        }
        assert_eq!(decode("a+b%2F%C3%A9", true).as_deref(), Some("a b/é"));
    }

    #[test]
    fn a_plus_is_a_blank_in_the_query_and_itself_in_the_path() {
        let expected = [("a", "1 2"), ("b", ""), ("", "/")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(decode_query("a=1+2&b&=%2F").unwrap(), expected);
        assert_eq!(decode_path("//a+b/c%2Fd/").unwrap(), ["a+b", "c/d"]);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_and_nothing_panics(text in ".*") {
            prop_assert_eq!(decode(&encode(&text), true), Some(text.clone()));
            decode_path(&text);
            decode_query(&text);
        }
    }
}
