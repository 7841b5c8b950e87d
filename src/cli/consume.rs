//! `consume`: messages to the terminal.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde_json::json;

use super::connection::Connection;
use super::context::Context;
use super::failure::Failure;
use super::failures;
use crate::pipeline::{self, ConsumeFrom, ConsumeOptions, MessageFormat, TOPIC};
use crate::report::OutputFormat;

/// Print the messages of a topic
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev consume --max 5\n  \
    stockdev consume --from end --follow --format pretty\n  \
    stockdev consume --format '%p %o %k %s'\n  \
    stockdev consume --topic stock-stream-dlq --format '%h %s'")]
pub(super) struct ConsumeArgs {
    /// Where to begin: beginning, end, stored (what the group committed), an offset, or a time such as 2024-01-02T10:00:00+05:30
    #[arg(long, value_name = "PLACE", default_value = "beginning")]
    from: ConsumeFrom,
    /// At most so many messages
    #[arg(long, value_name = "N")]
    max: Option<u64>,
    /// Wait for more, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// json, pretty, or a text: %t topic, %p partition, %o offset, %k key, %s value, %T timestamp, %h headers
    #[arg(long, value_name = "FORMAT")]
    format: Option<MessageFormat>,
    /// Join this consumer group and commit what was printed
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Only this partition
    #[arg(long, value_name = "N")]
    partition: Option<i32>,
    /// The topic
    #[arg(long, value_name = "NAME", default_value = TOPIC)]
    topic: String,
}

pub(super) async fn run(args: ConsumeArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let connection = Connection::from_context(cx)?;
    let options = ConsumeOptions {
        topic: args.topic.clone(),
        from: args.from,
        max: args.max,
        follow: args.follow,
        group: args.group.clone(),
        partition: args.partition,
    };
    let sink = Arc::new(Mutex::new(Sink::new(cx, &args)?));
    let inner = Arc::clone(&sink);
    let stop = cx.stop.token();
    let write =
        move |message: &pipeline::ConsumedMessage| inner.lock().unwrap_or_else(PoisonError::into_inner).write(message);
    let consumed = pipeline::consume(&connection.kafka, &options, write, &stop).await;
    let sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    match consumed {
        Ok(report) => {
            let state = if report.cancelled { "interrupted" } else { "done" };
            sink.end(&json!({"state": state, "topic": args.topic, "messages_printed": report.messages}));
            // Ctrl-C is the way to end --follow, not a failure.
            Ok(if report.cancelled && !args.follow { cx.interrupted().exit_code } else { 0 })
        }
        Err(error) => {
            let failure = failures::consume(&error);
            if cx.global.output == OutputFormat::Json {
                sink.end(&failure.document());
                return Ok(cx.tell(&failure));
            }
            Err(failure)
        }
    }
}

/// Where messages go. With `--output json` they become one array inside one document, written as they come.
struct Sink {
    cx: Arc<Context>,
    format: MessageFormat,
    begun: bool,
    count: u64,
    buffer: Vec<u8>,
}

impl Sink {
    fn new(cx: &Arc<Context>, args: &ConsumeArgs) -> Result<Self, Failure> {
        let default = if cx.is_text() { "%s" } else { "json" };
        let format = match (&args.format, cx.is_text()) {
            (Some(format), true) => format.clone(),
            _ => default.parse().map_err(|error| failures::format(&error))?,
        };
        Ok(Self { cx: Arc::clone(cx), format, begun: false, count: 0, buffer: Vec::new() })
    }

    fn write(&mut self, message: &pipeline::ConsumedMessage) -> io::Result<()> {
        self.buffer.clear();
        if self.cx.global.output == OutputFormat::Json {
            self.buffer.extend_from_slice(if self.begun { b"," } else { b"{\"messages\":[" });
        }
        self.format.write(message, &mut self.buffer)?;
        self.begun = true;
        self.count += 1;
        let mut out = self.cx.printer.data();
        out.write_all(&self.buffer)?;
        out.flush()
    }

    /// The end of the document; for people there is nothing to add.
    fn end(&self, document: &serde_json::Value) {
        match self.cx.global.output {
            OutputFormat::Text => {}
            OutputFormat::Ndjson => self.cx.printer.json_line(document),
            OutputFormat::Json => {
                let text = document.to_string();
                let rest = text.strip_prefix('{').unwrap_or(&text);
                let head = if self.begun { "" } else { "{\"messages\":[" };
                self.cx.printer.out(&format!("{head}],{rest}"));
            }
        }
    }
}
