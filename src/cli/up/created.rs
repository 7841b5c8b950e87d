//! What a project makes on servers that others run, recorded before it is made: `down --purge` removes that and no more.

use std::time::Duration;

use super::plan::Plan;
use super::stack::Live;
use crate::cli::connection::Connection;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::pipeline::{self, DEAD_LETTER_TOPIC, INDEX, TOPIC};
use crate::report::Phase;
use crate::setup;
use crate::stack::{CreatedRecord, StackKind};

const TIMEOUT: Duration = Duration::from_secs(15);

/// Records what is not there, and so will be this project's.
pub(super) async fn intend(plan: &mut Plan, live: &Live) -> Result<(), Failure> {
    if plan.record.stack != StackKind::External {
        return Ok(());
    }
    let is_there = look(&live.answers.all().await).await?;
    let created = &mut plan.record.created;
    created.topic |= !is_there.topic;
    created.dead_letter_topic |= !is_there.dead_letter_topic;
    created.index |= !is_there.index;
    created.template |= !is_there.template;
    save(plan)
}

/// Forgets what was not made after all: another one may make it later, and then it is theirs.
pub(super) async fn settle(plan: &mut Plan, connection: &Connection) -> Result<(), Failure> {
    if plan.record.stack != StackKind::External {
        return Ok(());
    }
    let is_there = look(connection).await?;
    let created = &mut plan.record.created;
    created.topic &= is_there.topic;
    created.dead_letter_topic &= is_there.dead_letter_topic;
    created.index &= is_there.index;
    created.template &= is_there.template;
    save(plan)
}

/// What of it is there now.
async fn look(connection: &Connection) -> Result<CreatedRecord, Failure> {
    let kafka = async {
        let topic = connection.kafka.partition_count(TOPIC, TIMEOUT).await?;
        let dead_letter_topic = connection.kafka.partition_count(DEAD_LETTER_TOPIC, TIMEOUT).await?;
        Ok((topic.is_some(), dead_letter_topic.is_some()))
    };
    let (topic, dead_letter_topic) = kafka.await.map_err(|error| failures::kafka(&error).phase(Phase::Topic))?;
    let template = setup::has_template(&connection.elasticsearch).await;
    let template = template.map_err(|error| failures::setup(&error).phase(Phase::Template))?;
    let documents = pipeline::document_count(&connection.elasticsearch, INDEX).await;
    let index = documents.map_err(|error| failures::counts(&error).phase(Phase::Template))?.is_some();
    Ok(CreatedRecord { topic, dead_letter_topic, index, template, ..CreatedRecord::default() })
}

fn save(plan: &Plan) -> Result<(), Failure> {
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))
}
