//! `down --purge` on an external stack: removes what this project made there, and nothing that was there before.

use super::connection::Connection;
use super::context::Context;
use super::failure::Failure;
use super::failures;
use super::up::forecast_index;
use crate::pipeline::{DEAD_LETTER_TOPIC, INDEX, TOPIC};
use crate::setup::{self, TEMPLATE_NAME};
use crate::stack::{CreatedRecord, ProjectFolders, Record};

/// What the record says this project made, in words.
pub(super) fn names(created: &CreatedRecord) -> Vec<String> {
    let forecasts = forecast_index();
    let all = [
        (created.topic, "topic", TOPIC),
        (created.dead_letter_topic, "topic", DEAD_LETTER_TOPIC),
        (created.index, "index", INDEX),
        (created.forecasts, "index", &forecasts),
        (created.template, "template", TEMPLATE_NAME),
    ];
    all.iter().filter(|(is_ours, ..)| *is_ours).map(|(_, kind, name)| format!("{kind} `{name}`")).collect()
}

/// Removes what the record names, and each from the record once it is gone: what fails half way can be done again.
pub(super) async fn purge(cx: &Context, project: &ProjectFolders, mut record: Record) -> Result<Vec<String>, Failure> {
    let purged = names(&record.created);
    let Some(endpoints) = record.endpoints.clone().filter(|_| !purged.is_empty()) else { return Ok(Vec::new()) };
    let connection = Connection::to(cx, endpoints)?;
    let failed = |error| failures::setup(&error).left("the project's record is kept: `down --purge` goes on from here");
    if record.created.topic {
        setup::remove_topic(&connection.kafka, TOPIC).await.map_err(failed)?;
        record.created.topic = false;
        save(project, &record)?;
    }
    if record.created.dead_letter_topic {
        setup::remove_topic(&connection.kafka, DEAD_LETTER_TOPIC).await.map_err(failed)?;
        record.created.dead_letter_topic = false;
        save(project, &record)?;
    }
    if record.created.index {
        setup::remove_index(&connection.elasticsearch, INDEX).await.map_err(failed)?;
        record.created.index = false;
        save(project, &record)?;
    }
    if record.created.forecasts {
        setup::remove_index(&connection.elasticsearch, &forecast_index()).await.map_err(failed)?;
        record.created.forecasts = false;
        save(project, &record)?;
    }
    if record.created.template {
        setup::remove_template(&connection.elasticsearch).await.map_err(failed)?;
        record.created.template = false;
        save(project, &record)?;
    }
    Ok(purged)
}

fn save(project: &ProjectFolders, record: &Record) -> Result<(), Failure> {
    record.save(project).map_err(|error| failures::file(&error))
}
