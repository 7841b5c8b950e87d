//! The standard analyzer: words by Unicode's rules (UAX 29), lower-cased, longer ones cut into pieces of 255 characters.

use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};
use unicode_segmentation::{UWordBoundIndices, UnicodeSegmentation};

use super::schema::STANDARD_ANALYZER;

/// `max_token_length` of Elasticsearch's standard tokenizer.
const TOKEN_CHARS_MAX: usize = 255;

/// Makes the analyzer known to an index.
pub(crate) fn register(tokenizers: &TokenizerManager) {
    tokenizers.register(STANDARD_ANALYZER, standard());
}

/// The analyzer itself, for who needs the tokens of a text.
pub(crate) fn standard() -> TextAnalyzer {
    TextAnalyzer::from(StandardTokenizer::default())
}

#[derive(Debug, Clone, Default)]
struct StandardTokenizer {
    token: Token,
}

struct StandardStream<'a> {
    words: UWordBoundIndices<'a>,
    /// What is left of a word that is too long.
    rest: Option<(usize, &'a str)>,
    token: &'a mut Token,
}

impl Tokenizer for StandardTokenizer {
    type TokenStream<'a> = StandardStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> StandardStream<'a> {
        self.token.reset();
        StandardStream { words: text.split_word_bound_indices(), rest: None, token: &mut self.token }
    }
}

impl StandardStream<'_> {
    fn take(&mut self, start: usize, word: &str) {
        self.token.text.clear();
        if word.is_ascii() {
            self.token.text.push_str(word);
            self.token.text.make_ascii_lowercase();
        } else {
            // One character at a time: the final sigma stays a plain one, as in Lucene.
            self.token.text.extend(word.chars().flat_map(char::to_lowercase));
        }
        self.token.offset_from = start;
        self.token.offset_to = start + word.len();
        self.token.position = self.token.position.wrapping_add(1);
    }
}

impl TokenStream for StandardStream<'_> {
    fn advance(&mut self) -> bool {
        let next = match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.words.find(|(_, word)| word.chars().any(char::is_alphanumeric)),
        };
        let Some((start, word)) = next else { return false };
        let cut = word.char_indices().nth(TOKEN_CHARS_MAX).map_or(word.len(), |(at, _)| at);
        let (head, tail) = word.split_at(cut);
        if !tail.is_empty() {
            self.rest = Some((start + cut, tail));
        }
        self.take(start, head);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(String, usize)> {
        let mut analyzer = standard();
        let mut stream = analyzer.token_stream(text);
        let mut tokens = Vec::new();
        while let Some(token) = stream.next() {
            tokens.push((token.text.clone(), token.position));
        }
        tokens
    }

    #[test]
    fn words_are_split_and_lower_cased_as_lucene_does() {
        let words = |text: &str| tokens(text).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        assert_eq!(words("Hello, World-2!"), ["hello", "world", "2"]);
        assert_eq!(words("foo_bar can't 3.14 a.b@c"), ["foo_bar", "can't", "3.14", "a.b", "c"]);
        assert_eq!(words("ÄÖ 東京"), ["äö", "東", "京"]);
        assert!(words(" -- ").is_empty());
    }

    #[test]
    fn a_word_of_more_than_255_characters_is_cut() {
        let lengths: Vec<usize> = tokens(&"x".repeat(600)).iter().map(|(word, _)| word.len()).collect();
        assert_eq!(lengths, [255, 255, 90]);
        assert_eq!(tokens("a b").last(), Some(&("b".to_owned(), 1)));
    }
}
