//! One panel: its searches run, their answers drawn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::once::Searches;
use crate::lens::figure::{self, ColourBook, Figure};
use crate::lens::layer::{Run, Step};
use crate::lens::object::{LensPanel, Markdown, Panel, PanelContent};
use crate::lens::panel::prepare;
use crate::lens::scope::Scope;
use crate::lens::table::Table;
use crate::lens::view::DataView;

/// A panel's figure, and what was asked for it.
pub(super) struct Drawn {
    pub(super) figure: Figure,
    /// `{"index","request","response"}`
    pub(super) searches: Vec<Value>,
}

pub(super) type Views = Arc<BTreeMap<String, DataView>>;
pub(super) type Colours = Arc<Mutex<ColourBook>>;

/// Whatever is wrong with a panel is its figure.
pub(super) async fn panel(asks: &Searches, panel: &Panel, views: &Views, scope: &Scope, colours: &Colours) -> Drawn {
    let mut searches = Vec::new();
    let figure = match &panel.content {
        PanelContent::Lens(lens) => match chart(asks, lens, views, scope, colours, &mut searches).await {
            Ok(figure) => figure,
            Err(message) => Figure::Error { message, hint: None },
        },
        PanelContent::Markdown(markdown) => text(markdown),
        PanelContent::Library(item) => Figure::Error {
            message: format!("the {} `{}` is not among the saved objects", item.kind, item.id),
            hint: None,
        },
        PanelContent::Unsupported { what, reason } => {
            Figure::Unsupported { what: what.clone(), reason: reason.clone() }
        }
    };
    Drawn { figure, searches }
}

fn text(markdown: &Markdown) -> Figure {
    match figure::markdown::html(&markdown.text) {
        Ok(html) => Figure::Markdown { html },
        Err(error) => Figure::Error { message: error.to_string(), hint: None },
    }
}

async fn chart(
    asks: &Searches,
    lens: &LensPanel,
    views: &Views,
    scope: &Scope,
    colours: &Colours,
    searches: &mut Vec<Value>,
) -> Result<Figure, String> {
    if figure::layers_needed(&lens.kind, &lens.visualization).is_empty() {
        return draw(lens.clone(), BTreeMap::new(), scope.clone(), BTreeMap::new(), Arc::clone(colours)).await;
    }
    let prepared = prepare(lens, views, scope).map_err(|error| error.to_string())?;
    let (mut tables, mut view_ids) = (BTreeMap::new(), BTreeMap::new());
    for layer in prepared {
        let run = Run::new(&layer.layer, layer.view, scope, &layer.own).map_err(|error| error.to_string())?;
        let table = search(asks, run, &layer.view.index, searches).await?;
        view_ids.insert(layer.layer.id.clone(), layer.view.id.clone());
        tables.insert(layer.layer.id.clone(), table);
    }
    draw(lens.clone(), tables, scope.clone(), view_ids, Arc::clone(colours)).await
}

/// The layer's searches, one after the other.
async fn search(asks: &Searches, run: Run, index: &str, searches: &mut Vec<Value>) -> Result<Table, String> {
    let (mut run, mut step) = off_thread(move || advance(run, None)).await?;
    loop {
        let request = match step {
            Step::Done(table) => return Ok(table),
            Step::Search(request) => request,
        };
        let answer = asks.ask(index, &request, searches).await?;
        (run, step) = off_thread(move || advance(run, Some(&answer))).await?;
    }
}

fn advance(mut run: Run, answer: Option<&Value>) -> Result<(Run, Step), String> {
    let step = run.step(answer).map_err(|error| error.to_string())?;
    Ok((run, step))
}

async fn draw(
    lens: LensPanel,
    tables: BTreeMap<String, Table>,
    scope: Scope,
    view_ids: BTreeMap<String, String>,
    colours: Colours,
) -> Result<Figure, String> {
    off_thread(move || {
        let mut colours = colours.lock().unwrap_or_else(PoisonError::into_inner);
        figure::draw_with(&lens.kind, &lens.visualization, &tables, &scope, &view_ids, &mut colours)
            .map_err(|error| error.to_string())
    })
    .await
}

/// Large answers take milliseconds to read and to draw.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        tracing::error!(%error, "a panel could not be drawn");
        Err("this panel could not be drawn; the server's log says more".to_owned())
    })
}
