//! The simple syntax, which never fails: `+` and, `|` or, `-` not, quotes, `*` at an end, groups, `~N`.

use super::super::full_text::MatchForm;
use super::super::pattern::Fuzziness;
use super::super::{Query, QueryKind};
use super::{Flags, Occurs, SimpleQueryString, combine, match_query};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

const DEPTH_MAX: usize = 30;
const CLAUSES_MAX: usize = 1024;

/// Reads the text; what has no meaning is left out.
pub(crate) fn expand_simple(query: &SimpleQueryString, _shard: &IndexSnapshot) -> Query {
    let mut fields = query.fields.clone();
    if fields.is_empty() {
        fields.push(("*".to_owned(), 1.0));
    }
    if query.query.trim() == "*" {
        return Query::match_all();
    }
    let mut parser = Parser { query, fields, text: query.query.chars().collect(), at: 0, clauses: 0 };
    parser.clauses(0)
}

struct Parser<'a> {
    query: &'a SimpleQueryString,
    fields: Vec<(String, f32)>,
    text: Vec<char>,
    at: usize,
    clauses: usize,
}

impl Parser<'_> {
    fn is(&self, character: char, flag: u32) -> bool {
        self.peek() == Some(character) && self.query.flags.has(flag)
    }

    fn clauses(&mut self, depth: usize) -> Query {
        let mut clauses: Vec<(Occurs, Query)> = Vec::new();
        let mut operator: Option<Occurs> = None;
        let mut negated = false;
        while let Some(character) = self.peek() {
            if character.is_whitespace() {
                self.at += 1;
            } else if self.is('+', Flags::AND) {
                operator = Some(Occurs::Must);
                self.at += 1;
            } else if self.is('|', Flags::OR) {
                operator = Some(Occurs::Should);
                self.at += 1;
            } else if self.is('-', Flags::NOT) {
                negated = !negated;
                self.at += 1;
            } else if self.is(')', Flags::PRECEDENCE) {
                self.at += 1;
                if depth > 0 {
                    break;
                }
            } else {
                let clause = self.clause(depth);
                self.clauses += 1;
                if let Some(clause) = clause.filter(|_| self.clauses <= CLAUSES_MAX) {
                    self.add(&mut clauses, operator, negated, clause);
                }
                (operator, negated) = (None, false);
            }
        }
        let minimum = if depth == 0 { self.query.minimum_should_match.as_ref() } else { None };
        combine(clauses, minimum)
    }

    /// An operator joins all that came before it with what comes after.
    fn add(&self, clauses: &mut Vec<(Occurs, Query)>, operator: Option<Occurs>, negated: bool, clause: Query) {
        let default = if self.query.all_clauses { Occurs::Must } else { Occurs::Should };
        let occurs = operator.unwrap_or(default);
        let clause = if negated {
            combine(vec![(Occurs::Must, Query::match_all()), (Occurs::MustNot, clause)], None)
        } else {
            clause
        };
        if let Some((before, _)) = clauses.last()
            && *before != occurs
        {
            let joined = combine(std::mem::take(clauses), None);
            clauses.push((occurs, joined));
        }
        clauses.push((occurs, clause));
    }

    fn clause(&mut self, depth: usize) -> Option<Query> {
        if self.is('(', Flags::PRECEDENCE) {
            self.at += 1;
            if depth >= DEPTH_MAX {
                return None;
            }
            return Some(self.clauses(depth + 1));
        }
        if self.is('"', Flags::PHRASE) {
            return self.phrase();
        }
        self.word()
    }

    fn phrase(&mut self) -> Option<Query> {
        self.at += 1;
        let mut text = String::new();
        while let Some(character) = self.peek() {
            self.at += 1;
            match character {
                '"' => break,
                '\\' if self.query.flags.has(Flags::ESCAPE) => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                other => text.push(other),
            }
        }
        let slop = self.tilde(Flags::NEAR).flatten().unwrap_or(0);
        (!text.is_empty()).then(|| self.query(text, MatchForm::Phrase, slop, None))
    }

    fn word(&mut self) -> Option<Query> {
        let mut text = String::new();
        let mut prefix = false;
        while let Some(character) = self.peek() {
            match character {
                '\\' if self.query.flags.has(Flags::ESCAPE) => {
                    self.at += 1;
                    text.extend(self.peek());
                    prefix = false;
                }
                _ if character.is_whitespace() || "+|()\"".contains(character) && !text.is_empty() => break,
                '~' if !text.is_empty() => break,
                '*' => {
                    prefix = true;
                    text.push('*');
                }
                other => {
                    prefix = false;
                    text.push(other);
                }
            }
            self.at += 1;
        }
        if prefix && self.query.flags.has(Flags::PREFIX) {
            text.pop();
            return Some(self.query(text, MatchForm::BoolPrefix, 0, None));
        }
        let fuzziness = self.tilde(Flags::FUZZY).map(|edits| match edits {
            Some(0) => Fuzziness::Edits(0),
            Some(1) => Fuzziness::Edits(1),
            _ => Fuzziness::Edits(2),
        });
        (!text.is_empty()).then(|| self.query(text, MatchForm::Tokens, 0, fuzziness))
    }

    /// `~` and the number behind it, where there is one.
    fn tilde(&mut self, flag: u32) -> Option<Option<u32>> {
        if !self.is('~', flag) {
            if self.peek() == Some('~') {
                self.at += 1;
            }
            return None;
        }
        self.at += 1;
        let digits: String =
            self.text.get(self.at..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit()).collect();
        self.at += digits.len();
        Some(digits.parse().ok())
    }

    fn query(&self, text: String, form: MatchForm, slop: u32, fuzziness: Option<Fuzziness>) -> Query {
        let lenient = self.query.lenient || self.fields.iter().any(|(field, _)| field.contains('*'));
        let query = match_query(&self.fields, text, form, lenient, |options| {
            options.slop = slop;
            options.fuzziness = fuzziness;
        });
        Query::new(QueryKind::MultiMatch(Box::new(query)))
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }
}
