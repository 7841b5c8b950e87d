//! Where everything lives on this machine (XDG base directories), and what a project may be called.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::files::FileError;

/// The name of a project: also the name of its folder, so it is checked once, here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectName(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a project is 1 to 63 of a-z, 0-9, `-`, `_` and `.`, and starts with a letter or digit")]
pub struct ProjectNameError;

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(text: &str) -> Result<Self, ProjectNameError> {
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if starts_well && text.len() <= 63 && text.bytes().all(is_inner) {
            return Ok(Self(text.to_owned()));
        }
        Err(ProjectNameError)
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ProjectName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("neither `XDG_{kind}_HOME` nor `HOME` says where this user's files are")]
    NoHome { kind: &'static str },
}

/// The folders of this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// One folder a project: what is recorded, data and logs.
    pub state: PathBuf,
    /// The user's settings.
    pub config: PathBuf,
    /// Locks, and data that need not survive a reboot.
    pub runtime: PathBuf,
    /// What can be made anew: logs of failed runs.
    pub cache: PathBuf,
}

impl Folders {
    /// Asks `var` for `XDG_*` and `HOME`. Relative values are ignored, as the standard says.
    pub fn resolve(var: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, FolderError> {
        let absolute = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let under = |variable: &str, kind: &'static str, fallback: &str| {
            absolute(variable)
                .or_else(|| absolute("HOME").map(|home| home.join(fallback)))
                .map(|base| base.join("stockdev"))
                .ok_or(FolderError::NoHome { kind })
        };
        let runtime = absolute("XDG_RUNTIME_DIR").map_or_else(
            || std::env::temp_dir().join(format!("stockdev-{}", rustix::process::getuid().as_raw())),
            |base| base.join("stockdev"),
        );
        Ok(Self {
            state: under("XDG_STATE_HOME", "STATE", ".local/state")?,
            config: under("XDG_CONFIG_HOME", "CONFIG", ".config")?,
            runtime,
            cache: under("XDG_CACHE_HOME", "CACHE", ".cache")?,
        })
    }

    /// As [`Folders::resolve`], from this process's environment.
    pub fn from_environment() -> Result<Self, FolderError> {
        Self::resolve(&|name| std::env::var_os(name))
    }

    pub fn project(&self, name: &ProjectName) -> ProjectFolders {
        let root = self.state.join(name.as_ref());
        // Two state folders may both have a project of this name: the lock belongs to one of them.
        let short = format!("{name}-{:08x}", fnv1a(root.as_os_str().as_encoded_bytes()));
        ProjectFolders {
            lock: self.runtime.join(format!("{short}.lock")),
            ephemeral_data: self.runtime.join(format!("{short}.data")),
            runtime: self.runtime.clone(),
            failed_logs: self.cache.join("failed").join(&short),
            root,
        }
    }
}

/// The folders and files of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFolders {
    /// Everything below is removed by `down`.
    pub root: PathBuf,
    pub lock: PathBuf,
    /// Where the data is with `--ephemeral`.
    pub ephemeral_data: PathBuf,
    /// Logs of the last failed run: `down` leaves them.
    pub failed_logs: PathBuf,
    pub(super) runtime: PathBuf,
}

impl ProjectFolders {
    /// What is recorded of the project.
    pub fn record(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// What the background process says of itself.
    pub fn server(&self) -> PathBuf {
        self.root.join("server.json")
    }

    /// What the live stream's process says of itself.
    pub fn live(&self) -> PathBuf {
        self.root.join("live.json")
    }

    /// The credentials of a secured docker stack.
    pub fn credentials(&self) -> PathBuf {
        self.root.join("credentials.json")
    }

    /// The password alone, for other tools to read.
    pub fn password(&self) -> PathBuf {
        self.root.join("elasticsearch-password")
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
}

/// The projects that have a state folder, by name.
pub fn project_names(folders: &Folders) -> Result<Vec<ProjectName>, FileError> {
    let entries = match std::fs::read_dir(&folders.state) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::new("list", &folders.state)(error)),
    };
    let mut names: Vec<ProjectName> = entries
        .filter_map(Result::ok)
        .filter(|entry| Path::is_dir(&entry.path()))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    names.sort();
    Ok(names)
}

/// FNV-1a, 32 bits: short, and the same for ever.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(vars: &[(&str, &str)]) -> Result<Folders, FolderError> {
        Folders::resolve(&|name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn xdg_wins_over_home_and_relative_values_are_ignored() {
        let folders = resolve(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "relative")]).unwrap();
        assert_eq!(folders.state, Path::new("/s/stockdev"));
        assert_eq!(folders.config, Path::new("/h/.config/stockdev"));
        assert!(folders.runtime.starts_with(std::env::temp_dir()));
    }

    #[test]
    fn without_a_home_the_error_names_the_variables() {
        let error = resolve(&[]).unwrap_err();
        assert_eq!(error.to_string(), "neither `XDG_STATE_HOME` nor `HOME` says where this user's files are");
    }

    #[test]
    fn a_project_name_is_never_a_path() {
        for good in ["stockdev", "a", "0", "a.b-c_d"] {
            assert!(good.parse::<ProjectName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "../x", "A", "ä", "-a", &"a".repeat(64)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_lock_of_the_same_name_elsewhere_is_another_lock() {
        let name: ProjectName = "p".parse().unwrap();
        let one = resolve(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/r")]).unwrap().project(&name);
        let two = resolve(&[("HOME", "/i"), ("XDG_RUNTIME_DIR", "/r")]).unwrap().project(&name);
        assert_ne!(one.lock, two.lock);
        assert!(one.lock.starts_with("/r/stockdev"));
    }
}
