//! From what each service is at to the phases `pull`, `start` and `wait`, which overlap: a service starts as soon as its own
//! image is in.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::cli::context::Context;
use crate::report::{Phase, Running, bytes};
use crate::stack::docker::{Engine, Published, PullProgress, Service};

/// A service that has not answered for so long shows the last line of its log.
const SLOW: Duration = Duration::from_secs(20);
/// How often that line is read again.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// A number of bytes that has not grown for so long is the whole.
const SETTLED: Duration = Duration::from_secs(1);
/// A line is cut here.
const LINE_CHARS: usize = 160;

/// What one service is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Pulling,
    /// Kibana, until Elasticsearch answers.
    Held,
    Making,
    Waiting {
        id: String,
        since: Instant,
    },
    /// It answers, on this port.
    Ready(u16),
}

/// All services of the stack, and how far each pull is.
#[derive(Debug)]
pub(super) struct Board {
    stages: watch::Sender<Vec<(Service, Stage)>>,
    pub(super) pulls: Vec<(Service, PullProgress)>,
}

impl Board {
    pub(super) fn new(services: &[Service], pulls: &[Service]) -> Self {
        Self {
            stages: watch::Sender::new(services.iter().map(|service| (*service, Stage::Pulling)).collect()),
            pulls: pulls.iter().map(|service| (*service, PullProgress::default())).collect(),
        }
    }

    pub(super) fn set(&self, service: Service, stage: Stage) {
        self.stages.send_modify(|stages| {
            if let Some((_, at)) = stages.iter_mut().find(|(of, _)| *of == service) {
                *at = stage;
            }
        });
    }

    pub(super) fn pull(&self, service: Service) -> Option<&PullProgress> {
        self.pulls.iter().find(|(of, _)| *of == service).map(|(_, progress)| progress)
    }

    /// Tells when a service gets on.
    pub(super) fn subscribe(&self) -> watch::Receiver<Vec<(Service, Stage)>> {
        self.stages.subscribe()
    }

    /// Until `service` answers.
    pub(super) async fn ready(&self, service: Service) {
        let is_ready = |(of, stage): &(Service, Stage)| *of == service && matches!(stage, Stage::Ready(_));
        // The sender lives as long as `self`.
        let _never_closed = self.subscribe().wait_for(|stages| stages.iter().any(is_ready)).await.is_ok();
    }

    /// Those that answer.
    pub(super) fn answering(&self) -> Vec<Service> {
        let stages = self.stages.borrow();
        stages.iter().filter(|(_, stage)| matches!(stage, Stage::Ready(_))).map(|(service, _)| *service).collect()
    }

    /// Where the services answer, or are meant to as in `meant`.
    pub(super) fn ports(&self, meant: Published) -> Published {
        self.stages.borrow().iter().fold(meant, |ports, (service, stage)| match stage {
            Stage::Ready(port) => ports.with(*service, *port),
            _ => ports,
        })
    }

    pub(super) fn is_whole(&self) -> bool {
        self.stages.borrow().iter().all(|(_, stage)| matches!(stage, Stage::Ready(_)))
    }

    fn stages(&self) -> Vec<(Service, Stage)> {
        self.stages.borrow().clone()
    }
}

/// Shows the phases; [`Shown::update`] is called now and then.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    cx: &'a Context,
    pull: Option<Running>,
    start: Option<Running>,
    wait: Option<Running>,
    /// The bytes of all layers that are known of, and since when.
    total: (u64, Instant),
    total_said: bool,
    begun: bool,
    /// The last line of each slow service's log, and when it was read.
    last_lines: Vec<(Service, Instant, String)>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(cx: &'a Context, board: &Board) -> Self {
        let pull = if board.pulls.is_empty() {
            cx.report.skip(Phase::Pull, "the images are here");
            None
        } else {
            let names: Vec<&str> = board.pulls.iter().map(|(service, _)| service.name()).collect();
            Some(cx.report.start(Phase::Pull, Some(&names.join(", "))))
        };
        Self {
            cx,
            pull,
            start: None,
            wait: None,
            total: (0, Instant::now()),
            total_said: false,
            begun: false,
            last_lines: Vec::new(),
        }
    }

    pub(super) fn update(&mut self, board: &Board) {
        let stages = board.stages();
        let report = &self.cx.report;
        if let Some(pull) = self.pull.take() {
            let amounts: Vec<_> = board.pulls.iter().map(|(_, progress)| progress.amount()).collect();
            let (done, total) =
                amounts.iter().fold((0, 0), |(done, total), amount| (done + amount.done, total + amount.total));
            if stages.iter().any(|(_, stage)| *stage == Stage::Pulling) {
                let is_unpacking = total > 0 && done >= total;
                let waiting = is_unpacking.then(|| format!("{} are here, unpacking", bytes(total)));
                report.progress_or_wait(&pull, done, Some(total).filter(|total| *total > 0), "bytes", waiting);
                if total != self.total.0 {
                    self.total = (total, Instant::now());
                }
                // The registry lists its layers one by one.
                if !self.total_said && total > 1 << 20 && self.total.1.elapsed() >= SETTLED {
                    self.total_said = true;
                    report.note(&format!(
                        "{} to pull; layers that are complete stay (`--stack embedded` needs none)",
                        bytes(total)
                    ));
                }
                self.pull = Some(pull);
            } else {
                report.finish_with(pull, done, "bytes", format!("{} pulled", bytes(done)));
            }
        }
        let is_started = |stage: &Stage| matches!(stage, Stage::Waiting { .. } | Stage::Ready(_));
        if !self.begun && stages.iter().any(|(_, stage)| !matches!(stage, Stage::Pulling | Stage::Held)) {
            self.begun = true;
            self.start = Some(report.start(Phase::Start, None));
        }
        if let Some(start) = self.start.take() {
            let first: Vec<_> = stages.iter().filter(|(service, _)| *service != Service::Kibana).collect();
            if first.iter().all(|(_, stage)| is_started(stage)) {
                let names: Vec<&str> = first.iter().map(|(service, _)| service.name()).collect();
                report.finish(start, format!("containers of {}", names.join(" and ")));
                self.wait = Some(report.start(Phase::Wait, None));
            } else {
                self.start = Some(start);
            }
        }
        if let Some(wait) = self.wait.take() {
            let ready = stages.iter().filter(|(_, stage)| matches!(stage, Stage::Ready(_))).count();
            if ready == stages.len() {
                let names: Vec<&str> = stages.iter().map(|(service, _)| service.title()).collect();
                report.finish(wait, format!("{} answer", enumerate(&names)));
            } else {
                let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
                let waiting = Some(self.waits_for(&stages));
                report.progress_or_wait(&wait, count(ready), Some(count(stages.len())), "services", waiting);
                self.wait = Some(wait);
            }
        }
    }

    /// `waiting for Kafka and Elasticsearch, 12 s`, and what the slowest wrote last.
    fn waits_for(&self, stages: &[(Service, Stage)]) -> String {
        let open: Vec<_> = stages.iter().filter(|(_, stage)| !matches!(stage, Stage::Ready(_) | Stage::Held)).collect();
        let names: Vec<&str> = open.iter().map(|(service, _)| service.title()).collect();
        let since = open.iter().filter_map(|(_, stage)| match stage {
            Stage::Waiting { since, .. } => Some(*since),
            _ => None,
        });
        let seconds = since.min().map_or(0, |since| since.elapsed().as_secs());
        let last = open.last().and_then(|(service, _)| self.last_lines.iter().find(|(of, ..)| of == service));
        let last = last.map(|(_, _, line)| format!(": {line}")).unwrap_or_default();
        format!("waiting for {}, {seconds} s{last}", enumerate(&names))
    }

    /// Reads what slow services wrote last.
    pub(super) async fn read_slow(&mut self, board: &Board, engine: &Engine) {
        for (service, stage) in board.stages() {
            let Stage::Waiting { id, since } = stage else { continue };
            let read = self.last_lines.iter().find(|(of, ..)| *of == service).map(|(_, at, _)| *at);
            if since.elapsed() < SLOW || read.is_some_and(|at| at.elapsed() < READ_AGAIN) {
                continue;
            }
            let line = engine.last_lines(&id, 1).await.pop().unwrap_or_default();
            self.last_lines.retain(|(of, ..)| *of != service);
            self.last_lines.push((service, Instant::now(), line.chars().take(LINE_CHARS).collect()));
        }
    }

    /// Marks what was under way as failed.
    pub(super) fn fail(&mut self, message: &str) -> Phase {
        let mut at = Phase::Start;
        for running in [self.wait.take(), self.start.take(), self.pull.take()].into_iter().flatten() {
            at = running.phase();
            self.cx.report.fail(running, message);
        }
        at
    }
}

/// `a, b and c`.
fn enumerate(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(enumerate(&["Kafka"]), "Kafka");
        assert_eq!(enumerate(&["Kafka", "Elasticsearch", "Kibana"]), "Kafka, Elasticsearch and Kibana");
    }
}
