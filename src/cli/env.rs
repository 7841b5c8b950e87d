//! `env`: the endpoints under the names that other tools read.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::connection::own_credentials;
use super::context::Context;
use super::failure::Failure;
use super::failures;
use super::google::EMBEDDED_PROJECT;
use crate::client::ElasticsearchAuth;
use crate::report::OutputFormat;
use crate::stack::Endpoints;

/// Print the endpoints as variables that other tools read
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    eval \"$(stockdev env)\"\n  \
    stockdev env --format dotenv > .env\n  \
    stockdev env --format fish | source")]
pub(super) struct EnvArgs {
    /// Form of the output; github appends to the file that $GITHUB_ENV names
    #[arg(long, value_enum, default_value = "sh", value_name = "FORMAT")]
    format: EnvFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EnvFormat {
    Sh,
    Fish,
    Powershell,
    Dotenv,
    Json,
    Github,
}

/// The variables: the usual names first, then the aliases of single tools.
pub(super) fn variables(endpoints: &Endpoints) -> Vec<(&'static str, String)> {
    let (kafka, elasticsearch) = (&endpoints.kafka, &endpoints.elasticsearch);
    let mut variables = vec![
        ("KAFKA_BOOTSTRAP_SERVERS", kafka.clone()),
        ("ELASTICSEARCH_URL", elasticsearch.clone()),
        ("SPRING_KAFKA_BOOTSTRAP_SERVERS", kafka.clone()),
        ("CONNECT_BOOTSTRAP_SERVERS", kafka.clone()),
        ("KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS", kafka.clone()),
        ("RPK_BROKERS", kafka.clone()),
        ("ES_URL", elasticsearch.clone()),
        ("ES_LOCAL_URL", elasticsearch.clone()),
        ("ELASTICSEARCH_HOSTS", elasticsearch.clone()),
    ];
    if let Some(kibana) = &endpoints.kibana {
        variables.insert(2, ("KIBANA_URL", kibana.clone()));
    }
    variables.extend(endpoints.gcs.iter().map(|gcs| ("STORAGE_EMULATOR_HOST", gcs.clone())));
    variables.extend(endpoints.bigquery.iter().map(|bigquery| ("BIGQUERY_EMULATOR_HOST", bigquery.clone())));
    if endpoints.gcs.is_some() || endpoints.bigquery.is_some() {
        // Google's clients want a project even where anyone does.
        variables.push(("GOOGLE_CLOUD_PROJECT", EMBEDDED_PROJECT.to_owned()));
    }
    variables
}

pub(super) fn run(args: &EnvArgs, cx: &Context) -> Result<u8, Failure> {
    let endpoints = cx.endpoints()?;
    let mut variables = variables(&endpoints);
    if let Some(ElasticsearchAuth::Basic { user, .. }) = own_credentials(cx, |own| *own == endpoints)? {
        // The password itself is for no screen.
        variables.push(("ELASTICSEARCH_USERNAME", user));
        variables.push(("ELASTICSEARCH_PASSWORD_FILE", cx.project().password().display().to_string()));
    }
    let format = if cx.global.output == OutputFormat::Text { args.format } else { EnvFormat::Json };
    let lines = |line: fn(&str, &str) -> String| {
        variables.iter().map(|(name, value)| line(name, value)).collect::<Vec<_>>().join("\n")
    };
    let text = match format {
        EnvFormat::Sh => lines(|name, value| format!("export {name}='{}'", value.replace('\'', "'\\''"))),
        EnvFormat::Fish => {
            lines(|name, value| format!("set -gx {name} '{}'", value.replace('\\', "\\\\").replace('\'', "\\'")))
        }
        EnvFormat::Powershell => lines(|name, value| format!("$env:{name} = '{}'", value.replace('\'', "''"))),
        EnvFormat::Dotenv => {
            lines(|name, value| format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
        }
        EnvFormat::Github => return github(&lines(|name, value| format!("{name}={value}")), cx),
        EnvFormat::Json => {
            let object: Map<String, Value> =
                variables.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
            let text = serde_json::to_string_pretty(&object).unwrap_or_default();
            cx.result(&text, &Value::Object(object));
            return Ok(0);
        }
    };
    cx.printer.out(&text);
    Ok(0)
}

fn github(lines: &str, cx: &Context) -> Result<u8, Failure> {
    let Some(path) = std::env::var_os("GITHUB_ENV").filter(|path| !path.is_empty()) else {
        cx.printer.out(lines);
        return Ok(0);
    };
    let appended = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| writeln!(file, "{lines}"));
    appended.map_err(|error| failures::output(&format!("`{}`", path.display()), &error))?;
    cx.report.note(&format!("appended to `{}`", path.display()));
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_the_contract_lists_is_there() {
        let endpoints = Endpoints {
            kafka: "k:1".into(),
            elasticsearch: "http://e:2".into(),
            kibana: None,
            gcs: Some("http://g:3".into()),
            bigquery: Some("http://b:4".into()),
        };
        let names: Vec<&str> = variables(&endpoints).iter().map(|(name, _)| *name).collect();
        for name in [
            "KAFKA_BOOTSTRAP_SERVERS",
            "ELASTICSEARCH_URL",
            "ES_LOCAL_URL",
            "RPK_BROKERS",
            "STORAGE_EMULATOR_HOST",
            "BIGQUERY_EMULATOR_HOST",
            "GOOGLE_CLOUD_PROJECT",
        ] {
            assert!(names.contains(&name), "{name}");
        }
    }
}
