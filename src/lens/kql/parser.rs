//! KQL's grammar as functions, one a rule.
//!
//! A rule that does not match puts the position back and returns `None`. What would have matched at the furthest place
//! reached is remembered: it becomes the error. Rules with a name (a value, a keyword) are remembered by it, not by what
//! they consist of. A keyword or space that was already looked for inside such a rule is not named again, which keeps
//! messages short, and equal to Kibana's.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    DEPTH_MAX, TEXT_CHARS_MAX,
    ast::{Ast, Literal, RangeOperator},
    error::KqlError,
};

pub(super) fn parse(text: &str) -> Result<Option<Ast>, KqlError> {
    let chars: Vec<char> = text.chars().take(TEXT_CHARS_MAX + 1).collect();
    if chars.len() > TEXT_CHARS_MAX {
        return Err(KqlError::TooLong);
    }
    let mut parser = Parser::new(chars);
    parser.spaces();
    let query = parser.or_query();
    parser.spaces();
    if parser.is_too_deep {
        return Err(KqlError::TooDeep);
    }
    if parser.at == parser.chars.len() {
        return Ok(query);
    }
    parser.fail("end of input");
    Err(parser.error(text))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Or,
    And,
    Not,
}

/// One bit for each rule that is not named again.
const SPACE: u8 = 1;
const OR: u8 = 2;
const AND: u8 = 4;
const NOT: u8 = 8;

pub(super) struct Parser {
    chars: Vec<char>,
    pub(super) at: usize,
    /// Rules with a name that are being matched.
    silent: usize,
    depth: usize,
    is_too_deep: bool,
    failed_at: usize,
    expected: BTreeSet<&'static str>,
    /// For each position, the rules that were looked for within one with a name.
    seen: Vec<u8>,
}

impl Parser {
    fn new(chars: Vec<char>) -> Self {
        let seen = vec![0; chars.len() + 1];
        Self { chars, at: 0, silent: 0, depth: 0, is_too_deep: false, failed_at: 0, expected: BTreeSet::new(), seen }
    }

    fn or_query(&mut self) -> Option<Ast> {
        self.joined(Word::Or, Self::and_query, Ast::Or)
    }

    fn and_query(&mut self) -> Option<Ast> {
        self.joined(Word::And, Self::not_query, Ast::And)
    }

    fn not_query(&mut self) -> Option<Ast> {
        self.negated(Self::sub_query)
    }

    fn sub_query(&mut self) -> Option<Ast> {
        self.enclosed('(', Self::or_query, ')').or_else(|| self.nested()).or_else(|| self.expression())
    }

    fn nested(&mut self) -> Option<Ast> {
        self.attempt(|p| {
            let path = p.field()?.name();
            p.spaces();
            p.symbol(':')?;
            p.spaces();
            let query = Box::new(p.enclosed('{', Self::or_query, '}')?);
            Some(Ast::Nested { path, query })
        })
    }

    fn expression(&mut self) -> Option<Ast> {
        self.field_range().or_else(|| self.field_value()).or_else(|| {
            let value = self.value()?;
            Some(Ast::Is { field: None, value })
        })
    }

    fn field_range(&mut self) -> Option<Ast> {
        self.attempt(|p| {
            let field = p.field()?;
            p.spaces();
            let operator = p.range_operator()?;
            p.spaces();
            let value = p.literal()?;
            Some(Ast::Range { field, operator, value })
        })
    }

    fn range_operator(&mut self) -> Option<RangeOperator> {
        let start = self.at;
        for (shown, sign, operator) in [
            ("\"<=\"", "<=", RangeOperator::Lte),
            ("\">=\"", ">=", RangeOperator::Gte),
            ("\"<\"", "<", RangeOperator::Lt),
            ("\">\"", ">", RangeOperator::Gt),
        ] {
            if sign.chars().all(|char| self.eat(char)) {
                return Some(operator);
            }
            self.at = start;
            self.fail(shown);
        }
        None
    }

    fn field_value(&mut self) -> Option<Ast> {
        self.attempt(|p| {
            let field = Arc::new(p.field()?);
            p.spaces();
            p.symbol(':')?;
            p.spaces();
            p.list(&field)
        })
    }

    fn list(&mut self, field: &Arc<Literal>) -> Option<Ast> {
        self.enclosed('(', |p| p.or_list(field), ')').or_else(|| {
            let value = self.value()?;
            Some(Ast::Is { field: Some(Arc::clone(field)), value })
        })
    }

    fn or_list(&mut self, field: &Arc<Literal>) -> Option<Ast> {
        self.joined(Word::Or, |p| p.joined(Word::And, |p| p.negated(|p| p.list(field)), Ast::And), Ast::Or)
    }

    fn field(&mut self) -> Option<Literal> {
        self.named("field name", Self::literal)
    }

    fn value(&mut self) -> Option<Literal> {
        self.named("value", |p| p.quoted().or_else(|| p.unquoted()))
    }

    fn literal(&mut self) -> Option<Literal> {
        self.named("literal", |p| p.quoted().or_else(|| p.unquoted()))
    }
}

/// What the rules are made of.
impl Parser {
    /// Parts between keywords; a lone one stays as it is.
    fn joined(
        &mut self,
        word: Word,
        mut part: impl FnMut(&mut Self) -> Option<Ast>,
        join: fn(Vec<Ast>) -> Ast,
    ) -> Option<Ast> {
        let first = part(self)?;
        let mut parts = vec![first];
        while let Some(next) = self.attempt(|p| p.keyword(word).then_some(()).and_then(|()| part(p))) {
            parts.push(next);
        }
        if parts.len() > 1 { Some(join(parts)) } else { parts.pop() }
    }

    fn negated(&mut self, mut part: impl FnMut(&mut Self) -> Option<Ast>) -> Option<Ast> {
        let not = self.attempt(|p| p.keyword(Word::Not).then_some(()).and_then(|()| part(p)));
        not.map(|query| Ast::Not(Box::new(query))).or_else(|| part(self))
    }

    fn enclosed(&mut self, open: char, part: impl FnOnce(&mut Self) -> Option<Ast>, close: char) -> Option<Ast> {
        self.attempt(|p| {
            p.symbol(open)?;
            if p.depth == DEPTH_MAX {
                p.is_too_deep = true;
                return None;
            }
            p.spaces();
            p.depth += 1;
            let query = part(p);
            p.depth -= 1;
            let query = query?;
            p.spaces();
            p.symbol(close)?;
            Some(query)
        })
    }

    pub(super) fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let found = rule(self);
        if found.is_none() {
            self.at = start;
        }
        found
    }

    fn named<T>(&mut self, name: &'static str, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.silent += 1;
        let found = self.attempt(rule);
        self.silent -= 1;
        if found.is_none() {
            self.fail(name);
        }
        found
    }

    /// Like [`Self::named`], for the rules that are not named again.
    fn named_once(&mut self, bit: u8, name: &'static str, rule: impl FnOnce(&mut Self) -> Option<()>) -> bool {
        self.silent += 1;
        let is_found = self.attempt(rule).is_some();
        self.silent -= 1;
        if is_found {
            return true;
        }
        let is_seen = self.seen.get(self.at).is_some_and(|seen| seen & bit != 0);
        if self.silent == 0 && !is_seen {
            self.fail(name);
        }
        if self.silent > 0
            && let Some(seen) = self.seen.get_mut(self.at)
        {
            *seen |= bit;
        }
        false
    }

    /// A keyword is a word of its own: space is part of it.
    fn keyword(&mut self, word: Word) -> bool {
        match word {
            Word::Or => self.named_once(OR, "OR", |p| p.some_spaces()?.word("or")?.some_spaces().map(drop)),
            Word::And => self.named_once(AND, "AND", |p| p.some_spaces()?.word("and")?.some_spaces().map(drop)),
            Word::Not => self.named_once(NOT, "NOT", |p| p.word("not")?.some_spaces().map(drop)),
        }
    }

    /// Whether a keyword begins here: an unquoted value ends before it.
    pub(super) fn is_keyword_next(&mut self) -> bool {
        let start = self.at;
        let is_next = self.keyword(Word::Or) || self.keyword(Word::And) || self.keyword(Word::Not);
        self.at = start;
        is_next
    }

    pub(super) fn word(&mut self, word: &str) -> Option<&mut Self> {
        for wanted in word.chars() {
            if !self.peek()?.eq_ignore_ascii_case(&wanted) {
                return None;
            }
            self.at += 1;
        }
        Some(self)
    }

    fn some_spaces(&mut self) -> Option<&mut Self> {
        if !self.space() {
            return None;
        }
        self.spaces();
        Some(self)
    }

    fn spaces(&mut self) {
        while self.space() {}
    }

    fn space(&mut self) -> bool {
        self.named_once(SPACE, "whitespace", |p| is_space(p.peek()?).then(|| p.at += 1))
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        if self.eat(symbol) {
            return Some(());
        }
        self.fail(match symbol {
            '(' => "\"(\"",
            ')' => "\")\"",
            '{' => "\"{\"",
            '}' => "\"}\"",
            _ => "\":\"",
        });
        None
    }

    pub(super) fn eat(&mut self, char: char) -> bool {
        let is_next = self.peek() == Some(char);
        self.at += usize::from(is_next);
        is_next
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// The text from `start` to here.
    pub(super) fn since(&self, start: usize) -> String {
        self.chars.get(start..self.at).unwrap_or_default().iter().collect()
    }

    fn fail(&mut self, wanted: &'static str) {
        if self.silent > 0 || self.at < self.failed_at {
            return;
        }
        if self.at > self.failed_at {
            self.failed_at = self.at;
            self.expected.clear();
        }
        self.expected.insert(wanted);
    }

    fn error(&self, text: &str) -> KqlError {
        let found = match self.chars.get(self.failed_at) {
            Some(char) => format!("\"{char}\""),
            None => "end of input".to_owned(),
        };
        let expected = self.expected.iter().copied().collect();
        KqlError::Syntax { expected, found, column: self.failed_at + 1, text: text.to_owned() }
    }
}

pub(super) fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n' | '\u{a0}')
}
