//! The flags of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::report::{ColorChoice, OutputFormat, ProgressChoice};
use crate::stack::ProjectName;

/// `--stack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum StackChoice {
    /// Containers where an engine and the images are, else embedded; says why.
    Auto,
    /// Servers inside a background process of this program.
    Embedded,
    /// The real servers in containers.
    Docker,
    /// Servers you run: needs --kafka and --elasticsearch.
    External,
}

#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Every command")]
pub(super) struct GlobalArgs {
    /// Name of the project
    #[arg(long, global = true, value_name = "NAME", default_value = "stockdev")]
    pub(super) project: ProjectName,
    /// What answers at the endpoints
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        value_name = "auto|embedded|docker|external"
    )]
    pub(super) stack: StackChoice,
    /// Form of the result on standard output
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        hide_possible_values = true,
        value_name = "text|json|ndjson"
    )]
    pub(super) output: OutputFormat,
    /// How progress is shown on standard error
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        value_name = "auto|bars|lines|none"
    )]
    pub(super) progress: ProgressChoice,
    /// Say less: -q the result and the final error, -qq the exit code only
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) quiet: u8,
    /// Say more: -v reasons, -vv all
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    pub(super) color: ColorChoice,
    /// Settings file, instead of stockdev.toml here or above and the user's config.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Kafka's address; left out, the running project's
    #[arg(long, global = true, value_name = "HOST:PORT", help_heading = "Endpoints")]
    pub(super) kafka: Option<String>,
    /// Elasticsearch's address; left out, the running project's
    #[arg(long, global = true, value_name = "URL", help_heading = "Endpoints")]
    pub(super) elasticsearch: Option<String>,
    /// Kibana's address
    #[arg(long, global = true, value_name = "URL", help_heading = "Endpoints", hide_short_help = true)]
    pub(super) kibana: Option<String>,
    /// A property of librdkafka, such as security.protocol=SASL_SSL; a secret one as KEY=@FILE
    ///
    /// The variable STOCKDEV_KAFKA_PROPERTY holds several, separated by semicolons, and may hold secrets themselves.
    #[arg(long, global = true, value_name = "KEY=VALUE", action = clap::ArgAction::Append, help_heading = "Endpoints", hide_short_help = true)]
    pub(super) kafka_property: Vec<String>,
    /// User at Elasticsearch
    #[arg(long, global = true, value_name = "NAME", help_heading = "Endpoints", hide_short_help = true)]
    pub(super) elasticsearch_user: Option<String>,
    /// Its password: @FILE, - for standard input, or the variable STOCKDEV_ELASTICSEARCH_PASSWORD
    #[arg(
        long,
        global = true,
        value_name = "@FILE",
        help_heading = "Endpoints",
        hide_short_help = true,
        allow_hyphen_values = true
    )]
    pub(super) elasticsearch_password: Option<String>,
    /// An API key of Elasticsearch, instead of a user: @FILE, - or STOCKDEV_ELASTICSEARCH_API_KEY
    #[arg(
        long,
        global = true,
        value_name = "@FILE",
        help_heading = "Endpoints",
        hide_short_help = true,
        allow_hyphen_values = true
    )]
    pub(super) elasticsearch_api_key: Option<String>,
    /// Certificates (PEM) to trust at Elasticsearch, and at Kafka where TLS is asked for
    #[arg(long, global = true, value_name = "FILE", help_heading = "Endpoints", hide_short_help = true)]
    pub(super) ca_cert: Option<PathBuf>,
}
