//! `export`: a topic into a file that `import` puts back.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::connection::Connection;
use super::context::Context;
use super::failure::Failure;
use super::failures;
use super::progress::watch;
use crate::pipeline::{Progress, SaveReport, TOPIC, save_topic};
use crate::report::{Phase, bytes, count, counted};

/// Write the topic into a file, for `import` here or elsewhere
///
/// Messages are written as they are: partition, time, key, headers, value; offsets for people. The index follows from them, and
/// so is not in the file.
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev export week.ndjson.gz\n  \
    stockdev export - | ssh other stockdev import -\n  \
    zcat week.ndjson.gz | head -2        it is gzipped JSON, a line a message")]
pub(super) struct ExportArgs {
    /// The file to write, or to replace once all is written; - is standard output
    file: PathBuf,
    /// The topic
    #[arg(long, value_name = "NAME", default_value = TOPIC)]
    topic: String,
}

pub(super) async fn run(args: ExportArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let connection = Connection::from_context(cx)?;
    if args.file == Path::new("-") {
        let out = std::io::BufWriter::new(std::io::stdout());
        let report = save(&args, out, &connection, cx).await?;
        return Ok(if report.cancelled { cx.interrupted().exit_code } else { 0 });
    }
    let unwritable = |error: &std::io::Error| failures::output(&format!("`{}`", args.file.display()), error);
    // Beside the file, so that it can take its place in one step.
    let folder = args.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".stockdev-export-");
    // For whom it is to be read is said by the user's mask, as for any file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(folder);
    let temporary = temporary.map_err(|error| unwritable(&error))?;
    let out = temporary.reopen().map_err(|error| unwritable(&error))?;
    let report = save(&args, std::io::BufWriter::new(out), &connection, cx).await?;
    if report.cancelled {
        return Err(cx.interrupted().left(format!("`{}` is as before", args.file.display())));
    }
    let size = keep(temporary, &args.file, folder).map_err(|error| unwritable(&error))?;
    let text = format!(
        "{} of `{}` in `{}`, {}",
        counted(report.messages, "message"),
        args.topic,
        args.file.display(),
        bytes(size)
    );
    let document = json!({
        "state": "done",
        "topic": args.topic,
        "file": args.file,
        "messages": report.messages,
        "partitions": report.partitions,
        "bytes": size,
    });
    cx.result(&text, &document);
    Ok(0)
}

async fn save(
    args: &ExportArgs,
    out: impl Write + Send + 'static,
    connection: &Connection,
    cx: &Context,
) -> Result<SaveReport, Failure> {
    let running = cx.report.start(Phase::Stream, Some(&format!("`{}` into `{}`", args.topic, args.file.display())));
    let (progress, stop) = (Progress::new(), cx.stop.token());
    let saving = save_topic(&connection.kafka, &args.topic, out, &progress, &stop);
    match watch(cx, &running, &progress, "messages", saving).await {
        Ok(report) => {
            cx.report.finish_with(running, report.messages, "messages", format!("{} messages", count(report.messages)));
            Ok(report)
        }
        Err(error) => {
            cx.report.fail(running, &error.to_string());
            Err(failures::save(&error, &args.file).phase(Phase::Stream))
        }
    }
}

/// On the disk before it has its name; gives its size.
fn keep(temporary: tempfile::NamedTempFile, file: &Path, folder: &Path) -> std::io::Result<u64> {
    let written = temporary.as_file();
    written.sync_all()?;
    let size = written.metadata()?.len();
    temporary.persist(file).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    Ok(size)
}
