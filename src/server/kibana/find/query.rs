//! `simple_query_string`, as far as people type it into a search box: words, prefixes (`sto*`), phrases (`"a b"`), `+`,
//! `|` and `-`. It knows no errors: what is no operator is a word. Parentheses group words that stand side by side
//! anyway and are read as blanks; fuzziness (`~1`) is not known.

/// A query: any of its alternatives, each of clauses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SimpleQuery {
    alternatives: Vec<Vec<Clause>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Clause {
    what: What,
    is_negated: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Everything,
    Word(String),
    Prefix(String),
    Phrase(Vec<String>),
}

impl SimpleQuery {
    /// `needs_all`: words side by side are joined by AND, else by OR.
    pub(super) fn parse(text: &str, needs_all: bool) -> Self {
        let mut alternatives: Vec<Vec<Clause>> = Vec::new();
        let mut operator = None;
        for token in tokens(text) {
            if matches!(token.as_str(), "|" | "+") {
                operator = Some(token);
                continue;
            }
            // A clause that is negated narrows: alone it would match nearly everything.
            for clause in clauses(&token) {
                let goes_on = match operator.as_deref() {
                    Some(given) => given == "+",
                    None => needs_all || clause.is_negated,
                };
                match alternatives.last_mut() {
                    Some(last) if goes_on => last.push(clause),
                    _ => alternatives.push(vec![clause]),
                }
            }
            operator = None;
        }
        Self { alternatives }
    }

    /// How well texts fit, above 0; `None`: not at all.
    pub(super) fn score(&self, texts: &[&str]) -> Option<f64> {
        let words: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
        let fits = |clause: &Clause| words.iter().any(|words| clause.what.is_in(words)) != clause.is_negated;
        let fitting = self.alternatives.iter().filter(|clauses| clauses.iter().all(fits));
        let count = fitting.map(Vec::len).sum::<usize>();
        (count > 0).then(|| f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
    }
}

impl What {
    fn is_in(&self, words: &[String]) -> bool {
        match self {
            Self::Everything => true,
            Self::Word(word) => words.contains(word),
            Self::Prefix(prefix) => words.iter().any(|word| word.starts_with(prefix)),
            Self::Phrase(phrase) => words.windows(phrase.len().max(1)).any(|window| window == phrase),
        }
    }
}

/// Words are letters and digits, without case.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Split at blanks and operators, phrases whole with their first quote.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut token = String::new();
    let mut in_phrase = false;
    for c in text.chars() {
        match c {
            '"' if in_phrase => {
                in_phrase = false;
                tokens.push(std::mem::take(&mut token));
            }
            '"' => {
                in_phrase = true;
                token.push('"');
            }
            _ if in_phrase => token.push(c),
            '|' | '+' => {
                tokens.push(std::mem::take(&mut token));
                tokens.push(c.to_string());
            }
            _ if c.is_whitespace() || matches!(c, '(' | ')') => tokens.push(std::mem::take(&mut token)),
            _ => token.push(c),
        }
    }
    tokens.push(token);
    tokens.retain(|token| !token.is_empty());
    tokens
}

fn clauses(token: &str) -> Vec<Clause> {
    let (is_negated, token) = match token.strip_prefix('-') {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, token),
    };
    let clause = |what| Clause { what, is_negated };
    if token == "*" {
        return vec![clause(What::Everything)];
    }
    if let Some((before, phrase)) = token.split_once('"') {
        let phrase = Some(words(phrase)).filter(|phrase| !phrase.is_empty()).map(|phrase| clause(What::Phrase(phrase)));
        return words(before).into_iter().map(|word| clause(What::Word(word))).chain(phrase).collect();
    }
    let mut all = words(token);
    let prefix = if token.ends_with('*') { all.pop() } else { None };
    let all = all.into_iter().map(|word| clause(What::Word(word)));
    all.chain(prefix.map(|prefix| clause(What::Prefix(prefix)))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn searches_match_as_people_expect() {
        let text = ["Stock stream", "Prices of the day, 2024"];
        let cases = [
            ("stock", false, true),
            ("STOCK", false, true),
            ("sto", false, false),
            ("sto*", false, true),
            ("*", false, true),
            ("stock bonds", false, true),
            ("stock bonds", true, false),
            ("stock +day", false, true),
            ("stock + bonds", false, false),
            ("bonds | day", true, true),
            ("stock -day", false, false),
            ("stock -bonds", false, true),
            ("\"stock stream\"", false, true),
            ("\"stream stock\"", false, false),
            ("(stock)", false, true),
            ("stock-stream", true, true),
            ("", false, false),
            ("\"", false, false),
        ];
        for (query, needs_all, expected) in cases {
            assert_eq!(SimpleQuery::parse(query, needs_all).score(&text).is_some(), expected, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_text_never_panics(query in ".*", text in ".*") {
            SimpleQuery::parse(&query, true).score(&[&text]);
        }
    }
}
