//! Records of a CSV file to rows, as BigQuery's options tell them apart.

use std::io;

use rusqlite::types::Value as Cell;

use super::cell;
use super::input::{Line, Lines};
use crate::server::bigquery::engine::resource::CsvOptions;
use crate::server::bigquery::value::{Field, Mode};

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CsvField {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// Reads rows of one schema.
pub(super) struct CsvRows<'a> {
    fields: &'a [Field],
    wanted: &'a [usize],
    options: &'a CsvOptions,
    ignore_unknown: bool,
}

impl<'a> CsvRows<'a> {
    /// `wanted`: indices of fields, in the order of the cells.
    pub(super) fn new(fields: &'a [Field], wanted: &'a [usize], options: &'a CsvOptions, ignore_unknown: bool) -> Self {
        Self { fields, wanted, options, ignore_unknown }
    }

    /// Fills `cells`; the error says what is wrong with the record.
    pub(super) fn read(&self, record: &[u8], cells: &mut [Cell]) -> Result<(), String> {
        let values = split(&String::from_utf8_lossy(record), self.options)?;
        let (found, expected) = (values.len(), self.fields.len());
        if found > expected && !self.ignore_unknown {
            return Err(format!("Too many values in line. Found {found} column(s) while expected {expected}."));
        }
        if found < expected && !self.options.allow_jagged_rows {
            return Err(format!(
                "CSV table references column position {}, but line contains only {found} columns.",
                expected.saturating_sub(1)
            ));
        }
        for (cell, index) in cells.iter_mut().zip(self.wanted) {
            if let Some(field) = self.fields.get(*index) {
                *cell = self.cell(values.get(*index), field, *index)?;
            }
        }
        Ok(())
    }

    fn cell(&self, value: Option<&CsvField>, field: &Field, index: usize) -> Result<Cell, String> {
        match value.filter(|value| !self.is_null(value)) {
            Some(value) => cell::of_text(&value.text, &field.kind).ok_or_else(|| {
                let shown: String = value.text.chars().take(100).collect();
                format!(
                    "Could not parse '{shown}' as {} for field {} (position {index})",
                    field.kind.name(),
                    field.name
                )
            }),
            None if field.mode == Mode::Required => Err(format!("Missing required field: {}", field.name)),
            None => Ok(cell::absent(&field.kind)),
        }
    }

    fn is_null(&self, value: &CsvField) -> bool {
        !value.quoted && value.text == self.options.null_marker.as_deref().unwrap_or("")
    }
}

/// The next record: a line, or several when newlines in quotes are allowed.
pub(super) fn next_record<'a>(lines: &'a mut Lines, options: &CsvOptions) -> io::Result<Option<Line<'a>>> {
    let quote = options.quote.and_then(|quote| u8::try_from(quote).ok()).filter(|_| options.allow_quoted_newlines);
    let Some(first) = lines.next()? else { return Ok(None) };
    let (mut open, mut seen) = (odd(first.bytes, quote), first.bytes.len());
    let place = (first.position, first.number);
    while open {
        let Some(longer) = lines.extend()? else { break };
        open ^= odd(longer.get(seen..).unwrap_or_default(), quote);
        seen = longer.len();
    }
    Ok(Some(lines.present(place)))
}

/// Whether a quotation that began before these bytes, or in them, is open behind them.
fn odd(bytes: &[u8], quote: Option<u8>) -> bool {
    quote.is_some_and(|quote| bytes.iter().filter(|byte| **byte == quote).count() % 2 == 1)
}

/// The fields of a record.
pub(super) fn split(record: &str, options: &CsvOptions) -> Result<Vec<CsvField>, String> {
    let mut fields = Vec::new();
    let mut rest = record;
    loop {
        let (field, behind) = match options.quote.and_then(|quote| Some((quote, rest.strip_prefix(quote)?))) {
            Some((quote, inside)) => quoted(inside, quote, options.field_delimiter)?,
            None => plain(rest, options.field_delimiter),
        };
        fields.push(field);
        match behind {
            Some(behind) => rest = behind,
            None => return Ok(fields),
        }
    }
}

fn plain(rest: &str, delimiter: char) -> (CsvField, Option<&str>) {
    let (text, behind) = match rest.split_once(delimiter) {
        Some((text, behind)) => (text, Some(behind)),
        None => (rest, None),
    };
    (CsvField { text: text.to_owned(), quoted: false }, behind)
}

/// `inside` begins behind the opening quote; a doubled quote is one.
fn quoted(inside: &str, quote: char, delimiter: char) -> Result<(CsvField, Option<&str>), String> {
    let mut text = String::new();
    let mut rest = inside;
    loop {
        let Some((part, behind)) = rest.split_once(quote) else {
            return Err("Missing close double quote (\") character.".to_owned());
        };
        text.push_str(part);
        let Some(more) = behind.strip_prefix(quote) else {
            let field = CsvField { text, quoted: true };
            return match behind.strip_prefix(delimiter) {
                Some(behind) => Ok((field, Some(behind))),
                None if behind.is_empty() => Ok((field, None)),
                None => Err("Data between close double quote (\") and field separator.".to_owned()),
            };
        };
        text.push(quote);
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(record: &str, options: &CsvOptions) -> Result<Vec<String>, String> {
        Ok(split(record, options)?.into_iter().map(|field| field.text).collect())
    }

    #[test]
    fn fields_are_split_at_delimiters_outside_of_quotes() {
        let options = CsvOptions::default();
        assert_eq!(texts("a,,c", &options).unwrap(), ["a", "", "c"]);
        assert_eq!(texts("", &options).unwrap(), [""]);
        assert_eq!(texts("\"a,\"\"b\"\"\",c\"d", &options).unwrap(), ["a,\"b\"", "c\"d"]);
        assert!(texts("\"a", &options).unwrap_err().starts_with("Missing close double quote"));
        assert!(texts("\"a\"b,c", &options).unwrap_err().starts_with("Data between close"));
        let unquoted = CsvOptions { quote: None, field_delimiter: '\t', ..CsvOptions::default() };
        assert_eq!(texts("\"a\tb\"", &unquoted).unwrap(), ["\"a", "b\""]);
    }

    #[test]
    fn a_record_may_span_lines_when_that_is_allowed() {
        let content = b"a,\"b\nc\"\"\nd\",e\nnext,\"x\"\n";
        let options = CsvOptions { allow_quoted_newlines: true, ..CsvOptions::default() };
        let mut lines = Lines::new(Box::new(io::Cursor::new(content.to_vec()))).unwrap();
        let record = next_record(&mut lines, &options).unwrap().unwrap();
        assert_eq!((record.position, record.number, record.bytes), (0, 1, &b"a,\"b\nc\"\"\nd\",e"[..]));
        let record = next_record(&mut lines, &options).unwrap().unwrap();
        assert_eq!((record.position, record.number, record.bytes), (14, 4, &b"next,\"x\""[..]));
        assert!(next_record(&mut lines, &options).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_read_back(fields in prop::collection::vec("\\PC{0,12}", 1..6)) {
            let written: Vec<_> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            prop_assert_eq!(texts(&written.join(","), &CsvOptions::default()).unwrap(), fields);
        }

        #[test]
        fn any_record_is_split_or_refused(record in "[a\",\n]{0,30}|\\PC{0,30}") {
            let _fields = split(&record, &CsvOptions::default());
        }
    }
}
