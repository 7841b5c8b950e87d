//! GoogleSQL's lexical structure: <https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical>.

use super::keyword::is_keyword;
use super::literal;
use crate::server::bigquery::error::{Position, QueryError};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A keyword or an identifier, as written.
    Word(String),
    /// An identifier in backticks.
    Quoted(String),
    Integer(String),
    Float(String),
    String(String),
    Bytes(Vec<u8>),
    /// `@name`.
    Parameter(String),
    /// `@@`.
    SystemVariable,
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: Position,
    /// Bytes of the script.
    pub(super) start: usize,
    pub(super) end: usize,
    /// One past the last character.
    pub(super) end_at: Position,
    /// As written, for messages.
    pub(super) text: String,
}

impl Token {
    /// As BigQuery's syntax errors call it.
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            TokenKind::Word(word) if is_keyword(word) => format!("keyword {}", word.to_ascii_uppercase()),
            TokenKind::Word(word) => format!("identifier \"{word}\""),
            TokenKind::Quoted(word) => format!("identifier `{word}`"),
            TokenKind::Integer(_) => format!("integer literal \"{}\"", self.text),
            TokenKind::Float(_) => format!("floating point literal \"{}\"", self.text),
            TokenKind::String(_) => format!("string literal {}", self.text),
            TokenKind::Bytes(_) => format!("bytes literal {}", self.text),
            TokenKind::Parameter(_) => "\"@\"".to_owned(),
            TokenKind::SystemVariable => "\"@@\"".to_owned(),
            TokenKind::Symbol(symbol) => format!("\"{symbol}\""),
            TokenKind::End => "end of script".to_owned(),
        }
    }
}

/// Longest first. `>>` is two tokens: it also closes two types.
const SYMBOLS: [&str; 35] = [
    "|>", "||", "<=", ">=", "<>", "!=", "<<", "=>", "@@", "+=", "-=", "(", ")", "[", "]", "{", "}", "<", ">", "=", "+",
    "-", "*", "/", ",", ".", ";", ":", "?", "&", "|", "^", "~", "%", "!",
];

/// All tokens, with an `End` as the last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut lexer = Lexer { text, offset: 0, at: Position { line: 1, column: 1 }, tokens: Vec::new() };
    loop {
        lexer.skip_blanks()?;
        let done = lexer.rest().is_empty();
        lexer.token()?;
        if done {
            return Ok(lexer.tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    offset: usize,
    at: Position,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Moves over `bytes`, which end at a character.
    fn advance(&mut self, bytes: usize) {
        let end = self.offset.saturating_add(bytes).min(self.text.len());
        for character in self.text.get(self.offset..end).unwrap_or_default().chars() {
            if character == '\n' {
                self.at = Position { line: self.at.line.saturating_add(1), column: 1 };
            } else {
                self.at.column = self.at.column.saturating_add(1);
            }
        }
        self.offset = end;
    }

    fn skip_blanks(&mut self) -> Result<(), QueryError> {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
            if blanks > 0 {
                self.advance(blanks);
            } else if rest.starts_with("--") || rest.starts_with('#') {
                let line = rest.find('\n').unwrap_or(rest.len());
                self.advance(line);
            } else if rest.starts_with("/*") {
                let end = rest
                    .find("*/")
                    .ok_or_else(|| QueryError::invalid_query("Syntax error: Unclosed comment").at(self.at))?;
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<(), QueryError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return self.push(TokenKind::End, 0) };
        if let Some(quoted) = literal::quoted(rest).map_err(|message| QueryError::invalid_query(message).at(self.at))? {
            return self.push(quoted.kind, quoted.bytes);
        }
        if first.is_ascii_alphabetic() || first == '_' || (self.inside_dashed() && dashed_digits(rest)) {
            let bytes = word_bytes(rest);
            let word = rest.get(..bytes).unwrap_or_default().to_owned();
            return self.push(TokenKind::Word(word), bytes);
        }
        let fraction = first == '.' && rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit()) && !self.after_name();
        if first.is_ascii_digit() || fraction {
            return self.number();
        }
        if first == '@' && !rest.starts_with("@@") {
            return self.parameter();
        }
        match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            Some("@@") => self.push(TokenKind::SystemVariable, 2),
            Some(symbol) => self.push(TokenKind::Symbol(symbol), symbol.len()),
            None => {
                Err(QueryError::invalid_query(format!("Syntax error: Illegal input character \"{first}\"")).at(self.at))
            }
        }
    }

    fn push(&mut self, kind: TokenKind, bytes: usize) -> Result<(), QueryError> {
        let (at, start) = (self.at, self.offset);
        self.advance(bytes);
        let text = self.text.get(start..self.offset).unwrap_or_default().to_owned();
        self.tokens.push(Token { kind, at, start, end: self.offset, end_at: self.at, text });
        Ok(())
    }

    /// Whether the text stands right behind a word and a dash, as the `1` of the project `my-project-1`.
    fn inside_dashed(&self) -> bool {
        let [.., word, dash] = self.tokens.as_slice() else { return false };
        dash.kind == TokenKind::Symbol("-")
            && dash.end == self.offset
            && word.end == dash.start
            && matches!(&word.kind, TokenKind::Word(text) if !is_keyword(text))
    }

    /// Whether a `.` here goes on with a path.
    fn after_name(&self) -> bool {
        self.tokens.last().is_some_and(|last| {
            last.end == self.offset
                && matches!(last.kind, TokenKind::Word(_) | TokenKind::Quoted(_) | TokenKind::Symbol(")" | "]"))
        })
    }

    fn parameter(&mut self) -> Result<(), QueryError> {
        let rest = self.rest().get(1..).unwrap_or_default();
        let name = rest.get(..word_bytes(rest)).unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(QueryError::invalid_query("Syntax error: Unexpected \"@\"").at(self.at));
        }
        let bytes = name.len() + 1;
        self.push(TokenKind::Parameter(name), bytes)
    }

    fn number(&mut self) -> Result<(), QueryError> {
        let rest = self.rest();
        if rest.starts_with("0x") || rest.starts_with("0X") {
            let bytes = 2 + rest.chars().skip(2).take_while(char::is_ascii_hexdigit).count();
            let text = rest.get(..bytes).unwrap_or_default().to_owned();
            return self.end_number(TokenKind::Integer(text), bytes);
        }
        let (bytes, float) = number_bytes(rest);
        let text = rest.get(..bytes).unwrap_or_default().to_owned();
        self.end_number(if float { TokenKind::Float(text) } else { TokenKind::Integer(text) }, bytes)
    }

    fn end_number(&mut self, kind: TokenKind, bytes: usize) -> Result<(), QueryError> {
        self.push(kind, bytes)?;
        match self.peek() {
            Some(next) if next.is_ascii_alphabetic() || next == '_' => {
                Err(QueryError::invalid_query("Syntax error: Missing whitespace between literal and alias").at(self.at))
            }
            _ => Ok(()),
        }
    }
}

/// Whether digits at the start go on as a name (`1abc`) or are a part of a path (`1.ds`), and are no number.
fn dashed_digits(text: &str) -> bool {
    let word = word_bytes(text);
    let whole = text.bytes().take(word).all(|b| b.is_ascii_digit());
    let mut after = text.get(word..).unwrap_or_default().chars();
    let path = whole
        && after.next() == Some('.')
        && after.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '`');
    text.starts_with(|c: char| c.is_ascii_digit()) && (path || (number_bytes(text).0 < word && !text.starts_with("0x")))
}

fn word_bytes(text: &str) -> usize {
    text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
}

/// How long the decimal number at the start is, and whether it is a FLOAT64.
fn number_bytes(text: &str) -> (usize, bool) {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    let mut float = false;
    if bytes.get(end) == Some(&b'.') {
        float = true;
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            float = true;
            end += 1 + sign + exponent;
        }
    }
    (end, float)
}
