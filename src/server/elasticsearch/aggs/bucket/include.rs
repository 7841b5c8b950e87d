//! `include` and `exclude` of `terms`: lists, regular expressions, partitions.

use regex::Regex;

use super::super::options::{Opt, Scalar};
use super::super::run::SearchContext;
use super::super::values::Class;
use super::keys::KeySource;
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::{Fault, number_format};

/// What a term must be, or must not be.
#[derive(Debug, Clone)]
pub(in super::super) enum Include {
    Pattern(Regex),
    List(Vec<Scalar>),
    Partition { partition: u64, count: u64 },
}

/// The longest pattern: `index.max_regex_length`.
const PATTERN_MAX: usize = 1000;

impl Include {
    pub(in super::super) fn parse(option: &Opt<'_>) -> Result<Self, Fault> {
        let value = option.value();
        if let Some(pattern) = value.as_str() {
            return pattern_of(option, pattern);
        }
        if let Some(items) = value.as_array() {
            let scalar = |item: &Json| Scalar::read(item).ok_or_else(|| option.unsupported());
            return Ok(Self::List(items.iter().map(scalar).collect::<Result<_, _>>()?));
        }
        if option.name() == "include" && value.as_object().is_some() {
            return partition(option, value);
        }
        Err(option.unsupported())
    }

    /// Whether a keyword is named.
    pub(in super::super) fn names(&self, term: &str) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.is_match(term),
            Self::List(list) => list.iter().any(|item| item.to_text() == term),
            Self::Partition { partition, count } => {
                super::super::metric::cardinality::hash(term.as_bytes()) % count == *partition
            }
        }
    }

    /// The listed numbers, for a numeric field.
    pub(in super::super) fn numbers(
        &self,
        name: &str,
        parse: impl Fn(&Scalar) -> Result<f64, Exception>,
    ) -> Result<Numbers, Exception> {
        match self {
            Self::Pattern(_) => Err(Exception::new(
                "illegal_argument_exception",
                format!(
                    "Aggregation [{name}] cannot support regular expression style include/exclude settings as they can only be applied to string fields. Use an array of numeric values for include/exclude clauses used to filter numeric fields"
                ),
            )),
            Self::List(list) => list
                .iter()
                .map(|item| match item {
                    // Whole numbers are compared: 2.5 names 2.
                    Scalar::Float(value) => Ok(*value),
                    Scalar::Text(text) if text.trim().is_empty() => Err(number_format(text)),
                    other => parse(other),
                })
                .collect::<Result<Vec<f64>, _>>()
                .map(Numbers::List),
            Self::Partition { partition, count } => Ok(Numbers::Partition { partition: *partition, count: *count }),
        }
    }
}

/// What a number must be, or must not be.
#[derive(Debug, Clone)]
pub(in super::super) enum Numbers {
    List(Vec<f64>),
    Partition { partition: u64, count: u64 },
}

impl Numbers {
    pub(in super::super) fn names(&self, key: u64, value: f64, integral: bool) -> bool {
        match self {
            Self::List(list) if integral => list.iter().any(|item| item.trunc() == value),
            Self::List(list) => list.contains(&value),
            Self::Partition { partition, count } => super::super::table::mix(key) % count == *partition,
        }
    }
}

/// `include` and `exclude` made for the field's class; decisions about keywords are remembered by term number.
pub(super) struct KeyFilter {
    include: Option<Include>,
    exclude: Option<Include>,
    included: Option<Numbers>,
    excluded: Option<Numbers>,
    decided: Vec<Option<bool>>,
    pub(super) active: bool,
}

impl KeyFilter {
    pub(super) fn new(
        (include, exclude): (&Option<Include>, &Option<Include>),
        name: &str,
        keys: &KeySource,
        ctx: &SearchContext<'_>,
    ) -> Result<Self, ApiError> {
        let numeric = matches!(keys.class, Class::Integral | Class::Floating);
        let numbers = |include: &Option<Include>| {
            let Some(include) = include.as_ref().filter(|_| numeric) else { return Ok(None) };
            include
                .numbers(name, |item| keys.values.parse_number(item, ctx.clock))
                .map(Some)
                .map_err(|error| ctx.refused(error))
        };
        Ok(Self {
            included: numbers(include)?,
            excluded: numbers(exclude)?,
            include: include.clone(),
            exclude: exclude.clone(),
            decided: Vec::new(),
            active: include.is_some() || exclude.is_some(),
        })
    }

    pub(super) fn accepts(&mut self, class: Class, key: u64, term: impl Fn() -> String) -> bool {
        if !self.active {
            return true;
        }
        match class {
            Class::Keyword => {
                let at = usize::try_from(key).unwrap_or(usize::MAX);
                if let Some(Some(decided)) = self.decided.get(at) {
                    return *decided;
                }
                let term = term();
                let accepted = self.include.as_ref().is_none_or(|include| include.names(&term))
                    && !self.exclude.as_ref().is_some_and(|exclude| exclude.names(&term));
                if at < 1 << 24 {
                    if self.decided.len() <= at {
                        self.decided.resize(at + 1, None);
                    }
                    if let Some(slot) = self.decided.get_mut(at) {
                        *slot = Some(accepted);
                    }
                }
                accepted
            }
            _ => {
                let integral = class == Class::Integral;
                let value = if integral { key.cast_signed() as f64 } else { f64::from_bits(key) };
                self.included.as_ref().is_none_or(|include| include.names(key, value, integral))
                    && !self.excluded.as_ref().is_some_and(|exclude| exclude.names(key, value, integral))
            }
        }
    }

    /// Whether a keyword passes that [`Self::accepts`] has been asked about.
    pub(super) fn accepted_before(&self, key: u64) -> bool {
        let decided = usize::try_from(key).ok().and_then(|at| self.decided.get(at)).copied().flatten();
        !self.active || decided == Some(true)
    }
}

/// Lucene's syntax is near enough to the crate's once anchored; its operators `~ & @ # < >` are refused, not misread.
fn pattern_of(option: &Opt<'_>, pattern: &str) -> Result<Include, Fault> {
    if pattern.len() > PATTERN_MAX {
        let length = pattern.len();
        return Err(option.illegal(format!(
            "The length of regex [{length}] used in the request has exceeded the allowed maximum of [{PATTERN_MAX}]. This maximum can be set by changing the [index.max_regex_length] index level setting."
        )));
    }
    let mut translated = String::new();
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next().unwrap_or('\\');
                translated.push_str(&regex::escape(&escaped.to_string()));
                continue;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '^' | '$' if !in_class => translated.push('\\'),
            '"' if !in_class => {
                let literal: String = chars.by_ref().take_while(|c| *c != '"').collect();
                translated.push_str(&regex::escape(&literal));
                continue;
            }
            '~' | '&' | '@' | '#' | '<' | '>' if !in_class => {
                return Err(option.illegal(format!("the operator [{c}] of regular expressions is not supported")));
            }
            _ => {}
        }
        translated.push(c);
    }
    match regex::RegexBuilder::new(&format!("^(?s:{translated})$")).size_limit(1 << 20).build() {
        Ok(regex) => Ok(Include::Pattern(regex)),
        Err(_) => Err(option.illegal("unexpected end-of-string")),
    }
}

fn partition(option: &Opt<'_>, value: &Json) -> Result<Include, Fault> {
    let (mut partition, mut count) = (None, None);
    let mut last = option.at();
    for member in value.as_object().unwrap_or_default() {
        last = member.value.span.start;
        match (member.key.as_str(), member.value.as_i64()) {
            ("partition", Some(number)) => partition = Some(number),
            ("num_partitions", Some(number)) => count = Some(number),
            (other, _) => {
                let reason = format!("Unknown parameter in Include/Exclude clause: {other}");
                return Err(option.failed(Fault { at: last, exception: Exception::new("parse_exception", reason) }));
            }
        }
    }
    let refuse = |reason: &str| option.failed(Fault::illegal(last, reason));
    let (Some(partition), Some(count)) = (partition, count) else {
        return Err(refuse("Missing [partition] or [num_partitions] parameter for partition-based include"));
    };
    match (u64::try_from(partition), u64::try_from(count)) {
        (Ok(partition), Ok(count)) if partition < count => Ok(Include::Partition { partition, count }),
        _ => Err(refuse(&format!("Partition must be >=0 and < numPartition which is {count}"))),
    }
}
