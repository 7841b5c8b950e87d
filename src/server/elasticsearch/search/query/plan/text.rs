//! Analysed text on one field or several, and the patterns a term can be asked for.

use tantivy::query::{BooleanQuery, DisjunctionMaxQuery, Occur, Query as Plan};
use tantivy::tokenizer::TokenStream;

use super::super::full_text::{Combination, MatchForm, MatchOptions, MultiMatchQuery};
use super::super::leaf::{Constant, Phrase, ScoredField, ScoredTerm, TermScan};
use super::super::options::Scalar;
use super::super::pattern::{Fuzziness, Pattern, PatternQuery};
use super::{Planner, all, any_of, none, own_exception};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::{FieldKind, FieldMapping};
use crate::server::elasticsearch::search::fault::number_format;
use crate::server::elasticsearch::search::fetch::read_failure;
use crate::server::elasticsearch::search::wildcard::{Wildcard, name_matches};
use crate::server::elasticsearch::storage::schema::STANDARD_ANALYZER;
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// `index.max_regex_length`.
const REGEX_MAX: usize = 1000;
/// Terms that a fuzzy query stands for: `max_expansions`.
const FUZZY_EXPANSIONS: usize = 50;
/// Near terms looked at in one segment.
const FUZZY_TERMS_MAX: usize = 10_000;

impl Planner<'_> {
    pub(super) fn match_field(
        &self,
        field: &str,
        value: &Scalar,
        options: &MatchOptions,
    ) -> Result<Box<dyn Plan>, Exception> {
        if let Some(plan) = self.metadata(field, &mut std::iter::once(value)) {
            return Ok(plan);
        }
        let Some(field) = self.field(field) else { return Ok(none()) };
        if field.kind == FieldKind::Text {
            return self.match_text(field, &value.to_text(), options);
        }
        let plan = match (field.kind, options.form, options.fuzziness) {
            (FieldKind::Keyword, MatchForm::PhrasePrefix | MatchForm::BoolPrefix, _) => {
                let prefix = value.to_text();
                Ok(Box::new(Constant(TermScan::with_prefix(self.path_term(field), prefix, |_| true))) as Box<dyn Plan>)
            }
            (FieldKind::Keyword, MatchForm::Tokens, Some(fuzziness)) => {
                self.fuzzy(field, value.to_text(), fuzziness, options.prefix_length, options.transpositions)
            }
            _ => self.term_on(field, value, false),
        };
        if options.lenient { Ok(plan.unwrap_or_else(|_| none())) } else { plan }
    }

    fn match_text(&self, field: &FieldMapping, text: &str, options: &MatchOptions) -> Result<Box<dyn Plan>, Exception> {
        let tokens = analyze(self.shard, text)?;
        if tokens.is_empty() {
            return Ok(if options.zero_terms_all { all() } else { none() });
        }
        match options.form {
            MatchForm::Phrase | MatchForm::PhrasePrefix => Ok(self.phrase(field, tokens, options)),
            MatchForm::Tokens | MatchForm::BoolPrefix => self.tokens(field, tokens, options),
        }
    }

    fn scored(&self, field: &FieldMapping, token: &str) -> Box<dyn Plan> {
        let (fields, path) = (self.shard.fields, field.path.clone());
        if field.kind == FieldKind::Text {
            let term = fields.text_term(&path, token);
            return Box::new(ScoredTerm { field: ScoredField::Text(path), term, fields });
        }
        let term = fields.keyword_term(&path, token);
        Box::new(ScoredTerm { field: ScoredField::Keyword(path), term, fields })
    }

    fn tokens(
        &self,
        field: &FieldMapping,
        tokens: Vec<(String, u32)>,
        options: &MatchOptions,
    ) -> Result<Box<dyn Plan>, Exception> {
        let last = tokens.len().saturating_sub(1);
        let mut plans = Vec::with_capacity(tokens.len());
        for (at, (token, _)) in tokens.into_iter().enumerate() {
            let plan: Box<dyn Plan> = if options.form == MatchForm::BoolPrefix && at == last {
                Box::new(Constant(TermScan::with_prefix(self.path_term(field), token, |_| true)))
            } else {
                match options.fuzziness {
                    Some(fuzziness) if fuzziness.edits(&token) > 0 => {
                        self.fuzzy(field, token, fuzziness, options.prefix_length, options.transpositions)?
                    }
                    _ => self.scored(field, &token),
                }
            };
            plans.push(plan);
        }
        if options.all_tokens {
            let clauses = plans.into_iter().map(|plan| (Occur::Must, plan)).collect();
            return Ok(Box::new(BooleanQuery::with_minimum_required_clauses(clauses, 0)));
        }
        let minimum = match &options.minimum_should_match {
            None => 1,
            Some(minimum) => {
                minimum.of(plans.len()).map_err(|bad| super::shard_exception(self.shard, number_format(&bad)))?.max(1)
            }
        };
        if minimum > plans.len() {
            return Ok(none());
        }
        if minimum == 1 {
            return Ok(any_of(plans));
        }
        let clauses = plans.into_iter().map(|plan| (Occur::Should, plan)).collect();
        Ok(Box::new(BooleanQuery::with_minimum_required_clauses(clauses, minimum)))
    }

    fn phrase(&self, field: &FieldMapping, mut tokens: Vec<(String, u32)>, options: &MatchOptions) -> Box<dyn Plan> {
        let fields = self.shard.fields;
        let prefix = match options.form {
            MatchForm::PhrasePrefix => tokens.pop(),
            _ => None,
        };
        match (tokens.as_slice(), &prefix) {
            ([(token, _)], None) => return self.scored(field, token),
            ([], Some((prefix, _))) => {
                let scan = TermScan::with_prefix(self.path_term(field), prefix.clone(), |_| true);
                return Box::new(Constant(scan));
            }
            _ => {}
        }
        let terms = tokens.iter().map(|(token, place)| (fields.text_term(&field.path, token), *place)).collect();
        let last_prefix =
            prefix.map(|(prefix, place)| (TermScan::with_prefix(self.path_term(field), prefix, |_| true), place));
        Box::new(Phrase {
            path: field.path.clone(),
            terms,
            last_prefix,
            max_expansions: options.max_expansions,
            slop: options.slop,
            fields,
        })
    }

    pub(super) fn multi_match(&self, query: &MultiMatchQuery) -> Result<Box<dyn Plan>, Exception> {
        let patterns = match query.fields.as_slice() {
            [] => &[("*".to_owned(), 1.0)],
            given => given,
        };
        // Several fields of different kinds: what does not fit one of them is no error.
        let lenient = query.options.lenient || patterns.iter().any(|(pattern, _)| pattern.contains('*'));
        let options = MatchOptions { lenient, ..query.options.clone() };
        let mut plans = Vec::new();
        for (field, boost) in matching_fields(self.shard, patterns) {
            let plan = self.match_field(&field, &query.value, &options)?;
            plans.push(Box::new(tantivy::query::BoostQuery::new(plan, boost)) as Box<dyn Plan>);
        }
        if plans.is_empty() {
            return Ok(none());
        }
        Ok(match (query.combination, query.tie_breaker) {
            (Combination::Most, None) => any_of(plans),
            (_, tie_breaker) => Box::new(DisjunctionMaxQuery::with_tie_breaker(plans, tie_breaker.unwrap_or(0.0))),
        })
    }

    pub(super) fn pattern_on(&self, field: &FieldMapping, query: &PatternQuery) -> Result<Box<dyn Plan>, Exception> {
        let name = query.pattern.name();
        if !matches!(field.kind, FieldKind::Text | FieldKind::Keyword) {
            let kind = field.kind.name();
            let which = if name == "fuzzy" { "keyword and text" } else { "keyword, text and wildcard" };
            let reason = format!(
                "Can only use {name} queries on {which} fields - not on [{}] which is of type [{kind}]",
                field.path
            );
            if name == "fuzzy" {
                return Err(super::shard_exception(self.shard, Exception::new("illegal_argument_exception", reason)));
            }
            return Err(own_exception(self.shard, reason));
        }
        if let Pattern::Fuzzy { value, fuzziness, prefix_length, transpositions } = &query.pattern {
            return self.fuzzy(field, value.clone(), *fuzziness, *prefix_length, *transpositions);
        }
        let test = pattern_test(&query.pattern, query.case_insensitive)
            .map_err(|cause| super::shard_exception(self.shard, cause))?;
        let prefix = if query.case_insensitive { String::new() } else { literal_prefix(&query.pattern) };
        Ok(Box::new(Constant(TermScan::with_prefix(self.path_term(field), prefix, test))))
    }

    /// The terms near enough, each scored as itself and less for its edits.
    fn fuzzy(
        &self,
        field: &FieldMapping,
        value: String,
        fuzziness: Fuzziness,
        prefix_length: usize,
        transpositions: bool,
    ) -> Result<Box<dyn Plan>, Exception> {
        let edits = fuzziness.edits(&value);
        let prefix: String = value.chars().take(prefix_length).collect();
        let wanted: Vec<char> = value.chars().collect();
        let near = wanted.clone();
        let scan = TermScan::with_prefix(self.path_term(field), prefix, move |term| {
            let found: Vec<char> = term.chars().collect();
            found.len().abs_diff(near.len()) <= edits && distance(&near, &found, transpositions) <= edits
        });
        let mut terms = std::collections::BTreeSet::new();
        for segment in self.shard.searcher.segment_readers() {
            let found = segment
                .inverted_index(scan.path.field())
                .and_then(|index| scan.terms(&index, FUZZY_TERMS_MAX))
                .map_err(|error| read_failure(&error))?;
            terms.extend(found.into_iter().map(|(term, _)| term));
        }
        let mut scored: Vec<(f32, String)> =
            terms.into_iter().map(|term| (likeness(&wanted, &term, transpositions), term)).collect();
        scored.sort_by(|left, right| right.0.total_cmp(&left.0));
        scored.truncate(FUZZY_EXPANSIONS);
        let plans = scored.into_iter().map(|(boost, term)| {
            Box::new(tantivy::query::BoostQuery::new(self.scored(field, &term), boost)) as Box<dyn Plan>
        });
        Ok(any_of(plans.collect()))
    }
}

/// 1 less the edits over the shorter length, as Lucene weighs near terms.
#[expect(clippy::cast_precision_loss, reason = "lengths of terms")]
fn likeness(wanted: &[char], term: &str, transpositions: bool) -> f32 {
    let found: Vec<char> = term.chars().collect();
    let shorter = wanted.len().min(found.len()).max(1);
    (1.0 - distance(wanted, &found, transpositions) as f32 / shorter as f32).max(0.0)
}

/// Edits that lead from one text to the other; a swap of neighbours may count as one.
fn distance(wanted: &[char], found: &[char], transpositions: bool) -> usize {
    let width = found.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut above: Vec<usize> = (0..width).collect();
    let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
    for (line, a) in wanted.iter().enumerate() {
        let mut row = vec![line + 1; width];
        for (column, b) in found.iter().enumerate() {
            let mut cost = (cell(&above, column) + usize::from(a != b))
                .min(cell(&above, column + 1) + 1)
                .min(cell(&row, column) + 1);
            let swapped = transpositions
                && line > 0
                && column > 0
                && wanted.get(line - 1) == Some(b)
                && found.get(column - 1) == Some(a);
            if swapped {
                cost = cost.min(cell(&before, column - 1) + 1);
            }
            if let Some(slot) = row.get_mut(column + 1) {
                *slot = cost;
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    cell(&above, found.len())
}

/// Field names of an index that fit the patterns, each with the boost of the first that does.
pub(crate) fn matching_fields(shard: &IndexSnapshot, patterns: &[(String, f32)]) -> Vec<(String, f32)> {
    let mut fields: Vec<(String, f32)> = Vec::new();
    for (pattern, boost) in patterns {
        if !pattern.contains('*') {
            fields.push((pattern.clone(), *boost));
            continue;
        }
        for field in shard.mapping.fields() {
            let known = fields.iter().any(|(name, _)| *name == field.path);
            if !known && field.kind != FieldKind::Alias && name_matches(pattern, &field.path) {
                fields.push((field.path.clone(), *boost));
            }
        }
    }
    fields
}

/// The tokens of a text and their places.
pub(crate) fn analyze(shard: &IndexSnapshot, text: &str) -> Result<Vec<(String, u32)>, Exception> {
    let mut analyzer = shard.searcher.index().tokenizers().get(STANDARD_ANALYZER).ok_or_else(|| {
        Exception::new("illegal_state_exception", format!("the index has no analyzer [{STANDARD_ANALYZER}]"))
    })?;
    let mut stream = analyzer.token_stream(text);
    let mut tokens = Vec::new();
    while let Some(token) = stream.next() {
        tokens.push((token.text.clone(), u32::try_from(token.position).unwrap_or(u32::MAX)));
    }
    Ok(tokens)
}

fn literal_prefix(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Prefix(prefix) => prefix.clone(),
        Pattern::Wildcard(pattern) => Wildcard::escaped(pattern).literal_prefix(),
        Pattern::Regexp(_) | Pattern::Fuzzy { .. } => String::new(),
    }
}

/// Whether a term fits.
type TermTest = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// What tells whether a term fits.
pub(super) fn pattern_test(pattern: &Pattern, case_insensitive: bool) -> Result<TermTest, Exception> {
    let fold = move |text: &str| if case_insensitive { text.to_lowercase() } else { text.to_owned() };
    Ok(match pattern {
        Pattern::Prefix(prefix) => {
            let prefix = fold(prefix);
            Box::new(move |term| fold(term).starts_with(&prefix))
        }
        Pattern::Wildcard(pattern) => {
            let wildcard = Wildcard::escaped(&fold(pattern));
            Box::new(move |term| wildcard.matches(&fold(term)))
        }
        Pattern::Regexp(pattern) => {
            let regex = lucene_regex(pattern, case_insensitive)?;
            Box::new(move |term| regex.is_match(term))
        }
        Pattern::Fuzzy { value, .. } => {
            let value = value.clone();
            Box::new(move |term| term == value)
        }
    })
}

/// A regular expression of Lucene's syntax: always of the whole term, `^` and `$` stand for themselves.
fn lucene_regex(pattern: &str, case_insensitive: bool) -> Result<regex::Regex, Exception> {
    let illegal = |reason: String| Exception::new("illegal_argument_exception", reason);
    if pattern.chars().count() > REGEX_MAX {
        return Err(illegal(format!(
            "The length of regex [{}] used in the Regexp Query request has exceeded the allowed maximum of [{REGEX_MAX}]. \
             This maximum can be set by changing the [index.max_regex_length] index level setting.",
            pattern.chars().count()
        )));
    }
    let mut translated = String::from("^(?:");
    let mut characters = pattern.chars();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let Some(next) = characters.next() else { return Err(illegal("unexpected end-of-string".into())) };
                match next {
                    'd' | 'D' | 's' | 'S' | 'w' | 'W' => translated.extend(['\\', next]),
                    other => translated.push_str(&regex::escape(&other.to_string())),
                }
            }
            '[' if !in_class => {
                in_class = true;
                translated.push('[');
            }
            '[' => translated.push_str("\\["),
            ']' => {
                in_class = false;
                translated.push(']');
            }
            '&' | '~' if in_class => translated.extend(['\\', character]),
            other if in_class => translated.push(other),
            '^' | '$' => translated.extend(['\\', character]),
            '"' => {
                for quoted in characters.by_ref().take_while(|quoted| *quoted != '"') {
                    translated.push_str(&regex::escape(&quoted.to_string()));
                }
            }
            '@' => translated.push_str(".*"),
            '#' => translated.push_str("[^\\s\\S]"),
            '~' | '&' | '<' => {
                return Err(illegal(format!("the regular expression operator [{character}] is not supported")));
            }
            '(' => translated.push_str("(?:"),
            other => translated.push(other),
        }
    }
    translated.push_str(")$");
    regex::RegexBuilder::new(&translated)
        .dot_matches_new_line(true)
        .case_insensitive(case_insensitive)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| {
            let last = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            illegal(last)
        })
}
