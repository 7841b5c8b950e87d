//! Cutting JSON text into records: a line each, or an element of an array each. Constant memory: a record over the bound
//! is passed over, not kept. What a record holds is checked elsewhere ([`super::validate`]).

use std::io::{self, BufRead};

use super::input::RECORD_BYTES_MAX;

/// The text of one record and where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawRecord {
    pub(crate) text: Vec<u8>,
    /// From 1.
    pub(crate) line: u64,
    /// From 1, in characters.
    pub(crate) column: u64,
    pub(crate) ending: Ending,
}

/// How a record's text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    /// Over the bound; the text is its beginning.
    TooLong,
    /// The input ended inside it.
    Truncated,
    /// Not a record: text behind the array's end.
    AfterArray,
}

/// Lines, without their ends; blank ones are passed over.
pub(crate) struct Lines<R> {
    text: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(text: R) -> Self {
        Self { text, line: 0 }
    }

    /// Lines read so far.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<RawRecord>> {
        loop {
            let mut text = Vec::new();
            let Some(is_long) = self.read_line(&mut text)? else { return Ok(None) };
            while text.last().is_some_and(u8::is_ascii_whitespace) {
                text.pop();
            }
            if is_long || !text.trim_ascii_start().is_empty() {
                let ending = if is_long { Ending::TooLong } else { Ending::Whole };
                return Ok(Some(RawRecord { text, line: self.line, column: 1, ending }));
            }
        }
    }

    /// Reads to the line's end; says whether it was over the bound, or `None` at the input's end.
    fn read_line(&mut self, text: &mut Vec<u8>) -> io::Result<Option<bool>> {
        let mut is_long = false;
        let mut has_any = false;
        loop {
            let chunk = match self.text.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                self.line += u64::from(has_any);
                return Ok(has_any.then_some(is_long));
            }
            has_any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            let room = RECORD_BYTES_MAX - text.len();
            text.extend_from_slice(chunk.get(..taken.min(room)).unwrap_or_default());
            is_long |= taken > room;
            self.text.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                self.line += 1;
                return Ok(Some(is_long));
            }
        }
    }
}

/// Elements of the one array the input holds.
pub(crate) struct Elements<R> {
    text: R,
    at: Cursor,
    state: ArrayState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArrayState {
    BeforeArray,
    /// After `[`: `]` may follow at once.
    First,
    /// After a comma.
    Next,
    Closed,
    Ended,
}

/// Line and column of the next character.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    line: u64,
    column: u64,
}

impl Cursor {
    fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else if byte & 0xc0 != 0x80 {
            // The bytes of a character after its first one do not count.
            self.column += 1;
        }
    }
}

/// An element as it is being read.
struct Element {
    text: Vec<u8>,
    start: Option<Cursor>,
    is_long: bool,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Element {
    fn new() -> Self {
        Self { text: Vec::new(), start: None, is_long: false, depth: 0, in_string: false, escaped: false }
    }

    /// Takes a byte of the element; `false` when it is the `,` or `]` behind it.
    fn take(&mut self, byte: u8, at: Cursor) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b',' | b']' if self.depth == 0 => return false,
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        if self.start.is_some() || !byte.is_ascii_whitespace() {
            self.start.get_or_insert(at);
            if self.text.len() < RECORD_BYTES_MAX {
                self.text.push(byte);
            } else {
                self.is_long = true;
            }
        }
        true
    }

    fn finish(mut self, at: Cursor, ending: Ending) -> RawRecord {
        while self.text.last().is_some_and(u8::is_ascii_whitespace) {
            self.text.pop();
        }
        let start = self.start.unwrap_or(at);
        let ending = if self.is_long { Ending::TooLong } else { ending };
        RawRecord { text: self.text, line: start.line, column: start.column, ending }
    }
}

impl<R: BufRead> Elements<R> {
    pub(crate) fn new(text: R) -> Self {
        Self { text, at: Cursor { line: 1, column: 1 }, state: ArrayState::BeforeArray }
    }

    pub(crate) fn line(&self) -> u64 {
        self.at.line
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<RawRecord>> {
        let mut element = Element::new();
        loop {
            let chunk = match self.text.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(self.at_end_of_input(element));
            }
            let mut taken = 0;
            let mut outcome = Step::More;
            for byte in chunk {
                let (state, step) = step(self.state, &mut element, *byte, self.at);
                self.state = state;
                self.at.pass(*byte);
                taken += 1;
                if !matches!(step, Step::More) {
                    outcome = step;
                    break;
                }
            }
            self.text.consume(taken);
            match outcome {
                Step::More => {}
                Step::Element => return Ok(Some(element.finish(self.at, Ending::Whole))),
                Step::Stray(byte) => {
                    let mut stray = element.finish(self.at, Ending::AfterArray);
                    stray.text = vec![byte];
                    stray.column = stray.column.saturating_sub(1).max(1);
                    return Ok(Some(stray));
                }
            }
        }
    }

    fn at_end_of_input(&mut self, element: Element) -> Option<RawRecord> {
        let state = std::mem::replace(&mut self.state, ArrayState::Ended);
        match state {
            ArrayState::Closed | ArrayState::Ended => None,
            ArrayState::BeforeArray | ArrayState::First | ArrayState::Next => {
                Some(element.finish(self.at, Ending::Truncated))
            }
        }
    }
}

enum Step {
    More,
    Element,
    Stray(u8),
}

fn step(state: ArrayState, element: &mut Element, byte: u8, at: Cursor) -> (ArrayState, Step) {
    match state {
        ArrayState::BeforeArray => match byte {
            b'[' => (ArrayState::First, Step::More),
            byte if byte.is_ascii_whitespace() => (state, Step::More),
            byte => (ArrayState::Ended, Step::Stray(byte)),
        },
        ArrayState::First | ArrayState::Next => {
            if element.take(byte, at) {
                return (state, Step::More);
            }
            let is_empty_array = state == ArrayState::First && element.start.is_none() && byte == b']';
            let next = if byte == b']' { ArrayState::Closed } else { ArrayState::Next };
            (next, if is_empty_array { Step::More } else { Step::Element })
        }
        ArrayState::Closed if byte.is_ascii_whitespace() => (state, Step::More),
        ArrayState::Closed => (ArrayState::Ended, Step::Stray(byte)),
        // What follows text behind the array is passed over.
        ArrayState::Ended => (state, Step::More),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use proptest::prelude::*;

    use super::*;

    fn elements(text: &str) -> Vec<(String, u64, u64, Ending)> {
        let mut elements = Elements::new(BufReader::with_capacity(3, Cursor::new(text.to_owned())));
        let mut found = Vec::new();
        while let Some(record) = elements.next().unwrap() {
            found.push((String::from_utf8(record.text).unwrap(), record.line, record.column, record.ending));
        }
        found
    }

    #[test]
    fn an_array_is_cut_at_its_own_commas_only() {
        let text = "[ {\"a\": \"],[\\\"\"},\n  {\"b\": [1, {\"c\": 2}]} ]\n";
        assert_eq!(
            elements(text),
            [
                ("{\"a\": \"],[\\\"\"}".to_owned(), 1, 3, Ending::Whole),
                ("{\"b\": [1, {\"c\": 2}]}".to_owned(), 2, 3, Ending::Whole)
            ]
        );
        assert_eq!(elements("[]"), []);
        assert_eq!(elements(" [ \n ] "), []);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(elements("[\"é\", 1]").last().map(|last| last.2), Some(7));
    }

    #[test]
    fn an_array_that_does_not_end_says_so() {
        assert_eq!(elements("[1, {\"a\":").last().unwrap().3, Ending::Truncated);
        assert_eq!(elements("[1, 2").last().unwrap().3, Ending::Truncated);
        assert_eq!(elements("[1,").last().unwrap().3, Ending::Truncated);
        assert_eq!(elements("[").last().unwrap().3, Ending::Truncated);
    }

    #[test]
    fn stray_commas_give_empty_records_and_stray_text_is_shown() {
        assert_eq!(elements("[1,,2,]").iter().map(|e| e.0.as_str()).collect::<Vec<_>>(), ["1", "", "2", ""]);
        assert_eq!(elements("[1] x")[1..], [("x".to_owned(), 1, 5, Ending::AfterArray)]);
    }

    #[test]
    fn lines_come_without_their_ends_and_blank_ones_do_not_come() {
        let mut lines = Lines::new(Cursor::new("a\r\n\n \nb"));
        let mut found = Vec::new();
        while let Some(record) = lines.next().unwrap() {
            found.push((record.text, record.line));
        }
        assert_eq!(found, [(b"a".to_vec(), 1), (b"b".to_vec(), 4)]);
    }

    #[test]
    fn a_record_over_the_bound_is_passed_over_and_the_next_one_read() {
        let long = "x".repeat(RECORD_BYTES_MAX + 10);
        let mut lines = Lines::new(BufReader::new(Cursor::new(format!("{long}\nb\n"))));
        assert_eq!(lines.next().unwrap().unwrap().ending, Ending::TooLong);
        assert_eq!(lines.next().unwrap().unwrap().text, b"b");
        let found = elements(&format!("[\"{long}\", 2]"));
        assert_eq!(found[0].3, Ending::TooLong);
        assert_eq!(found[1].0, "2");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn elements_are_what_a_json_parser_finds(values in proptest::collection::vec("[a-z\"\\\\,\\[\\]{}é \n]{0,12}", 0..6), pretty: bool) {
            let values: Vec<serde_json::Value> = values.into_iter().map(|v| serde_json::json!({"v": [v, {}]})).collect();
            let text = if pretty { serde_json::to_string_pretty(&values) } else { serde_json::to_string(&values) }.unwrap();
            let found: Vec<serde_json::Value> = elements(&text).iter().map(|e| serde_json::from_str(&e.0).unwrap()).collect();
            prop_assert_eq!(found, values);
        }

        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut elements = Elements::new(Cursor::new(bytes.clone()));
            let mut count = 0;
            while elements.next().unwrap().is_some() { count += 1; }
            prop_assert!(count <= bytes.len() + 1);
        }
    }
}
