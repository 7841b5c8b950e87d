//! A script's text: its placeholders, filled; and the way back from a place in what was sent to the place in what was written.

use std::fmt;

use super::sql::SHIPPED_SCRIPTS;
use crate::cloud::names::{BucketName, DatasetName, ProjectId};

/// Placeholders there are.
const PLACEHOLDERS: [&str; 3] = ["project", "dataset", "bucket"];

/// A line and a column (characters), both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SqlPlace {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for SqlPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What placeholders stand for. A bucket that is `None` is not known: a script that names it is refused.
#[derive(Debug, Clone)]
pub struct ScriptNames {
    pub project: ProjectId,
    pub dataset: DatasetName,
    pub bucket: Option<BucketName>,
}

/// What is wrong with a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceholderProblem {
    Unknown(String),
    Unterminated,
    /// Its value is not known: no bucket was named.
    NoValue(&'static str),
}

/// A script that is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    #[error("{script}:{place}: {}", problem_text(.problem))]
    Placeholder { script: String, place: SqlPlace, problem: PlaceholderProblem, excerpt: String },
    #[error("{script}: there is nothing in it")]
    Empty { script: String },
}

fn problem_text(problem: &PlaceholderProblem) -> String {
    match problem {
        PlaceholderProblem::Unknown(name) => {
            let known: Vec<String> = PLACEHOLDERS.iter().map(|known| format!("`${{{known}}}`")).collect();
            format!("there is no placeholder `${{{name}}}`: there are {}", known.join(", "))
        }
        PlaceholderProblem::Unterminated => "the placeholder is not closed: expected `}`".to_owned(),
        PlaceholderProblem::NoValue(name) => format!("there is no value for `${{{name}}}`"),
    }
}

/// A script with its placeholders filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    name: String,
    /// As it was written.
    source: String,
    /// As it is sent.
    text: String,
    /// Where a value was put in, in the order of the text.
    values: Vec<Filled>,
}

/// A value in the text that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Filled {
    /// Of the value's first character, in the text that is sent.
    line: usize,
    column: usize,
    /// Characters of the value, and of the placeholder that it stands for.
    value: usize,
    placeholder: usize,
}

impl Script {
    /// Fills the placeholders. Nothing else of the text is looked at.
    pub fn fill(name: impl Into<String>, source: &str, names: &ScriptNames) -> Result<Self, ScriptError> {
        let name = name.into();
        if source.trim().is_empty() {
            return Err(ScriptError::Empty { script: name });
        }
        let (mut text, mut values, mut rest) = (String::with_capacity(source.len() + 64), Vec::new(), source);
        while let Some((before, behind)) = rest.split_once("${") {
            text.push_str(before);
            let at = source.len() - rest.len() + before.len();
            let fail = |problem| {
                let place = place_at(source, at);
                ScriptError::Placeholder { script: name.clone(), place, problem, excerpt: excerpt(source, place) }
            };
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            let end = behind.find(|c| !is_name(c)).unwrap_or(behind.len());
            let (word, after) = behind.split_at(end);
            let Some(after) = after.strip_prefix('}') else { return Err(fail(PlaceholderProblem::Unterminated)) };
            let value = match word {
                "project" => names.project.as_str(),
                "dataset" => names.dataset.as_str(),
                "bucket" => names.bucket.as_ref().ok_or_else(|| fail(PlaceholderProblem::NoValue("bucket")))?.as_str(),
                other => return Err(fail(PlaceholderProblem::Unknown(other.to_owned()))),
            };
            let place = place_at(&text, text.len());
            let placeholder = word.len() + "${}".len();
            values.push(Filled { line: place.line, column: place.column, value: value.chars().count(), placeholder });
            text.push_str(value);
            rest = after;
        }
        text.push_str(rest);
        Ok(Self { name, source: source.to_owned(), text, values })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// As it is sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a source names the placeholder `name`.
    pub fn names(source: &str, name: &str) -> bool {
        source.contains(&format!("${{{name}}}"))
    }

    /// Where a place in the text that was sent is in the text as written. One inside a value is where its placeholder begins.
    pub fn source_place(&self, sent: SqlPlace) -> SqlPlace {
        // Values hold no line breaks, so only what stands before on the same line moves.
        let mut column = sent.column;
        for filled in self.values.iter().filter(|filled| filled.line == sent.line && filled.column <= sent.column) {
            let end = filled.column + filled.value;
            let begin = column - (sent.column - filled.column);
            column = if sent.column < end { begin } else { begin + filled.placeholder + (sent.column - end) };
        }
        SqlPlace { line: sent.line, column }
    }

    /// Two lines for people: the script's own line, and a caret under the place.
    pub fn excerpt(&self, sent: SqlPlace) -> String {
        excerpt(&self.source, self.source_place(sent))
    }
}

/// The place that ends one of BigQuery's messages: `... at [3:5]`.
pub(super) fn place_in(message: &str) -> Option<SqlPlace> {
    let (_, behind) = message.rsplit_once('[')?;
    let (inside, _) = behind.split_once(']')?;
    let (line, column) = inside.split_once(':')?;
    let (line, column) = (line.trim().parse().ok()?, column.trim().parse().ok()?);
    (line > 0 && column > 0).then_some(SqlPlace { line, column })
}

/// A shipped script by its name, with or without `.sql`.
pub(super) fn shipped(name: &str) -> Option<&'static super::ShippedScript> {
    let wanted = name.strip_suffix(".sql").unwrap_or(name);
    SHIPPED_SCRIPTS.iter().find(|script| script.name == wanted)
}

fn place_at(text: &str, offset: usize) -> SqlPlace {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    SqlPlace { line: before.matches('\n').count() + 1, column }
}

fn excerpt(source: &str, place: SqlPlace) -> String {
    /// Wider lines are cut round the place.
    const WIDTH: usize = 100;
    let line = source.split('\n').nth(place.line - 1).unwrap_or_default().trim_end_matches('\r');
    let cut = (place.column - 1).saturating_sub(WIDTH * 3 / 4);
    let shown: String = line.chars().skip(cut).take(WIDTH).map(|c| if c == '\t' { ' ' } else { c }).collect();
    let number = place.line.to_string();
    let pad = " ".repeat((place.column - 1 - cut).min(shown.chars().count()));
    format!("{number} | {}\n{} | {pad}^", shown.trim_end(), " ".repeat(number.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> ScriptNames {
        ScriptNames {
            project: "my-project".parse().unwrap(),
            dataset: "d".parse().unwrap(),
            bucket: Some("my-bucket".parse().unwrap()),
        }
    }

    fn fill(source: &str) -> Result<Script, ScriptError> {
        Script::fill("s.sql", source, &names())
    }

    #[test]
    fn placeholders_are_filled_and_nothing_else_is_touched() {
        let script =
            fill("SELECT '$' , `${project}.${dataset}.t`, 'gs://${bucket}/x' -- $project {dataset}\n").unwrap();
        assert_eq!(script.text(), "SELECT '$' , `my-project.d.t`, 'gs://my-bucket/x' -- $project {dataset}\n");
    }

    #[test]
    fn a_wrong_placeholder_is_named_with_its_place_before_anything_runs() {
        let check = |source: &str, expected: &str| assert_eq!(fill(source).unwrap_err().to_string(), expected);
        let known = "there are `${project}`, `${dataset}`, `${bucket}`";
        check("SELECT 1;\n  é ${table}", &format!("s.sql:2:5: there is no placeholder `${{table}}`: {known}"));
        check("${}", &format!("s.sql:1:1: there is no placeholder `${{}}`: {known}"));
        check("a ${project", "s.sql:1:3: the placeholder is not closed: expected `}`");
        check("a\n${project\n}", "s.sql:2:1: the placeholder is not closed: expected `}`");
        check("${ project }", "s.sql:1:1: the placeholder is not closed: expected `}`");
        check(" \n", "s.sql: there is nothing in it");
        let error = Script::fill("s.sql", "${bucket}", &ScriptNames { bucket: None, ..names() }).unwrap_err();
        assert_eq!(error.to_string(), "s.sql:1:1: there is no value for `${bucket}`");
    }

    #[test]
    fn a_place_in_what_was_sent_is_found_in_what_was_written() {
        let source = "SELECT 1;\nSELECT x FROM `${project}.${dataset}.t` JOIN y";
        let script = fill(source).unwrap();
        let check = |word: &str| {
            let offset = script.text().find(word).unwrap();
            let expected = place_at(source, source.find(word).unwrap());
            assert_eq!(script.source_place(place_at(script.text(), offset)), expected, "{word}");
        };
        for word in ["1;", "x FROM", ".t`", "JOIN", " y"] {
            check(word);
        }
        // In a value: where its placeholder begins.
        let inside = script.source_place(SqlPlace { line: 2, column: 18 });
        assert_eq!(inside, place_at(source, source.find("${project}").unwrap()));
        let inside = script.source_place(SqlPlace { line: 2, column: 27 });
        assert_eq!(inside, place_at(source, source.find("${dataset}").unwrap()));
    }

    #[test]
    fn an_excerpt_has_a_caret_under_the_place() {
        let script = fill("SELECT 1;\nSELECT `${project}`, foo").unwrap();
        assert_eq!(
            script.excerpt(SqlPlace { line: 2, column: 22 }),
            "2 | SELECT `${project}`, foo\n  |                      ^"
        );
        let wide = fill(&format!("SELECT {} foo", "x".repeat(500))).unwrap();
        let text = wide.excerpt(SqlPlace { line: 1, column: 509 });
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].len() < 110 && lines[0].ends_with("foo"), "{text}");
        assert_eq!(lines[1].find('^'), lines[0].find("foo"), "{text}");
    }

    #[test]
    fn the_place_of_a_message_is_its_last() {
        let check = |message: &str, expected: Option<(usize, usize)>| {
            assert_eq!(place_in(message).map(|place| (place.line, place.column)), expected, "{message}");
        };
        check("Unrecognized name: foo at [3:15]", Some((3, 15)));
        check("Query error: x at [1:2] in [4:5]", Some((4, 5)));
        check("Not found: Dataset p:d", None);
        check("at [0:1]", None);
        check("at [1:x]", None);
        check("[", None);
    }

    proptest! {
        #[test]
        fn any_text_is_filled_or_refused(text in "(\\PC|\\$\\{|\\}|project|\n){0,60}", line in 1usize..9, column in 1usize..99) {
            if let Ok(script) = fill(&text) {
                let sent = SqlPlace { line, column };
                prop_assert!(script.source_place(sent).column >= 1);
                script.excerpt(sent);
            }
            place_in(&text);
        }
    }
}
