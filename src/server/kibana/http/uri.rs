//! The request target: path and query, percent-decoded.

use super::message::Params;

/// The decoded segments of a path; empty ones are left out. `None`: an escape is broken.
pub(super) fn decode_path(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, false)).collect()
}

/// The parameters of a query, in order.
pub(super) fn decode_query(query: &str) -> Option<Params> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name, true)?, decode(value, true)?))
    };
    pairs.map(pair).collect::<Option<_>>().map(Params)
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
