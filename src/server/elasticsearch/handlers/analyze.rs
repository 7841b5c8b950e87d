//! `_analyze`: what tokens a text becomes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::body::required_body;
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response};
use crate::server::elasticsearch::mapping::FieldKind;
use crate::server::elasticsearch::state::Node;
use crate::server::elasticsearch::storage::analyzer::standard;

pub(crate) const PARAMS: &[&str] = &["index"];

/// Between the values of an array, as in a text field (`position_increment_gap`).
const POSITION_GAP: usize = 100;
/// `index.analyze.max_token_count`.
const TOKENS_MAX: usize = 10_000;

/// The analyzers this node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Analyzer {
    Standard,
    Keyword,
}

pub(crate) async fn analyze(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let body = required_body(&request.body)?;
    let asked = parse(&body, &Source(&request.body))?;
    let index = request.path.get("index").map(String::as_str).or_else(|| request.params.get("index"));
    let index = index.map(|name| node.cluster.index_for_read(name)).transpose()?;
    let analyzer = match (&asked.analyzer, &asked.field, &index) {
        (Some(name), _, _) => named(name)?,
        (None, Some(_), None) => {
            return Err(ApiError::illegal_argument("analysis based on a specific field requires an index"));
        }
        (None, Some(field), Some(index)) => match index.mapping().field(field).map(|field| field.kind) {
            Some(FieldKind::Text) | None => Analyzer::Standard,
            Some(FieldKind::Keyword) => Analyzer::Keyword,
            Some(_) => {
                let reason =
                    format!("Can't process field [{field}], Analysis requests are only supported on tokenized fields");
                return Err(ApiError::illegal_argument(reason));
            }
        },
        (None, None, _) => Analyzer::Standard,
    };
    let tokens = tokens(analyzer, &asked.texts);
    if tokens.len() > TOKENS_MAX {
        return Err(ApiError::new(
            500,
            "illegal_state_exception",
            format!(
                "The number of tokens produced by calling _analyze has exceeded the allowed maximum of [{TOKENS_MAX}]. This limit can be set by changing the [index.analyze.max_token_count] index level setting."
            ),
        ));
    }
    Ok(Response::ok(json!({"tokens": tokens})))
}

fn named(name: &str) -> Result<Analyzer, ApiError> {
    match name {
        "standard" | "default" => Ok(Analyzer::Standard),
        "keyword" => Ok(Analyzer::Keyword),
        _ => Err(ApiError::illegal_argument(format!("failed to find global analyzer [{name}]"))),
    }
}

#[derive(Debug, Default)]
struct Asked {
    texts: Vec<String>,
    analyzer: Option<String>,
    field: Option<String>,
}

fn parse(body: &Json, source: &Source<'_>) -> Result<Asked, ApiError> {
    let mut asked = Asked::default();
    for member in body.as_object().unwrap_or_default() {
        let text = member.value.as_str().map(str::to_owned);
        match member.key.as_str() {
            "text" => {
                let items = member.value.as_array().unwrap_or_default();
                asked
                    .texts
                    .extend(text.into_iter().chain(items.iter().filter_map(|item| item.as_str().map(str::to_owned))));
            }
            "analyzer" => asked.analyzer = text,
            "field" => asked.field = text,
            other => {
                let place = source.position(member.key_span.start);
                let place = format!("[{}:{}]", place.line, place.column);
                let reason = format!("{place} [analyze_request] unknown field [{other}]");
                return Err(ApiError::new(400, "x_content_parse_exception", reason));
            }
        }
    }
    if asked.texts.is_empty() {
        let reason = "Validation Failed: 1: text is missing;";
        return Err(ApiError::new(400, "action_request_validation_exception", reason));
    }
    Ok(asked)
}

/// The tokens of all texts; offsets count UTF-16 units over the texts joined by one blank.
fn tokens(analyzer: Analyzer, texts: &[String]) -> Vec<Value> {
    let mut tokens = Vec::new();
    let (mut next_position, mut offset) = (0, 0);
    for text in texts {
        let mut last_position = None;
        let mut push = |token: &str, from: usize, to: usize, kind: &str, position: usize| {
            let place = next_position + position;
            let start = offset + utf16_length(text.get(..from).unwrap_or_default());
            let end = offset + utf16_length(text.get(..to).unwrap_or_default());
            tokens.push(
                json!({"token": token, "start_offset": start, "end_offset": end, "type": kind, "position": place}),
            );
            last_position = Some(place);
        };
        match analyzer {
            Analyzer::Keyword => push(text, 0, text.len(), "word", 0),
            Analyzer::Standard => {
                let mut analyzer = standard();
                let mut stream = analyzer.token_stream(text);
                while stream.advance() {
                    let token = stream.token();
                    push(&token.text, token.offset_from, token.offset_to, kind(&token.text), token.position);
                }
            }
        }
        next_position = last_position.map_or(next_position, |last| last + 1) + POSITION_GAP;
        offset += utf16_length(text) + 1;
        if tokens.len() > TOKENS_MAX {
            break;
        }
    }
    tokens
}

fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The class of a token by its script, as Lucene's tokenizer names it.
fn kind(token: &str) -> &'static str {
    match token.chars().next() {
        Some('\u{3040}'..='\u{309f}') => "<HIRAGANA>",
        Some('\u{30a0}'..='\u{30ff}') => "<KATAKANA>",
        Some('\u{ac00}'..='\u{d7af}') => "<HANGUL>",
        Some('\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{2ffff}') => "<IDEOGRAPHIC>",
        Some('\u{1f300}'..='\u{1faff}') => "<EMOJI>",
        _ if token.chars().all(|c| c.is_numeric() || matches!(c, '.' | ',' | '\'' | '_' | ';')) => "<NUM>",
        _ => "<ALPHANUM>",
    }
}
