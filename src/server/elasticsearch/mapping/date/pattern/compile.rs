//! A pattern's letters to items, by the rules of `DateTimeFormatterBuilder.appendPattern`.

use super::{Item, Minutes, NameField, Number, NumberField, OffsetStyle, Sign};

/// Nesting of `[ ]` allowed.
const NESTING_MAX: usize = 20;
/// Letters in one pattern, to bound its items.
const PATTERN_MAX: usize = 1000;

/// Whose rules a pattern follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// What users write.
    Java,
    /// Our own tables, with `~` and `^`; exact digits.
    Strict,
    /// The same, parts may have fewer digits.
    Lenient,
}

/// The items of a pattern, or Java's text of what is wrong with it.
pub(crate) fn compile(pattern: &str, dialect: Dialect) -> Result<Vec<Item>, String> {
    if pattern.trim().is_empty() {
        return Err("No date pattern provided".into());
    }
    if pattern.len() > PATTERN_MAX {
        return Err("Pattern is too long".into());
    }
    let mut compiler = Compiler { chars: pattern.chars().collect(), at: 0, dialect };
    let items = compiler.level(0)?;
    Ok(items)
}

struct Compiler {
    chars: Vec<char>,
    at: usize,
    dialect: Dialect,
}

impl Compiler {
    fn level(&mut self, depth: usize) -> Result<Vec<Item>, String> {
        let mut items = Vec::new();
        while let Some(letter) = self.chars.get(self.at).copied() {
            match letter {
                '[' if depth >= NESTING_MAX => return Err("Pattern is nested too deeply".into()),
                '[' => {
                    self.at += 1;
                    items.push(Item::Optional(self.level(depth + 1)?));
                }
                ']' if depth == 0 => return Err("Pattern invalid as it contains ] without previous [".into()),
                ']' => {
                    self.at += 1;
                    break;
                }
                '\'' => self.quoted(&mut items)?,
                '~' if self.dialect != Dialect::Java => {
                    self.at += 1;
                    items.push(Item::Fraction { min: 1, max: 9, pointed: true, write_min: 3 });
                }
                '^' if self.dialect != Dialect::Java => {
                    self.at += 1;
                    let style = OffsetStyle { zulu: true, colon: true, minutes: Minutes::AnyForm, gmt: false };
                    items.push(Item::Offset(style));
                }
                letter if letter.is_ascii_alphabetic() => {
                    let count = self.run(letter);
                    items.push(self.field(letter, count)?);
                }
                '{' | '}' | '#' => return Err(format!("Pattern includes reserved character: '{letter}'")),
                other => {
                    self.at += 1;
                    literal(&mut items, other);
                }
            }
        }
        reserve(&mut items);
        Ok(items)
    }

    fn run(&mut self, letter: char) -> usize {
        let start = self.at;
        while self.chars.get(self.at) == Some(&letter) {
            self.at += 1;
        }
        self.at - start
    }

    fn quoted(&mut self, items: &mut Vec<Item>) -> Result<(), String> {
        let start = self.at;
        self.at += 1;
        if self.chars.get(self.at) == Some(&'\'') {
            self.at += 1;
            literal(items, '\'');
            return Ok(());
        }
        loop {
            match self.chars.get(self.at).copied() {
                None => {
                    let pattern: String = self.chars.iter().collect();
                    return Err(format!("Pattern ends with an incomplete string literal: {pattern} at {start}"));
                }
                Some('\'') if self.chars.get(self.at + 1) == Some(&'\'') => {
                    self.at += 2;
                    literal(items, '\'');
                }
                Some('\'') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(other) => {
                    self.at += 1;
                    literal(items, other);
                }
            }
        }
    }

    fn field(&self, letter: char, count: usize) -> Result<Item, String> {
        let many = || Err(format!("Too many pattern letters: {letter}"));
        let item = match letter {
            'u' | 'y' | 'Y' if count == 2 && self.dialect == Dialect::Java => Item::TwoDigitYear,
            'u' => self.year(NumberField::Year, count),
            'y' => self.year(NumberField::YearOfEra, count),
            'Y' => self.year(NumberField::WeekYear, count),
            'M' | 'L' => match count {
                1 | 2 => self.number(NumberField::Month, count),
                3 | 4 => Item::Name { field: NameField::Month, full: count == 4 },
                _ => return many(),
            },
            'E' => match count {
                1..=4 => Item::Name { field: NameField::DayOfWeek, full: count == 4 },
                _ => return many(),
            },
            'G' => match count {
                1..=4 => Item::Name { field: NameField::Era, full: count == 4 },
                _ => return many(),
            },
            'a' if count == 1 => Item::Name { field: NameField::HalfOfDay, full: true },
            'D' if count <= 3 => self.number_of(NumberField::DayOfYear, count, 3),
            'S' if count <= 9 => Item::Fraction { min: count, max: count, pointed: false, write_min: count },
            'n' => self.long_number(NumberField::Nano, count),
            'A' => self.long_number(NumberField::MilliOfDay, count),
            'N' => self.long_number(NumberField::NanoOfDay, count),
            'X' | 'x' if count <= 3 => Item::Offset(OffsetStyle {
                zulu: letter == 'X',
                colon: count == 3,
                minutes: if count == 1 { Minutes::Optional } else { Minutes::Required },
                gmt: false,
            }),
            'Z' if count <= 3 => {
                Item::Offset(OffsetStyle { zulu: false, colon: false, minutes: Minutes::Required, gmt: false })
            }
            'Z' if count == 4 => {
                Item::Offset(OffsetStyle { zulu: false, colon: true, minutes: Minutes::Required, gmt: true })
            }
            'Z' if count == 5 => {
                Item::Offset(OffsetStyle { zulu: true, colon: true, minutes: Minutes::Required, gmt: false })
            }
            'z' if count <= 3 => Item::Zone { id: false },
            'V' if count == 2 => Item::Zone { id: true },
            'V' => return Err(format!("Pattern letter count must be 2: {letter}")),
            _ => {
                let Some(field) = two_digits(letter) else { return Err(format!("Unknown pattern letter: {letter}")) };
                if count > 2 {
                    return many();
                }
                self.number(field, count)
            }
        };
        Ok(item)
    }

    /// One letter: any number of digits; two: exactly two.
    fn number(&self, field: NumberField, count: usize) -> Item {
        self.number_of(field, count, 2)
    }

    fn number_of(&self, field: NumberField, count: usize, widest: usize) -> Item {
        let (min, max) = match (count, self.dialect) {
            (1, Dialect::Java) => (1, widest.max(2)),
            (_, Dialect::Lenient) => (1, count),
            _ => (count, count),
        };
        Item::Number(Number { field, min, max, sign: Sign::Never, reserve: 0, pad: count })
    }

    fn long_number(&self, field: NumberField, count: usize) -> Item {
        let count = count.min(19);
        Item::Number(Number { field, min: count, max: 19, sign: Sign::Never, reserve: 0, pad: count })
    }

    fn year(&self, field: NumberField, count: usize) -> Item {
        let (min, max, sign) = match (count, self.dialect) {
            (_, Dialect::Lenient) => (1, 9, Sign::Normal),
            (1 | 3, _) => (count, 9, Sign::Normal),
            _ => (count.min(9), 9, Sign::ExceedsPad),
        };
        Item::Number(Number { field, min, max, sign, reserve: 0, pad: count.min(9) })
    }
}

fn two_digits(letter: char) -> Option<NumberField> {
    Some(match letter {
        'd' => NumberField::Day,
        'H' => NumberField::Hour,
        'h' => NumberField::ClockHourOfHalf,
        'k' => NumberField::ClockHour,
        'K' => NumberField::HourOfHalf,
        'm' => NumberField::Minute,
        's' => NumberField::Second,
        'w' => NumberField::Week,
        'e' => NumberField::DayOfWeek,
        'Q' => NumberField::Quarter,
        _ => return None,
    })
}

fn literal(items: &mut Vec<Item>, character: char) {
    match items.last_mut() {
        Some(Item::Literal(text)) => text.push(character),
        _ => items.push(Item::Literal(character.into())),
    }
}

/// In a run of numbers without anything between, the first takes what the others leave.
fn reserve(items: &mut [Item]) {
    let mut behind = 0;
    for item in items.iter_mut().rev() {
        match item {
            Item::Number(number) => {
                number.reserve = behind;
                behind += number.min;
            }
            Item::TwoDigitYear => behind += 2,
            Item::Fraction { min, pointed: false, .. } => behind += *min,
            _ => behind = 0,
        }
    }
}
