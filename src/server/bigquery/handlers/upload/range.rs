//! `Content-Range` of uploads: `bytes a-b/total`, `bytes a-*/*`, `bytes */total`, with `*` for a total that is not known.

/// What a request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// Offset of the first byte; `None`: it brings none.
    pub(super) start: Option<u64>,
    /// Bytes that it means to bring, if it says so.
    pub(super) length: Option<u64>,
    /// Of the whole upload, if it is known.
    pub(super) total: Option<u64>,
    /// The stream's end is that of the upload.
    pub(super) is_last: bool,
}

impl Range {
    /// Of a request without the header: all at once. How long the upload is, only its end tells: `length` is what came of it.
    pub(super) fn whole(length: u64) -> Self {
        Self { start: Some(0), length: Some(length), total: None, is_last: true }
    }

    /// `None`: it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (span, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        let total = if total == "*" { None } else { Some(number(total)?) };
        if span == "*" {
            return Some(Self { start: None, length: None, total, is_last: false });
        }
        let (first, last) = span.split_once('-')?;
        let start = number(first)?;
        if last == "*" {
            return Some(Self { start: Some(start), length: None, total, is_last: true });
        }
        let end = number(last)?.checked_add(1)?;
        let length = end.checked_sub(start)?;
        if length == 0 || total.is_some_and(|total| end > total) {
            return None;
        }
        Some(Self { start: Some(start), length: Some(length), total, is_last: false })
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_as_the_protocol_writes_them() {
        let range = |start, length, total, is_last| Some(Range { start, length, total, is_last });
        for (text, expected) in [
            ("bytes 0-7/8", range(Some(0), Some(8), Some(8), false)),
            ("bytes 4-7/*", range(Some(4), Some(4), None, false)),
            ("bytes 0-*/*", range(Some(0), None, None, true)),
            ("bytes */8", range(None, None, Some(8), false)),
            ("bytes */*", range(None, None, None, false)),
            ("bytes 8-7/8", None),
            ("bytes 7-3/9", None),
            ("bytes 0-8/8", None),
            ("bytes 0-99999999999999999999999/*", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes -1-2/3", None),
            ("bytes +1-2/3", None),
            ("lines 0-1/2", None),
            ("", None),
        ] {
            assert_eq!(Range::parse(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_a_range_or_none(text in "(bytes )?[0-9*/-]{0,30}") {
            let _unused = Range::parse(&text);
        }
    }
}
