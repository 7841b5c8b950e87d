//! A container's log, as lines.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::engine::{Engine, EngineError};

/// What of a log is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogRange {
    /// Only the last lines, if so many are said.
    pub tail: Option<usize>,
    /// Seconds since 1970; zero is the beginning.
    pub since: i64,
    pub follow: bool,
}

impl Engine {
    /// The lines of a container's log, in order; with `follow` for as long as it runs.
    pub fn log_lines<'a>(&'a self, id: &str, range: LogRange) -> BoxStream<'a, Result<String, EngineError>> {
        let tail = range.tail.map_or_else(|| "all".to_owned(), |tail| tail.to_string());
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .follow(range.follow)
            .since(i32::try_from(range.since).unwrap_or(0))
            .tail(&tail)
            .build();
        let pieces = self.docker.logs(id, Some(options));
        let lines = pieces.scan(Splitter::default(), |splitter, piece| {
            let lines: Vec<Result<String, EngineError>> = match piece {
                Ok(piece) => splitter.lines(&piece).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(EngineError::of("read the log", &error))],
            };
            std::future::ready(Some(lines))
        });
        lines.flat_map(futures_util::stream::iter).boxed()
    }

    /// The last `count` lines; none when the log can't be read.
    pub async fn last_lines(&self, id: &str, count: usize) -> Vec<String> {
        let lines = self.log_lines(id, LogRange { tail: Some(count), ..LogRange::default() });
        lines.filter_map(|line| std::future::ready(line.ok())).take(count).collect().await
    }
}

/// Cuts what comes into lines. The engine sends whole lines as a rule, but long ones in pieces.
#[derive(Debug, Default)]
struct Splitter {
    rest: Vec<u8>,
}

/// A line that never ends is cut here.
const LINE_BYTES_MAX: usize = 64 * 1024;

impl Splitter {
    fn lines(&mut self, piece: &LogOutput) -> Vec<String> {
        let bytes = match piece {
            LogOutput::StdErr { message }
            | LogOutput::StdOut { message }
            | LogOutput::StdIn { message }
            | LogOutput::Console { message } => message,
        };
        self.rest.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            lines.push(clean(&line));
        }
        if self.rest.len() > LINE_BYTES_MAX {
            lines.push(clean(&std::mem::take(&mut self.rest)));
        }
        lines
    }
}

/// Without line end and without colours: they are somebody else's, for another terminal.
fn clean(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim_end_matches(['\r', '\n']).chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                // A control sequence ends with its first letter.
                for c in chars.by_ref() {
                    if c.is_ascii_alphabetic() {
                        break;
                    }
                }
            }
            c if c.is_control() && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines_without_colours() {
        let mut splitter = Splitter::default();
        let mut lines =
            |text: &str| splitter.lines(&LogOutput::StdOut { message: text.to_owned().into_bytes().into() });
        assert_eq!(lines("one\ntw"), ["one"]);
        assert_eq!(lines("o\r\n\u{1b}[31mred\u{1b}[0m\n"), ["two", "red"]);
        assert_eq!(lines(&"x".repeat(LINE_BYTES_MAX + 1)).len(), 1);
    }
}
