//! `__serve`: what `up` starts in the background. Not for people.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::stack::ServicePorts;
use crate::stack::embedded::{ServeOptions, run as serve};

/// Run the embedded servers in the foreground
#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    #[arg(long)]
    server_file: PathBuf,
    #[arg(long)]
    logs: PathBuf,
    #[arg(long)]
    data_folder: PathBuf,
    #[arg(long)]
    listen_on: Option<IpAddr>,
    #[arg(long)]
    kafka_port: u16,
    #[arg(long)]
    elasticsearch_port: u16,
    #[arg(long)]
    kibana_port: u16,
    #[arg(long)]
    gcs_port: u16,
    #[arg(long)]
    bigquery_port: u16,
    #[arg(long)]
    or_any_port: bool,
    #[arg(long)]
    sync: bool,
    #[arg(long)]
    fault: Option<String>,
}

/// What went wrong is in the server file and the log.
pub(super) fn run(args: &ServeArgs) -> u8 {
    let options = ServeOptions {
        server_file: args.server_file.clone(),
        logs: args.logs.clone(),
        data: args.data_folder.clone(),
        listen: args.listen_on,
        ports: ServicePorts {
            kafka: args.kafka_port,
            elasticsearch: args.elasticsearch_port,
            kibana: args.kibana_port,
            gcs: args.gcs_port,
            bigquery: args.bigquery_port,
        },
        or_any_port: args.or_any_port,
        fsync: args.sync,
        fault: args.fault.as_deref().and_then(|text| {
            let (service, code) = text.split_once(':')?;
            Some((service.to_owned(), code.parse().ok()?))
        }),
    };
    match serve(&options) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}
