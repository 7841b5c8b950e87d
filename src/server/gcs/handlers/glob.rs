//! `matchGlob`: `*` and `?` within a path's part, `**` across parts, `[a-z]`, `[!a]`, `{a,b}`, and `\` before a sign that
//! stands for itself.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

use super::super::error::ApiError;

const GLOB_BYTES_MAX: usize = 1024;
const PROGRAM_BYTES_MAX: usize = 1024 * 1024;

/// # Errors
/// 400: it is no pattern.
pub(crate) fn compile(glob: &str) -> Result<Regex, ApiError> {
    let refused = || ApiError::invalid_parameter("matchGlob", glob);
    if glob.len() > GLOB_BYTES_MAX {
        return Err(refused());
    }
    let pattern = translate(glob).ok_or_else(refused)?;
    RegexBuilder::new(&pattern).size_limit(PROGRAM_BYTES_MAX).build().map_err(|_| refused())
}

fn translate(glob: &str) -> Option<String> {
    let mut pattern = String::from("(?s)^");
    let mut open = 0_usize;
    let mut signs = glob.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '*' if signs.next_if_eq(&'*').is_some() => pattern.push_str(".*"),
            '*' => pattern.push_str("[^/]*"),
            '?' => pattern.push_str("[^/]"),
            '[' => class(&mut signs, &mut pattern)?,
            '{' => {
                open += 1;
                pattern.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                pattern.push(')');
            }
            ',' if open > 0 => pattern.push('|'),
            '\\' => push_literal(signs.next()?, &mut pattern),
            other => push_literal(other, &mut pattern),
        }
    }
    pattern.push('$');
    (open == 0).then_some(pattern)
}

fn class(signs: &mut Peekable<Chars<'_>>, pattern: &mut String) -> Option<()> {
    pattern.push('[');
    if signs.next_if(|sign| matches!(sign, '!' | '^')).is_some() {
        pattern.push('^');
    }
    let mut is_first = true;
    loop {
        match signs.next()? {
            ']' if !is_first => break,
            '-' => pattern.push('-'),
            '\\' => push_literal(signs.next()?, pattern),
            other => push_literal(other, pattern),
        }
        is_first = false;
    }
    pattern.push(']');
    Some(())
}

fn push_literal(sign: char, pattern: &mut String) {
    let mut buffer = [0; 4];
    pattern.push_str(&regex::escape(sign.encode_utf8(&mut buffer)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stay_within_a_part_and_two_cross_it() {
        let cases = [
            ("*.json", "a.json", true),
            ("*.json", "d/a.json", false),
            ("**.json", "d/e/a.json", true),
            ("data/**/x", "data/a/b/x", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("{a,b*}/c", "bzz/c", true),
            ("{a,b}/c", "d/c", false),
            ("a.c", "abc", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("**", "a\nb", true),
        ];
        for (glob, name, expected) in cases {
            assert_eq!(compile(glob).unwrap().is_match(name), expected, "{glob} {name}");
        }
        for glob in ["[a", "{a", r"a\", "[z-a]"] {
            assert!(compile(glob).is_err(), "{glob}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_panics(glob in r"[\[\]{}*?!^,a\\-]{0,20}") {
            let _compiled = compile(&glob);
        }
    }
}
