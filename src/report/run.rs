//! One run of a command: its phases go in, renderings come out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::bars::Bars;
use super::event::{Event, Phase, PhaseState, PhaseTime};
use super::github::{self, Annotation, GitHub, Groups};
use super::lines::Lines;
use super::printer::Printer;
use super::style::{Looks, OutputFormat, Progress};

/// Where a command says what it does. Cheap to share; every method takes `&self`.
#[derive(Debug)]
pub struct Report {
    printer: Arc<Printer>,
    output: OutputFormat,
    quiet: u8,
    verbose: u8,
    started: Instant,
    github: Option<GitHub>,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
struct Shown {
    renderer: Renderer,
    groups: Groups,
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

    pub fn phase(&self) -> Phase {
        self.phase
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
        let shown = Mutex::new(Shown { renderer, groups: Groups::default(), times: Vec::new(), last: None });
        Self { printer, output, quiet, verbose, started: Instant::now(), github: GitHub::detect(), shown }
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

    /// A line of the result, as soon as it is known: on standard output where that is for people, else beside it.
    pub fn say(&self, text: &str) {
        match self.output {
            OutputFormat::Text if self.quiet < 2 => self.above(|printer| printer.out(text)),
            OutputFormat::Json => self.note(text),
            OutputFormat::Text | OutputFormat::Ndjson => {}
        }
    }

    /// An event that belongs to no phase: a line of `--output ndjson`.
    pub fn event<T: Serialize>(&self, event: &T) {
        if self.output == OutputFormat::Ndjson {
            self.printer.json_line(event);
        }
    }

    /// In a workflow of GitHub, puts the lines that follow into a group of this name.
    pub fn section(&self, name: &str) {
        if self.github.is_some() {
            let commands = self.lock().groups.section(name);
            self.command(&commands);
        }
    }

    /// Ends the group that [`Report::section`] began.
    pub fn end_section(&self) {
        let commands = {
            let mut shown = self.lock();
            if shown.groups.in_section() { shown.groups.close() } else { Vec::new() }
        };
        self.command(&commands);
    }

    /// In a workflow of GitHub, shows these errors beside the step, as many as there is room for.
    pub fn annotate(&self, annotations: &[Annotation]) {
        if self.github.is_some() {
            self.command(&github::error_commands(annotations));
        }
    }

    /// In a workflow of GitHub, hides `secret` in everything that is printed from now on, by whomever.
    pub fn mask(&self, secret: &str) {
        if self.github.is_some() {
            self.command(&github::mask_commands(secret));
        }
    }

    /// In a workflow of GitHub, appends to the step's summary.
    pub fn summarise(&self, markdown: &str) -> std::io::Result<()> {
        self.github.as_ref().map_or(Ok(()), |github| github.summarise(markdown))
    }

    /// GitHub reads both streams: a document on standard output stays the only thing there.
    fn command(&self, commands: &[String]) {
        for command in commands.iter().filter(|_| self.quiet < 2) {
            match self.output {
                OutputFormat::Text => self.above(|printer| printer.out(command)),
                OutputFormat::Json | OutputFormat::Ndjson => self.talk(command),
            }
        }
    }

    /// Takes the bars off the screen: before a result, an error or the end.
    pub fn clear(&self) {
        let mut shown = self.lock();
        if let Renderer::Bars(bars) = &mut shown.renderer {
            bars.clear();
        }
        // A phase that did not end leaves its group open.
        if !shown.groups.in_section() {
            for command in shown.groups.close() {
                self.printer.talk(&command);
            }
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
        self.above(|printer| printer.talk(text));
    }

    fn above(&self, write: impl FnOnce(&Printer)) {
        match &self.lock().renderer {
            Renderer::Bars(bars) => bars.above(|| write(&self.printer)),
            Renderer::Lines(_) | Renderer::None => write(&self.printer),
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
        let Shown { renderer, groups, .. } = &mut *shown;
        match renderer {
            Renderer::Bars(bars) => bars.show(&event, &self.printer),
            Renderer::Lines(lines) => {
                let line = lines.line(&event, Instant::now());
                // Groups go where the lines go, so that the order holds.
                let (before, after) = match self.github {
                    Some(_) => (groups.before(&event), groups.after(&event)),
                    None => (Vec::new(), Vec::new()),
                };
                for text in before.iter().chain(&line).chain(&after) {
                    self.printer.talk(text);
                }
            }
            Renderer::None => {}
        }
        if self.output == OutputFormat::Ndjson {
            self.printer.json_line(&event);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
