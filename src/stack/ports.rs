//! Which ports, why those, and who holds one that is taken.

use std::net::{IpAddr, TcpListener};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::embedded::ServerFile;
use super::folders::{Folders, project_names};
use super::record::PortsRecord;

/// One port a service; zero where there is none yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePorts {
    #[serde(rename = "kafka_port", alias = "kafka")]
    pub kafka: u16,
    #[serde(rename = "elasticsearch_port", alias = "elasticsearch")]
    pub elasticsearch: u16,
    // Records of versions without these services name no port for them.
    #[serde(default, rename = "kibana_port", alias = "kibana")]
    pub kibana: u16,
    #[serde(default, rename = "gcs_port", alias = "gcs")]
    pub gcs: u16,
    #[serde(default, rename = "bigquery_port", alias = "bigquery")]
    pub bigquery: u16,
}

impl ServicePorts {
    /// Those that the real systems are known by.
    pub const DEFAULT: Self = Self { kafka: 9092, elasticsearch: 9200, kibana: 5601, gcs: 4443, bigquery: 9050 };

    /// Five that follow one another; `None` when the highest number would be no port.
    pub fn from_base(base: u16) -> Option<Self> {
        Some(Self {
            kafka: base,
            elasticsearch: base.checked_add(1)?,
            kibana: base.checked_add(2)?,
            gcs: base.checked_add(3)?,
            bigquery: base.checked_add(4)?,
        })
    }

    /// Those that are set, and in place of the others those of `defaults`.
    fn or(self, defaults: Self) -> Self {
        let or = |port: u16, default: u16| if port == 0 { default } else { port };
        Self {
            kafka: or(self.kafka, defaults.kafka),
            elasticsearch: or(self.elasticsearch, defaults.elasticsearch),
            kibana: or(self.kibana, defaults.kibana),
            gcs: or(self.gcs, defaults.gcs),
            bigquery: or(self.bigquery, defaults.bigquery),
        }
    }

    /// All, in the order of `--port-base`.
    pub fn all(&self) -> [u16; 5] {
        [self.kafka, self.elasticsearch, self.kibana, self.gcs, self.bigquery]
    }
}

/// Where port numbers come from: named in the error when one is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortSource {
    Default,
    Base(u16),
    Auto,
    Remembered,
}

impl PortSource {
    pub fn describe(&self) -> String {
        match self {
            PortSource::Default => "default; no flag, no file".to_owned(),
            PortSource::Base(base) => format!("from --port-base {base}"),
            PortSource::Auto => "chosen freely".to_owned(),
            PortSource::Remembered => "remembered from the last run".to_owned(),
        }
    }
}

/// The ports to bind; zero means any free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPlan {
    pub ports: ServicePorts,
    pub source: PortSource,
}

impl PortPlan {
    /// What was asked for now, else what is remembered, else the defaults.
    pub fn choose(base: Option<u16>, auto: bool, remembered: Option<&PortsRecord>) -> Option<Self> {
        let remembered = remembered.filter(|record| record.ports.kafka != 0 && record.ports.elasticsearch != 0);
        let plan = match (base, auto, remembered) {
            (Some(base), _, _) => Self { ports: ServicePorts::from_base(base)?, source: PortSource::Base(base) },
            (None, true, Some(record)) if record.auto => Self::remembered(record),
            (None, true, _) => Self { ports: ServicePorts::default(), source: PortSource::Auto },
            (None, false, Some(record)) => Self::remembered(record),
            (None, false, None) => Self { ports: ServicePorts::DEFAULT, source: PortSource::Default },
        };
        Some(plan)
    }

    fn remembered(record: &PortsRecord) -> Self {
        // A record from before a service was there names no port for it.
        let ports = if record.auto { record.ports } else { record.ports.or(ServicePorts::DEFAULT) };
        let is_default = !record.auto && ports == ServicePorts::DEFAULT;
        Self { ports, source: if is_default { PortSource::Default } else { PortSource::Remembered } }
    }
}

/// A process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    pub command: String,
    /// The project, if it is a stockdev.
    pub project: Option<String>,
}

/// Who listens on `port`. `None` when the system does not tell (another user's process, or not Linux).
pub fn listening_holder(port: u16, folders: &Folders) -> Option<Holder> {
    let inodes = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect::<Vec<_>>();
    let pid = inodes.iter().find_map(|inode| owner_of(*inode))?;
    Some(Holder { pid, command: command_line(pid), project: project_of(pid, folders) })
}

/// The socket numbers that listen on `port`, from a table in the form of `/proc/net/tcp`.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, row_port) = fields.get(1)?.rsplit_once(':')?;
        let is_it = u16::from_str_radix(row_port, 16).ok()? == port && *fields.get(3)? == LISTEN;
        if is_it { fields.get(9)?.parse().ok() } else { None }
    };
    table.lines().skip(1).filter_map(row).collect()
}

fn owner_of(inode: u64) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    let is_wanted = |path: &Path| std::fs::read_link(path).is_ok_and(|target| target.as_os_str() == wanted.as_str());
    std::fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds =
            std::fs::read_dir(entry.path().join("fd")).ok()?.filter_map(Result::ok).any(|fd| is_wanted(&fd.path()));
        holds.then_some(pid)
    })
}

fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> =
        bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty()).map(String::from_utf8_lossy).collect();
    let text: String = words.join(" ").chars().filter(|c| !c.is_control()).take(60).collect();
    if text.is_empty() { "unknown program".to_owned() } else { text }
}

fn project_of(pid: u32, folders: &Folders) -> Option<String> {
    project_names(folders).ok()?.into_iter().find_map(|name| {
        let server = ServerFile::load(&folders.project(&name)).ok()??;
        (server.process.pid == pid && server.process.is_alive()).then(|| name.to_string())
    })
}

/// Whether a port can be listened on at this moment. For ports that somebody else will listen on: what we listen on
/// ourselves is bound at once and kept.
pub fn is_free(address: IpAddr, port: u16) -> bool {
    // The standard library sets SO_REUSEADDR, so that connections that are still closing do not count.
    TcpListener::bind((address, port)).is_ok()
}

/// So many ports that are free at this moment, all different.
pub fn free_ports(address: IpAddr, count: usize) -> std::io::Result<Vec<u16>> {
    let sockets: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind((address, 0))).collect::<Result<_, _>>()?;
    sockets.iter().map(|socket| Ok(socket.local_addr()?.port())).collect()
}

/// The address that clients on this machine dial, given where we listen.
pub fn dial_address(listen: IpAddr) -> IpAddr {
    match listen {
        IpAddr::V4(address) if address.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(address) if address.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:23F0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:23F0 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
   2: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
   3: torn";

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        assert_eq!(listening_inodes(TABLE, 9200), [4711]);
        assert_eq!(listening_inodes(TABLE, 9092), [4713]);
        assert_eq!(listening_inodes(TABLE, 1), [0_u64; 0]);
    }

    #[test]
    fn the_holder_of_a_port_of_this_process_is_this_process() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders {
            state: folder.path().to_owned(),
            config: folder.path().to_owned(),
            runtime: folder.path().to_owned(),
            cache: folder.path().to_owned(),
        };
        let holder = listening_holder(listener.local_addr().unwrap().port(), &folders).unwrap();
        assert_eq!((holder.pid, holder.project), (std::process::id(), None));
    }

    #[test]
    fn ports_come_from_the_flag_then_memory_then_the_defaults() {
        let record = |auto, base| PortsRecord { auto, ports: ServicePorts::from_base(base).unwrap() };
        let (auto, fixed) = (record(true, 40_000), record(false, 9300));
        let choose = |base, is_auto, remembered| {
            PortPlan::choose(base, is_auto, remembered).map(|plan| (plan.ports.kafka, plan.ports.gcs, plan.source))
        };
        assert_eq!(choose(None, false, None), Some((9092, 4443, PortSource::Default)));
        assert_eq!(choose(Some(9500), false, Some(&auto)), Some((9500, 9503, PortSource::Base(9500))));
        assert_eq!(choose(None, true, None), Some((0, 0, PortSource::Auto)));
        assert_eq!(choose(None, true, Some(&auto)), Some((40_000, 40_003, PortSource::Remembered)));
        assert_eq!(choose(None, true, Some(&fixed)), Some((0, 0, PortSource::Auto)));
        assert_eq!(choose(None, false, Some(&auto)), Some((40_000, 40_003, PortSource::Remembered)));
        assert_eq!(choose(Some(65_533), false, None), None);
    }

    #[test]
    fn a_record_from_before_a_service_was_there_leaves_it_the_default() {
        let old: PortsRecord =
            serde_json::from_str(r#"{"auto": false, "kafka": 9300, "elasticsearch": 9301, "kibana": 9302}"#).unwrap();
        let plan = PortPlan::choose(None, false, Some(&old)).unwrap();
        assert_eq!(plan.ports.all(), [9300, 9301, 9302, 4443, 9050]);
    }
}
