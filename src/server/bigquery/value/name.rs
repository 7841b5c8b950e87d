//! Types as SQL writes them: `ARRAY<STRUCT<price FLOAT64>>`.

use super::{DEPTH_MAX, Type};

impl Type {
    /// The type as SQL writes it. A field name that is no plain identifier stands in backticks.
    pub fn name(&self) -> String {
        match self {
            Self::Array(element) => format!("ARRAY<{}>", element.name()),
            Self::Struct(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, kind)| field_name(name.as_deref(), kind)).collect();
                format!("STRUCT<{}>", fields.join(", "))
            }
            scalar => scalar.word().to_owned(),
        }
    }

    /// Without what is inside: `ARRAY`, `STRUCT`, `INT64`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Int64 => "INT64",
            Self::Float64 => "FLOAT64",
            Self::Bool => "BOOL",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::Datetime => "DATETIME",
            Self::Timestamp => "TIMESTAMP",
            Self::Numeric => "NUMERIC",
            Self::Json => "JSON",
            Self::Array(_) => "ARRAY",
            Self::Struct(_) => "STRUCT",
        }
    }

    /// A scalar type by its name or alias, in any letter case.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_uppercase().as_str() {
            "INT64" | "INT" | "SMALLINT" | "INTEGER" | "BIGINT" | "TINYINT" | "BYTEINT" => Self::Int64,
            "FLOAT64" => Self::Float64,
            "BOOL" | "BOOLEAN" => Self::Bool,
            "STRING" => Self::String,
            "BYTES" => Self::Bytes,
            "DATE" => Self::Date,
            "TIME" => Self::Time,
            "DATETIME" => Self::Datetime,
            "TIMESTAMP" => Self::Timestamp,
            "NUMERIC" | "DECIMAL" => Self::Numeric,
            "JSON" => Self::Json,
            _ => return None,
        })
    }

    /// Reads what [`Type::name`] writes; `None` for anything else and below [`DEPTH_MAX`] levels.
    pub fn of_name(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let kind = reader.kind(0)?;
        reader.rest.trim().is_empty().then_some(kind)
    }

    /// The element's type of an array.
    pub fn element(&self) -> Option<&Type> {
        match self {
            Self::Array(element) => Some(element),
            _ => None,
        }
    }
}

fn field_name(name: Option<&str>, kind: &Type) -> String {
    match name {
        None => kind.name(),
        Some(name) if is_identifier(name) => format!("{name} {}", kind.name()),
        Some(name) => format!("`{}` {}", name.replace('\\', "\\\\").replace('`', "\\`"), kind.name()),
    }
}

fn is_identifier(name: &str) -> bool {
    // A field named as a type would read as the field's type.
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn kind(&mut self, depth: usize) -> Option<Type> {
        if depth > DEPTH_MAX {
            return None;
        }
        let word = self.word()?;
        match word.to_ascii_uppercase().as_str() {
            "ARRAY" => {
                self.eat('<')?;
                let element = self.kind(depth + 1)?;
                self.eat('>')?;
                Some(Type::Array(Box::new(element)))
            }
            "STRUCT" => {
                self.eat('<')?;
                self.fields(depth)
            }
            word => Type::of_word(word),
        }
    }

    fn fields(&mut self, depth: usize) -> Option<Type> {
        let mut fields = Vec::new();
        if self.eat('>').is_some() {
            return Some(Type::Struct(fields));
        }
        loop {
            fields.push(self.field(depth)?);
            if self.eat(',').is_none() {
                self.eat('>')?;
                return Some(Type::Struct(fields));
            }
        }
    }

    /// A name and a type, or a type alone: told apart by what follows the first word.
    fn field(&mut self, depth: usize) -> Option<(Option<String>, Type)> {
        if let Some(name) = self.quoted() {
            return Some((Some(name), self.kind(depth + 1)?));
        }
        let before = self.rest;
        let word = self.word()?;
        if self.rest.trim_start().starts_with([',', '>', '<']) {
            self.rest = before;
            return Some((None, self.kind(depth + 1)?));
        }
        Some((Some(word.to_owned()), self.kind(depth + 1)?))
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        self.rest = after;
        (!word.is_empty()).then_some(word)
    }

    fn quoted(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut chars = self.rest.trim_start().strip_prefix('`')?.chars();
        loop {
            match chars.next()? {
                '`' => break,
                '\\' => name.push(chars.next()?),
                c => name.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(name)
    }

    fn eat(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(wanted)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_reads_back_as_its_type() {
        for name in [
            "INT64",
            "ARRAY<STRUCT<price FLOAT64>>",
            "STRUCT<INT64, b STRING, `a b` ARRAY<DATE>>",
            "STRUCT<`x\\`y` NUMERIC, STRUCT<>>",
            "STRUCT<date DATE, STRUCT<a INT64>>",
        ] {
            assert_eq!(Type::of_name(name).map(|kind| kind.name()).as_deref(), Some(name));
        }
        for bad in ["", "INT65", "ARRAY<INT64", "ARRAY<INT64>>", "STRUCT<a>", "ARRAY", &"ARRAY<".repeat(5000)] {
            assert_eq!(Type::of_name(bad), None, "{bad:.20}");
        }
    }

    proptest! {
        #[test]
        fn any_text_never_panics(text in "[A-Z<>, `\\\\é]{0,40}") {
            if let Some(kind) = Type::of_name(&text) {
                prop_assert_eq!(Type::of_name(&kind.name()), Some(kind));
            }
        }
    }
}
