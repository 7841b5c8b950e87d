//! What a format of the kind `string` does to texts.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Lower,
    Upper,
    Title,
    /// `a.b.name` of `abc.bcd.name`.
    Short,
    Base64,
    UrlParameter,
}

impl Transform {
    pub(super) fn read(name: Option<&str>) -> Self {
        match name {
            Some("lower") => Self::Lower,
            Some("upper") => Self::Upper,
            Some("title") => Self::Title,
            Some("short") => Self::Short,
            Some("base64") => Self::Base64,
            Some("urlparam") => Self::UrlParameter,
            _ => Self::None,
        }
    }

    /// A text that can't be decoded stays as it is.
    pub(super) fn text(self, text: String) -> String {
        let decoded = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        match self {
            Self::None => text,
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::Title => title(&text),
            Self::Short => short(&text),
            Self::Base64 => decoded(base64(&text)).unwrap_or(text),
            Self::UrlParameter => decoded(percent(&text)).unwrap_or(text),
        }
    }
}

fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut is_inside = false;
    for char in text.chars() {
        match (is_inside, char.is_whitespace()) {
            (_, true) => {
                is_inside = false;
                titled.push(char);
            }
            (true, false) => titled.extend(char.to_lowercase()),
            (false, false) => {
                is_inside = char.is_alphanumeric() || char == '_';
                titled.extend(char.to_uppercase());
            }
        }
    }
    titled
}

fn short(text: &str) -> String {
    let mut parts: Vec<&str> = text.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let mut shortened: String = parts.iter().flat_map(|part| [part.chars().next(), Some('.')]).flatten().collect();
    shortened.push_str(last);
    shortened
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut bits_count) = (Vec::new(), 0_u32, 0_u32);
    for byte in text.trim().trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        bits_count += 6;
        if bits_count >= 8 {
            bits_count -= 8;
            bytes.push(u8::try_from(bits >> bits_count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn percent(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = after.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}
