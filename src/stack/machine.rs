//! What this machine has: memory, disk, limits, a clock. Only read, never changed; `None` where the system does not tell.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::process::Resource;

/// Bytes of memory that this process and what it starts may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub total: u64,
    /// Free, or given up by caches when asked for.
    pub available: u64,
}

impl Memory {
    /// The machine's, or the control group's limit where that is lower (a container, a CI runner).
    pub fn look() -> Option<Self> {
        let machine = Self::parse(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
        let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let limit = number("/sys/fs/cgroup/memory.max");
        let used = number("/sys/fs/cgroup/memory.current").unwrap_or(0);
        Some(match limit {
            Some(limit) if limit < machine.total => {
                Self { total: limit, available: machine.available.min(limit.saturating_sub(used)) }
            }
            _ => machine,
        })
    }

    fn parse(meminfo: &str) -> Option<Self> {
        let bytes = |key: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
        };
        Some(Self { total: bytes("MemTotal")?, available: bytes("MemAvailable")? })
    }
}

/// Space on the file system of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The folder, or the nearest one above it that exists.
    pub folder: PathBuf,
    pub total: u64,
    /// What this user may still write.
    pub free: u64,
}

impl Disk {
    pub fn of(path: &Path) -> Option<Self> {
        let folder = nearest(path)?;
        let space = rustix::fs::statvfs(&folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        Some(Self { folder, total: bytes(space.f_blocks), free: bytes(space.f_bavail) })
    }
}

/// Whether this user can make files in the folder, or make the folder. Nothing is made to find out.
pub fn is_writable(path: &Path) -> bool {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    nearest(path).is_some_and(|folder| folder.is_dir() && rustix::fs::access(&folder, access).is_ok())
}

fn nearest(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|folder| folder.exists()).map(Path::to_owned)
}

/// The kernel's `vm.max_map_count`.
pub fn max_map_count() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

/// How many files a process may have open: now, and at most after `ulimit -n`. `None` is no limit.
pub fn open_files() -> (Option<u64>, Option<u64>) {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    (limit.current, limit.maximum)
}

/// This machine's name on the network, as engines report it as theirs.
pub fn host_name() -> Option<String> {
    Some(std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned())
}

/// The architecture in the words of container images, such as `amd64`.
pub fn architecture() -> &'static str {
    image_architecture(std::env::consts::ARCH)
}

/// Kernel, compiler and image names of one architecture, made one.
pub fn image_architecture(name: &str) -> &str {
    match name {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Whether the clock stands before this program was put on the disk: then it is surely wrong.
pub fn clock_is_behind(now: SystemTime) -> bool {
    let installed = std::env::current_exe().and_then(|path| path.metadata()).and_then(|metadata| metadata.modified());
    installed.is_ok_and(|installed| now < installed)
}

/// Whether a server could listen on `port` of both loopback addresses. The sockets are closed at once.
pub fn port_is_free(port: u16) -> Result<(), std::io::Error> {
    for ip in [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])] {
        match TcpListener::bind(SocketAddr::new(ip, port)) {
            Ok(_) => {}
            // A machine without IPv6 has no second address.
            Err(error) if ip.is_ipv6() && error.kind() == std::io::ErrorKind::AddrNotAvailable => {}
            Err(error)
                if ip.is_ipv6() && error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_kernels_table() {
        let table = "MemTotal:       24683520 kB\nMemFree: 1 kB\nMemAvailable:   24097792 kB\n";
        assert_eq!(Memory::parse(table), Some(Memory { total: 24_683_520 << 10, available: 24_097_792 << 10 }));
        assert_eq!(Memory::parse("MemTotal: x kB"), None);
        if cfg!(target_os = "linux") {
            let memory = Memory::look().unwrap();
            assert!(memory.available > 0 && memory.available <= memory.total, "{memory:?}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_counts_as_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("a/b");
        let disk = Disk::of(&missing).unwrap();
        assert_eq!(disk.folder, folder.path());
        assert!(disk.free > 0 && disk.free <= disk.total, "{disk:?}");
        assert!(is_writable(&missing) && !missing.exists());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!is_writable(&file.join("below")));
    }

    #[test]
    fn a_port_is_taken_while_someone_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(port_is_free(port).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_clock_before_the_program_is_wrong() {
        assert!(clock_is_behind(SystemTime::UNIX_EPOCH));
        assert!(!clock_is_behind(SystemTime::now()));
    }
}
