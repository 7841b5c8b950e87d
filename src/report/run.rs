//! One run of a command: its phases go in, renderings come out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::bars::Bars;
use super::event::{Event, Phase, PhaseState, PhaseTime};
use super::lines::Lines;
use super::printer::Printer;
use super::style::{Looks, OutputFormat, Progress};

/// Where a command says what it does. Cheap to share; every method takes `&self`.
#[derive(Debug)]
pub struct Report {
    printer: Arc<Printer>,
    ndjson: bool,
    quiet: u8,
    verbose: u8,
    started: Instant,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
struct Shown {
    renderer: Renderer,
    times: Vec<PhaseTime>,
    /// The phase that started last: where an error belongs.
    last: Option<Phase>,
}

#[derive(Debug)]
enum Renderer {
    Bars(Bars),
    Lines(Lines),
    None,
}

/// A phase under way.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    pub phase: Phase,
    since: Instant,
}

impl Running {
    /// A phase that began at `since`, though it is reported only now.
    pub fn since(self, since: Instant) -> Self {
        Self { since, ..self }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Report {
    /// `quiet` and `verbose` are how often `-q` and `-v` were given.
    pub fn new(printer: Arc<Printer>, looks: Looks, output: OutputFormat, quiet: u8, verbose: u8) -> Self {
        let renderer = match looks.progress {
            _ if quiet > 0 || output == OutputFormat::Ndjson => Renderer::None,
            Progress::Bars => Renderer::Bars(Bars::new(looks.color_err, Phase::ALL.len())),
            Progress::Lines => Renderer::Lines(Lines::default()),
            Progress::None => Renderer::None,
        };
        let shown = Mutex::new(Shown { renderer, times: Vec::new(), last: None });
        Self { printer, ndjson: output == OutputFormat::Ndjson, quiet, verbose, started: Instant::now(), shown }
    }

    pub fn start(&self, phase: Phase, message: Option<&str>) -> Running {
        let running = Running { phase, since: Instant::now() };
        self.send(&running, PhaseState::Started, None, message.map(str::to_owned));
        running
    }

    /// `done` of `total` (when known) `unit`s.
    pub fn progress(&self, running: &Running, done: u64, total: Option<u64>, unit: &'static str) {
        self.send(running, PhaseState::Progress, Some((done, total, unit)), None);
    }

    /// As [`Report::progress`], with whom it waits for, if it does.
    pub fn progress_or_wait(
        &self,
        running: &Running,
        done: u64,
        total: Option<u64>,
        unit: &'static str,
        waiting: Option<String>,
    ) {
        self.send(running, PhaseState::Progress, Some((done, total, unit)), waiting);
    }

    pub fn finish(&self, running: Running, message: impl Into<Option<String>>) {
        self.send(&running, PhaseState::Finished, None, message.into());
    }

    /// As [`Report::finish`], with the final amount.
    pub fn finish_with(&self, running: Running, done: u64, unit: &'static str, message: String) {
        self.send(&running, PhaseState::Finished, Some((done, Some(done), unit)), Some(message));
    }

    pub fn skip(&self, phase: Phase, reason: &str) {
        let running = Running { phase, since: Instant::now() };
        self.send(&running, PhaseState::Skipped, None, Some(reason.to_owned()));
    }

    pub fn fail(&self, running: Running, message: &str) {
        self.send(&running, PhaseState::Failed, None, Some(message.to_owned()));
    }

    /// One line for people: what is worth knowing. Silenced by `-q`.
    pub fn note(&self, text: &str) {
        if self.quiet == 0 {
            self.talk(text);
        }
    }

    /// One line with a reason, shown with `-v`.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 && self.quiet == 0 {
            self.talk(text);
        }
    }

    /// A line that even `-q` shows, as errors are; `-qq` silences it.
    pub fn talk_always(&self, text: &str) {
        if self.quiet < 2 {
            self.talk(text);
        }
    }

    /// Takes the bars off the screen: before a result, an error or the end.
    pub fn clear(&self) {
        if let Renderer::Bars(bars) = &mut self.lock().renderer {
            bars.clear();
        }
    }

    /// How long each finished phase took, in their order.
    pub fn times(&self) -> Vec<PhaseTime> {
        let mut times = self.lock().times.clone();
        times.sort_by_key(|time| time.phase);
        times
    }

    pub fn last_phase(&self) -> Option<Phase> {
        self.lock().last
    }

    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn talk(&self, text: &str) {
        match &self.lock().renderer {
            Renderer::Bars(bars) => bars.above(|| self.printer.talk(text)),
            Renderer::Lines(_) | Renderer::None => self.printer.talk(text),
        }
    }

    fn send(
        &self,
        running: &Running,
        state: PhaseState,
        amount: Option<(u64, Option<u64>, &'static str)>,
        message: Option<String>,
    ) {
        let event = Event {
            phase: running.phase,
            state,
            done: amount.map(|(done, _, _)| done),
            total: amount.and_then(|(_, total, _)| total),
            unit: amount.map(|(_, _, unit)| unit),
            elapsed_ms: running.elapsed_ms(),
            message,
        };
        let mut shown = self.lock();
        match state {
            PhaseState::Started => shown.last = Some(event.phase),
            PhaseState::Finished => {
                shown.times.push(PhaseTime { phase: event.phase, elapsed_ms: event.elapsed_ms });
            }
            PhaseState::Progress | PhaseState::Skipped | PhaseState::Failed => {}
        }
        match &mut shown.renderer {
            Renderer::Bars(bars) => bars.show(&event, &self.printer),
            Renderer::Lines(lines) => {
                if let Some(line) = lines.line(&event, Instant::now()) {
                    self.printer.talk(&line);
                }
            }
            Renderer::None => {}
        }
        if self.ndjson {
            self.printer.json_line(&event);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
