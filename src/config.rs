//! Settings from flags, variables, files and defaults, resolved once.
//!
//! Every flag `--some-flag` has a variable `STOCKDEV_SOME_FLAG` and a key `some-flag` in the file: at the top level for the
//! flags of every command, in a table named as the command for its own. A flag wins over a variable, that over the
//! project's file, that over the user's file, that over the default. [`apply`] teaches this to the whole clap definition at
//! once, so that no command has code for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{BoolishValueParser, OsStr};
use clap::{Arg, ArgAction, Command, ValueHint};

/// The project's file, looked for here and in the folders above.
pub const PROJECT_FILE: &str = "stockdev.toml";
/// The user's file, in the configuration folder.
pub const USER_FILE: &str = "config.toml";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is not valid TOML: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("unknown key `{key}` in `{}`", path.display())]
    UnknownKey { path: PathBuf, key: String, known: Vec<String> },
    #[error("key `{key}` in `{}`: {message}", path.display())]
    BadValue { path: PathBuf, key: String, message: &'static str },
}

/// One settings file, read.
#[derive(Debug)]
pub struct ConfigFile {
    pub path: PathBuf,
    table: toml::Table,
}

impl ConfigFile {
    pub fn read(path: PathBuf) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        Self::parse(path, &text)
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self, ConfigError> {
        match text.parse::<toml::Table>() {
            Ok(table) => Ok(Self { path, table }),
            Err(error) => {
                let line =
                    error.span().map(|span| text.get(..span.start).map_or(1, |head| head.matches('\n').count() + 1));
                let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
                Err(ConfigError::Syntax { path, message: format!("{place}{}", error.message()) })
            }
        }
    }
}

/// The files that hold, the one that wins first: `explicit` alone, else the project's and the user's.
pub fn find_files(explicit: Option<&Path>, here: &Path, user_folder: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = explicit {
        return vec![path.to_owned()];
    }
    let project = here.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|path| path.is_file());
    let user = user_folder.map(|folder| folder.join(USER_FILE)).filter(|path| path.is_file());
    project.into_iter().chain(user).collect()
}

/// Where each value that a file set comes from: flag (`--rate`) to file and key, for errors.
pub type Origins = BTreeMap<String, (PathBuf, String)>;

/// Gives every flag of `command` its variable, and as default what the files say. `files`: the one that wins first.
pub fn apply(
    command: Command,
    files: &[ConfigFile],
    var: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Command, Origins), ConfigError> {
    let mut origins = Origins::new();
    let tables: Vec<_> = files.iter().map(|file| (file.path.as_path(), String::new(), &file.table)).collect();
    let command = apply_level(command, &tables, var, &mut origins)?;
    Ok((command, origins))
}

/// A table of a file that belongs to one command: the file, the prefix of its keys, the table.
type Level<'a> = (&'a Path, String, &'a toml::Table);

fn apply_level(
    command: Command,
    tables: &[Level<'_>],
    var: &dyn Fn(&str) -> Option<OsString>,
    origins: &mut Origins,
) -> Result<Command, ConfigError> {
    for (path, prefix, table) in tables {
        check_keys(&command, path, prefix, table)?;
    }
    let mut failed = None;
    let command = command.mut_args(|arg| match settle(arg, tables, var, origins) {
        Ok(arg) => arg,
        Err((arg, error)) => {
            failed.get_or_insert(error);
            arg
        }
    });
    let mut inner = Vec::new();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = sub.get_name().to_owned();
        let below = tables.iter().filter_map(|(path, prefix, table)| {
            let table = table.get(&name)?.as_table()?;
            Some((*path, format!("{prefix}{name}."), table))
        });
        inner.push((name.clone(), apply_level(sub.clone(), &below.collect::<Vec<_>>(), var, origins)?));
    }
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(inner.into_iter().fold(command, |command, (name, sub)| command.mut_subcommand(name, |_| sub)))
}

/// Whether the flag may stand in a file and be given by a variable.
fn is_setting(arg: &Arg) -> bool {
    let is_plain =
        matches!(arg.get_action(), ArgAction::Set | ArgAction::Append | ArgAction::SetTrue | ArgAction::Count);
    is_plain && !arg.is_hide_set() && arg.get_long().is_some()
}

fn check_keys(command: &Command, path: &Path, prefix: &str, table: &toml::Table) -> Result<(), ConfigError> {
    let flags: Vec<&str> = command
        .get_arguments()
        .filter(|arg| is_setting(arg))
        .filter_map(Arg::get_long)
        .filter(|long| *long != "config")
        .collect();
    let subs: Vec<&str> = command.get_subcommands().filter(|sub| !sub.is_hide_set()).map(Command::get_name).collect();
    for (key, value) in table {
        let is_known = if value.is_table() { subs.contains(&key.as_str()) } else { flags.contains(&key.as_str()) };
        if !is_known {
            let known = flags.iter().chain(&subs).map(|name| (*name).to_owned()).collect();
            return Err(ConfigError::UnknownKey { path: path.to_owned(), key: format!("{prefix}{key}"), known });
        }
    }
    Ok(())
}

/// The variable of a flag: `--port-base` is `STOCKDEV_PORT_BASE`.
pub fn variable(long: &str) -> String {
    format!("STOCKDEV_{}", long.replace('-', "_").to_ascii_uppercase())
}

fn settle(
    arg: Arg,
    tables: &[Level<'_>],
    var: &dyn Fn(&str) -> Option<OsString>,
    origins: &mut Origins,
) -> Result<Arg, (Arg, ConfigError)> {
    let Some(long) = arg.get_long().filter(|_| is_setting(&arg)).map(str::to_owned) else { return Ok(arg) };
    let mut arg = match arg.get_action() {
        ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
        _ => arg,
    };
    let name = variable(&long);
    // An empty variable is as good as none.
    if var(&name).is_some_and(|value| !value.is_empty()) {
        arg = arg.env(OsStr::from(name)).hide_env(true);
    }
    let Some((path, key, value)) = tables.iter().find_map(|(path, prefix, table)| {
        let value = table.get(&long)?;
        Some((*path, format!("{prefix}{long}"), value))
    }) else {
        return Ok(arg);
    };
    match as_arguments(value, &arg, path) {
        Ok(values) => {
            origins.insert(format!("--{long}"), (path.to_owned(), key));
            Ok(arg.default_values(values).hide_default_value(true))
        }
        Err(message) => Err((arg, ConfigError::BadValue { path: path.to_owned(), key, message })),
    }
}

/// A value of the file as it would be typed.
fn as_arguments(value: &toml::Value, arg: &Arg, file: &Path) -> Result<Vec<OsStr>, &'static str> {
    let one = |value: &toml::Value| -> Result<OsStr, &'static str> {
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Datetime(time) => time.to_string(),
            toml::Value::Array(_) | toml::Value::Table(_) => return Err("a single value is expected"),
        };
        Ok(OsStr::from(relative_to(file, arg, text)))
    };
    match (value, arg.get_action()) {
        (toml::Value::Array(values), ArgAction::Append) => values.iter().map(one).collect(),
        (toml::Value::Array(_), _) => Err("only one value is possible here"),
        _ => Ok(vec![one(value)?]),
    }
}

/// A path in a file is relative to that file.
fn relative_to(file: &Path, arg: &Arg, text: String) -> OsString {
    let is_path = matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath);
    match file.parent() {
        Some(folder) if is_path && text != "-" => folder.join(text).into_os_string(),
        _ => text.into(),
    }
}

/// The value of `--long VALUE` or `--long=VALUE` in raw arguments, before anything is parsed; not beyond `--`.
pub fn scan_arguments(arguments: &[OsString], long: &str) -> Option<OsString> {
    let flag = format!("--{long}");
    let mut found = None;
    let mut words = arguments.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if *word == *flag {
            found = words.next().cloned();
        } else if let Some(value) = word.to_str().and_then(|word| word.strip_prefix(&flag)?.strip_prefix('=')) {
            found = Some(value.into());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let number = Arg::new("rate").long("rate").value_parser(clap::value_parser!(u32));
        let up = Command::new("up")
            .arg(number)
            .arg(Arg::new("live").long("live").action(ArgAction::SetTrue))
            .arg(Arg::new("data").long("data").value_hint(ValueHint::FilePath));
        Command::new("stockdev")
            .arg(Arg::new("project").long("project").global(true).default_value("stockdev"))
            .arg(Arg::new("verbose").short('v').long("verbose").global(true).action(ArgAction::Count))
            .subcommand(up)
    }

    fn file(path: &str, text: &str) -> ConfigFile {
        ConfigFile::parse(path.into(), text).unwrap()
    }

    fn matches(files: &[ConfigFile], vars: &'static [(&str, &str)], line: &[&str]) -> clap::ArgMatches {
        // Variables are read by clap itself; here they are handed over as it would see them.
        let var = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        let (command, _) = apply(command(), files, &var).unwrap();
        command.try_get_matches_from(line).unwrap()
    }

    #[test]
    fn the_project_file_wins_over_the_users_and_a_flag_over_both() {
        let files = [
            file("/p/stockdev.toml", "project = \"a\"\n[up]\nrate = 5\nlive = true"),
            file("/u/config.toml", "project = \"b\"\nverbose = 2\n[up]\nrate = 6"),
        ];
        let found = matches(&files, &[], &["stockdev", "up"]);
        let up = found.subcommand_matches("up").unwrap();
        assert_eq!(up.get_one::<String>("project").unwrap(), "a");
        assert_eq!(up.get_count("verbose"), 2);
        assert_eq!(up.get_one::<u32>("rate"), Some(&5));
        assert!(up.get_flag("live"));
        let found = matches(&files, &[], &["stockdev", "--project", "c", "up", "--rate", "7", "-v"]);
        let up = found.subcommand_matches("up").unwrap();
        assert_eq!(up.get_one::<String>("project").unwrap(), "c");
        assert_eq!((up.get_one::<u32>("rate"), up.get_count("verbose")), (Some(&7), 1));
    }

    #[test]
    fn a_path_is_relative_to_its_file() {
        let found = matches(&[file("/p/stockdev.toml", "[up]\ndata = \"ticks.csv\"")], &[], &["stockdev", "up"]);
        assert_eq!(found.subcommand_matches("up").unwrap().get_one::<String>("data").unwrap(), "/p/ticks.csv");
    }

    #[test]
    fn unknown_keys_are_named_with_their_file() {
        for (text, key) in [
            ("projekt = 1", "projekt"),
            ("[up]\nspeed = 1", "up.speed"),
            ("[down]\nx = 1", "down"),
            ("config = \"x\"", "config"),
        ] {
            let error = apply(command(), &[file("/p/stockdev.toml", text)], &|_| None).unwrap_err();
            assert_eq!(error.to_string(), format!("unknown key `{key}` in `/p/stockdev.toml`"));
        }
        let error = apply(command(), &[file("/p/stockdev.toml", "project = [1, 2]")], &|_| None).unwrap_err();
        assert_eq!(error.to_string(), "key `project` in `/p/stockdev.toml`: only one value is possible here");
    }

    #[test]
    fn broken_toml_is_named_with_its_line() {
        let error = ConfigFile::parse("/p/stockdev.toml".into(), "project = \"a\"\nrate = = 1\n").unwrap_err();
        assert!(error.to_string().starts_with("`/p/stockdev.toml` is not valid TOML: line 2: "), "{error}");
    }

    #[test]
    fn the_project_file_is_found_in_a_folder_above() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(folder.path().join(PROJECT_FILE), "").unwrap();
        let found = find_files(None, &below, Some(folder.path()));
        assert_eq!(found, [folder.path().join(PROJECT_FILE)]);
        assert_eq!(find_files(Some(Path::new("x.toml")), &below, None), [Path::new("x.toml")]);
    }

    #[test]
    fn raw_arguments_are_scanned_up_to_the_double_dash() {
        let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(scan_arguments(&line("s up --output json"), "output"), Some("json".into()));
        assert_eq!(scan_arguments(&line("s --output=json up"), "output"), Some("json".into()));
        assert_eq!(scan_arguments(&line("s exec -- x --output json"), "output"), None);
    }
}
