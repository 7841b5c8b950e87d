//! The grammar of formulas.
//!
//! ```text
//! expression = sum [("<" | ">" | "<=" | ">=" | "==") sum]
//! sum        = product {("+" | "-") product}
//! product    = factor {("*" | "/") factor}
//! factor     = "(" expression ")" | name "(" [argument {"," argument} [","]] ")" | number | field
//! argument   = name "=" (number | text) | expression
//! ```
//!
//! A function's name and its parenthesis touch. A minus belongs to a number (`-5`) or to a bare name (`order-id`); so
//! `a-b` is one name, and `max(a)-min(b)` a difference. A slash never belongs to a bare name.

use super::{
    FormulaError,
    tree::{Call, DEPTH_MAX, Named, NamedValue, Node, NodeKind},
};

/// Parentheses may nest this deep.
const NESTING_MAX: usize = 64;

/// In bytes. Far above what people write; what is made of a formula grows with the square of its length at worst.
const LENGTH_MAX: usize = 32_768;

/// Longest first.
const COMPARISONS: [(&str, &str); 5] = [("<=", "lte"), (">=", "gte"), ("==", "eq"), ("<", "lt"), (">", "gt")];
const SUMS: [(&str, &str); 2] = [("+", "add"), ("-", "subtract")];
const PRODUCTS: [(&str, &str); 2] = [("*", "multiply"), ("/", "divide")];

const OPERAND: &str = "a number, a field or a function";
const OPERATOR: &str = "an operator or the end";
const POWER: &str = "`+`, `-`, `*` or `/` (a power is `pow(value, base)`)";

type Parsed<T> = Result<T, FormulaError>;

/// The whole text as one expression.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    if text.len() > LENGTH_MAX {
        return Err(FormulaError::TooLong { bytes_max: LENGTH_MAX });
    }
    let mut parser = Parser { rest: text, position: 1, nesting: 0 };
    parser.skip_space();
    if parser.rest.is_empty() {
        return Err(FormulaError::Empty);
    }
    let node = parser.expression()?;
    match parser.rest {
        "" => Ok(node),
        rest if rest.starts_with('^') => Err(parser.unexpected(POWER)),
        _ => Err(parser.unexpected(OPERATOR)),
    }
}

struct Parser<'a> {
    rest: &'a str,
    /// Of the next character, counted from 1.
    position: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    fn expression(&mut self) -> Parsed<Node> {
        let left = self.sum()?;
        let Some(function) = self.operator(&COMPARISONS) else { return Ok(left) };
        let right = self.sum()?;
        self.binary(function, left, right)
    }

    fn sum(&mut self) -> Parsed<Node> {
        self.chain(&SUMS, Self::product)
    }

    fn product(&mut self) -> Parsed<Node> {
        self.chain(&PRODUCTS, Self::factor)
    }

    /// Operands joined by operators of one rank, the left ones first.
    fn chain(&mut self, operators: &[(&str, &'static str)], operand: fn(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        let mut left = operand(self)?;
        while let Some(function) = self.operator(operators) {
            let right = operand(self)?;
            left = self.binary(function, left, right)?;
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[(&str, &'static str)]) -> Option<&'static str> {
        operators.iter().find(|(symbol, _)| self.eat(symbol)).map(|(_, function)| *function)
    }

    fn binary(&self, function: &str, left: Node, right: Node) -> Parsed<Node> {
        let call = Call { name: function.to_owned(), positional: vec![left, right], named: Vec::new() };
        let at = call.positional.first().map_or(1, |left| left.at);
        self.bounded(Node::call(at, call))
    }

    fn bounded(&self, node: Node) -> Parsed<Node> {
        if node.depth > DEPTH_MAX { Err(FormulaError::TooDeep { at: self.position }) } else { Ok(node) }
    }

    fn factor(&mut self) -> Parsed<Node> {
        self.skip_space();
        let at = self.position;
        let node = if self.eat("(") {
            let node = self.nested(Self::expression)?;
            self.expect(")", "`)`")?;
            node
        } else if let Some(name) = self.function_name() {
            self.call(at, name)?
        } else if let Some(number) = self.number()? {
            Node::leaf(at, NodeKind::Number(number))
        } else {
            Node::leaf(at, NodeKind::Name(self.field()?))
        };
        self.skip_space();
        Ok(node)
    }

    fn nested<T>(&mut self, inner: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(FormulaError::TooDeep { at: self.position });
        }
        let result = inner(self);
        self.nesting -= 1;
        result
    }

    /// Takes the name and its parenthesis.
    fn function_name(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !is_function_char(c))?;
        let (name, after) = self.rest.split_at(end);
        if name.is_empty() || !after.starts_with('(') {
            return None;
        }
        self.advance(end + 1);
        Some(name)
    }

    fn call(&mut self, at: usize, name: &str) -> Parsed<Node> {
        let (positional, named) = self.nested(Self::arguments)?;
        self.bounded(Node::call(at, Call { name: name.to_owned(), positional, named }))
    }

    /// To the closing parenthesis, which is taken. A comma may follow the last argument.
    fn arguments(&mut self) -> Parsed<(Vec<Node>, Vec<Named>)> {
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        loop {
            self.skip_space();
            if self.eat(")") {
                return Ok((positional, named));
            }
            match self.named_argument()? {
                Some(argument) => named.push(argument),
                None => positional.push(self.expression()?),
            }
            if !self.eat(",") {
                let is_last = |argument: &&Named| positional.last().is_none_or(|node| node.at < argument.at);
                self.end_of_arguments(named.last().filter(is_last))?;
                return Ok((positional, named));
            }
        }
    }

    fn end_of_arguments(&mut self, last_named: Option<&Named>) -> Parsed<()> {
        match last_named {
            // What follows a query at once is most likely a quote that was meant to be inside it.
            Some(Named { at, name, .. }) if is_query(name) && !self.rest.is_empty() && !self.rest.starts_with(')') => {
                Err(FormulaError::QueryQuotes { at: *at, name: name.clone() })
            }
            _ => self.expect(")", "`,` or `)`"),
        }
    }

    /// `name=value`; nothing is taken when it is something else, such as `a == 5`.
    fn named_argument(&mut self) -> Parsed<Option<Named>> {
        let (start, at) = (self.rest, self.position);
        let name = self.take_while(|c| c.is_ascii_alphabetic() || c == '_');
        self.skip_space();
        if name.is_empty() || !self.eat("=") || self.rest.starts_with('=') {
            (self.rest, self.position) = (start, at);
            return Ok(None);
        }
        self.skip_space();
        let value = self.named_value(name)?;
        self.skip_space();
        Ok(Some(Named { at, name: name.to_owned(), value }))
    }

    fn named_value(&mut self, name: &str) -> Parsed<NamedValue> {
        let at = self.position;
        if is_query(name) && !self.rest.starts_with('\'') {
            return Err(FormulaError::QueryQuotes { at, name: name.to_owned() });
        }
        if let Some(number) = self.number()? {
            return Ok(NamedValue::Number(number));
        }
        let text = match self.quoted()? {
            Some(text) => text,
            None => self.bare("a number or a text")?,
        };
        Ok(NamedValue::Text(text))
    }

    fn field(&mut self) -> Parsed<String> {
        match self.quoted()? {
            Some(text) => Ok(text),
            None => self.bare(OPERAND),
        }
    }

    fn bare(&mut self, expected: &'static str) -> Parsed<String> {
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '[' | ']' | '-'));
        if text.is_empty() { Err(self.unexpected(expected)) } else { Ok(text.to_owned()) }
    }

    /// A text in either quote; a backslash before that quote makes it a part of the text.
    fn quoted(&mut self) -> Parsed<Option<String>> {
        let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else { return Ok(None) };
        let opening = self.position;
        self.advance(1);
        let mut text = String::new();
        let mut chars = self.rest.char_indices().peekable();
        while let Some((index, c)) = chars.next() {
            if c == quote {
                self.advance(index + 1);
                return Ok(Some(text));
            }
            let is_escape = c == '\\' && chars.peek().is_some_and(|(_, next)| *next == quote);
            if is_escape {
                chars.next();
            }
            text.push(if is_escape { quote } else { c });
        }
        Err(FormulaError::Syntax { at: opening, expected: "a closing quote", found: "none".to_owned() })
    }

    /// Digits without a leading zero, a fraction, an exponent; a minus may stand before it.
    fn number(&mut self) -> Parsed<Option<f64>> {
        let Some(length) = number_length(self.rest) else { return Ok(None) };
        let (digits, _) = self.rest.split_at(length);
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.advance(length);
                Ok(Some(number))
            }
            _ => Err(self.unexpected("a number that can be computed with")),
        }
    }

    fn advance(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.position += taken.chars().count();
        self.rest = rest;
    }

    fn skip_space(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    fn take_while(&mut self, belongs: fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, _) = self.rest.split_at(end);
        self.advance(end);
        taken
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let is_next = self.rest.starts_with(symbol);
        if is_next {
            self.advance(symbol.len());
        }
        is_next
    }

    fn expect(&mut self, symbol: &str, expected: &'static str) -> Parsed<()> {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &'static str) -> FormulaError {
        let found = self.rest.chars().next().map_or("the end".to_owned(), |c| format!("`{c}`"));
        FormulaError::Syntax { at: self.position, expected, found }
    }
}

fn is_query(argument: &str) -> bool {
    matches!(argument, "kql" | "lucene")
}

fn is_function_char(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '-')
}

/// How many bytes of the text's beginning are a number.
fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits_from = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = usize::from(bytes.first() == Some(&b'-'));
    length += match bytes.get(length)? {
        b'0' => 1,
        b'1'..=b'9' => digits_from(length),
        _ => return None,
    };
    if bytes.get(length) == Some(&b'.') && digits_from(length + 1) > 0 {
        length += 1 + digits_from(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(bytes.get(length + 1) == Some(&b'-'));
        let digits = digits_from(length + 1 + sign);
        length += if digits > 0 { 1 + sign + digits } else { 0 };
    }
    Some(length)
}

#[cfg(test)]
mod tests;
