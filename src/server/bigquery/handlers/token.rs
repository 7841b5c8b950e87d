//! Page tokens: opaque to clients, made of what is needed to go on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::server::bigquery::http::{ApiError, Request};

/// Names a page of one kind of list.
pub(super) fn make(kind: &str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind} {place}"))
}

/// The place of the request's token, if it has one.
///
/// # Errors
/// 400 when this server made no such token for this kind of list.
pub(super) fn place(request: &Request, kind: &str) -> Result<Option<String>, ApiError> {
    let Some(token) = request.params.text("pageToken") else { return Ok(None) };
    read(token, kind).map(Some).ok_or_else(|| ApiError::invalid("Invalid value for pageToken"))
}

fn read(token: &str, kind: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (found, place) = text.split_once(' ')?;
    (found == kind).then(|| place.to_owned())
}

/// The elements from a token's name on, at most `maxResults`, and the token of the next.
pub(super) fn page<T>(
    request: &Request,
    kind: &str,
    all: Vec<T>,
    name: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let after = place(request, kind)?;
    let count = request.params.number("maxResults")?.filter(|count| *count > 0).unwrap_or(1000);
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(10_000);
    let is_later = |element: &T| after.as_deref().is_none_or(|after| name(element) > after);
    let mut rest: Vec<T> = all.into_iter().filter(is_later).collect();
    rest.sort_by(|one, other| name(one).cmp(name(other)));
    let is_more = rest.len() > count;
    rest.truncate(count);
    let next = rest.last().filter(|_| is_more).map(|last| make(kind, name(last)));
    Ok((rest, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_leads_back_to_its_place_and_any_other_text_nowhere(place in ".{0,40}", junk in ".{0,40}") {
            prop_assert_eq!(read(&make("tables", &place), "tables"), Some(place.clone()));
            prop_assert_eq!(read(&make("tables", &place), "rows"), None);
            prop_assert_eq!(read(&junk, "tables"), None);
        }
    }
}
