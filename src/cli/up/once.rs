//! What a command that brings a stack up for a short while (`smoke`) asks of the flags of `up`.

use std::time::Duration;

use super::plan::{asked_source, simulated};
use super::{Ports, UpArgs};
use crate::cli::failure::Failure;
use crate::cli::ticks::TimeChoice;
use crate::tick::{ReadOptions, TickSource};

impl UpArgs {
    /// A flag that was given and makes no sense where the stack is gone in a moment.
    pub(in crate::cli) fn flag_for_longer(&self) -> Option<&'static str> {
        let given = [
            (self.live, "--live"),
            (self.attach, "--attach"),
            (self.open, "--open"),
            (self.no_stream, "--no-stream"),
            (self.replay, "--replay"),
        ];
        given.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }

    /// What is streamed into a new project.
    pub(in crate::cli) fn source(&self) -> Result<TickSource, Failure> {
        Ok(asked_source(self)?.unwrap_or(TickSource::Sample))
    }

    /// How it is read.
    pub(in crate::cli) fn read_options(&self) -> Result<ReadOptions, Failure> {
        self.read.options(&[])
    }

    pub(in crate::cli) fn skips_invalid(&self) -> bool {
        self.skip_invalid
    }

    /// Whether the last tick is to be of now.
    pub(in crate::cli) fn ends_now(&self) -> bool {
        self.time == TimeChoice::Now
    }

    /// `--timeout`.
    pub(in crate::cli) fn patience(&self) -> Duration {
        self.timeout
    }

    /// On free ports, unless some were asked for.
    pub(in crate::cli) fn or_free_ports(mut self) -> Self {
        if self.port_base.is_none() {
            self.ports = Some(Ports::Auto);
        }
        self
    }

    /// With all of the cloud half where `--cloud` is given.
    pub(in crate::cli) fn or_whole_cloud(mut self) -> Self {
        self.cloud = self.cloud.or_whole();
        self
    }

    pub(in crate::cli) fn pushes(&self) -> bool {
        self.cloud.is_asked()
    }

    pub(in crate::cli) fn runs_scripts(&self) -> bool {
        self.cloud.runs_scripts()
    }

    /// The same stack, with so many simulated ticks as the next stream. Gives what those are, too.
    pub(in crate::cli) fn with_simulated(&self, ticks: u64, rate: Option<f64>) -> (Self, TickSource) {
        let cloud = self.cloud.clone().nothing();
        (Self { data: None, ticks: Some(ticks), rate, cloud, ..self.clone() }, simulated(ticks))
    }

    /// How many ticks were asked for with `--ticks`.
    pub(in crate::cli) fn simulated_ticks(&self) -> Option<u64> {
        self.ticks
    }
}
