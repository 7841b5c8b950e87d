//! How output may look on this terminal: colour, animation, width. Decided once, from what is known of the streams.

use std::env;
use std::io::IsTerminal;

use clap::ValueEnum;

/// `--output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// One document when the command ends, also for errors.
    Json,
    /// One event a line as it happens; the last one is that document.
    Ndjson,
}

/// `--progress`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressChoice {
    /// Bars on a terminal, lines elsewhere.
    Auto,
    /// Bars that move.
    Bars,
    /// One line when a phase starts, one when it ends.
    Lines,
    /// Nothing.
    None,
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// What is known of the streams and their surroundings.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    pub out_is_terminal: bool,
    pub err_is_terminal: bool,
    /// Columns of the terminal at standard error, if known.
    pub columns: Option<u16>,
    pub no_color: Option<String>,
    pub clicolor: Option<String>,
    pub clicolor_force: Option<String>,
    pub force_color: Option<String>,
    pub term: Option<String>,
    pub ci: Option<String>,
}

impl Terminal {
    /// Looks at this process's own streams and environment.
    pub fn detect() -> Self {
        let var = |name: &str| env::var(name).ok();
        Self {
            out_is_terminal: std::io::stdout().is_terminal(),
            err_is_terminal: std::io::stderr().is_terminal(),
            columns: columns(),
            no_color: var("NO_COLOR"),
            clicolor: var("CLICOLOR"),
            clicolor_force: var("CLICOLOR_FORCE"),
            force_color: var("FORCE_COLOR"),
            term: var("TERM"),
            ci: var("CI"),
        }
    }

    fn is_dumb(&self) -> bool {
        self.term.as_deref().is_none_or(|term| term.is_empty() || term == "dumb")
    }
}

/// The width of the terminal at standard error: asked anew each time, because windows are resized.
pub(super) fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

/// The renderer for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Bars,
    Lines,
    None,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    pub color_out: bool,
    pub color_err: bool,
    pub progress: Progress,
}

impl Looks {
    /// Colour is decided per stream; animation needs a terminal that is able to do it.
    pub fn decide(color: ColorChoice, progress: ProgressChoice, terminal: &Terminal) -> Self {
        Self {
            color_out: color_on(color, terminal.out_is_terminal, terminal),
            color_err: color_on(color, terminal.err_is_terminal, terminal),
            progress: renderer(progress, terminal),
        }
    }
}

/// Flag, `NO_COLOR`, `CLICOLOR_FORCE` or `FORCE_COLOR`, `CLICOLOR=0`, `TERM`, then whether the stream is a terminal.
fn color_on(choice: ColorChoice, stream_is_terminal: bool, terminal: &Terminal) -> bool {
    let is_set = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
    let is_forced = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty() && text != "0");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if is_set(&terminal.no_color) => false,
        ColorChoice::Auto if is_forced(&terminal.clicolor_force) || is_forced(&terminal.force_color) => true,
        ColorChoice::Auto if terminal.clicolor.as_deref() == Some("0") => false,
        ColorChoice::Auto if terminal.is_dumb() => false,
        ColorChoice::Auto => stream_is_terminal,
    }
}

fn renderer(choice: ProgressChoice, terminal: &Terminal) -> Progress {
    let can_draw = terminal.err_is_terminal && !terminal.is_dumb() && terminal.columns.is_some();
    let in_ci = terminal.ci.as_deref().is_some_and(|ci| !ci.is_empty() && ci != "false" && ci != "0");
    match choice {
        ProgressChoice::None => Progress::None,
        ProgressChoice::Lines => Progress::Lines,
        ProgressChoice::Bars if can_draw => Progress::Bars,
        ProgressChoice::Auto if can_draw && !in_ci => Progress::Bars,
        ProgressChoice::Bars | ProgressChoice::Auto => Progress::Lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Terminal {
        Terminal {
            out_is_terminal: true,
            err_is_terminal: true,
            columns: Some(100),
            term: Some("xterm-256color".into()),
            ..Terminal::default()
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Terminal), color: bool, progress: Progress) {
        let mut terminal = terminal();
        change(&mut terminal);
        let looks = Looks::decide(ColorChoice::Auto, ProgressChoice::Auto, &terminal);
        assert_eq!((looks.color_err, looks.progress), (color, progress));
    }

    #[test]
    fn colour_and_animation_follow_the_usual_signs() {
        check(|_| {}, true, Progress::Bars);
        check(|t| t.no_color = Some("1".into()), false, Progress::Bars);
        check(|t| t.no_color = Some(String::new()), true, Progress::Bars);
        check(|t| t.term = Some("dumb".into()), false, Progress::Lines);
        check(|t| t.term = None, false, Progress::Lines);
        check(|t| t.ci = Some("true".into()), true, Progress::Lines);
        check(|t| t.columns = None, true, Progress::Lines);
        check(|t| t.clicolor = Some("0".into()), false, Progress::Bars);
        check(|t| t.err_is_terminal = false, false, Progress::Lines);
        check(
            |t| {
                t.err_is_terminal = false;
                t.clicolor_force = Some("1".into());
            },
            true,
            Progress::Lines,
        );
        check(
            |t| {
                t.no_color = Some("1".into());
                t.force_color = Some("1".into());
            },
            false,
            Progress::Bars,
        );
    }

    #[test]
    fn colour_is_decided_per_stream() {
        let terminal = Terminal { out_is_terminal: false, ..terminal() };
        let looks = Looks::decide(ColorChoice::Auto, ProgressChoice::Auto, &terminal);
        assert!(looks.color_err && !looks.color_out);
    }

    #[test]
    fn a_flag_wins_over_the_environment() {
        let terminal = Terminal { no_color: Some("1".into()), ..terminal() };
        assert!(Looks::decide(ColorChoice::Always, ProgressChoice::None, &terminal).color_err);
        assert_eq!(Looks::decide(ColorChoice::Always, ProgressChoice::None, &terminal).progress, Progress::None);
    }
}
