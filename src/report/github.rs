//! What GitHub Actions reads in a step's output: groups, annotations, masks; and the step's summary.
//!
//! Commands are lines that start with `::`. The runner takes them from standard output and standard error alike. It shows
//! ten errors a step, so the one that sums up goes first. See "Workflow commands for GitHub Actions" in GitHub's manual.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::event::{Event, Phase, PhaseState};

/// The runner shows no more of a kind for one step.
const ANNOTATIONS_MAX: usize = 10;
/// GitHub drops a summary that is longer, as a whole.
const SUMMARY_BYTES_MAX: usize = 1 << 20;
const END_GROUP: &str = "::endgroup::";

/// An error to be shown beside the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    pub title: String,
    pub message: String,
}

/// This run is a step of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitHub {
    summary: Option<PathBuf>,
}

impl GitHub {
    /// `None` elsewhere.
    pub fn detect() -> Option<Self> {
        Self::from_variables(&|name| std::env::var_os(name))
    }

    fn from_variables(var: &dyn Fn(&str) -> Option<OsString>) -> Option<Self> {
        let is_on = var("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        is_on.then(|| Self { summary: var("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from) })
    }

    /// Appends to the step's summary, so much of it as has room there. Where there is no summary, nothing.
    pub fn summarise(&self, markdown: &str) -> io::Result<()> {
        let Some(path) = &self.summary else { return Ok(()) };
        let mut file: File = OpenOptions::new().append(true).create(true).open(path)?;
        let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        file.write_all(bounded(markdown, SUMMARY_BYTES_MAX.saturating_sub(there)).as_bytes())
    }
}

/// The whole lines of `text` that fit into `bytes_max`, with a last one that says if there were more.
fn bounded(text: &str, bytes_max: usize) -> String {
    const MORE: &str = "\n(the rest did not fit)\n";
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let Some(room) = bytes_max.checked_sub(MORE.len()) else { return String::new() };
    let head = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
    let whole = head.rfind('\n').map_or("", |end| head.get(..=end).unwrap_or_default());
    format!("{whole}{MORE}")
}

/// The command that shows an error.
pub(super) fn error_command(annotation: &Annotation) -> String {
    format!("::error title={}::{}", escape_property(&annotation.title), escape_data(&annotation.message))
}

/// The commands for as many errors as are shown, in their order.
pub(super) fn error_commands(annotations: &[Annotation]) -> Vec<String> {
    annotations.iter().take(ANNOTATIONS_MAX).map(error_command).collect()
}

/// The commands that hide a secret in all that follows: one for each line of it.
pub(super) fn mask_commands(secret: &str) -> Vec<String> {
    secret
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| format!("::add-mask::{}", escape_data(line)))
        .collect()
}

fn group_command(name: &str) -> String {
    format!("::group::{}", escape_data(name))
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text for a cell of a table in Markdown: one line, and nothing in it means anything.
pub fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                out.push('\\');
                out.push(letter);
            }
            _ if letter.is_control() => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}

/// Groups of lines, which can't be nested: what opens one closes the one before.
#[derive(Debug, Default)]
pub(super) struct Groups {
    open: Option<Group>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Phase(Phase),
    /// What a command opened itself; phases within open none.
    Section,
}

impl Groups {
    /// What to print before the lines of an event.
    pub(super) fn before(&mut self, event: &Event) -> Vec<String> {
        if event.state != PhaseState::Started || self.open == Some(Group::Section) {
            return Vec::new();
        }
        let mut commands = self.close();
        commands.push(group_command(event.phase.name()));
        self.open = Some(Group::Phase(event.phase));
        commands
    }

    /// What to print after them.
    pub(super) fn after(&mut self, event: &Event) -> Vec<String> {
        let ends = matches!(event.state, PhaseState::Finished | PhaseState::Failed);
        if ends && self.open == Some(Group::Phase(event.phase)) { self.close() } else { Vec::new() }
    }

    pub(super) fn section(&mut self, name: &str) -> Vec<String> {
        let mut commands = self.close();
        commands.push(group_command(name));
        self.open = Some(Group::Section);
        commands
    }

    /// Whether a section is open.
    pub(super) fn in_section(&self) -> bool {
        self.open == Some(Group::Section)
    }

    pub(super) fn close(&mut self) -> Vec<String> {
        self.open.take().map(|_| END_GROUP.to_owned()).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_on_only_where_the_runner_says_so() {
        let detect = |value: &'static str| {
            GitHub::from_variables(&|name| (name == "GITHUB_ACTIONS" && !value.is_empty()).then(|| value.into()))
        };
        assert_eq!(detect("true"), Some(GitHub { summary: None }));
        assert_eq!(detect("false"), None);
        assert_eq!(detect(""), None);
    }

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let annotation = Annotation { title: "a: 1, 50 %".into(), message: "one\r\ntwo: 50 %, done".into() };
        assert_eq!(error_command(&annotation), "::error title=a%3A 1%2C 50 %25::one%0D%0Atwo: 50 %25, done");
    }

    #[test]
    fn no_more_annotations_than_are_shown() {
        let many: Vec<_> = (0..30).map(|n| Annotation { title: n.to_string(), message: "no".into() }).collect();
        let commands = error_commands(&many);
        assert_eq!(commands.len(), 10);
        assert_eq!(commands[0], "::error title=0::no");
    }

    #[test]
    fn each_line_of_a_secret_is_masked() {
        assert_eq!(mask_commands("a%b\r\n\n c\n"), ["::add-mask::a%25b", "::add-mask:: c"]);
        assert_eq!(mask_commands(""), [""; 0]);
    }

    fn event(phase: Phase, state: PhaseState) -> Event {
        Event { phase, state, done: None, total: None, unit: None, elapsed_ms: 0, message: None }
    }

    #[test]
    fn a_group_ends_where_its_phase_does_or_another_begins() {
        let mut groups = Groups::default();
        let mut seen = Vec::new();
        for (phase, state) in [
            (Phase::Start, PhaseState::Started),
            (Phase::Start, PhaseState::Finished),
            (Phase::Stream, PhaseState::Started),
            (Phase::Index, PhaseState::Started),
            (Phase::Stream, PhaseState::Finished),
            (Phase::Index, PhaseState::Failed),
            (Phase::Verify, PhaseState::Skipped),
        ] {
            let event = event(phase, state);
            seen.extend(groups.before(&event));
            seen.push(format!("{} {state:?}", phase.name()));
            seen.extend(groups.after(&event));
        }
        insta::assert_snapshot!(seen.join("\n"), @r"
        ::group::start
        start Started
        start Finished
        ::endgroup::
        ::group::stream
        stream Started
        ::endgroup::
        ::group::index
        index Started
        stream Finished
        index Failed
        ::endgroup::
        verify Skipped
        ");
    }

    #[test]
    fn phases_within_a_section_open_no_group() {
        let mut groups = Groups::default();
        assert_eq!(groups.section("crash"), ["::group::crash"]);
        assert_eq!(groups.before(&event(Phase::Start, PhaseState::Started)), [""; 0]);
        assert_eq!(groups.after(&event(Phase::Start, PhaseState::Finished)), [""; 0]);
        assert_eq!(groups.section("down"), ["::endgroup::", "::group::down"]);
        assert_eq!(groups.close(), ["::endgroup::"]);
        assert_eq!(groups.close(), [""; 0]);
    }

    #[test]
    fn a_summary_is_appended_and_stays_below_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        let github = GitHub { summary: Some(path.clone()) };
        github.summarise("| one |\n").unwrap();
        github.summarise(&"| row |\n".repeat(200_000)).unwrap();
        github.summarise("| never |\n").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() <= SUMMARY_BYTES_MAX && text.len() > SUMMARY_BYTES_MAX - 100, "{}", text.len());
        assert!(text.starts_with("| one |\n| row |\n") && text.ends_with("| row |\n\n(the rest did not fit)\n"));
        GitHub { summary: None }.summarise("nowhere").unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_is_one_line_with_one_end_of_its_properties(title in any::<String>(), message in any::<String>()) {
            let command = error_command(&Annotation { title, message });
            prop_assert!(!command.contains(['\r', '\n']));
            let (properties, _) = command.strip_prefix("::error title=").unwrap().split_once("::").unwrap();
            prop_assert!(!properties.contains([':', ',']));
        }

        #[test]
        fn any_text_stays_in_its_cell(text in any::<String>()) {
            let cell = cell(&text);
            prop_assert!(!cell.contains(['\n', '\r', '<', '>']));
            prop_assert_eq!(cell.matches('|').count(), cell.matches("\\|").count());
        }
    }
}
