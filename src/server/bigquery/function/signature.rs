//! Signatures as BigQuery's messages print them, and how a call finds the one that fits.
//!
//! A signature is a text: `"STRING, INT64, [INT64] -> STRING"`. `[X]` may be left out, `X...` may repeat (also never). Letters stand for types that
//! the arguments decide: `T` any, `O` one with an order, `E` one with equality; `ANY` is any type, each argument for itself, not coerced. `N` makes
//! three signatures: `INT64`, `NUMERIC`, `FLOAT64`.

use super::coerce::{Argument, common_type_of, cost};
use crate::server::bigquery::value::Type;

/// A parameter's or a result's type, perhaps open.
#[derive(Debug, Clone, PartialEq)]
enum Pattern {
    Any,
    Letter(char),
    Type(Type),
    Array(Box<Pattern>),
    Struct(Vec<(Option<String>, Pattern)>),
}

/// One way to call a function.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    required: Vec<Pattern>,
    optional: Vec<Pattern>,
    repeated: Option<Pattern>,
    result: Pattern,
    /// The parameters as messages print them.
    text: String,
}

/// A signature with the types of a call filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    pub(super) arguments: Vec<Type>,
    pub(super) result: Type,
    cost: u32,
}

impl Signature {
    /// Reads a signature's text; one with `N` gives three.
    pub(super) fn read(text: &str) -> Vec<Self> {
        let has_number = words(text).any(|word| word == "N");
        if !has_number {
            return vec![Self::read_one(text)];
        }
        ["INT64", "NUMERIC", "FLOAT64"].map(|kind| Self::read_one(&substitute(text, kind))).to_vec()
    }

    fn read_one(text: &str) -> Self {
        let (parameters, result) = text.rsplit_once("->").unwrap_or((text, "INT64"));
        let mut signature = Self {
            required: Vec::new(),
            optional: Vec::new(),
            repeated: None,
            result: Pattern::read(result),
            text: parameters.trim().to_owned(),
        };
        for parameter in split(parameters) {
            if let Some(kind) = parameter.strip_suffix("...") {
                signature.repeated = Some(Pattern::read(kind));
            } else if let Some(kind) = parameter.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                signature.optional.push(Pattern::read(kind));
            } else {
                signature.required.push(Pattern::read(parameter));
            }
        }
        signature
    }

    /// As a message prints it: `SUBSTR(STRING, INT64, [INT64])`.
    pub(super) fn print(&self, name: &str) -> String {
        let letters = |word: &str| matches!(word, "O" | "E");
        let text: String = split(&self.text)
            .map(|parameter| match parameter.strip_suffix("...") {
                Some(kind) => format!("[{kind}, ...]"),
                None if letters(parameter) => "T".to_owned(),
                None => parameter.to_owned(),
            })
            .collect::<Vec<_>>()
            .join(", ");
        format!("{name}({text})")
    }

    /// The types of this signature for a call, if it takes it.
    fn fit(&self, arguments: &[Argument]) -> Option<Fit> {
        let patterns = self.patterns(arguments.len())?;
        let letters = Letters::of(&patterns, arguments)?;
        let mut fit = Fit { arguments: Vec::new(), result: letters.fill(&self.result, None)?, cost: 0 };
        for (pattern, argument) in patterns.iter().zip(arguments) {
            let kind = letters.fill(pattern, argument.kind.as_ref())?;
            fit.cost = fit.cost.checked_add(cost(argument, &kind)?)?;
            fit.arguments.push(kind);
        }
        Some(fit)
    }

    /// One pattern for each of `count` arguments.
    fn patterns(&self, count: usize) -> Option<Vec<&Pattern>> {
        let rest = count.checked_sub(self.required.len())?;
        let given = rest.min(self.optional.len());
        let repeats = rest - given;
        if repeats > 0 && self.repeated.is_none() {
            return None;
        }
        let repeated = std::iter::repeat_n(self.repeated.as_ref(), repeats).flatten();
        Some(self.required.iter().chain(self.optional.iter().take(given)).chain(repeated).collect())
    }
}

/// The signature that fits with the least coercion; the first one of equals.
pub(super) fn best(signatures: &[Signature], arguments: &[Argument]) -> Option<Fit> {
    signatures.iter().filter_map(|signature| signature.fit(arguments)).min_by_key(|fit| fit.cost)
}

/// What the letters of a signature stand for.
struct Letters(Vec<(char, Type)>);

impl Letters {
    fn of(patterns: &[&Pattern], arguments: &[Argument]) -> Option<Self> {
        let mut found: Vec<(char, Vec<Argument>)> = Vec::new();
        for (pattern, argument) in patterns.iter().zip(arguments) {
            collect(pattern, argument, &mut found)?;
        }
        let letters = found.into_iter().map(|(letter, arguments)| {
            let kind = common_type_of(&arguments)?;
            allowed(letter, &kind).then_some((letter, kind))
        });
        letters.collect::<Option<Vec<_>>>().map(Self)
    }

    fn fill(&self, pattern: &Pattern, argument: Option<&Type>) -> Option<Type> {
        match pattern {
            Pattern::Any => Some(argument.cloned().unwrap_or(Type::Int64)),
            Pattern::Letter(letter) => self.0.iter().find(|(l, _)| l == letter).map(|(_, kind)| kind.clone()),
            Pattern::Type(kind) => Some(kind.clone()),
            Pattern::Array(element) => self.fill(element, None).map(|kind| Type::Array(Box::new(kind))),
            Pattern::Struct(fields) => {
                let fields = fields.iter().map(|(name, kind)| Some((name.clone(), self.fill(kind, None)?)));
                fields.collect::<Option<Vec<_>>>().map(Type::Struct)
            }
        }
    }
}

/// Notes what an argument says about a letter. `None`: it can't have the pattern's form.
fn collect(pattern: &Pattern, argument: &Argument, found: &mut Vec<(char, Vec<Argument>)>) -> Option<()> {
    match (pattern, &argument.kind) {
        (Pattern::Letter(letter), _) => {
            match found.iter_mut().find(|(l, _)| l == letter) {
                Some((_, arguments)) => arguments.push(argument.clone()),
                None => found.push((*letter, vec![argument.clone()])),
            }
            Some(())
        }
        (Pattern::Array(element), None) => collect(element, &Argument::null(), found),
        (Pattern::Array(element), Some(Type::Array(kind))) => {
            collect(element, &Argument { kind: Some((**kind).clone()), literal: argument.literal }, found)
        }
        (Pattern::Array(_), Some(_)) => None,
        _ => Some(()),
    }
}

fn allowed(letter: char, kind: &Type) -> bool {
    match letter {
        'O' => has_order(kind),
        'E' => has_equality(kind),
        _ => true,
    }
}

/// Whether `<` and ORDER BY take it.
pub(super) fn has_order(kind: &Type) -> bool {
    !matches!(kind, Type::Array(_) | Type::Struct(_) | Type::Json)
}

/// Whether `=` takes it.
pub(super) fn has_equality(kind: &Type) -> bool {
    match kind {
        Type::Struct(fields) => fields.iter().all(|(_, kind)| has_equality(kind)),
        kind => has_order(kind),
    }
}

impl Pattern {
    fn read(text: &str) -> Self {
        let text = text.trim();
        let inside = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('>'));
        if let Some(element) = inside("ARRAY<") {
            return Self::Array(Box::new(Self::read(element)));
        }
        if let Some(fields) = inside("STRUCT<") {
            return Self::Struct(split(fields).map(Self::read_field).collect());
        }
        match text {
            "ANY" => Self::Any,
            "T" | "O" | "E" => Self::Letter(text.chars().next().unwrap_or('T')),
            word => Self::Type(Type::of_word(word).unwrap_or(Type::String)),
        }
    }

    fn read_field(text: &str) -> (Option<String>, Self) {
        match text.split_once(' ') {
            Some((name, kind)) => (Some(name.to_owned()), Self::read(kind)),
            None => (None, Self::read(text)),
        }
    }
}

/// At the commas that are not inside `<>`.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        depth += match c {
            '<' => 1,
            '>' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// The text with the word `N` replaced.
fn substitute(text: &str, kind: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if word == "N" {
            out.push_str(kind);
            out.push_str(piece.strip_prefix('N').unwrap_or_default());
        } else {
            out.push_str(piece);
        }
    }
    out
}
