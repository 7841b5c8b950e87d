//! What answers at the endpoints, and what is recorded of it between commands.
//!
//! A stack is a set of [`Endpoints`]; no pipeline code asks which one it runs on. [`embedded`] is a background process of
//! this same binary, [`docker`] is containers, [`external`] is what someone else runs. What must survive between two commands is a [`Record`] in the
//! project's state folder, written before each resource is made, so that `down` finds all of it, whatever was killed when.

mod causes;
pub mod docker;
pub mod embedded;
mod endpoints;
pub mod external;
mod files;
mod folders;
mod lock;
pub mod machine;
mod ports;
mod process;
mod record;
mod temporary;

pub use endpoints::{Endpoints, InvalidAddress, StackKind};
pub use files::create_private_folder;
pub use files::{FileError, remove, replace_file};
pub use folders::{FolderError, Folders, ProjectFolders, ProjectName, ProjectNameError, project_names};
pub use lock::{LockError, ProjectLock};
pub use ports::{Holder, PortPlan, PortSource, ServicePorts, dial_address, free_ports, is_free, listening_holder};
pub use process::{ProcessId, memory_bytes, signal_kill, signal_terminate, wait_gone};
pub use record::{
    CreatedRecord, DockerRecord, FORMAT, LiveFile, LiveRecord, PortsRecord, Record, RecordError, StreamRecord,
    StreamSource,
};
pub use temporary::{TemporaryFolder, unique_name};
