//! The bytes of the log: header, frames, operations.

use std::io;
use std::path::Path;

use super::super::disk::DiskFile;
use super::TranslogError;

pub(super) const HEADER: u64 = 20;
pub(super) const FRAME_HEAD: usize = 20;
const MAGIC: &[u8; 8] = b"SDTLOG01";
const FRAME_MAGIC: &[u8; 4] = b"SDfr";
/// Bytes of operations in one frame. A request body is far smaller.
const FRAME_BYTES_MAX: usize = 1 << 30;

const INDEX: u8 = 1;
const DELETE: u8 = 2;
const NO_ROUTING: u32 = u32::MAX;

/// One operation on one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation<'a> {
    pub(crate) seq_no: u64,
    pub(crate) version: u64,
    pub(crate) id: &'a str,
    pub(crate) kind: OperationKind<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperationKind<'a> {
    Index { source: &'a [u8], routing: Option<&'a str> },
    Delete,
}

pub(super) fn header(generation: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&generation.to_be_bytes());
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

/// Writes a frame to `buffer`; gives offset and length of each operation in it. `None` where they are too large.
pub(super) fn encode(operations: &[Operation<'_>], durable: u64, buffer: &mut Vec<u8>) -> Option<Vec<(usize, usize)>> {
    buffer.extend_from_slice(&[0; FRAME_HEAD]);
    let mut spans = Vec::with_capacity(operations.len());
    for operation in operations {
        let start = buffer.len();
        encode_operation(operation, buffer)?;
        spans.push((start, buffer.len() - start));
        if buffer.len() > FRAME_BYTES_MAX {
            return None;
        }
    }
    let length = u32::try_from(buffer.len() - FRAME_HEAD).ok()?;
    let mut head = Vec::with_capacity(FRAME_HEAD);
    head.extend_from_slice(FRAME_MAGIC);
    head.extend_from_slice(&length.to_be_bytes());
    head.extend_from_slice(&durable.to_be_bytes());
    let checksum = checksum(head.get(4..)?, buffer.get(FRAME_HEAD..)?);
    head.extend_from_slice(&checksum.to_be_bytes());
    buffer.get_mut(..FRAME_HEAD)?.copy_from_slice(&head);
    Some(spans)
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(head), body)
}

fn encode_operation(operation: &Operation<'_>, buffer: &mut Vec<u8>) -> Option<()> {
    let (kind, source, routing) = match operation.kind {
        OperationKind::Index { source, routing } => (INDEX, source, routing),
        OperationKind::Delete => (DELETE, [].as_slice(), None),
    };
    buffer.push(kind);
    buffer.extend_from_slice(&operation.seq_no.to_be_bytes());
    buffer.extend_from_slice(&operation.version.to_be_bytes());
    put(operation.id.as_bytes(), buffer)?;
    match routing {
        None => buffer.extend_from_slice(&NO_ROUTING.to_be_bytes()),
        Some(routing) => put(routing.as_bytes(), buffer)?,
    }
    put(source, buffer)
}

fn put(bytes: &[u8], buffer: &mut Vec<u8>) -> Option<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length != NO_ROUTING)?;
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(bytes);
    Some(())
}

/// Reads one operation off the front of `rest`; `None` where the bytes are none.
pub(super) fn decode<'a>(rest: &mut &'a [u8]) -> Option<Operation<'a>> {
    let (kind, after) = rest.split_first()?;
    *rest = after;
    let (seq_no, version) = (take_u64(rest)?, take_u64(rest)?);
    let length = take_u32(rest)?;
    let id = std::str::from_utf8(take(rest, length)?).ok()?;
    let routing = match take_u32(rest)? {
        NO_ROUTING => None,
        length => Some(std::str::from_utf8(take(rest, length)?).ok()?),
    };
    let length = take_u32(rest)?;
    let source = take(rest, length)?;
    let kind = match *kind {
        INDEX => OperationKind::Index { source, routing },
        DELETE => OperationKind::Delete,
        _ => return None,
    };
    Some(Operation { seq_no, version, id, kind })
}

fn take<'a>(rest: &mut &'a [u8], length: u32) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(taken)
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_be_bytes(*bytes))
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_be_bytes(*bytes))
}

/// What stands at one place of a file.
enum Found {
    Frame { body: Vec<u8>, end: u64 },
    End,
    Bad(&'static str),
}

/// Reads a file from front to back. In the last file a torn tail is cut, and a file without a whole header is none at all (`None`).
/// Gives the length that holds.
pub(super) fn scan<E: From<TranslogError>>(
    file: &dyn DiskFile,
    path: &Path,
    generation: u64,
    is_last: bool,
    replay: &mut impl FnMut(&Operation<'_>) -> Result<(), E>,
) -> Result<Option<u64>, E> {
    let io = |source| TranslogError::Io { path: path.to_owned(), source };
    let corrupt = |offset, reason| TranslogError::Corrupt { path: path.to_owned(), offset, reason };
    let length = file.length().map_err(io)?;
    if length < HEADER {
        return if is_last { Ok(None) } else { Err(corrupt(0, "the header is cut short").into()) };
    }
    let mut head = [0; 20];
    file.read_exact_at(&mut head, 0).map_err(io)?;
    if head.as_slice() != header(generation) {
        return Err(corrupt(0, "the header is not one of this log").into());
    }
    let mut at = HEADER;
    loop {
        match frame_at(file, at, length).map_err(io)? {
            Found::End => return Ok(Some(at)),
            Found::Frame { body, end } => {
                replay_body(&body, replay, || corrupt(at, "an operation is not readable"))?;
                at = end;
            }
            Found::Bad(reason) if !is_last => return Err(corrupt(at, reason).into()),
            Found::Bad(reason) => {
                if durable_behind(file, at, length).map_err(io)? {
                    return Err(corrupt(at, reason).into());
                }
                tracing::warn!(path = %path.display(), at, cut = length - at, "the write-ahead log ends in a torn write, which is cut");
                file.set_length(at).map_err(io)?;
                file.sync().map_err(io)?;
                return Ok(Some(at));
            }
        }
    }
}

fn replay_body<E: From<TranslogError>>(
    body: &[u8],
    replay: &mut impl FnMut(&Operation<'_>) -> Result<(), E>,
    corrupt: impl Fn() -> TranslogError,
) -> Result<(), E> {
    let mut rest = body;
    while !rest.is_empty() {
        let operation = decode(&mut rest).ok_or_else(&corrupt)?;
        replay(&operation)?;
    }
    Ok(())
}

fn frame_at(file: &dyn DiskFile, at: u64, length: u64) -> io::Result<Found> {
    let head_length = super::widen(FRAME_HEAD);
    let left = length - at;
    if left == 0 {
        return Ok(Found::End);
    }
    if left < head_length {
        return Ok(Found::Bad("a frame's head is cut short"));
    }
    let mut head = [0; FRAME_HEAD];
    file.read_exact_at(&mut head, at)?;
    let Some((body_length, _, checksum_read)) = read_head(&head) else {
        return Ok(Found::Bad("no frame begins here"));
    };
    if u64::from(body_length) > left - head_length {
        return Ok(Found::Bad("a frame is cut short"));
    }
    let mut body = vec![0; usize::try_from(body_length).unwrap_or(0)];
    file.read_exact_at(&mut body, at + head_length)?;
    if checksum(head.get(4..16).unwrap_or_default(), &body) != checksum_read {
        return Ok(Found::Bad("a frame's checksum is wrong"));
    }
    Ok(Found::Frame { end: at + head_length + u64::from(body_length), body })
}

/// Length of the body, how far the file was durable, checksum.
fn read_head(head: &[u8; FRAME_HEAD]) -> Option<(u32, u64, u32)> {
    let mut rest = head.strip_prefix(FRAME_MAGIC)?;
    let fields = (take_u32(&mut rest)?, take_u64(&mut rest)?, take_u32(&mut rest)?);
    (usize::try_from(fields.0).ok()? <= FRAME_BYTES_MAX).then_some(fields)
}

/// Whether a good frame behind `bad` says that the file was durable beyond it.
fn durable_behind(file: &dyn DiskFile, bad: u64, length: u64) -> io::Result<bool> {
    const STEP: usize = 1 << 16;
    let mut at = bad + 1;
    let mut window = Vec::new();
    while at + super::widen(FRAME_HEAD) <= length {
        let wanted = usize::try_from(length - at).unwrap_or(STEP).min(STEP);
        window.resize(wanted, 0);
        file.read_exact_at(&mut window, at)?;
        let candidates = window.windows(FRAME_MAGIC.len()).enumerate().filter(|(_, bytes)| *bytes == FRAME_MAGIC);
        for (offset, _) in candidates {
            let start = at + super::widen(offset);
            if length - start < super::widen(FRAME_HEAD) {
                continue;
            }
            let mut head = [0; FRAME_HEAD];
            file.read_exact_at(&mut head, start)?;
            let Some((_, durable, _)) = read_head(&head) else { continue };
            if durable > bad && matches!(frame_at(file, start, length)?, Found::Frame { .. }) {
                return Ok(true);
            }
        }
        // The magic may lie across two steps.
        at += super::widen(wanted.saturating_sub(FRAME_MAGIC.len() - 1).max(1));
    }
    Ok(false)
}
