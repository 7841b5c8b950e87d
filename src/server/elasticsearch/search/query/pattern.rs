//! `prefix`, `wildcard`, `regexp` and `fuzzy`: queries that stand for all terms of some form.

use super::options::{FieldBody, Scalar, boolean, boost, int, required_field, text, unsigned, unsupported};
use super::{Query, QueryKind};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::search::fault::Fault;

/// What a term must look like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PatternQuery {
    pub(crate) field: String,
    pub(crate) pattern: Pattern,
    pub(crate) case_insensitive: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pattern {
    Prefix(String),
    /// `*`, `?`, and a backslash that takes away their meaning.
    Wildcard(String),
    /// Lucene's regular expressions.
    Regexp(String),
    Fuzzy {
        value: String,
        fuzziness: Fuzziness,
        prefix_length: usize,
        transpositions: bool,
    },
}

impl Pattern {
    /// The name of the query, for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Prefix(_) => "prefix",
            Self::Wildcard(_) => "wildcard",
            Self::Regexp(_) => "regexp",
            Self::Fuzzy { .. } => "fuzzy",
        }
    }
}

/// Edits allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fuzziness {
    /// By length of the term: none below `low`, one below `high`, else two.
    Auto {
        low: usize,
        high: usize,
    },
    Edits(u8),
}

impl Fuzziness {
    pub(crate) fn read(json: &Json, src: &Source<'_>) -> Result<Fuzziness, Fault> {
        let written = text(json, src)?;
        let bad = || {
            let reason = format!("Invalid fuzziness value: {written}");
            Fault::illegal(json.span.start, reason)
        };
        let upper = written.to_ascii_uppercase();
        if upper == "AUTO" {
            return Ok(Self::Auto { low: 3, high: 6 });
        }
        if let Some((low, high)) = upper.strip_prefix("AUTO:").and_then(|bounds| bounds.split_once(',')) {
            let low = low.trim().parse().map_err(|_| bad())?;
            let high = high.trim().parse().map_err(|_| bad())?;
            return Ok(Self::Auto { low, high });
        }
        match written.trim().parse::<f32>() {
            Ok(0.0) => Ok(Self::Edits(0)),
            Ok(1.0) => Ok(Self::Edits(1)),
            Ok(2.0) => Ok(Self::Edits(2)),
            _ => Err(bad()),
        }
    }

    pub(crate) fn edits(self, term: &str) -> usize {
        let length = term.chars().count();
        match self {
            Self::Edits(edits) => usize::from(edits),
            Self::Auto { low, .. } if length < low => 0,
            Self::Auto { high, .. } if length < high => 1,
            Self::Auto { .. } => 2,
        }
    }
}

pub(crate) fn parse_prefix(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    parse(body, src, "prefix", &["value", "prefix"], Pattern::Prefix)
}

pub(crate) fn parse_wildcard(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    parse(body, src, "wildcard", &["value", "wildcard"], Pattern::Wildcard)
}

pub(crate) fn parse_regexp(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    parse(body, src, "regexp", &["value"], Pattern::Regexp)
}

fn parse(
    body: &Json,
    src: &Source<'_>,
    name: &'static str,
    value_names: &[&str],
    pattern: fn(String) -> Pattern,
) -> Result<Query, Fault> {
    let (field, under, value) = required_field(body, name, src)?;
    let mut query = Query::new(QueryKind::MatchNone);
    let (mut written, mut case_insensitive) = (None, false);
    match under {
        FieldBody::Short(json) => written = Some(text(json, src)?),
        FieldBody::Options(options) => {
            for option in options {
                match option.key.as_str() {
                    key if value_names.contains(&key) => written = Some(text(&option.value, src)?),
                    "boost" => query.boost = boost(&option.value, src)?,
                    "_name" => query.name = Some(text(&option.value, src)?),
                    "case_insensitive" => case_insensitive = boolean(&option.value, src)?,
                    "rewrite" => rewrite(&option.value, src)?,
                    "flags" | "flags_value" if name == "regexp" => flags(&option.value, src)?,
                    "max_determinized_states" if name == "regexp" => {
                        int(&option.value, src)?;
                    }
                    _ => return Err(unsupported(src, name, option)),
                }
            }
        }
    }
    let written = written.ok_or_else(|| Fault::illegal(value.span.end, "value cannot be null"))?;
    query.kind =
        QueryKind::Pattern(PatternQuery { field: field.to_owned(), pattern: pattern(written), case_insensitive });
    Ok(query)
}

pub(crate) fn parse_fuzzy(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let (field, under, value) = required_field(body, "fuzzy", src)?;
    let mut query = Query::new(QueryKind::MatchNone);
    let mut written = None;
    let (mut fuzziness, mut prefix_length, mut transpositions) = (Fuzziness::Auto { low: 3, high: 6 }, 0, true);
    match under {
        FieldBody::Short(json) => written = Scalar::read(json, src),
        FieldBody::Options(options) => {
            for option in options {
                match option.key.as_str() {
                    "value" | "term" => written = Scalar::read(&option.value, src),
                    "fuzziness" => fuzziness = Fuzziness::read(&option.value, src)?,
                    "prefix_length" => prefix_length = unsigned(&option.value, src)?,
                    "transpositions" => transpositions = boolean(&option.value, src)?,
                    "max_expansions" => {
                        unsigned(&option.value, src)?;
                    }
                    "rewrite" => rewrite(&option.value, src)?,
                    "boost" => query.boost = boost(&option.value, src)?,
                    "_name" => query.name = Some(text(&option.value, src)?),
                    _ => return Err(unsupported(src, "fuzzy", option)),
                }
            }
        }
    }
    let written = written.ok_or_else(|| Fault::illegal(value.span.end, "query value cannot be null"))?;
    let pattern = Pattern::Fuzzy { value: written.to_text(), fuzziness, prefix_length, transpositions };
    query.kind = QueryKind::Pattern(PatternQuery { field: field.to_owned(), pattern, case_insensitive: false });
    Ok(query)
}

/// How Lucene would rewrite the query: a matter of speed, except the scoring ones, which are declined.
pub(crate) fn rewrite(json: &Json, src: &Source<'_>) -> Result<(), Fault> {
    let method = text(json, src)?;
    if matches!(method.as_str(), "constant_score" | "constant_score_blended" | "constant_score_boolean") {
        return Ok(());
    }
    Err(Fault::illegal(json.span.start, format!("Failed to parse rewrite_method [{method}]")))
}

fn flags(json: &Json, src: &Source<'_>) -> Result<(), Fault> {
    let flags = text(json, src)?;
    const KNOWN: [&str; 8] = ["INTERSECTION", "COMPLEMENT", "EMPTY", "ANYSTRING", "INTERVAL", "NONE", "ALL", "65535"];
    for flag in flags.split('|').map(|flag| flag.trim().to_ascii_uppercase()) {
        if !KNOWN.contains(&flag.as_str()) && flag.parse::<i64>().is_err() {
            return Err(Fault::illegal(json.span.start, format!("Unknown regexp flag [{flag}]")));
        }
    }
    Ok(())
}
