//! What a command says when it fails: what was tried, what came back, what is left running, what to do next.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::explain::ErrorId;
use crate::report::Phase;

/// A failed command, ready to be shown to people and programs.
#[derive(Clone, Debug)]
pub struct Failure {
    pub id: ErrorId,
    pub message: String,
    pub tried: Option<String>,
    pub got: Option<String>,
    pub left: Option<String>,
    pub next: Vec<Next>,
    pub exit_code: u8,
    pub phase: Option<Phase>,
    pub log: Option<PathBuf>,
    /// The last lines of the service that failed, shown above the message.
    pub log_lines: Vec<String>,
}

/// A command that can be pasted, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    pub command: String,
    pub why: &'static str,
}

impl Failure {
    pub fn new(id: ErrorId, message: impl Into<String>) -> Self {
        Self {
            id,
            message: message.into(),
            tried: None,
            got: None,
            left: None,
            next: Vec::new(),
            exit_code: id.exit_code(),
            phase: None,
            log: None,
            log_lines: Vec::new(),
        }
    }

    pub fn tried(mut self, text: impl Into<String>) -> Self {
        self.tried = Some(text.into());
        self
    }

    pub fn got(mut self, text: impl Into<String>) -> Self {
        self.got = Some(text.into());
        self
    }

    pub fn left(mut self, text: impl Into<String>) -> Self {
        self.left = Some(text.into());
        self
    }

    pub fn next(mut self, command: impl Into<String>, why: &'static str) -> Self {
        self.next.push(Next { command: command.into(), why });
        self
    }

    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase.get_or_insert(phase);
        self
    }

    pub fn log(mut self, path: PathBuf) -> Self {
        self.log = Some(path);
        self
    }

    /// For people: the log's last lines if there are any, then at most ten lines, the last ones are what to do.
    pub fn text(&self, color: bool) -> String {
        let paint = |code: &str, text: String| if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text };
        let head = paint("1;31", format!("error[{}]", self.id.name()));
        let mut lines: Vec<String> = self.log_lines.clone();
        lines.push(format!("{head}: {}", first_lines(&self.message, 1)));
        let mut row = |label: &str, text: &str| {
            for (place, line) in text.lines().enumerate() {
                let label = if place == 0 { label } else { "" };
                lines.push(format!("  {label:<7} {line}"));
            }
        };
        if let Some(tried) = &self.tried {
            row("tried", &first_lines(tried, 1));
        }
        if let Some(got) = &self.got {
            row("got", &first_lines(got, 3));
        }
        if let Some(left) = &self.left {
            row("state", &first_lines(left, 1));
        }
        let width = self.next.iter().map(|next| next.command.chars().count()).max().unwrap_or(0);
        let next: Vec<String> =
            self.next.iter().take(3).map(|next| format!("{:<width$}   {}", next.command, next.why)).collect();
        row("next", &next.join("\n"));
        let log = self.log.as_ref().map(|path| format!("    log: {}", path.display())).unwrap_or_default();
        row("more", &format!("stockdev explain {}{log}", self.id.name()));
        lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
    }

    /// The document of an error, whatever the command.
    pub fn document(&self) -> Value {
        json!({
            "state": "failed",
            "error": {
                "id": self.id.name(),
                "message": self.message,
                "tried": self.tried,
                "got": self.got,
                "left": self.left,
                "next": self.next.iter().map(|next| next.command.as_str()).collect::<Vec<_>>(),
                "log": self.log.as_ref().map(|path| path.display().to_string()),
                "log_lines": self.log_lines,
            },
            "phase": self.phase,
            "exit_code": self.exit_code,
        })
    }
}

fn first_lines(text: &str, count: usize) -> String {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).take(count).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure::new(ErrorId::PortTaken, "Elasticsearch cannot listen on 127.0.0.1:9200")
            .tried("bind 127.0.0.1:9200 (default; no flag, no file)")
            .got("address in use, by pid 4242 \"python3 -m http.server 9200\"")
            .left("nothing was started")
            .next("stockdev up --ports auto", "take free ports")
            .next("kill 4242", "free this one")
            .phase(Phase::Start)
            .log("/state/logs/stockdev.log".into())
    }

    #[test]
    fn the_text_says_tried_got_state_next_more() {
        insta::assert_snapshot!(failure().text(false), @r#"
        error[PORT_TAKEN]: Elasticsearch cannot listen on 127.0.0.1:9200
          tried   bind 127.0.0.1:9200 (default; no flag, no file)
          got     address in use, by pid 4242 "python3 -m http.server 9200"
          state   nothing was started
          next    stockdev up --ports auto   take free ports
                  kill 4242                  free this one
          more    stockdev explain PORT_TAKEN    log: /state/logs/stockdev.log
        "#);
    }

    #[test]
    fn however_much_is_said_the_text_has_ten_lines_at_most() {
        let long = "one\ntwo\nthree\nfour\nfive";
        let mut failure = failure().tried(long).got(long).left(long);
        failure.message = long.into();
        for _ in 0..5 {
            failure = failure.next("stockdev status", "look");
        }
        assert_eq!(failure.text(false).lines().count(), 10);
    }

    #[test]
    fn the_document_has_the_same_fields() {
        insta::assert_json_snapshot!(failure().document(), @r#"
        {
          "state": "failed",
          "error": {
            "id": "PORT_TAKEN",
            "message": "Elasticsearch cannot listen on 127.0.0.1:9200",
            "tried": "bind 127.0.0.1:9200 (default; no flag, no file)",
            "got": "address in use, by pid 4242 \"python3 -m http.server 9200\"",
            "left": "nothing was started",
            "next": [
              "stockdev up --ports auto",
              "kill 4242"
            ],
            "log": "/state/logs/stockdev.log",
            "log_lines": []
          },
          "phase": "start",
          "exit_code": 11
        }
        "#);
    }
}
