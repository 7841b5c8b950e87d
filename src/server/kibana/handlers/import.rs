//! `POST /api/saved_objects/_import` and `_resolve_import_errors`.

use std::sync::Arc;

use super::upload;
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Params, Request, Response};
use crate::server::kibana::import::{Options, read, read_retries, run};

pub(super) fn import(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        request.params.check(&["overwrite", "createNewCopies", "compatibilityMode"])?;
        let options = options(&request.params)?;
        let upload = upload::read(&request).await?;
        if upload.retries.is_some() {
            let message = "[request body.retries]: definition for this key is missing";
            return Err(ApiError::bad_request(message));
        }
        answer(kibana, upload.file, options).await
    })
}

pub(super) fn resolve(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        request.params.check(&["createNewCopies", "compatibilityMode"])?;
        let options = options(&request.params)?;
        let upload = upload::read(&request).await?;
        let retries = Some(read_retries(upload.retries.as_deref())?);
        answer(kibana, upload.file, Options { retries, ..options }).await
    })
}

/// `compatibilityMode` is about ids in several spaces; in one it changes nothing.
fn options(params: &Params) -> Result<Options, ApiError> {
    let overwrites = params.flag("overwrite")?;
    let copies = params.flag("createNewCopies")?;
    let is_compatible = params.flag("compatibilityMode")?;
    let refused = |one: &str, other: &str| {
        Err(ApiError::bad_request(format!("[request query]: cannot use [{one}] with [{other}]")))
    };
    match (copies, overwrites, is_compatible) {
        (true, true, _) => refused("overwrite", "createNewCopies"),
        (true, _, true) => refused("createNewCopies", "compatibilityMode"),
        _ => Ok(Options { overwrites, copies, retries: None }),
    }
}

async fn answer(kibana: Arc<Kibana>, file: bytes::Bytes, options: Options) -> Result<Response, ApiError> {
    let answer = kibana
        .blocking(move |kibana| {
            let incoming = read(&file)?;
            run(&kibana.store, &kibana.config.version, incoming, &options)
        })
        .await?;
    Ok(Response::json(&answer))
}
