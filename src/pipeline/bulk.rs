//! `_bulk` requests: built from messages as bytes, and judged item by item. Pure; [`super::deliver`] sends them.

use std::{io::Write as _, ops::Range};

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Which assignment of the partition to us it belongs to.
    pub(crate) epoch: u64,
    pub(crate) timestamp_ms: Option<i64>,
}

/// A message that can't be indexed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    pub(crate) origin: Origin,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    /// A word for programs: Elasticsearch's exception, or ours.
    pub(crate) kind: String,
    /// For people.
    pub(crate) reason: String,
}

/// Messages on their way to the index.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// For each item two lines: the action, the document.
    pub(crate) body: Bytes,
    pub(crate) items: Vec<Item>,
    /// Messages that are no documents at all.
    pub(crate) dead: Vec<DeadLetter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) origin: Origin,
    pub(crate) key: Option<Range<usize>>,
    /// Both lines.
    pub(crate) lines: Range<usize>,
    /// The document's line, without its end.
    pub(crate) document: Range<usize>,
}

/// Collects messages into a batch. Keys stand behind the body, out of its lines.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    id_prefix: String,
    body: Vec<u8>,
    keys: Vec<u8>,
    items: Vec<Item>,
    dead: Vec<DeadLetter>,
    dead_bytes: usize,
}

impl BatchBuilder {
    /// Ids are `topic+partition+offset`: the same message is the same document, however often it is sent.
    pub(crate) fn new(topic: &str) -> Self {
        Self {
            id_prefix: topic.to_owned(),
            body: Vec::new(),
            keys: Vec::new(),
            items: Vec::new(),
            dead: Vec::new(),
            dead_bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len() + self.dead.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.body.len() + self.keys.len() + self.dead_bytes
    }

    pub(crate) fn push(&mut self, origin: Origin, key: Option<&[u8]>, value: Option<&[u8]>) {
        let document = match document(value) {
            Ok(document) => document,
            Err((kind, reason)) => {
                self.dead_bytes += value.map_or(0, <[u8]>::len);
                let (key, value) = (key.map(Bytes::copy_from_slice), value.map(Bytes::copy_from_slice));
                self.dead.push(DeadLetter { origin, key, value, kind: kind.into(), reason });
                return;
            }
        };
        let start = self.body.len();
        // A topic's name has no character that JSON escapes; a vector takes what is written to it.
        let Self { id_prefix, body, .. } = self;
        let _never_fails =
            writeln!(body, "{{\"index\":{{\"_id\":\"{id_prefix}+{}+{}\"}}}}", origin.partition, origin.offset);
        let document_start = self.body.len();
        self.body.extend_from_slice(document);
        // JSON strings hold no line ends, so those in a valid document stand between tokens, where a blank does as well.
        for byte in self.body.iter_mut().skip(document_start).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        let document_end = self.body.len();
        self.body.push(b'\n');
        let key = key.map(|key| {
            let start = self.keys.len();
            self.keys.extend_from_slice(key);
            start..self.keys.len()
        });
        let lines = start..self.body.len();
        self.items.push(Item { origin, key, lines, document: document_start..document_end });
    }

    /// The batch so far; the builder is empty after it.
    pub(crate) fn take(&mut self) -> Batch {
        // The next batch is about as large, and its keys come behind it.
        let capacity = self.body.len() + self.keys.len();
        let mut body = std::mem::replace(&mut self.body, Vec::with_capacity(capacity + capacity / 16));
        let keys_start = body.len();
        body.append(&mut self.keys);
        let mut items = std::mem::take(&mut self.items);
        for item in &mut items {
            if let Some(key) = &mut item.key {
                *key = key.start + keys_start..key.end + keys_start;
            }
        }
        self.dead_bytes = 0;
        Batch { body: body.into(), items, dead: std::mem::take(&mut self.dead) }
    }
}

/// A message that may be a document: one JSON object.
fn document(value: Option<&[u8]>) -> Result<&[u8], (&'static str, String)> {
    let value = value.ok_or_else(|| ("no_value", "the message has no value".to_owned()))?;
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(value) {
        return Err(("not_json", format!("the message is not JSON: {error}")));
    }
    // JSON is UTF-8; the parser looks only at strings it keeps.
    if std::str::from_utf8(value).is_err() {
        return Err(("not_json", "the message is not UTF-8 text".to_owned()));
    }
    match value.trim_ascii_start().first() {
        Some(b'{') => Ok(value),
        _ => Err(("not_an_object", "the message is JSON, but not an object".to_owned())),
    }
}

impl Batch {
    /// The body of a request for these items.
    pub(crate) fn body_of(&self, items: &[usize]) -> Bytes {
        let chosen = || items.iter().filter_map(|index| self.items.get(*index)).map(|item| item.lines.clone());
        if items.len() == self.items.len() {
            let end = self.items.last().map_or(0, |item| item.lines.end);
            return self.body.slice(..end);
        }
        let mut body = Vec::with_capacity(chosen().map(|lines| lines.len()).sum());
        for lines in chosen() {
            body.extend_from_slice(self.body.get(lines).unwrap_or_default());
        }
        body.into()
    }

    /// An item as a dead letter.
    pub(crate) fn bury(&self, index: usize, kind: String, reason: String) -> Option<DeadLetter> {
        let item = self.items.get(index)?;
        let key = item.key.clone().map(|key| self.body.slice(key));
        let value = Some(self.body.slice(item.document.clone()));
        Some(DeadLetter { origin: item.origin, key, value, kind, reason })
    }

    pub(crate) fn document_bytes(&self, index: usize) -> usize {
        self.items.get(index).map_or(0, |item| item.document.len())
    }
}

/// The answer to a bulk request.
#[derive(Debug, Deserialize)]
pub(crate) struct BulkAnswer {
    pub(crate) items: Vec<BulkItem>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BulkItem {
    pub(crate) index: ItemAnswer,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ItemAnswer {
    pub(crate) status: u16,
    pub(crate) error: Option<ItemError>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ItemError {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) caused_by: Option<Box<ItemError>>,
}

/// What becomes of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Indexed,
    /// It may work later.
    Retry(String),
    /// It never will.
    Rejected {
        kind: String,
        reason: String,
    },
    /// Nothing will, until someone changes the cluster or our rights.
    Stop {
        status: u16,
        reason: String,
    },
}

impl ItemAnswer {
    pub(crate) fn verdict(&self) -> Verdict {
        let (kind, reason) = self.error.as_ref().map_or_else(Default::default, ItemError::described);
        match self.status {
            200..=299 => Verdict::Indexed,
            408 | 429 | 500..=599 => Verdict::Retry(format!("{kind}: {reason}")),
            // A full disk makes an index read-only until there is room.
            403 if kind == "cluster_block_exception" => Verdict::Retry(format!("{kind}: {reason}")),
            401 | 403 | 404 | 405 => Verdict::Stop { status: self.status, reason: format!("{kind}: {reason}") },
            _ => Verdict::Rejected { kind, reason },
        }
    }
}

impl ItemError {
    /// The exception and its reasons, innermost last.
    fn described(&self) -> (String, String) {
        let mut reason = self.reason.clone();
        let mut cause = self.caused_by.as_deref();
        // Elasticsearch nests a handful.
        for _ in 0..5 {
            let Some(inner) = cause else { break };
            reason = format!("{reason}; caused by {}: {}", inner.kind, inner.reason);
            cause = inner.caused_by.as_deref();
        }
        (self.kind.clone(), reason)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(offset: i64) -> Origin {
        Origin { partition: 2, offset, epoch: 1, timestamp_ms: None }
    }

    #[test]
    fn a_document_is_two_lines_with_topic_partition_and_offset_as_id() {
        let mut builder = BatchBuilder::new("stock-stream");
        builder.push(origin(7), Some(b"408065"), Some(b"{\"a\":\n\r 1}"));
        let batch = builder.take();
        let body = batch.body_of(&[0]);
        assert_eq!(body, "{\"index\":{\"_id\":\"stock-stream+2+7\"}}\n{\"a\":   1}\n");
        let letter = batch.bury(0, "k".into(), "r".into()).unwrap();
        assert_eq!((letter.key.unwrap(), letter.value.unwrap()), (Bytes::from("408065"), Bytes::from("{\"a\":   1}")));
        assert_eq!(builder.len(), 0);
    }

    #[test]
    fn what_is_no_json_object_is_a_dead_letter_and_never_in_the_body() {
        let mut builder = BatchBuilder::new("t");
        let values: [Option<&[u8]>; 6] =
            [None, Some(b""), Some(b"{\"a\":1}\n{\"index\":{}}"), Some(b"[1]"), Some(b"\xff"), Some(b"{\"a\":NaN}")];
        for (offset, value) in (0..).zip(values) {
            builder.push(origin(offset), None, value);
        }
        let batch = builder.take();
        assert_eq!((batch.items.len(), batch.dead.len()), (0, 6));
        assert_eq!(batch.dead[2].value.as_deref(), Some(&b"{\"a\":1}\n{\"index\":{}}"[..]));
        assert!(batch.body_of(&[]).is_empty());
    }

    #[test]
    fn verdicts_tell_later_from_never() {
        let verdict = |status: u16, kind: &str| {
            let error = ItemError { kind: kind.into(), reason: "r".into(), caused_by: None };
            ItemAnswer { status, error: Some(error) }.verdict()
        };
        assert_eq!(ItemAnswer { status: 201, error: None }.verdict(), Verdict::Indexed);
        assert!(matches!(verdict(429, "es_rejected_execution_exception"), Verdict::Retry(_)));
        assert!(matches!(verdict(503, "unavailable_shards_exception"), Verdict::Retry(_)));
        assert!(matches!(verdict(403, "cluster_block_exception"), Verdict::Retry(_)));
        assert!(matches!(verdict(403, "security_exception"), Verdict::Stop { status: 403, .. }));
        assert!(matches!(verdict(404, "index_not_found_exception"), Verdict::Stop { .. }));
        assert_eq!(
            verdict(400, "document_parsing_exception"),
            Verdict::Rejected { kind: "document_parsing_exception".into(), reason: "r".into() }
        );
        assert!(matches!(verdict(413, "x"), Verdict::Rejected { .. }));
    }

    #[test]
    fn a_recorded_answer_is_read() {
        let text = r#"{"errors":true,"took":7,"items":[{"index":{"_index":"i","_id":"a","_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}},{"index":{"_index":"i","_id":"b","status":400,"error":{"type":"document_parsing_exception","reason":"[1:13] failed to parse field [last_price]","caused_by":{"type":"number_format_exception","reason":"For input string: \"x\""}}}}]}"#;
        let answer: BulkAnswer = serde_json::from_str(text).unwrap();
        assert_eq!(answer.items[0].index.verdict(), Verdict::Indexed);
        let Verdict::Rejected { kind, reason } = answer.items[1].index.verdict() else { panic!() };
        assert_eq!(kind, "document_parsing_exception");
        assert!(reason.ends_with("caused by number_format_exception: For input string: \"x\""), "{reason}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Whatever a message holds, the body has two lines for each item and no more.
        #[test]
        fn framing_holds_whatever_the_messages_are(values in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..40),
                "[{}\\[\\]\":,a1 \n\r\\\\]{0,30}".prop_map(String::into_bytes),
                "[a-z\n\r]{0,9}".prop_map(|text| serde_json::to_string_pretty(&serde_json::json!({"k": text, "n": [1, {"x": 2}]})).unwrap().into_bytes()),
            ], 0..12)) {
            let mut builder = BatchBuilder::new("t");
            for (offset, value) in (0..).zip(&values) {
                builder.push(origin(offset), Some(b"k"), Some(value));
            }
            let batch = builder.take();
            prop_assert_eq!(batch.items.len() + batch.dead.len(), values.len());
            let all: Vec<usize> = (0..batch.items.len()).collect();
            let body = batch.body_of(&all);
            let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
            prop_assert_eq!(lines.len(), batch.items.len() * 2 + 1);
            for (index, item) in batch.items.iter().enumerate() {
                let sent: serde_json::Value = serde_json::from_slice(lines[2 * index + 1]).unwrap();
                let original = &values[usize::try_from(item.origin.offset).unwrap()];
                prop_assert_eq!(sent, serde_json::from_slice::<serde_json::Value>(original).unwrap());
                prop_assert_eq!(batch.body_of(&[index]), [lines[2 * index], b"\n", lines[2 * index + 1], b"\n"].concat());
            }
        }
    }
}
