//! The sockets that engines make when nobody tells them otherwise.

use std::path::{Path, PathBuf};

use super::Var;

/// The usual sockets and whose they are, in the order they are asked. Fixed places are named whether or not a file is
/// there, so that one can see where was looked; of places with one folder a machine, those that exist.
pub(super) fn known(root: &Path, var: Var<'_>) -> Vec<(PathBuf, &'static str)> {
    let absolute = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut sockets = vec![(root.join("var/run/docker.sock"), "Docker")];
    let runtime = absolute("XDG_RUNTIME_DIR").or_else(|| of_this_user(root));
    if let Some(runtime) = &runtime {
        sockets.push((runtime.join("docker.sock"), "rootless Docker"));
        sockets.push((runtime.join("podman/podman.sock"), "rootless Podman"));
    }
    sockets.push((root.join("run/podman/podman.sock"), "Podman"));
    if let Some(home) = absolute("HOME") {
        sockets.push((home.join(".docker/run/docker.sock"), "Docker Desktop"));
        sockets.push((home.join(".docker/desktop/docker.sock"), "Docker Desktop"));
        let config = absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let colima = absolute("COLIMA_HOME").unwrap_or_else(|| home.join(".colima"));
        sockets.push((colima.join("default/docker.sock"), "Colima"));
        sockets.extend(in_each(&colima, "docker.sock", "Colima"));
        sockets.extend(in_each(&config.join("colima"), "docker.sock", "Colima"));
        sockets.push((home.join(".orbstack/run/docker.sock"), "OrbStack"));
        sockets.push((home.join(".rd/docker.sock"), "Rancher Desktop"));
        let lima = absolute("LIMA_HOME").unwrap_or_else(|| home.join(".lima"));
        sockets.extend(in_each(&lima, "sock/docker.sock", "Lima"));
        let machine = home.join(".local/share/containers/podman/machine");
        sockets.push((machine.join("podman.sock"), "podman machine"));
        sockets.extend(in_each(&machine, "podman.sock", "podman machine"));
    }
    for folder in [runtime, absolute("TMPDIR")].into_iter().flatten() {
        sockets.extend(machine_sockets(&folder.join("podman")));
    }
    let mut seen = Vec::new();
    sockets.retain(|(path, _)| {
        !seen.contains(path) && {
            seen.push(path.clone());
            true
        }
    });
    sockets
}

/// The runtime folder that logins get, for a shell that was not started by one (cron, `su`).
fn of_this_user(root: &Path) -> Option<PathBuf> {
    let path = root.join(format!("run/user/{}", rustix::process::getuid().as_raw()));
    path.is_dir().then_some(path)
}

/// `file` in each folder of `folder` that has it, by name.
fn in_each(folder: &Path, file: &str, product: &'static str) -> Vec<(PathBuf, &'static str)> {
    entries(folder)
        .into_iter()
        .map(|entry| entry.join(file))
        .filter(|path| path.exists())
        .map(|path| (path, product))
        .collect()
}

/// `podman machine` names its sockets after the machine: `podman-machine-default-api.sock`.
fn machine_sockets(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let is_one = |path: &PathBuf| path.to_string_lossy().ends_with("-api.sock");
    entries(folder).into_iter().filter(is_one).map(|path| (path, "podman machine")).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
