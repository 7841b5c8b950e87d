//! The renderer for terminals: a spinner or a bar for each phase under way, a line for each one that ended.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::event::{Event, Phase, PhaseState};
use super::lines;
use super::numbers::{self, seconds};
use super::printer::Printer;
use super::style;

/// Redraws a second, at most.
const REDRAWS: u8 = 12;
const SPIN: Duration = Duration::from_millis(100);

/// The bars on the screen.
#[derive(Debug)]
pub(super) struct Bars {
    screen: MultiProgress,
    running: BTreeMap<Phase, (ProgressBar, Shape)>,
    color: bool,
    phases: usize,
}

/// What a bar shows: the narrower the window, the less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    width: Width,
    has_total: bool,
    /// It says whom it waits for, instead of how far it is.
    waits: bool,
    is_bytes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// Bar, amount, rate and time left.
    Full,
    /// Bar and amount.
    NoRate,
    /// Percent only.
    NoBar,
    /// `3/9 topic`.
    Tiny,
}

impl Width {
    fn of(columns: u16) -> Self {
        match columns {
            80.. => Width::Full,
            60..80 => Width::NoRate,
            40..60 => Width::NoBar,
            _ => Width::Tiny,
        }
    }
}

impl Bars {
    pub(super) fn new(color: bool, phases: usize) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        Self { screen, running: BTreeMap::new(), color, phases }
    }

    pub(super) fn show(&mut self, event: &Event, printer: &Printer) {
        match event.state {
            PhaseState::Started => self.start(event),
            PhaseState::Progress => self.advance(event),
            PhaseState::Finished => self.end(event, printer, self.paint("32", "✓")),
            PhaseState::Skipped => self.end(event, printer, self.paint("2", "-")),
            PhaseState::Failed => self.end(event, printer, self.paint("31", "✗")),
        }
    }

    /// Writes a line above the bars.
    pub(super) fn above(&self, write: impl FnOnce()) {
        self.screen.suspend(write);
    }

    /// Takes every bar off the screen, so that what follows starts on a clean line.
    pub(super) fn clear(&mut self) {
        for (_, (bar, _)) in std::mem::take(&mut self.running) {
            bar.finish_and_clear();
        }
    }

    fn start(&mut self, event: &Event) {
        let shape = self.shape(event);
        let bar = self.screen.add(ProgressBar::new(event.total.unwrap_or(0)));
        bar.set_style(shape_style(shape, self.color, self.phases, event.phase));
        bar.set_prefix(event.phase.name());
        bar.set_message(event.message.clone().unwrap_or_default());
        bar.enable_steady_tick(SPIN);
        self.running.insert(event.phase, (bar, shape));
    }

    fn advance(&mut self, event: &Event) {
        let shape = self.shape(event);
        let (color, phases) = (self.color, self.phases);
        let Some((bar, shown)) = self.running.get_mut(&event.phase) else { return };
        if *shown != shape {
            bar.set_style(shape_style(shape, color, phases, event.phase));
            *shown = shape;
        }
        if let Some(total) = event.total {
            bar.set_length(total);
        }
        bar.set_position(event.done.unwrap_or(0));
        if let Some(message) = &event.message {
            // While it waits: how far it is, and why it stands.
            bar.set_message(format!("{}: {message}", lines::amount(event)));
        }
    }

    fn end(&mut self, event: &Event, printer: &Printer, mark: String) {
        if let Some((bar, _)) = self.running.remove(&event.phase) {
            bar.finish_and_clear();
        }
        let time = seconds(Duration::from_millis(event.elapsed_ms));
        let columns = usize::from(style::columns().unwrap_or(80));
        let text = match (event.state, &event.message) {
            (PhaseState::Skipped, Some(message)) => format!("{:<10} {message}", event.phase.name()),
            (_, Some(message)) => format!("{:<10} {time:>8}  {message}", event.phase.name()),
            (_, None) => format!("{:<10} {time:>8}", event.phase.name()),
        };
        let text = cut(&text, columns.saturating_sub(2));
        self.above(|| printer.talk(&format!("{mark} {text}")));
    }

    fn shape(&self, event: &Event) -> Shape {
        let columns = style::columns().unwrap_or(80);
        Shape {
            width: Width::of(columns),
            has_total: event.total.is_some_and(|total| total > 0),
            waits: event.state == PhaseState::Progress && event.message.is_some(),
            is_bytes: event.unit == Some("bytes"),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Cuts `text` to `columns` with an ellipsis. Our texts are one column a character.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn shape_style(shape: Shape, color: bool, phases: usize, phase: Phase) -> ProgressStyle {
    let number = Phase::ALL.iter().position(|other| *other == phase).map_or(0, |place| place + 1);
    let (done, all, rate) = match shape.is_bytes {
        true => ("{binary_bytes}", "{binary_total_bytes}", "{binary_bytes_per_sec:>12}"),
        false => ("{human_pos}", "{human_len}", "{rate:>9}"),
    };
    let bar = if color { "{bar:24.cyan/blue}" } else { "{bar:24}" };
    let template = match (shape.width, shape.has_total) {
        (Width::Tiny, _) if shape.waits => format!("{number}/{phases} {{prefix}} waits"),
        (Width::Tiny, _) => format!("{number}/{phases} {{prefix}}"),
        _ if shape.waits => "{spinner} {prefix:10} {wide_msg}".to_owned(),
        (Width::NoBar, true) => "{spinner} {prefix:10} {percent}%".to_owned(),
        (Width::NoRate, true) => format!("{{spinner}} {{prefix:10}} {bar} {done}/{all}"),
        (Width::Full, true) => {
            format!("{{spinner}} {{prefix:10}} {bar} {done}/{all} {rate} {{left}}")
        }
        (_, false) => "{spinner} {prefix:10} {wide_msg}".to_owned(),
    };
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("rate", write_rate).with_key("left", write_left).progress_chars("━╸─")
}

/// `3,023/s`: indicatif's own rate has ten decimals.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is finite and positive; a cast saturates"
)]
fn write_rate(state: &ProgressState, text: &mut dyn fmt::Write) {
    // A bar that can't be written is drawn again in a moment.
    write!(text, "{}/s", numbers::count(state.per_sec().round() as u64)).ok();
}

/// `3s left`; nothing is known while nothing moves.
fn write_left(state: &ProgressState, text: &mut dyn fmt::Write) {
    if state.per_sec() > 0.0 {
        write!(text, "{:>4} left", format!("{:#}", HumanDuration(state.eta()))).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_valid() {
        for width in [Width::Full, Width::NoRate, Width::NoBar, Width::Tiny] {
            for (has_total, waits) in [(true, false), (false, false), (true, true), (false, true)] {
                for is_bytes in [true, false] {
                    let _ = shape_style(Shape { width, has_total, waits, is_bytes }, true, 9, Phase::Pull);
                }
            }
        }
    }

    #[test]
    fn narrow_windows_drop_rate_then_bar_then_all_but_the_phase() {
        let widths =
            [(120, Width::Full), (80, Width::Full), (79, Width::NoRate), (59, Width::NoBar), (39, Width::Tiny)];
        for (columns, width) in widths {
            assert_eq!(Width::of(columns), width);
        }
    }

    #[test]
    fn long_lines_are_cut_with_an_ellipsis() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
    }
}
