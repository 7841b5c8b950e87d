//! Preconditions and generations, as the parameters of a request name them.

use super::super::error::ApiError;
use super::super::http::{Params, Request};
use super::super::store::Conditions;

/// `ifGenerationMatch` and the like.
pub(super) fn conditions(params: &Params) -> Result<Conditions, ApiError> {
    with_prefix(params, "if")
}

/// `ifSourceGenerationMatch` and the like.
pub(super) fn source_conditions(params: &Params) -> Result<Conditions, ApiError> {
    with_prefix(params, "ifSource")
}

fn with_prefix(params: &Params, prefix: &str) -> Result<Conditions, ApiError> {
    let number = |name: &str| params.number::<i64>(&format!("{prefix}{name}"));
    Ok(Conditions {
        generation_match: number("GenerationMatch")?,
        generation_not_match: number("GenerationNotMatch")?,
        metageneration_match: number("MetagenerationMatch")?,
        metageneration_not_match: number("MetagenerationNotMatch")?,
    })
}

/// `generation` names a version.
pub(super) fn generation(params: &Params) -> Result<Option<i64>, ApiError> {
    params.number("generation")
}

/// The headers of the XML API.
pub(super) fn xml_conditions(request: &Request) -> Result<Conditions, ApiError> {
    let number = |name: &str| match request.header(name) {
        None => Ok(None),
        Some(text) => {
            text.trim().parse::<i64>().map(Some).map_err(|_| ApiError::invalid(format!("Invalid header {name}.")))
        }
    };
    Ok(Conditions {
        generation_match: number("x-goog-if-generation-match")?,
        metageneration_match: number("x-goog-if-metageneration-match")?,
        ..Conditions::NONE
    })
}
