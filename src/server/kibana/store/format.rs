//! The file of a commit: lines of JSON, the first says what it is, the last checks all before it.
//!
//! ```text
//! {"stockdev_saved_objects":1,"commit":7,"holds_all":false,"records":2}
//! {"type":"dashboard","id":"d1","seq_no":12,"attributes":{..},..}
//! {"type":"tag","id":"t","seq_no":13,"removed":true}
//! #crc32c 0a1b2c3d
//! ```
//!
//! An object's attributes stand no deeper here than in the request that brought them, so that what could be read from
//! a client can be read from the disk (readers of JSON bound the depth).

use serde_json::{Map, Value, json};

use super::{Key, SavedObject};

/// Of the format; others are refused.
const FORMAT: u64 = 1;
const CHECKSUM: &str = "#crc32c ";
const EXTENSION: &str = ".ndjson";

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    Put(Box<SavedObject>),
    Delete { key: Key, seq_no: u64 },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Commit {
    pub(super) number: u64,
    /// What was before it no longer counts.
    pub(super) holds_all: bool,
    pub(super) records: Vec<Record>,
}

pub(super) fn file_name(number: u64) -> String {
    format!("{number:012}{EXTENSION}")
}

pub(super) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?;
    let is_ours = digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_ours.then(|| digits.parse().ok()).flatten()
}

/// The bytes of a file. They are read once before they are given out: what can't be read back is not written.
pub(super) fn write(number: u64, holds_all: bool, records: &[Record]) -> Result<Vec<u8>, String> {
    let head =
        json!({"stockdev_saved_objects": FORMAT, "commit": number, "holds_all": holds_all, "records": records.len()});
    let mut text = head.to_string();
    text.push('\n');
    for record in records {
        text.push_str(&line(record).to_string());
        text.push('\n');
    }
    let checksum = crc32c::crc32c(text.as_bytes());
    text.push_str(&format!("{CHECKSUM}{checksum:08x}\n"));
    let bytes = text.into_bytes();
    read(&bytes)?;
    Ok(bytes)
}

/// # Errors
/// What is wrong with the file.
pub(super) fn read(bytes: &[u8]) -> Result<Commit, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    let at = text.rfind(CHECKSUM).ok_or("it has no checksum; its end is missing")?;
    let (body, checksum) = text.split_at_checked(at).ok_or("it has no checksum")?;
    if checksum != format!("{CHECKSUM}{:08x}\n", crc32c::crc32c(body.as_bytes())) {
        return Err("its checksum does not fit".to_owned());
    }
    let mut lines = body.lines();
    let head: Value = parse(lines.next().unwrap_or_default())?;
    let number = |name: &str| head.get(name).and_then(Value::as_u64).ok_or(format!("its head has no `{name}`"));
    let format = number("stockdev_saved_objects")?;
    if format != FORMAT {
        return Err(format!("its format is {format}, {FORMAT} is known"));
    }
    let records = lines.map(|line| record(&parse(line)?)).collect::<Result<Vec<_>, _>>()?;
    if usize::try_from(number("records")?) != Ok(records.len()) {
        return Err("it lacks records".to_owned());
    }
    let holds_all = head.get("holds_all").and_then(Value::as_bool).ok_or("its head has no `holds_all`")?;
    Ok(Commit { number: number("commit")?, holds_all, records })
}

fn parse(line: &str) -> Result<Value, String> {
    serde_json::from_str(line).map_err(|error| format!("a line of it is no JSON: {error}"))
}

fn line(record: &Record) -> Value {
    match record {
        Record::Put(object) => Value::Object(object.to_record()),
        Record::Delete { key, seq_no } => {
            json!({"type": key.kind, "id": key.id, "seq_no": seq_no, "removed": true})
        }
    }
}

fn record(line: &Value) -> Result<Record, String> {
    let line: &Map<String, Value> = line.as_object().ok_or("a line of it is no object")?;
    if line.get("removed") != Some(&Value::Bool(true)) {
        return SavedObject::of_record(line)
            .map(|object| Record::Put(Box::new(object)))
            .ok_or_else(|| "a line of it is no saved object".to_owned());
    }
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    let seq_no = line.get("seq_no").and_then(Value::as_u64);
    match (text("type"), text("id"), seq_no) {
        (Some(kind), Some(id), Some(seq_no)) => Ok(Record::Delete { key: Key::new(kind, id), seq_no }),
        _ => Err("a line of it names no object".to_owned()),
    }
}
