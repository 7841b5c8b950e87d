//! One check: what was found, what is needed, what to do; and which stacks it keeps from running.

use serde_json::{Map, Value, json};

use crate::cli::global::StackChoice;
use crate::stack::StackKind;

/// How a check came out, for the stack that was asked for. The worst one is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Ok,
    Warning,
    Problem,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "problem",
        }
    }

    /// A word, because a colour may be off or not seen.
    fn mark(self, color: bool) -> String {
        let (word, code) = match self {
            State::Ok => ("ok  ", "32"),
            State::Warning => ("warn", "33"),
            State::Problem => ("FAIL", "1;31"),
        };
        if color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
    }
}

/// The areas, in the order they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Engine,
    Machine,
    Ports,
    Surroundings,
}

impl Group {
    pub(super) const ALL: [Group; 4] = [Group::Engine, Group::Machine, Group::Ports, Group::Surroundings];

    pub(super) fn title(self) -> &'static str {
        match self {
            Group::Engine => "Container engine",
            Group::Machine => "Machine",
            Group::Ports => "Ports",
            Group::Surroundings => "Surroundings",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    Good,
    /// Works, but someone should know.
    Advice,
    /// These stacks can't run; `up` would end with this code.
    Blocks(&'static [StackKind], u8),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Check {
    pub(super) group: Group,
    /// Stable: programs look checks up by it.
    pub(super) id: String,
    found: String,
    needed: String,
    fix: Option<String>,
    /// More lines for people.
    details: Vec<String>,
    /// More fields for programs.
    extra: Map<String, Value>,
    verdict: Verdict,
}

impl Check {
    /// A check that came out well.
    pub(super) fn new(
        group: Group,
        id: impl Into<String>,
        found: impl Into<String>,
        needed: impl Into<String>,
    ) -> Self {
        Self {
            group,
            id: id.into(),
            found: found.into(),
            needed: needed.into(),
            fix: None,
            details: Vec::new(),
            extra: Map::new(),
            verdict: Verdict::Good,
        }
    }

    /// It did not, but nothing is kept from running.
    pub(super) fn advice(mut self) -> Self {
        self.verdict = Verdict::Advice;
        self
    }

    /// It keeps `stacks` from running; `up` would end with `code`.
    pub(super) fn blocking(mut self, stacks: &'static [StackKind], code: u8) -> Self {
        self.verdict = Verdict::Blocks(stacks, code);
        self
    }

    pub(super) fn fix(mut self, text: impl Into<String>) -> Self {
        self.fix = Some(text.into());
        self
    }

    /// It came out well after all: nothing is to be done.
    pub(super) fn without_fix(mut self) -> Self {
        self.fix = None;
        self
    }

    pub(super) fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    pub(super) fn field(mut self, name: &str, value: Value) -> Self {
        self.extra.insert(name.to_owned(), value);
        self
    }

    pub(super) fn blocks(&self, stack: StackKind) -> bool {
        matches!(self.verdict, Verdict::Blocks(stacks, _) if stacks.contains(&stack))
    }

    /// What `up` would end with because of this.
    pub(super) fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Blocks(_, code) => code,
            Verdict::Good | Verdict::Advice => 0,
        }
    }

    /// What keeps only a stack that was not asked for is a warning. `auto` falls back on the embedded one.
    pub(super) fn state(&self, choice: StackChoice) -> State {
        let asked = match choice {
            StackChoice::Auto | StackChoice::Embedded => Some(StackKind::Embedded),
            StackChoice::Docker => Some(StackKind::Docker),
            StackChoice::External => None,
        };
        match (&self.verdict, asked) {
            (Verdict::Good, _) => State::Ok,
            (Verdict::Blocks(stacks, _), Some(asked)) if stacks.contains(&asked) => State::Problem,
            (Verdict::Advice | Verdict::Blocks(..), _) => State::Warning,
        }
    }

    /// For people: one line, and below it what is needed and what helps when it did not come out well.
    pub(super) fn lines(&self, choice: StackChoice, width: usize, color: bool) -> Vec<String> {
        let state = self.state(choice);
        let mut lines = vec![format!("  {}  {:<width$}  {}", state.mark(color), self.id, self.found)];
        let indent = " ".repeat(width + 10);
        lines.extend(self.details.iter().map(|detail| format!("{indent}{detail}")));
        if state != State::Ok {
            lines.push(format!("{indent}needed: {}", self.needed));
            lines.extend(self.fix.iter().map(|fix| format!("{indent}fix: {fix}")));
        }
        lines
    }

    pub(super) fn document(&self, choice: StackChoice) -> Value {
        let mut document = json!({
            "id": self.id,
            "state": self.state(choice).name(),
            "found": self.found,
            "needed": self.needed,
            "fix": self.fix,
        });
        if let Some(fields) = document.as_object_mut() {
            fields.extend(self.extra.clone());
        }
        document
    }
}
