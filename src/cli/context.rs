//! What every command gets: its settings, the folders, the output, whether it was asked to stop.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::global::GlobalArgs;
use super::parse::{Origin, Shower};
use super::stop::{Asked, Stop};
use crate::report::{Looks, OutputFormat, Printer, Report, Terminal};
use crate::stack::embedded::{ServerFile, ServerState};
use crate::stack::{Endpoints, Folders, ProjectFolders, ProjectLock, Record, RecordError, StackKind, external};

#[derive(Debug)]
pub(super) struct Context {
    pub(super) global: GlobalArgs,
    pub(super) secret_origin: BTreeMap<&'static str, Origin>,
    pub(super) folders: Folders,
    pub(super) printer: Arc<Printer>,
    pub(super) report: Report,
    pub(super) looks: Looks,
    pub(super) stop: Stop,
}

/// A project's stack, as found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) record: Option<Record>,
    /// What the background process wrote, whether or not it still lives.
    pub(super) server: Option<ServerFile>,
    /// `state.json` is there but can't be read.
    pub(super) damage: Option<String>,
}

impl Found {
    /// Looks into the project's folder. A damaged record is not an error here: the process may run all the same.
    pub(super) fn look(folders: &ProjectFolders) -> Result<Self, Failure> {
        let server = ServerFile::load(folders).map_err(|error| failures::file(&error))?;
        match Record::load(folders) {
            Ok(record) => Ok(Self { record, server, damage: None }),
            Err(RecordError::Damaged { reason, .. }) => Ok(Self { record: None, server, damage: Some(reason) }),
            Err(error) => Err(failures::record(&error)),
        }
    }

    /// The background process, if it lives and is ready.
    pub(super) fn running(&self) -> Option<&ServerFile> {
        self.server.as_ref().filter(|server| server.state == ServerState::Ready && server.process.is_alive())
    }

    /// The addresses of the stack, if it runs.
    pub(super) fn endpoints(&self) -> Option<Endpoints> {
        if let Some(server) = self.running() {
            return Some(server.endpoints());
        }
        // A process of ours tells by itself; of containers and of somebody else's servers only the addresses are known.
        self.record.as_ref().filter(|record| record.stack != StackKind::Embedded)?.endpoints.clone()
    }
}

impl Context {
    pub(super) fn new(
        global: GlobalArgs,
        secret_origin: BTreeMap<&'static str, Origin>,
    ) -> Result<Self, (Failure, Shower)> {
        let printer = Arc::new(Printer::new());
        let looks = Looks::decide(global.color, global.progress, &Terminal::detect());
        let report = Report::new(Arc::clone(&printer), looks, global.output, global.quiet, global.verbose);
        let folders = match Folders::from_environment() {
            Ok(folders) => folders,
            Err(error) => {
                let failure = Failure::new(ErrorId::StateUnwritable, error.to_string());
                let failure = failure.next("export XDG_STATE_HOME=DIR", "say where the state may be");
                let shower = Shower { printer, looks, output: global.output, quiet: global.quiet };
                return Err((failure, shower));
            }
        };
        Ok(Self { global, secret_origin, folders, printer, report, looks, stop: Stop::default() })
    }

    pub(super) fn project(&self) -> ProjectFolders {
        self.folders.project(&self.global.project)
    }

    /// ` --project NAME` for commands to paste, empty for the default one.
    pub(super) fn project_flag(&self) -> String {
        match self.global.project.as_ref() {
            "stockdev" => String::new(),
            name => format!(" --project {name}"),
        }
    }

    pub(super) fn lock(&self) -> Result<ProjectLock, Failure> {
        ProjectLock::take(&self.project()).map_err(|error| failures::lock(&error, self.global.project.as_ref()))
    }

    /// The endpoints that the flags name, else the running project's.
    pub(super) fn endpoints(&self) -> Result<Endpoints, Failure> {
        let global = &self.global;
        let (kafka, elasticsearch) = (global.kafka.as_deref(), global.elasticsearch.as_deref());
        let kibana = global.kibana.as_deref();
        if let (Some(_), Some(_)) = (kafka, elasticsearch) {
            return external::endpoints(kafka, elasticsearch, kibana).map_err(|error| failures::external(&error));
        }
        match Found::look(&self.project())?.endpoints() {
            Some(base) => {
                external::override_with(base, kafka, elasticsearch, kibana).map_err(|error| failures::external(&error))
            }
            // One given address is enough for a command that needs no more.
            None if kafka.is_some() || elasticsearch.is_some() => {
                external::some(kafka, elasticsearch, kibana).map_err(|error| failures::external(&error))
            }
            None => Err(self.not_running()),
        }
    }

    pub(super) fn not_running(&self) -> Failure {
        let flag = self.project_flag();
        Failure::new(ErrorId::NotRunning, format!("project `{}` is not running", self.global.project))
            .next(format!("stockdev up{flag}"), "start it")
            .next("stockdev ls", "list the projects of this machine")
    }

    /// The failure of a run that was asked to stop.
    pub(super) fn interrupted(&self) -> Failure {
        match self.stop.asked() {
            Some(Asked::Terminate) => Failure::new(ErrorId::Terminated, "ended by SIGTERM"),
            Some(Asked::Interrupt) | None => Failure::new(ErrorId::Interrupted, "interrupted"),
        }
    }

    /// Prints the result: text for people, or the document.
    pub(super) fn result(&self, text: &str, document: &Value) {
        self.report.clear();
        match self.global.output {
            OutputFormat::Text if self.global.quiet < 2 => self.printer.out(text),
            OutputFormat::Text => {}
            OutputFormat::Json | OutputFormat::Ndjson => self.printer.json_line(document),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.global.output == OutputFormat::Text
    }

    /// Tells people of a failure beside a result: programs see it in the result's document. Gives its exit code.
    pub(super) fn tell(&self, failure: &Failure) -> u8 {
        self.report.talk_always(&failure.text(self.looks.color_err));
        failure.exit_code
    }

    /// Shows a failure; gives its exit code.
    pub(super) fn fail(&self, failure: &Failure) -> u8 {
        self.report.clear();
        let (printer, output) = (Arc::clone(&self.printer), self.global.output);
        Shower { printer, looks: self.looks, output, quiet: self.global.quiet }.show(failure)
    }
}
