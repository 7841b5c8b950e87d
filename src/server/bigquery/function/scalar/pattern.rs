//! LIKE and regular expressions. BigQuery's are RE2's; the `regex` crate has the same syntax and the same bound on time.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use super::Row;
use super::math::count;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::Value;

const EXTRACT: &[&str] = &["STRING, STRING, [INT64], [INT64] -> STRING"];

pub(super) const ROWS: &[Row] = &[
    ("$LIKE", &[], Strict, like),
    ("REGEXP_CONTAINS", &["STRING, STRING -> BOOL"], Strict, |a| {
        Ok(Value::Bool(compiled(a.text(1)?)?.is_match(a.text(0)?)))
    }),
    ("REGEXP_EXTRACT", EXTRACT, Strict, |a| extract(a, "REGEXP_EXTRACT")),
    ("REGEXP_SUBSTR", EXTRACT, Strict, |a| extract(a, "REGEXP_SUBSTR")),
    ("REGEXP_EXTRACT_ALL", &["STRING, STRING -> ARRAY<STRING>"], Strict, extract_all),
    ("REGEXP_REPLACE", &["STRING, STRING, STRING -> STRING"], Strict, replace),
    ("REGEXP_INSTR", &["STRING, STRING, [INT64], [INT64], [INT64] -> INT64"], Strict, instr),
];

/// Patterns that a thread keeps compiled.
const KEPT_MAX: usize = 64;
/// The most bytes of a compiled pattern.
const SIZE_MAX: usize = 4 << 20;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
}

fn compiled(pattern: &str) -> Outcome<Regex> {
    COMPILED.with_borrow_mut(|kept| {
        if let Some(regex) = kept.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = RegexBuilder::new(pattern).size_limit(SIZE_MAX).build().map_err(|error| {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            FunctionError::new(format!("Cannot parse regular expression: {reason}"))
        })?;
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    })
}

/// With at most one group.
fn extracting(pattern: &str) -> Outcome<Regex> {
    let regex = compiled(pattern)?;
    if regex.captures_len() > 2 {
        return fail("Regular expressions passed into extraction functions must not have more than 1 capturing group");
    }
    Ok(regex)
}

/// The group, or the whole where there is none, of each find from the one-based character `position` on: byte ranges, `None` for a group left out.
fn finds<'a>(
    regex: &'a Regex,
    text: &'a str,
    position: i64,
) -> impl Iterator<Item = Option<std::ops::Range<usize>>> + 'a {
    let skipped = usize::try_from(position - 1).unwrap_or(0);
    let start = text.char_indices().map(|(index, _)| index).chain([text.len()]).nth(skipped);
    let group = regex.captures_len() - 1;
    let mut at = start;
    std::iter::from_fn(move || {
        let captures = regex.captures_at(text, at?)?;
        let whole = captures.get(0)?.range();
        // An empty find moves on by one character.
        let after = if whole.is_empty() {
            text.get(whole.end..)?.chars().next().map(|c| whole.end + c.len_utf8())
        } else {
            Some(whole.end)
        };
        at = after;
        Some(captures.get(group).map(|found| found.range()))
    })
}

/// The checked position and occurrence, both from 1.
fn place(arguments: &Arguments<'_>, name: &str) -> Outcome<(i64, usize)> {
    let (position, occurrence) = (arguments.int_or(2, 1)?, arguments.int_or(3, 1)?);
    if position < 1 {
        return fail(format!("Invalid position: {name} position must be positive, got {position}"));
    }
    if occurrence < 1 {
        return fail(format!("Invalid occurrence_index: {name} occurrence must be positive, got {occurrence}"));
    }
    Ok((position, usize::try_from(occurrence - 1).unwrap_or(usize::MAX)))
}

fn extract(arguments: &Arguments<'_>, name: &str) -> Outcome<Value> {
    let text = arguments.text(0)?;
    let regex = extracting(arguments.text(1)?)?;
    let (position, nth) = place(arguments, name)?;
    let found = finds(&regex, text, position).nth(nth).flatten();
    Ok(found.and_then(|range| text.get(range)).map_or(Value::Null, |part| Value::String(part.to_owned())))
}

fn extract_all(arguments: &Arguments<'_>) -> Outcome<Value> {
    let text = arguments.text(0)?;
    let regex = extracting(arguments.text(1)?)?;
    let part = |range: Option<std::ops::Range<usize>>| {
        Value::String(range.and_then(|range| text.get(range)).unwrap_or_default().to_owned())
    };
    Ok(Value::Array(finds(&regex, text, 1).map(part).collect()))
}

fn instr(arguments: &Arguments<'_>) -> Outcome<Value> {
    let text = arguments.text(0)?;
    let regex = extracting(arguments.text(1)?)?;
    let (position, nth) = place(arguments, "REGEXP_INSTR")?;
    let after = match arguments.int_or(4, 0)? {
        0 => false,
        1 => true,
        other => return fail(format!("Invalid return_position_after_match: {other}")),
    };
    let Some(range) = finds(&regex, text, position).nth(nth).flatten() else { return Ok(Value::Int64(0)) };
    let end = if after { range.end } else { range.start };
    count(text.get(..end).unwrap_or_default().chars().count() + 1)
}

/// `\1` to `\9` are groups, `\0` the whole, `\\` a backslash.
fn replace(arguments: &Arguments<'_>) -> Outcome<Value> {
    let regex = compiled(arguments.text(1)?)?;
    let mut template = String::new();
    let mut chars = arguments.text(2)?.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('\\')) => template.push('\\'),
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                let group = digit.to_digit(10).and_then(|d| usize::try_from(d).ok()).unwrap_or(0);
                if group >= regex.captures_len() {
                    return fail(format!(
                        "Invalid REGEXP_REPLACE pattern: rewrite string has reference to group {group} but the expression has only {} groups",
                        regex.captures_len() - 1
                    ));
                }
                template.push_str(&format!("${{{group}}}"));
            }
            ('\\', _) => return fail("Invalid REGEXP_REPLACE pattern: invalid backslash sequence in the replacement"),
            ('$', _) => template.push_str("$$"),
            (c, _) => template.push(c),
        }
    }
    Ok(Value::String(regex.replace_all(arguments.text(0)?, template.as_str()).into_owned()))
}

fn like(arguments: &Arguments<'_>) -> Outcome<Value> {
    if let (Value::Bytes(bytes), Value::Bytes(pattern)) = (arguments.value(0), arguments.value(1)) {
        // Bytes as the characters of the same numbers, so that `_` is one byte.
        let wide = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<Vec<_>>();
        return matches(&wide(bytes), &tokens(&wide(pattern))?);
    }
    let text: Vec<char> = arguments.text(0)?.chars().collect();
    let pattern: Vec<char> = arguments.text(1)?.chars().collect();
    matches(&text, &tokens(&pattern)?)
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    /// `%`
    Run,
    /// `_`
    Any,
    Char(char),
}

fn tokens(pattern: &[char]) -> Outcome<Vec<Token>> {
    let mut out = Vec::with_capacity(pattern.len());
    let mut chars = pattern.iter();
    while let Some(c) = chars.next() {
        out.push(match c {
            '%' => Token::Run,
            '_' => Token::Any,
            '\\' => match chars.next() {
                Some(c) => Token::Char(*c),
                None => return fail("LIKE pattern ends with a backslash which is not allowed"),
            },
            c => Token::Char(*c),
        });
    }
    Ok(out)
}

/// Goes back only to the last `%`: at most text times pattern steps.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a body")]
fn matches(text: &[char], pattern: &[Token]) -> Outcome<Value> {
    let (mut at, mut token) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while let Some(c) = text.get(at) {
        match pattern.get(token) {
            Some(Token::Run) => {
                back = Some((token, at));
                token += 1;
            }
            Some(t) if *t == Token::Any || *t == Token::Char(*c) => {
                at += 1;
                token += 1;
            }
            _ => {
                let Some((run, from)) = back else { return Ok(Value::Bool(false)) };
                back = Some((run, from + 1));
                token = run + 1;
                at = from + 1;
            }
        }
    }
    Ok(Value::Bool(pattern.iter().skip(token).all(|rest| *rest == Token::Run)))
}
