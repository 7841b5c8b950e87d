//! Percent-encoding of paths and queries.

use super::message::Params;

/// The parameters of a query, in order. `None`: an escape is broken.
pub(crate) fn decode_query(query: &str) -> Option<Params> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name, true)?, decode(value, true)?))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect::<Option<_>>().map(Params)
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
                let digits = std::str::from_utf8(digits).ok().filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()))?;
                decoded.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            other => decoded.push(other),
        }
    }
    String::from_utf8(decoded).ok()
}

/// As one segment of a path, or a value of a query.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
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
        let expected = [("a", "1 2"), ("b", ""), ("", "/")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(decode_query("a=1+2&b&=%2F").unwrap().0, expected);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_and_nothing_panics(text in ".*") {
            prop_assert_eq!(decode(&encode(&text), true), Some(text.clone()));
            decode(&text, false);
            decode_query(&text);
        }
    }
}
