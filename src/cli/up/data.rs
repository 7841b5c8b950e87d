//! The phases `topic` to `verify`: the ticks are in Kafka, the documents in Elasticsearch, and the numbers agree.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::UpArgs;
use super::answers::Answers;
use super::created;
use super::document::Outcome;
use super::plan::Plan;
use super::stack::Live;
use super::stream::{Streamed, messages, stream_and_index};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::dashboard::counts;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::{ElasticsearchAddress, ElasticsearchAuth};
use crate::pipeline::{self, DEAD_LETTER_TOPIC, INDEX, INDEXER_GROUP, TOPIC};
use crate::report::{Phase, count};
use crate::setup::{self, TemplateOutcome};
use crate::stack::{Record, StackKind};

pub(super) async fn put_in_place(
    plan: &mut Plan,
    args: &UpArgs,
    cx: &Arc<Context>,
    live: &Live,
) -> Result<Outcome, Failure> {
    created::intend(plan, live).await?;
    let (template, templated) = oneshot::channel();
    let kind = plan.record.stack;
    // Ticks need Kafka, documents need Elasticsearch as well, the dashboard needs Kibana: none of them waits for the others.
    let (streamed, dashboard) = tokio::try_join!(stream_and_index(plan, args, cx, &live.answers, templated), async {
        let elasticsearch = live.answers.elasticsearch().await;
        apply_template(&elasticsearch, cx).await?;
        // Without a receiver the other half has failed, and says so.
        let _sent = template.send(elasticsearch);
        import_dashboard(kind, cx, &live.answers).await
    })?;
    let connection = live.settle(plan, cx).await?;
    let verified = verify(plan, cx, &connection, &streamed).await?;
    created::settle(plan, &connection).await?;
    Ok(Outcome {
        stack: plan.record.stack,
        already_up: live.was_running && streamed.is_nothing(),
        existed: live.existed,
        sent: plan.record.streams.iter().map(|stream| stream.sent).sum(),
        indexed: verified.documents,
        dead_letters: verified.dead_letters,
        invalid: streamed.invalid,
        data: plan.record.data.clone(),
        ephemeral: plan.record.ephemeral,
        first_problems: streamed.first_problems,
        secured: plan.record.docker.as_ref().filter(|docker| docker.secure).and(user_of(&connection)),
        dashboard,
        cloud: None,
        connection,
    })
}

fn user_of(connection: &Connection) -> Option<String> {
    match &connection.elasticsearch.auth {
        Some(ElasticsearchAuth::Basic { user, .. }) => Some(user.clone()),
        Some(ElasticsearchAuth::ApiKey(_)) | None => None,
    }
}

async fn apply_template(elasticsearch: &ElasticsearchAddress, cx: &Context) -> Result<(), Failure> {
    let running = cx.report.start(Phase::Template, None);
    let template = setup::apply_template(elasticsearch).await;
    let text = match template.map_err(|error| failures::setup(&error).phase(Phase::Template))? {
        TemplateOutcome::Created => "created",
        TemplateOutcome::Updated => "updated",
        TemplateOutcome::Unchanged => "is there, unchanged",
    };
    cx.report.finish(running, format!("`{}` {text}", setup::TEMPLATE_NAME));
    Ok(())
}

/// Puts the dashboard into the stack's Kibana, in place of the one that may be there. Gives its address.
async fn import_dashboard(stack: StackKind, cx: &Context, answers: &Answers) -> Result<Option<String>, Failure> {
    let Some(kibana) = answers.kibana().await else {
        cx.report.skip(Phase::Dashboard, without_kibana(stack));
        return Ok(None);
    };
    let running = cx.report.start(Phase::Dashboard, Some(&kibana.url));
    let imported = setup::import_dashboard(&kibana, setup::DASHBOARD_NDJSON.as_bytes()).await;
    let outcome = match imported {
        Ok(outcome) => outcome,
        Err(error) => {
            cx.report.fail(running, &error.to_string());
            return Err(failures::dashboard(&error).phase(Phase::Dashboard));
        }
    };
    cx.report.finish(running, counts(&outcome));
    Ok(outcome.dashboard().map(|dashboard| kibana.dashboard_url(&dashboard.id)))
}

fn without_kibana(stack: StackKind) -> &'static str {
    match stack {
        StackKind::Embedded => "this stack was started by a stockdev without a dashboard server",
        StackKind::Docker => "there is no Kibana in this stack",
        StackKind::External => "no Kibana was named (--kibana URL)",
    }
}

/// What is there in the end.
struct Verified {
    documents: u64,
    dead_letters: u64,
}

async fn verify(plan: &Plan, cx: &Context, connection: &Connection, streamed: &Streamed) -> Result<Verified, Failure> {
    let running = cx.report.start(Phase::Verify, None);
    if !streamed.is_nothing() {
        pipeline::refresh_index(&connection.elasticsearch, INDEX).await.map_err(|error| failures::counts(&error))?;
    }
    let (topic, dead, documents, lag) = tokio::try_join!(
        pipeline::topic_counts(&connection.kafka, TOPIC),
        pipeline::topic_counts(&connection.kafka, DEAD_LETTER_TOPIC),
        pipeline::document_count(&connection.elasticsearch, INDEX),
        pipeline::group_lag(&connection.kafka, INDEXER_GROUP, TOPIC),
    )
    .map_err(|error| failures::counts(&error).phase(Phase::Verify))?;
    let sent = messages(&topic.unwrap_or_default());
    let dead_letters = messages(&dead.unwrap_or_default());
    let documents = documents.unwrap_or(0);
    let lag = lag.map_or(0, |lag| lag.lag);
    let live = plan.record.live.is_some();
    // An external cluster may have dropped old messages, or hold documents of others; with a live stream all moves on.
    let exact = plan.record.stack == StackKind::Embedded && !live;
    if (exact && documents + dead_letters < sent) || (lag > 0 && !live) {
        return Err(mismatch(&plan.record, sent, documents, dead_letters, lag).phase(Phase::Verify));
    }
    if exact && documents + dead_letters > sent {
        cx.report.note(&format!(
            "the index holds {} documents that are not from the topic",
            count(documents + dead_letters - sent)
        ));
    }
    cx.report.finish(
        running,
        format!("{} messages, {} documents, {} rejected", count(sent), count(documents), count(dead_letters)),
    );
    Ok(Verified { documents, dead_letters })
}

fn mismatch(record: &Record, sent: u64, documents: u64, dead_letters: u64, lag: u64) -> Failure {
    Failure::new(ErrorId::CountMismatch, format!("{} messages, but {} documents", count(sent), count(documents)))
        .tried(format!("counted `{TOPIC}` and `{INDEX}` of project `{}`", record.project))
        .got(format!("{} rejected, {} not yet indexed", count(dead_letters), count(lag)))
        .left("the stack runs")
        .next("stockdev up", "index what waits")
        .next("stockdev status", "look again")
}
