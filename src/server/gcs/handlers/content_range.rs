//! `Content-Range` of uploads and `Range` of downloads.

/// What a request of a resumable upload says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UploadRange {
    /// `bytes */*` or `*/T`: how much is kept?
    Ask { total: Option<u64> },
    /// `bytes a-b/T`, `a-b/*`: a part; `a-*/T`, `a-*/*`: all that comes, to the end. `last`: the last byte's number.
    Bytes { first: u64, last: Option<u64>, total: Option<u64> },
}

impl UploadRange {
    /// `None`: it is no range, or one that contradicts itself.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        let total = number_or_star(total)?;
        if range.trim() == "*" {
            return Some(Self::Ask { total });
        }
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number_or_star(last)?);
        let fits = last.is_none_or(|last| first <= last && last < u64::MAX && total.is_none_or(|total| last < total));
        fits.then_some(Self::Bytes { first, last, total })
    }
}

/// The bytes of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DownloadRange {
    Whole,
    /// `first` to before `end`; there is at least one.
    Part {
        first: u64,
        end: u64,
    },
    /// It begins after the end.
    Unsatisfiable,
}

impl DownloadRange {
    /// What is no single range of bytes asks for the whole, as HTTP says.
    pub(super) fn of(header: Option<&str>, size: u64) -> Self {
        let Some(spec) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else { return Self::Whole };
        let Some((first, last)) = spec.split_once('-') else { return Self::Whole };
        let part = |first: u64, end: u64| if first < end { Self::Part { first, end } } else { Self::Unsatisfiable };
        match (first.trim(), last.trim()) {
            ("", count) => number(count).map_or(Self::Whole, |count| part(size.saturating_sub(count), size)),
            (first, "") => number(first).map_or(Self::Whole, |first| part(first, size)),
            (first, last) => match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => part(first, last.saturating_add(1).min(size)),
                _ => Self::Whole,
            },
        }
    }
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn number_or_star(text: &str) -> Option<Option<u64>> {
    if text.trim() == "*" { Some(None) } else { number(text).map(Some) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_upload_says_what_it_sends_or_asks() {
        let bytes = |first, last, total| Some(UploadRange::Bytes { first, last, total });
        let cases = [
            ("bytes */*", Some(UploadRange::Ask { total: None })),
            ("bytes */7", Some(UploadRange::Ask { total: Some(7) })),
            ("bytes 0-6/7", bytes(0, Some(6), Some(7))),
            ("bytes 3-6/*", bytes(3, Some(6), None)),
            ("bytes 0-*/*", bytes(0, None, None)),
            ("bytes 0-*/7", bytes(0, None, Some(7))),
            ("bytes=0-6/7", None),
            ("bytes 6-3/7", None),
            ("bytes 0-7/7", None),
            ("bytes 0-6/-1", None),
            ("bytes 0-99999999999999999999/*", None),
            ("items 0-1/2", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(UploadRange::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_download_is_cut_to_what_there_is() {
        let part = |first, end| DownloadRange::Part { first, end };
        let cases = [
            ("bytes=0-0", 10, part(0, 1)),
            ("bytes=2-", 10, part(2, 10)),
            ("bytes=-3", 10, part(7, 10)),
            ("bytes=-30", 10, part(0, 10)),
            ("bytes=5-99999999999999999", 10, part(5, 10)),
            ("bytes=10-", 10, DownloadRange::Unsatisfiable),
            ("bytes=-0", 10, DownloadRange::Unsatisfiable),
            ("bytes=0-", 0, DownloadRange::Unsatisfiable),
            ("bytes=5-2", 10, DownloadRange::Whole),
            ("bytes=0-1,3-4", 10, DownloadRange::Whole),
            ("lines=1-2", 10, DownloadRange::Whole),
            ("bytes=99999999999999999999-", 10, DownloadRange::Whole),
        ];
        for (text, size, expected) in cases {
            assert_eq!(DownloadRange::of(Some(text), size), expected, "{text}");
        }
        assert_eq!(DownloadRange::of(None, 10), DownloadRange::Whole);
    }

    proptest! {
        #[test]
        fn no_header_panics(text in "(bytes[ =])?[0-9*,/ -]{0,30}", size in any::<u64>()) {
            UploadRange::parse(&text);
            if let DownloadRange::Part { first, end } = DownloadRange::of(Some(&text), size) {
                prop_assert!(first < end && end <= size);
            }
        }
    }
}
