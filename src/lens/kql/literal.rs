//! Names and values: quoted or not, with their escapes.

use super::{
    ast::Literal,
    parser::{Parser, is_space},
};

enum Piece {
    Star,
    Text(String),
}

impl Parser {
    pub(super) fn quoted(&mut self) -> Option<Literal> {
        self.attempt(|p| {
            if !p.eat('"') {
                return None;
            }
            let mut text = String::new();
            loop {
                match p.peek()? {
                    '"' => break,
                    '\\' => text.push(p.escape_in_quotes()),
                    char => {
                        p.at += 1;
                        text.push(char);
                    }
                }
            }
            p.at += 1;
            Some(Literal::quoted(text))
        })
    }

    /// A backslash before anything else stands for itself.
    fn escape_in_quotes(&mut self) -> char {
        let escaped = self.escaped_space().or_else(|| self.escaped_unicode());
        let escaped = escaped.or_else(|| self.escaped(|char| matches!(char, '\\' | '"')));
        escaped.unwrap_or_else(|| {
            self.at += 1;
            '\\'
        })
    }

    /// Everything up to a special character or a keyword; words and the space between them are one value.
    pub(super) fn unquoted(&mut self) -> Option<Literal> {
        let start = self.at;
        let mut parts = Vec::new();
        let mut part = String::new();
        while let Some(piece) = self.piece() {
            match piece {
                Piece::Star => parts.push(std::mem::take(&mut part)),
                Piece::Text(text) => part.push_str(&text),
            }
        }
        parts.push(part);
        (self.at > start).then(|| Literal::unquoted(parts))
    }

    fn piece(&mut self) -> Option<Piece> {
        match self.peek() {
            Some('\\') => self.escape().map(Piece::Text),
            Some('*') => {
                self.at += 1;
                Some(Piece::Star)
            }
            Some(char) if is_special(char) => None,
            _ if self.is_keyword_next() => None,
            next => {
                let (start, char) = (self.at, next?);
                self.at += 1;
                // A keyword that does not begin at the first space of several begins at none of them.
                if is_space(char) {
                    while self.peek().is_some_and(is_space) {
                        self.at += 1;
                    }
                }
                Some(Piece::Text(self.since(start)))
            }
        }
    }

    fn escape(&mut self) -> Option<String> {
        if let Some(word) = self.escaped_keyword() {
            return Some(word);
        }
        let escaped = self.escaped_space().or_else(|| self.escaped(is_special)).or_else(|| self.escaped_unicode());
        escaped.map(String::from)
    }

    /// `\or`, `\and`, `\not`: `\not` as a whole word goes before the line feed `\n`.
    fn escaped_keyword(&mut self) -> Option<String> {
        self.attempt(|p| {
            if !p.eat('\\') {
                return None;
            }
            let start = p.at;
            let word = ["or", "and", "not"].into_iter().find(|word| {
                p.at = start;
                p.word(word).is_some()
            })?;
            if word == "not" && p.peek().is_some_and(char::is_alphanumeric) {
                return None;
            }
            Some(p.since(start))
        })
    }

    fn escaped_space(&mut self) -> Option<char> {
        self.escaped(|char| matches!(char, 't' | 'r' | 'n')).map(|char| match char {
            't' => '\t',
            'r' => '\r',
            _ => '\n',
        })
    }

    fn escaped(&mut self, is_wanted: fn(char) -> bool) -> Option<char> {
        self.attempt(|p| {
            let char = if p.eat('\\') { p.peek()? } else { return None };
            p.at += 1;
            is_wanted(char).then_some(char)
        })
    }

    /// `\uXXXX`; two that are a pair of surrogates are one character.
    fn escaped_unicode(&mut self) -> Option<char> {
        let unit = self.code_unit()?;
        let low = if (0xd800..0xdc00).contains(&unit) {
            self.attempt(|p| p.code_unit().filter(|low| (0xdc00..0xe000).contains(low)))
        } else {
            None
        };
        let code = match low {
            Some(low) => 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00),
            None => unit,
        };
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn code_unit(&mut self) -> Option<u32> {
        self.attempt(|p| {
            if !(p.eat('\\') && p.eat('u')) {
                return None;
            }
            let mut unit = 0;
            for _ in 0..4 {
                unit = unit * 16 + p.peek()?.to_digit(16)?;
                p.at += 1;
            }
            Some(unit)
        })
    }
}

fn is_special(char: char) -> bool {
    matches!(char, '\\' | '(' | ')' | ':' | '<' | '>' | '"' | '*' | '{' | '}')
}
