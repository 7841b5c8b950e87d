//! From raw arguments to a parsed command line, with settings files and variables mixed in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use super::Cli;
use super::explain::ErrorId;
use super::failure::Failure;
use crate::config::{self, ConfigError, ConfigFile, Origins};
use crate::report::{ColorChoice, Looks, OutputFormat, Printer, ProgressChoice, Terminal};
use crate::stack::Folders;

const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";
/// Flags whose values are, or may hold, secrets: where they were given decides what is allowed.
const SECRETS: [&str; 3] = ["kafka_property", "elasticsearch_password", "elasticsearch_api_key"];

/// Where the value of a secret was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    CommandLine,
    Variable,
    File,
}

#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) cli: Cli,
    pub(super) origin: BTreeMap<&'static str, Origin>,
    /// Whether the project was named on the command line or by its variable, not by a file or the default.
    pub(super) project_given: bool,
}

/// The whole definition, as help, completions and the manual show it.
pub fn definition() -> Command {
    dress(Cli::command())
}

/// As [`definition`], without the commands that are not for people: for completions and the manual.
pub(super) fn visible_definition() -> Command {
    let full = definition();
    let bare = Command::new("stockdev")
        .version(env!("CARGO_PKG_VERSION"))
        .about(full.get_about().cloned().unwrap_or_default())
        .long_about(full.get_long_about().cloned().unwrap_or_default())
        .disable_help_subcommand(true)
        .args(full.get_arguments().cloned());
    bare.subcommands(full.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned())
}

fn dress(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = command.help_template(TEMPLATE);
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, dress))
}

/// A command line that does not run a command: help, version, or a mistake.
#[derive(Debug)]
pub(super) struct Refused {
    shower: Shower,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Asked(Box<clap::Error>),
    Failed(Box<Failure>),
}

/// What is needed to show a failure before the settings are known.
#[derive(Debug)]
pub(super) struct Shower {
    pub(super) printer: Arc<Printer>,
    pub(super) looks: Looks,
    pub(super) output: OutputFormat,
    pub(super) quiet: u8,
}

impl Shower {
    /// Shows the failure and gives its exit code.
    pub(super) fn show(&self, failure: &Failure) -> u8 {
        if self.output != OutputFormat::Text {
            self.printer.json_line(&failure.document());
        }
        if self.quiet < 2 {
            self.printer.talk(&failure.text(self.looks.color_err));
        }
        failure.exit_code
    }

    /// From raw arguments, for mistakes that come before or while parsing.
    fn guess(arguments: &[OsString]) -> Self {
        let value = |long: &str| {
            let scanned = config::scan_arguments(arguments, long).or_else(|| std::env::var_os(config::variable(long)));
            scanned.and_then(|value| value.into_string().ok()).unwrap_or_default()
        };
        let output = match value("output").as_str() {
            "json" => OutputFormat::Json,
            "ndjson" => OutputFormat::Ndjson,
            _ => OutputFormat::Text,
        };
        let color = match value("color").as_str() {
            "always" => ColorChoice::Always,
            "never" => ColorChoice::Never,
            _ => ColorChoice::Auto,
        };
        let looks = Looks::decide(color, ProgressChoice::None, &Terminal::detect());
        Self { printer: Arc::new(Printer::new()), looks, output, quiet: 0 }
    }
}

impl Refused {
    /// Shows it and gives the exit code.
    pub(super) fn show(&self) -> u8 {
        match &self.why {
            Why::Failed(failure) => self.shower.show(failure),
            Why::Asked(help) => {
                let text = help.render();
                let text = if self.shower.looks.color_out { text.ansi().to_string() } else { text.to_string() };
                self.shower.printer.out(text.trim_end());
                0
            }
        }
    }
}

pub(super) fn parse(arguments: &[OsString]) -> Result<Parsed, Refused> {
    parse_line(arguments).map_err(|why| Refused { shower: Shower::guess(arguments), why })
}

fn parse_line(arguments: &[OsString]) -> Result<Parsed, Why> {
    let files = read_files(arguments).map_err(|error| Why::Failed(Box::new(config_failure(&error))))?;
    let (command, origins) = config::apply(definition(), &files, &|name| std::env::var_os(name))
        .map_err(|error| Why::Failed(Box::new(config_failure(&error))))?;
    let matches = command.try_get_matches_from(arguments).map_err(|error| refused(error, arguments, &origins))?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| refused(error, arguments, &origins))?;
    let project_given =
        matches!(deepest(&matches).value_source("project"), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
    Ok(Parsed { cli, origin: secret_origins(&matches), project_given })
}

fn read_files(arguments: &[OsString]) -> Result<Vec<ConfigFile>, ConfigError> {
    let variable = std::env::var_os(config::variable("config")).filter(|value| !value.is_empty());
    let explicit = config::scan_arguments(arguments, "config").or(variable).map(PathBuf::from);
    let here = std::env::current_dir().unwrap_or_default();
    let user = Folders::from_environment().ok().map(|folders| folders.config);
    config::find_files(explicit.as_deref(), &here, user.as_deref()).into_iter().map(ConfigFile::read).collect()
}

/// The matches of the command itself: global flags are known there, wherever they stand.
fn deepest(matches: &ArgMatches) -> &ArgMatches {
    let mut deepest = matches;
    while let Some((_, below)) = deepest.subcommand() {
        deepest = below;
    }
    deepest
}

fn secret_origins(matches: &ArgMatches) -> BTreeMap<&'static str, Origin> {
    let deepest = deepest(matches);
    let origin = |id: &&'static str| {
        let origin = match deepest.value_source(id)? {
            ValueSource::CommandLine => Origin::CommandLine,
            ValueSource::EnvVariable => Origin::Variable,
            _ => Origin::File,
        };
        Some((*id, origin))
    };
    SECRETS.iter().filter_map(origin).collect()
}

fn config_failure(error: &ConfigError) -> Failure {
    let failure = Failure::new(ErrorId::ConfigInvalid, error.to_string());
    match error {
        ConfigError::UnknownKey { key, known, .. } => {
            let last = key.rsplit('.').next().unwrap_or(key);
            let near = known.iter().find(|name| name.starts_with(last) || last.starts_with(name.as_str()));
            let got = near
                .map_or_else(|| format!("known here: {}", known.join(", ")), |name| format!("did you mean `{name}`?"));
            failure.got(got)
        }
        ConfigError::Read { .. } | ConfigError::Syntax { .. } | ConfigError::BadValue { .. } => failure,
    }
    .next("stockdev explain CONFIG_INVALID", "how the file is built")
}

fn refused(error: clap::Error, arguments: &[OsString], origins: &Origins) -> Why {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Why::Asked(Box::new(error));
    }
    // clap's own message lists the commands that are not for people too.
    let lacks_command = error.kind() == ErrorKind::MissingSubcommand
        && matches!(error.get(ContextKind::InvalidSubcommand), Some(ContextValue::String(name)) if !name.contains(' '));
    if lacks_command || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let failure = Failure::new(ErrorId::Usage, "a command is missing")
            .next("stockdev up", "start everything")
            .next("stockdev --help", "list all commands");
        return Why::Failed(Box::new(failure));
    }
    let mut failure = Failure::new(ErrorId::Usage, clap_message(&error)).left("nothing was done");
    let mut suggested = suggestions(&error);
    if let (true, Some(ContextValue::String(word))) = (suggested.is_empty(), error.get(ContextKind::InvalidSubcommand))
    {
        suggested.extend(near_commands(word));
    }
    for suggestion in suggested {
        failure = failure.next(suggestion, "perhaps this was meant");
    }
    if let Some((path, key)) = invalid_flag(&error).and_then(|flag| from_file(&flag, arguments, origins)) {
        failure = failure.tried(format!("key `{key}` in `{}`", path.display()));
    }
    let command =
        arguments.get(1).and_then(|word| word.to_str()).filter(|word| definition().find_subcommand(word).is_some());
    let help = command.map_or_else(|| "stockdev --help".to_owned(), |command| format!("stockdev {command} --help"));
    Why::Failed(Box::new(failure.next(help, "what there is, with examples")))
}

/// The sentence of clap's own message: without its `error:`, the usage and the tips.
fn clap_message(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let sentence: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    sentence.join(" ").replace('\'', "`")
}

fn suggestions(error: &clap::Error) -> Vec<String> {
    let mut found = Vec::new();
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue] {
        let prefix = if kind == ContextKind::SuggestedSubcommand { "stockdev " } else { "" };
        match error.get(kind) {
            Some(ContextValue::String(text)) => found.push(format!("{prefix}{text}")),
            Some(ContextValue::Strings(texts)) => {
                found.extend(texts.iter().take(2).map(|text| format!("{prefix}{text}")))
            }
            _ => {}
        }
    }
    found
}

/// Commands that one slip of the fingers away were typed as `word`. clap's own measure misses short ones, such as `pu`.
fn near_commands(word: &str) -> Vec<String> {
    let slips_max = if word.chars().count() <= 3 { 1 } else { 2 };
    let definition = definition();
    let names = definition.get_subcommands().filter(|sub| !sub.is_hide_set()).map(Command::get_name);
    names.filter(|name| slips(word, name) <= slips_max).take(2).map(|name| format!("stockdev {name}")).collect()
}

/// How many letters were left out, added, replaced or swapped with a neighbour (optimal string alignment).
fn slips(typed: &str, meant: &str) -> usize {
    let (typed, meant): (Vec<char>, Vec<char>) = (typed.chars().take(32).collect(), meant.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=meant.len()).collect();
    for (row, letter) in typed.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, other) in meant.iter().enumerate() {
            let at = |line: &[usize], place: usize| line.get(place).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, column) + usize::from(letter != other)).min(at(&last, column + 1) + 1);
            best = best.min(at(&line, column) + 1);
            let swapped =
                row > 0 && column > 0 && typed.get(row - 1) == Some(other) && meant.get(column - 1) == Some(letter);
            if swapped {
                best = best.min(at(&before_last, column - 1) + 1);
            }
            line.push(best);
        }
        before_last = std::mem::replace(&mut last, line);
    }
    last.last().copied().unwrap_or(0)
}

fn invalid_flag(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(text) => text.split_whitespace().next().map(str::to_owned),
        _ => None,
    }
}

fn from_file<'a>(flag: &str, arguments: &[OsString], origins: &'a Origins) -> Option<&'a (PathBuf, String)> {
    let long = flag.strip_prefix("--")?;
    let is_typed = config::scan_arguments(arguments, long).is_some() || arguments.iter().any(|word| word == flag);
    if is_typed { None } else { origins.get(flag) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (typed, meant, slips_made) in [
            ("pu", "up", 1),
            ("up", "up", 0),
            ("statsu", "status", 1),
            ("dwon", "down", 1),
            ("x", "status", 6),
            ("", "up", 2),
        ] {
            assert_eq!(slips(typed, meant), slips_made, "{typed} {meant}");
        }
    }

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }
}
