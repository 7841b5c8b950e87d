//! Lucene's classic syntax: `field:value`, `AND OR NOT + - !`, groups, phrases, ranges, wildcards, escapes.

use super::super::full_text::MatchForm;
use super::super::options::Scalar;
use super::super::pattern::{Fuzziness, Pattern, PatternQuery};
use super::super::plan::{matching_fields, own_exception};
use super::super::range::{Limit, RangeQuery};
use super::super::{Query, QueryKind};
use super::{Combination, Occurs, QueryStringQuery, combine, match_query};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::FieldKind;
use crate::server::elasticsearch::search::query::compound::DisMaxQuery;
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// Groups in groups.
const DEPTH_MAX: usize = 30;
/// Clauses of the whole text.
const CLAUSES_MAX: usize = 4096;

/// Reads the text against the mapping of one index.
///
/// # Errors
/// `query_shard_exception` `Failed to parse query [..]`.
pub(crate) fn expand(query: &QueryStringQuery, shard: &IndexSnapshot) -> Result<Query, Exception> {
    let fields = if query.fields.is_empty() { vec![("*".to_owned(), 1.0)] } else { query.fields.clone() };
    // Asked of every field, what does not fit one of them is no error, whichever the text names.
    let lenient = query.lenient || query.fields.iter().all(|(field, _)| field.contains('*'));
    let mut parser = Parser { query, shard, lenient, text: query.query.chars().collect(), at: 0, clauses: 0 };
    let parsed = parser.clauses(&fields, 0).and_then(|parsed| {
        parser.blanks();
        if parser.at < parser.text.len() { Err(parser.encountered()) } else { Ok(parsed) }
    });
    parsed.map_err(|reason| {
        let cause = Exception::new("parse_exception", format!("Cannot parse '{}': {reason}", query.query));
        own_exception(shard, format!("Failed to parse query [{}]", query.query)).caused_by(cause)
    })
}

struct Parser<'a> {
    query: &'a QueryStringQuery,
    shard: &'a IndexSnapshot,
    lenient: bool,
    text: Vec<char>,
    at: usize,
    clauses: usize,
}

type Fields = [(String, f32)];
type Parsed<T> = Result<T, String>;

/// What stood before a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conjunction {
    None,
    And,
    Or,
}

impl Parser<'_> {
    fn clauses(&mut self, fields: &Fields, depth: usize) -> Parsed<Query> {
        if depth > DEPTH_MAX {
            return Err("groups are nested too deep".into());
        }
        let mut clauses: Vec<(Occurs, Query)> = Vec::new();
        loop {
            self.blanks();
            if matches!(self.peek(), None | Some(')')) {
                if clauses.is_empty() && self.peek() == Some(')') {
                    return Err(self.encountered());
                }
                let minimum = if depth == 0 { self.query.minimum_should_match.as_ref() } else { None };
                return Ok(combine(clauses, minimum));
            }
            let conjunction = self.conjunction();
            if conjunction != Conjunction::None && clauses.is_empty() {
                return Err(self.encountered());
            }
            let modifier = self.modifier();
            self.blanks();
            if matches!(self.peek(), None | Some(')')) {
                return Err(self.encountered());
            }
            let clause = self.clause(fields, depth)?;
            self.clauses += 1;
            if self.clauses > CLAUSES_MAX {
                return Err("too many boolean clauses".into());
            }
            self.add(&mut clauses, conjunction, modifier, clause);
        }
    }

    /// As Lucene's classic parser adds clauses: `AND` also makes the one before required.
    fn add(
        &self,
        clauses: &mut Vec<(Occurs, Query)>,
        conjunction: Conjunction,
        modifier: Option<Occurs>,
        clause: Query,
    ) {
        if let Some((before, _)) = clauses.last_mut()
            && *before != Occurs::MustNot
        {
            match conjunction {
                Conjunction::And => *before = Occurs::Must,
                Conjunction::Or if self.query.all_clauses => *before = Occurs::Should,
                _ => {}
            }
        }
        let occurs = match modifier {
            Some(occurs) => occurs,
            None if conjunction == Conjunction::And => Occurs::Must,
            None if self.query.all_clauses && conjunction != Conjunction::Or => Occurs::Must,
            None => Occurs::Should,
        };
        clauses.push((occurs, clause));
    }

    fn conjunction(&mut self) -> Conjunction {
        for (word, conjunction) in
            [("AND", Conjunction::And), ("OR", Conjunction::Or), ("&&", Conjunction::And), ("||", Conjunction::Or)]
        {
            if self.word(word) {
                return conjunction;
            }
        }
        Conjunction::None
    }

    fn modifier(&mut self) -> Option<Occurs> {
        self.blanks();
        if self.word("NOT") {
            return Some(Occurs::MustNot);
        }
        let occurs = match self.peek()? {
            '+' => Occurs::Must,
            '-' | '!' => Occurs::MustNot,
            _ => return None,
        };
        self.at += 1;
        Some(occurs)
    }

    /// Takes a word that stands alone; signs need not.
    fn word(&mut self, word: &str) -> bool {
        let length = word.chars().count();
        let here = self.text.get(self.at..self.at + length).is_some_and(|found| found.iter().copied().eq(word.chars()));
        let sign = !word.starts_with(char::is_alphabetic);
        let alone = self.text.get(self.at + length).is_none_or(|next| next.is_whitespace() || *next == '(');
        if here && (sign || alone) {
            self.at += length;
            return true;
        }
        false
    }

    fn clause(&mut self, fields: &Fields, depth: usize) -> Parsed<Query> {
        let named = self.field_name();
        let own;
        let fields = match &named {
            Some(name) if name == "_exists_" => {
                let (field, _) = self.term_text()?;
                return Ok(Query::new(QueryKind::Exists(field)));
            }
            Some(name) => {
                own = vec![(name.clone(), 1.0)];
                own.as_slice()
            }
            None => fields,
        };
        let mut clause = match self.peek() {
            Some('(') => {
                self.at += 1;
                let group = self.clauses(fields, depth + 1)?;
                self.expect(')')?;
                group
            }
            Some('"') => self.phrase(fields)?,
            Some('[' | '{') => self.range(fields)?,
            Some('/') => self.regex(fields)?,
            Some('<' | '>') if named.is_some() => self.comparison(fields)?,
            _ => self.term(fields, named.is_some())?,
        };
        if self.peek() == Some('^') {
            self.at += 1;
            clause.boost *= self.number().ok_or_else(|| self.encountered())?;
        }
        Ok(clause)
    }

    /// `name:` where a term could stand; wildcards and escapes are allowed in it.
    fn field_name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut at = self.at;
        loop {
            match self.text.get(at)? {
                '\\' => {
                    at += 1;
                    name.push(*self.text.get(at)?);
                }
                ':' if name.is_empty() => return None,
                ':' => break,
                character if character.is_whitespace() || "()[]{}\"^~/<>!".contains(*character) => return None,
                character => name.push(*character),
            }
            at += 1;
        }
        self.at = at + 1;
        self.blanks();
        Some(name)
    }

    /// A word with its escapes resolved, and whether unescaped wildcards stand in it (the escapes are kept then).
    fn term_text(&mut self) -> Parsed<(String, bool)> {
        let start = self.at;
        let mut plain = String::new();
        let mut wild = false;
        while let Some(character) = self.peek() {
            match character {
                '\\' => {
                    self.at += 1;
                    plain.push(self.peek().ok_or_else(|| self.encountered())?);
                }
                '*' | '?' => {
                    wild = true;
                    plain.push(character);
                }
                _ if character.is_whitespace() || "()[]{}\"^~:".contains(character) => break,
                _ => plain.push(character),
            }
            self.at += 1;
        }
        if self.at == start {
            return Err(self.encountered());
        }
        if wild {
            plain = self.text.get(start..self.at).unwrap_or_default().iter().collect();
        }
        Ok((plain, wild))
    }

    fn term(&mut self, fields: &Fields, named: bool) -> Parsed<Query> {
        let (text, wild) = self.term_text()?;
        if self.peek() == Some('~') {
            self.at += 1;
            let fuzziness = match self.number() {
                Some(edits) if edits >= 2.0 => Fuzziness::Edits(2),
                Some(edits) if edits >= 1.0 => Fuzziness::Edits(1),
                Some(0.0) => Fuzziness::Edits(0),
                _ => Fuzziness::Auto { low: 3, high: 6 },
            };
            let pattern = Pattern::Fuzzy { value: text, fuzziness, prefix_length: 0, transpositions: true };
            return Ok(self.pattern(fields, &pattern));
        }
        if wild && text == "*" {
            return Ok(match fields {
                [(field, _)] if named && field != "*" => Query::new(QueryKind::Exists(field.clone())),
                _ => Query::match_all(),
            });
        }
        if wild {
            if text.starts_with(['*', '?']) && !self.query.allow_leading_wildcard {
                return Err("'*' or '?' not allowed as first character in WildcardQuery".into());
            }
            return Ok(self.pattern(fields, &Pattern::Wildcard(text)));
        }
        Ok(self.text_query(fields, text, MatchForm::Tokens, 0))
    }

    fn text_query(&self, fields: &Fields, text: String, form: MatchForm, slop: u32) -> Query {
        let mut query = match_query(fields, text, form, self.lenient, |options| options.slop = slop);
        query.combination = self.query.combination;
        query.tie_breaker = self.query.tie_breaker;
        Query::new(QueryKind::MultiMatch(Box::new(query)))
    }

    fn phrase(&mut self, fields: &Fields) -> Parsed<Query> {
        let text = self.quoted('"')?;
        let mut slop = self.query.phrase_slop;
        if self.peek() == Some('~') {
            self.at += 1;
            slop = self.number().map_or(slop, whole);
        }
        Ok(self.text_query(fields, text, MatchForm::Phrase, slop))
    }

    fn regex(&mut self, fields: &Fields) -> Parsed<Query> {
        self.at += 1;
        let mut pattern = String::new();
        loop {
            match self.peek() {
                None => return Err(self.encountered()),
                Some('/') => break,
                Some('\\') if self.text.get(self.at + 1) == Some(&'/') => {
                    pattern.push('/');
                    self.at += 2;
                }
                Some(character) => {
                    pattern.push(character);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(self.pattern(fields, &Pattern::Regexp(pattern)))
    }

    /// A pattern asked of every field that can be asked so; wildcards on text are put in lower case, as the analyzer does.
    fn pattern(&self, fields: &Fields, pattern: &Pattern) -> Query {
        self.best_of(matching_fields(self.shard, fields), |field| {
            let text = self.shard.mapping.field(&field).is_some_and(|field| field.kind == FieldKind::Text);
            let pattern = match pattern {
                Pattern::Wildcard(wildcard) if text => Pattern::Wildcard(wildcard.to_lowercase()),
                other => other.clone(),
            };
            QueryKind::Pattern(PatternQuery { field, pattern, case_insensitive: false })
        })
    }

    fn best_of(&self, fields: Vec<(String, f32)>, kind: impl Fn(String) -> QueryKind) -> Query {
        let mut queries: Vec<Query> = fields
            .into_iter()
            .map(|(field, boost)| Query { boost, ..Query::new(kind(field)) })
            .map(|query| if self.lenient { Query::new(QueryKind::Lenient(Box::new(query))) } else { query })
            .collect();
        match queries.len() {
            0 => Query::new(QueryKind::MatchNone),
            1 => queries.pop().unwrap_or_else(|| Query::new(QueryKind::MatchNone)),
            _ if self.query.combination == Combination::Most => {
                combine(queries.into_iter().map(|query| (Occurs::Should, query)).collect(), None)
            }
            _ => {
                let tie_breaker = self.query.tie_breaker.unwrap_or(0.0);
                Query::new(QueryKind::DisMax(Box::new(DisMaxQuery { queries, tie_breaker })))
            }
        }
    }

    fn range(&mut self, fields: &Fields) -> Parsed<Query> {
        let inclusive = self.peek() == Some('[');
        self.at += 1;
        self.blanks();
        let lower = self.range_end()?;
        self.blanks();
        if !self.word("TO") {
            return Err(self.encountered());
        }
        self.blanks();
        let upper = self.range_end()?;
        self.blanks();
        let upper_inclusive = match self.peek() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(self.encountered()),
        };
        self.at += 1;
        let limit = |end: Option<String>, inclusive| end.map(|text| Limit { value: Scalar::Text(text), inclusive });
        Ok(self.range_query(fields, limit(lower, inclusive), limit(upper, upper_inclusive)))
    }

    /// None for `*`.
    fn range_end(&mut self) -> Parsed<Option<String>> {
        if self.peek() == Some('"') {
            return self.quoted('"').map(Some);
        }
        let mut text = String::new();
        while let Some(character) = self.peek() {
            match character {
                '\\' => {
                    self.at += 1;
                    text.push(self.peek().ok_or_else(|| self.encountered())?);
                }
                _ if character.is_whitespace() || "]}".contains(character) => break,
                _ => text.push(character),
            }
            self.at += 1;
        }
        match text.as_str() {
            "" => Err(self.encountered()),
            "*" => Ok(None),
            _ => Ok(Some(text)),
        }
    }

    fn comparison(&mut self, fields: &Fields) -> Parsed<Query> {
        let above = self.peek() == Some('>');
        self.at += 1;
        let inclusive = self.peek() == Some('=');
        if inclusive {
            self.at += 1;
        }
        self.blanks();
        let text = if self.peek() == Some('"') { self.quoted('"')? } else { self.comparison_end()? };
        let limit = Some(Limit { value: Scalar::Text(text), inclusive });
        Ok(if above { self.range_query(fields, limit, None) } else { self.range_query(fields, None, limit) })
    }

    fn comparison_end(&mut self) -> Parsed<String> {
        let mut text = String::new();
        while let Some(character) = self.peek() {
            match character {
                '\\' => {
                    self.at += 1;
                    text.push(self.peek().ok_or_else(|| self.encountered())?);
                }
                _ if character.is_whitespace() || "()".contains(character) => break,
                _ => text.push(character),
            }
            self.at += 1;
        }
        if text.is_empty() { Err(self.encountered()) } else { Ok(text) }
    }

    fn range_query(&self, fields: &Fields, lower: Option<Limit>, upper: Option<Limit>) -> Query {
        self.best_of(matching_fields(self.shard, fields), |field| {
            QueryKind::Range(Box::new(RangeQuery {
                field,
                lower: lower.clone(),
                upper: upper.clone(),
                format: self.query.format.clone(),
                time_zone: self.query.time_zone.clone(),
            }))
        })
    }

    fn quoted(&mut self, quote: char) -> Parsed<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(self.encountered()),
                Some('\\') => {
                    self.at += 1;
                    text.push(self.peek().ok_or_else(|| self.encountered())?);
                }
                Some(character) if character == quote => break,
                Some(character) => text.push(character),
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(text)
    }

    fn number(&mut self) -> Option<f32> {
        let digits: String = self
            .text
            .get(self.at..)
            .unwrap_or_default()
            .iter()
            .take_while(|character| character.is_ascii_digit() || **character == '.')
            .collect();
        let number: f32 = digits.parse().ok()?;
        self.at += digits.len();
        Some(number)
    }

    fn expect(&mut self, character: char) -> Parsed<()> {
        self.blanks();
        if self.peek() == Some(character) {
            self.at += 1;
            return Ok(());
        }
        Err(self.encountered())
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Lucene's words for a token in the wrong place.
    fn encountered(&self) -> String {
        match self.peek() {
            None => format!("Encountered \"<EOF>\" at line 1, column {}.", self.text.len()),
            Some(character) => {
                format!("Encountered \" \"{character}\" \"{character} \"\" at line 1, column {}.", self.at)
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates; slops are small")]
fn whole(number: f32) -> u32 {
    number as u32
}
