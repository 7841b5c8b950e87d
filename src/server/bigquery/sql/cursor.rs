//! The place in the tokens at which the parser is, with what it has to remember.

use std::collections::HashSet;

use super::ast::{Name, Path};
use super::keyword::is_reserved;
use super::token::{Token, TokenKind};
use crate::server::bigquery::error::{Position, QueryError};

/// How deep a tree may get: neither the parser nor anyone who walks its tree shall exhaust the stack of a thread.
pub(super) const DEPTH_MAX: usize = 100;

pub(super) struct Cursor {
    tokens: Vec<Token>,
    /// For each `(` the index of its `)`.
    closes: Vec<Option<usize>>,
    index: usize,
    depth: usize,
    /// Names used since the statement began, upper case.
    pub(super) words: HashSet<String>,
    /// Whether the statement uses whole rows.
    pub(super) star: bool,
    /// Names that stand alone as expressions, and names of tables, both upper case: one that is both is a whole row.
    pub(super) singles: HashSet<String>,
    pub(super) aliases: HashSet<String>,
    /// How many `?` were seen.
    pub(super) positional: usize,
    end: Token,
}

impl Cursor {
    pub(super) fn new(tokens: Vec<Token>, bytes: usize) -> Self {
        let at = tokens.last().map_or(Position { line: 1, column: 1 }, |last| last.at);
        let end = Token { kind: TokenKind::End, at, start: bytes, end: bytes, end_at: at, text: String::new() };
        let closes = closes(&tokens);
        Self {
            tokens,
            closes,
            index: 0,
            depth: 0,
            words: HashSet::new(),
            star: false,
            singles: HashSet::new(),
            aliases: HashSet::new(),
            positional: 0,
            end,
        }
    }

    pub(super) fn peek(&self) -> &Token {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, count: usize) -> &Token {
        self.tokens.get(self.index.saturating_add(count)).unwrap_or(&self.end)
    }

    pub(super) fn at(&self) -> Position {
        self.peek().at
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.index = self.index.saturating_add(1).min(self.tokens.len());
        token
    }

    /// The token before, for a statement's end.
    pub(super) fn previous(&self) -> &Token {
        self.index.checked_sub(1).and_then(|index| self.tokens.get(index)).unwrap_or(&self.end)
    }

    /// How far the `)` is that closes the `(` which is the nth token from here.
    pub(super) fn close_ahead(&self, count: usize) -> Option<usize> {
        let close = self.closes.get(self.index.saturating_add(count)).copied().flatten()?;
        close.checked_sub(self.index)
    }

    pub(super) fn is_end(&self) -> bool {
        self.peek().kind == TokenKind::End
    }

    /// Whether the nth token from here is this keyword, unquoted, in any letter case.
    pub(super) fn word_ahead(&self, count: usize, keyword: &str) -> bool {
        matches!(&self.ahead(count).kind, TokenKind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn is_word(&self, keyword: &str) -> bool {
        self.word_ahead(0, keyword)
    }

    /// Whether the next tokens are these keywords.
    pub(super) fn is_words(&self, keywords: &[&str]) -> bool {
        keywords.iter().enumerate().all(|(count, keyword)| self.word_ahead(count, keyword))
    }

    pub(super) fn is_any_word(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is_word(keyword))
    }

    pub(super) fn eat(&mut self, keyword: &str) -> bool {
        let found = self.is_word(keyword);
        if found {
            self.index += 1;
        }
        found
    }

    /// All of the keywords, or nothing.
    pub(super) fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let found = self.is_words(keywords);
        if found {
            self.index += keywords.len();
        }
        found
    }

    pub(super) fn expect(&mut self, keyword: &str) -> Result<Position, QueryError> {
        let at = self.at();
        if self.eat(keyword) { Ok(at) } else { Err(self.expected(&format!("keyword {keyword}"))) }
    }

    pub(super) fn symbol_ahead(&self, count: usize, symbol: &str) -> bool {
        matches!(self.ahead(count).kind, TokenKind::Symbol(found) if found == symbol)
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.symbol_ahead(0, symbol)
    }

    pub(super) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.index += 1;
        }
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Result<Position, QueryError> {
        let at = self.at();
        if self.eat_symbol(symbol) { Ok(at) } else { Err(self.expected(&format!("\"{symbol}\""))) }
    }

    pub(super) fn expect_end(&self) -> Result<(), QueryError> {
        if self.is_end() { Ok(()) } else { Err(self.expected("end of input")) }
    }

    pub(super) fn expected(&self, what: &str) -> QueryError {
        QueryError::invalid_query(format!("Syntax error: Expected {what} but got {}", self.peek().describe()))
            .at(self.at())
    }

    pub(super) fn unexpected(&self) -> QueryError {
        QueryError::invalid_query(format!("Syntax error: Unexpected {}", self.peek().describe())).at(self.at())
    }

    /// An error in BigQuery's words for what its grammar has and this server has not.
    pub(super) fn unsupported(&self, what: &str, at: Position) -> QueryError {
        QueryError::invalid_query(format!("{what} is not supported")).at(at)
    }

    /// Whether the next token can be a name.
    pub(super) fn is_name(&self) -> bool {
        match &self.peek().kind {
            TokenKind::Quoted(_) => true,
            TokenKind::Word(word) => !is_reserved(word),
            _ => false,
        }
    }

    pub(super) fn eat_name(&mut self) -> Option<Name> {
        if self.is_name() { self.any_name() } else { None }
    }

    pub(super) fn name(&mut self) -> Result<Name, QueryError> {
        self.eat_name().ok_or_else(|| self.unexpected())
    }

    /// A name where reserved words serve too: after a dot.
    pub(super) fn name_after_dot(&mut self) -> Result<Name, QueryError> {
        self.any_name().ok_or_else(|| self.unexpected())
    }

    fn any_name(&mut self) -> Option<Name> {
        let at = self.at();
        let text = match &self.peek().kind {
            TokenKind::Quoted(word) | TokenKind::Word(word) => word.clone(),
            _ => return None,
        };
        self.index += 1;
        self.words.insert(text.to_ascii_uppercase());
        Some(Name { text, at })
    }

    /// A table's or model's path: `` `p-1.ds.t` ``, `p-1.ds.t`, `ds.t`, `` `p`.ds.t ``.
    pub(super) fn table_path(&mut self) -> Result<Path, QueryError> {
        let at = self.at();
        let mut parts = self.path_part(true)?;
        while self.eat_symbol(".") {
            parts.extend(self.path_part(false)?);
        }
        if let Some(empty) = parts.iter().find(|part| part.text.is_empty()) {
            return Err(QueryError::invalid_query("Syntax error: Invalid empty identifier").at(empty.at));
        }
        Ok(Path { parts, at })
    }

    fn path_part(&mut self, first: bool) -> Result<Vec<Name>, QueryError> {
        let at = self.at();
        let quoted = matches!(self.peek().kind, TokenKind::Quoted(_));
        let name = if first { self.name()? } else { self.name_after_dot()? };
        if quoted {
            let names: Vec<Name> = name.text.split('.').map(|text| Name { text: text.to_owned(), at }).collect();
            self.words.extend(names.iter().map(|name| name.text.to_ascii_uppercase()));
            return Ok(names);
        }
        let mut text = name.text;
        // A project's dashes, and a wildcard's star, touch what stands before.
        while self.is_symbol("-") && self.touches() && self.ahead(0).end == self.ahead(1).start && first {
            if !matches!(self.ahead(1).kind, TokenKind::Word(_) | TokenKind::Integer(_)) {
                break;
            }
            self.next();
            text.push('-');
            text.push_str(&self.next().text);
        }
        if self.is_symbol("*") && self.touches() {
            return Err(QueryError::invalid_query(format!("Wildcard table {text}* must be in backticks")).at(at));
        }
        Ok(vec![Name { text, at }])
    }

    /// Whether the next token follows the one before without a blank.
    pub(super) fn touches(&self) -> bool {
        self.previous().end == self.peek().start
    }

    /// Runs a part of the parser one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        self.deepen()?;
        let result = parse(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// Counts a level that [`shallow`](Self::shallow) takes back.
    pub(super) fn deepen(&mut self) -> Result<(), QueryError> {
        if self.depth >= DEPTH_MAX {
            let message =
                "The query is too large or too deeply nested: the expression exceeds the maximum nesting depth";
            return Err(QueryError::invalid_query(message).at(self.at()));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn shallow(&mut self, levels: usize) {
        self.depth = self.depth.saturating_sub(levels);
    }

    /// `item, item, ..`: at least one.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, QueryError>,
    ) -> Result<Vec<T>, QueryError> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item, ..)`: at least one.
    pub(super) fn parenthesized<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T, QueryError>,
    ) -> Result<Vec<T>, QueryError> {
        self.expect_symbol("(")?;
        let items = self.list(item)?;
        self.expect_symbol(")")?;
        Ok(items)
    }
}

fn closes(tokens: &[Token]) -> Vec<Option<usize>> {
    let mut closes = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Symbol("(") => open.push(index),
            TokenKind::Symbol(")") => {
                if let Some(slot) = open.pop().and_then(|start| closes.get_mut(start)) {
                    *slot = Some(index);
                }
            }
            _ => {}
        }
    }
    closes
}
