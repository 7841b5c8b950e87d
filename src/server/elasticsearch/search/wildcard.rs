//! Wildcards: `*` for any run of characters, `?` for one.

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    One(char),
    Any,
    Run,
}

impl Wildcard {
    /// With a backslash that takes away the meaning of what follows.
    pub(crate) fn escaped(pattern: &str) -> Wildcard {
        let mut parts = Vec::new();
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            parts.push(match character {
                '\\' => Part::One(characters.next().unwrap_or('\\')),
                '*' => Part::Run,
                '?' => Part::Any,
                other => Part::One(other),
            });
        }
        Wildcard { parts }
    }

    /// Of field names: only `*` means something.
    pub(crate) fn names(pattern: &str) -> Wildcard {
        let part = |character| if character == '*' { Part::Run } else { Part::One(character) };
        Wildcard { parts: pattern.chars().map(part).collect() }
    }

    /// The characters that every match starts with.
    pub(crate) fn literal_prefix(&self) -> String {
        self.parts
            .iter()
            .map_while(|part| match part {
                Part::One(character) => Some(*character),
                Part::Any | Part::Run => None,
            })
            .collect()
    }

    /// Time in proportion to the pattern times the text: a run is retried from its last place only.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut at = 0;
        let mut rest = text.chars();
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let part = self.parts.get(at).copied();
            if part == Some(Part::Run) {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            let mut ahead = rest.clone();
            let fits = match (part, ahead.next()) {
                (None, None) => return true,
                (Some(Part::Any), Some(_)) => true,
                (Some(Part::One(wanted)), Some(found)) => wanted == found,
                _ => false,
            };
            if fits {
                rest = ahead;
                at += 1;
                continue;
            }
            let Some((back, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            at = *back;
            rest = from.clone();
        }
    }
}

/// Whether a field name fits a pattern that may hold `*`.
pub(crate) fn name_matches(pattern: &str, name: &str) -> bool {
    if pattern.contains('*') { Wildcard::names(pattern).matches(name) } else { pattern == name }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("?b*", "abx", true),
            ("*", "", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("*ab*ab", "abxab", true),
            ("", "x", false),
        ] {
            assert_eq!(Wildcard::escaped(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_the_regex_of_the_same_meaning_matches(
            pattern in "[ab*?]{0,8}", text in "[ab]{0,8}",
        ) {
            let regex = format!("^{}$", pattern.replace('*', ".*").replace('?', "."));
            let regex = regex::Regex::new(&regex).unwrap();
            prop_assert_eq!(Wildcard::escaped(&pattern).matches(&text), regex.is_match(&text));
        }
    }
}
