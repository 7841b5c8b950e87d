//! FORMAT: patterns as C's printf has them, with `%t` and `%T` for any value.

mod float;
mod literal;

use super::Row;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Seen};
use crate::server::bigquery::function::error::{Outcome, fail};
use crate::server::bigquery::value::numeric::{print_numeric, round};
use crate::server::bigquery::value::{Type, Value};

pub(super) const ROWS: &[Row] = &[("FORMAT", &["STRING, ANY... -> STRING"], Seen, format)];

/// The most characters that a width or a precision asks for.
const WIDTH_MAX: usize = 10_000;

/// `%-10.3f`, read.
#[derive(Debug, Clone, Default)]
struct Spec {
    left: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    zero: bool,
    group: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

fn format(arguments: &Arguments<'_>) -> Outcome<Value> {
    if *arguments.value(0) == Value::Null {
        return Ok(Value::Null);
    }
    let pattern = arguments.text(0)?;
    let mut reader = Reader { rest: pattern, next: 1, pattern, arguments };
    let mut out = String::new();
    while let Some(index) = reader.rest.find('%') {
        out.push_str(reader.rest.get(..index).unwrap_or_default());
        reader.rest = reader.rest.get(index + 1..).unwrap_or_default();
        match reader.conversion()? {
            Some(text) => out.push_str(&text),
            None => return Ok(Value::Null),
        }
    }
    out.push_str(reader.rest);
    if reader.next < arguments.len() {
        return fail(format!(
            "Too many arguments to FORMAT for pattern \"{pattern}\"; Expected {}; Got {}",
            reader.next,
            arguments.len()
        ));
    }
    Ok(Value::String(out))
}

struct Reader<'a> {
    rest: &'a str,
    /// The argument that comes next.
    next: usize,
    pattern: &'a str,
    arguments: &'a Arguments<'a>,
}

impl<'a> Reader<'a> {
    /// One conversion after its `%`. `None`: a NULL makes the whole NULL.
    fn conversion(&mut self) -> Outcome<Option<String>> {
        let Some(spec) = self.spec()? else { return Ok(None) };
        if spec.conversion == '%' {
            return Ok(Some("%".to_owned()));
        }
        let index = self.next;
        let value = self.argument()?;
        if *value == Value::Null && !matches!(spec.conversion, 't' | 'T') {
            return Ok(None);
        }
        let text = convert(&spec, value, self.arguments.kind(index), index)?;
        Ok(Some(pad(&spec, text)))
    }

    fn spec(&mut self) -> Outcome<Option<Spec>> {
        let mut spec = Spec::default();
        while let Some(flag) = self.rest.chars().next().filter(|c| "-+ #0'".contains(*c)) {
            match flag {
                '-' => spec.left = true,
                '+' => spec.plus = true,
                ' ' => spec.blank = true,
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                _ => spec.group = true,
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        match self.size()? {
            Size::Null => return Ok(None),
            Size::Given(width) => {
                spec.left |= width < 0;
                spec.width = bounded(width)?;
            }
            Size::Missing => {}
        }
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            spec.precision = match self.size()? {
                Size::Null => return Ok(None),
                Size::Given(precision) if precision < 0 => None,
                Size::Given(precision) => Some(bounded(precision)?),
                Size::Missing => Some(0),
            };
        }
        let Some(conversion) = self.rest.chars().next().filter(|c| "diuoxXfFeEgGstTpP%".contains(*c)) else {
            return fail(format!("Invalid format specifier in FORMAT pattern \"{}\"", self.pattern));
        };
        spec.conversion = conversion;
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok(Some(spec))
    }

    /// Digits, or `*` for an argument.
    fn size(&mut self) -> Outcome<Size> {
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            return match self.argument()? {
                Value::Int64(size) => Ok(Size::Given(*size)),
                Value::Null => Ok(Size::Null),
                _ => fail(format!("Invalid type for argument {} to FORMAT; Expected integer width", self.next)),
            };
        }
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits).unwrap_or_default();
        self.rest = rest;
        Ok(if digits == 0 { Size::Missing } else { Size::Given(number.parse().unwrap_or(i64::MAX)) })
    }

    fn argument(&mut self) -> Outcome<&'a Value> {
        match self.arguments.values.get(self.next) {
            Some(value) => {
                self.next += 1;
                Ok(value)
            }
            None => {
                let (pattern, expected, got) = (self.pattern, self.next + 1, self.arguments.len());
                fail(format!("Too few arguments to FORMAT for pattern \"{pattern}\"; Expected {expected}; Got {got}"))
            }
        }
    }
}

enum Size {
    Given(i64),
    Missing,
    Null,
}

fn bounded(size: i64) -> Outcome<usize> {
    match usize::try_from(size.unsigned_abs()) {
        Ok(size) if size <= WIDTH_MAX => Ok(size),
        _ => fail(format!("FORMAT: width or precision {size} is too large; the most is {WIDTH_MAX}")),
    }
}

fn convert(spec: &Spec, value: &Value, kind: &Type, index: usize) -> Outcome<String> {
    let wrong = |expected: &str| {
        fail(format!("Invalid type for argument {} to FORMAT; Expected {expected}; Got {}", index + 1, kind.name()))
    };
    match (spec.conversion, value) {
        ('d' | 'i' | 'u', Value::Int64(number)) => {
            Ok(signed(spec, *number < 0, integer(spec, number.unsigned_abs().to_string())))
        }
        ('o', Value::Int64(number)) => {
            Ok(signed(spec, *number < 0, radix(spec, "0", format!("{:o}", number.unsigned_abs()))))
        }
        ('x', Value::Int64(number)) => {
            Ok(signed(spec, *number < 0, radix(spec, "0x", format!("{:x}", number.unsigned_abs()))))
        }
        ('X', Value::Int64(number)) => {
            Ok(signed(spec, *number < 0, radix(spec, "0X", format!("{:X}", number.unsigned_abs()))))
        }
        ('d' | 'i' | 'u' | 'o' | 'x' | 'X', _) => wrong("integer"),
        ('f' | 'F' | 'e' | 'E' | 'g' | 'G', Value::Float64(number)) => Ok(float_text(spec, *number)),
        ('f' | 'F', Value::Numeric(number)) => numeric_text(spec, *number),
        ('e' | 'E' | 'g' | 'G', Value::Numeric(number)) => {
            Ok(float_text(spec, crate::server::bigquery::value::numeric::to_float(*number)))
        }
        ('f' | 'F' | 'e' | 'E' | 'g' | 'G', _) => wrong("float"),
        ('s', Value::String(text)) => Ok(cut(spec, text)),
        ('s', Value::Bytes(bytes)) => Ok(cut(spec, &String::from_utf8_lossy(bytes))),
        ('s', Value::Json(text)) => Ok(cut(spec, text)),
        ('s', _) => wrong("string"),
        ('p', Value::Json(text)) => Ok(text.clone()),
        ('P', Value::Json(text)) => Ok(pretty(text)),
        ('p' | 'P', _) => wrong("JSON"),
        ('t', value) => Ok(cut(spec, &literal::plain(value))),
        (_, value) => Ok(cut(spec, &literal::literal(value, kind))),
    }
}

fn pretty(text: &str) -> String {
    let document: Result<serde_json::Value, _> = serde_json::from_str(text);
    document.ok().and_then(|document| serde_json::to_string_pretty(&document).ok()).unwrap_or_else(|| text.to_owned())
}

fn cut(spec: &Spec, text: &str) -> String {
    match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    }
}

/// At least as many digits as the precision says, thousands apart if asked.
fn integer(spec: &Spec, digits: String) -> String {
    let digits = format!("{digits:0>width$}", width = spec.precision.unwrap_or(0));
    if spec.group { grouped(&digits) } else { digits }
}

fn radix(spec: &Spec, prefix: &str, digits: String) -> String {
    let digits = format!("{digits:0>width$}", width = spec.precision.unwrap_or(0));
    if spec.alternate { format!("{prefix}{digits}") } else { digits }
}

/// Commas between thousands of the whole part.
fn grouped(number: &str) -> String {
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let (whole, rest) = number.split_at_checked(end).unwrap_or((number, ""));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

fn signed(spec: &Spec, negative: bool, text: String) -> String {
    match (negative, spec.plus, spec.blank) {
        (true, ..) => format!("-{text}"),
        (false, true, _) => format!("+{text}"),
        (false, false, true) => format!(" {text}"),
        _ => text,
    }
}

fn float_text(spec: &Spec, number: f64) -> String {
    let upper = spec.conversion.is_ascii_uppercase();
    let text = if number.is_nan() {
        return if upper { "NAN" } else { "nan" }.to_owned();
    } else if number.is_infinite() {
        "inf".to_owned()
    } else {
        let precision = spec.precision.unwrap_or(6);
        match spec.conversion.to_ascii_lowercase() {
            'f' => format!("{:.precision$}", number.abs()),
            'e' => float::exponent(number.abs(), precision),
            _ => float::general(number.abs(), precision, spec.alternate),
        }
    };
    let text = if spec.group { grouped(&text) } else { text };
    let text = signed(spec, number.is_sign_negative(), text);
    if upper { text.to_uppercase() } else { text }
}

fn numeric_text(spec: &Spec, number: i128) -> Outcome<String> {
    let precision = spec.precision.unwrap_or(6);
    let Ok(rounded) = round(number, i64::try_from(precision).unwrap_or(9), false) else {
        return fail("numeric overflow: FORMAT");
    };
    let text = print_numeric(rounded.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = if spec.group { grouped(whole) } else { whole.to_owned() };
    let text = if precision == 0 { whole } else { format!("{whole}.{fraction:0<precision$}") };
    Ok(signed(spec, rounded < 0, text))
}

/// To the width; zeros go after the sign, and not before texts.
fn pad(spec: &Spec, text: String) -> String {
    let missing = spec.width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if spec.left {
        return text + &" ".repeat(missing);
    }
    let is_number = !"stTpP".contains(spec.conversion)
        && !text.ends_with(|c: char| c.is_ascii_alphabetic() && !"abcdefABCDEF".contains(c));
    if !spec.zero || !is_number || text.contains("inf") || text.contains("nan") {
        return " ".repeat(missing) + &text;
    }
    let signs = text.find(|c: char| !"+- ".contains(c)).unwrap_or(0);
    let prefix = if text.get(signs..).is_some_and(|rest| rest.starts_with("0x") || rest.starts_with("0X")) {
        signs + 2
    } else {
        signs
    };
    let (sign, digits) = text.split_at_checked(prefix).unwrap_or(("", &text));
    format!("{sign}{}{digits}", "0".repeat(missing))
}
