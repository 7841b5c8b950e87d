//! Quoted literals and identifiers: quotes of one or three, prefixes `r`, `b`, `rb`, escapes.

use super::token::TokenKind;

/// A quoted token and how many bytes of the text it takes.
pub(super) struct Quoted {
    pub(super) kind: TokenKind,
    pub(super) bytes: usize,
}

/// The quoted token at the start of the text; `None` when there is none. Errors are the message without a position.
pub(super) fn quoted(text: &str) -> Result<Option<Quoted>, String> {
    let prefix = text.bytes().take(3).take_while(u8::is_ascii_alphabetic).count();
    let (raw, bytes) = match text.get(..prefix).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" => (false, false),
        "r" => (true, false),
        "b" => (false, true),
        "rb" | "br" => (true, true),
        _ => return Ok(None),
    };
    let body = text.get(prefix..).unwrap_or_default();
    let Some(quote) = body.chars().next().filter(|c| matches!(c, '\'' | '"') || (*c == '`' && prefix == 0)) else {
        return Ok(None);
    };
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let mark = if quote != '`' && body.starts_with(&triple) { triple } else { quote.to_string() };
    let kind_name = match (quote, bytes) {
        ('`', _) => "identifier",
        (_, true) => "bytes",
        _ => "string",
    };
    let content = content(body, &mark, kind_name)?;
    let kind = match (quote, bytes) {
        ('`', _) => identifier(content)?,
        (_, true) => TokenKind::Bytes(if raw { content.as_bytes().to_vec() } else { unescape(content, true)? }),
        _ if raw => TokenKind::String(content.to_owned()),
        _ => {
            let bytes = unescape(content, false)?;
            TokenKind::String(
                String::from_utf8(bytes)
                    .map_err(|_| "Syntax error: Illegal escape sequence in string literal".to_owned())?,
            )
        }
    };
    Ok(Some(Quoted { kind, bytes: prefix + content.len() + 2 * mark.len() }))
}

fn identifier(content: &str) -> Result<TokenKind, String> {
    if content.is_empty() {
        return Err("Syntax error: Invalid empty identifier".to_owned());
    }
    let bytes = unescape(content, false)?;
    String::from_utf8(bytes)
        .map(TokenKind::Quoted)
        .map_err(|_| "Syntax error: Illegal escape sequence in identifier".to_owned())
}

/// What stands between the marks. A backslash keeps the next character from closing, in raw literals too.
fn content<'a>(body: &'a str, mark: &str, name: &str) -> Result<&'a str, String> {
    let triple = mark.len() == 3;
    let unclosed = || format!("Syntax error: Unclosed {}{name} literal", if triple { "triple-quoted " } else { "" });
    let unclosed =
        || if name == "identifier" { "Syntax error: Unclosed identifier literal".to_owned() } else { unclosed() };
    let inside = body.get(mark.len()..).unwrap_or_default();
    let mut escaped = false;
    for (index, character) in inside.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if inside.get(index..).is_some_and(|rest| rest.starts_with(mark)) {
            return Ok(inside.get(..index).unwrap_or_default());
        } else if character == '\n' && !triple {
            return Err(unclosed());
        }
    }
    Err(unclosed())
}

/// Replaces the escapes. In bytes `\x` and octal escapes are bytes, in strings code points; `\u` and `\U` exist in strings only.
fn unescape(text: &str, bytes: bool) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(index) = rest.find('\\') {
        out.extend_from_slice(rest.get(..index).unwrap_or_default().as_bytes());
        let escape = rest.get(index + 1..).unwrap_or_default();
        let taken = one_escape(escape, bytes, &mut out)?;
        rest = escape.get(taken..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Writes what the escape after a backslash means; how many bytes it takes.
fn one_escape(escape: &str, bytes: bool, out: &mut Vec<u8>) -> Result<usize, String> {
    let first = escape.chars().next().ok_or("Syntax error: Illegal escape sequence: \\")?;
    let simple = match first {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '?' | '"' | '\'' | '`' => u8::try_from(first).unwrap_or(b'?'),
        'x' | 'X' => return coded(escape.get(1..3), 16, bytes, out).map(|()| 3),
        '0'..='3' => return coded(escape.get(..3), 8, bytes, out).map(|()| 3),
        'u' if !bytes => return coded(escape.get(1..5), 16, false, out).map(|()| 5),
        'U' if !bytes => return coded(escape.get(1..9), 16, false, out).map(|()| 9),
        '\n' => b'\n',
        _ => return Err(format!("Syntax error: Illegal escape sequence: \\{first}")),
    };
    out.push(simple);
    Ok(1)
}

fn coded(digits: Option<&str>, radix: u32, bytes: bool, out: &mut Vec<u8>) -> Result<(), String> {
    let illegal = || format!("Syntax error: Illegal escape sequence: \\{}", digits.unwrap_or_default());
    let code = digits
        .filter(|d| d.chars().all(|c| c.is_digit(radix)))
        .and_then(|d| u32::from_str_radix(d, radix).ok())
        .ok_or_else(illegal)?;
    if bytes {
        out.push(u8::try_from(code).map_err(|_| illegal())?);
    } else {
        let character = char::from_u32(code).ok_or_else(illegal)?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(())
}
