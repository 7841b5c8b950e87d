//! The bytes of objects over gRPC: `BidiReadObject`, where a client asks for any number of ranges on one stream, and
//! `ReadObject`, of one range. Pieces wait in a short queue until the client has taken those before.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use prost::Message;
use tokio::sync::mpsc;

use super::super::error::ApiError;
use super::super::http::{Body, RequestBody};
use super::super::store::{self, StoreError};
use super::super::{Gcs, grpc};
use super::convert::{self, bucket_id, conditions, generation, refuse_keys};
use super::message::{
    BidiReadObjectRequest, BidiReadObjectResponse, ChecksummedData, ContentRange, ObjectRangeData, ReadObjectRequest,
    ReadObjectResponse, ReadRange,
};
use super::{decoded, frame};

/// Bytes of one piece; Google's own are at most twice as large.
const PIECE_BYTES: u64 = 1024 * 1024;
/// Pieces that wait to be sent.
const PIECES_WAITING_MAX: usize = 2;
/// Ranges of one message.
const RANGES_MAX: usize = 1000;

type Sender = mpsc::Sender<Result<Frame<Bytes>, io::Error>>;

/// Why a stream ends early.
enum Ended {
    Refused(ApiError),
    /// The client has gone.
    Unheard,
}

impl From<ApiError> for Ended {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

/// The answer's stream; it is written by a task of its own.
pub(super) fn answer(gcs: Arc<Gcs>, is_bidi: bool, mut body: RequestBody) -> Body {
    let (sender, pieces) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::spawn(async move {
        let run = async {
            if is_bidi { bidi(&gcs, &mut body, &sender).await } else { single(&gcs, &mut body, &sender).await }
        };
        let ended = tokio::select! {
            ended = run => ended,
            () = sender.closed() => Err(Ended::Unheard),
        };
        let trailers = match &ended {
            Ok(()) => grpc::trailers(Ok(())),
            Err(Ended::Refused(error)) => grpc::trailers(Err(error)),
            Err(Ended::Unheard) => return,
        };
        if sender.send(Ok(Frame::trailers(trailers))).await.is_err() {
            tracing::debug!("a client left before the end of its stream");
        }
    });
    let frames = stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    StreamBody::new(frames).boxed_unsync()
}

async fn bidi(gcs: &Arc<Gcs>, body: &mut RequestBody, sender: &Sender) -> Result<(), Ended> {
    let mut reader = frame::Reader::default();
    let first = reader.next(body).await?.ok_or_else(|| ApiError::invalid("The call has no message."))?;
    let first: BidiReadObjectRequest = decoded(&first)?;
    let spec = first.read_object_spec.ok_or_else(|| ApiError::required("read_object_spec"))?;
    refuse_keys(spec.common_object_request_params.as_ref())?;
    let conditions = conditions(
        spec.if_generation_match,
        spec.if_generation_not_match,
        spec.if_metageneration_match,
        spec.if_metageneration_not_match,
    );
    let bucket = bucket_id(&spec.bucket)?;
    let mut open = Open::new(gcs, &bucket, spec.object, generation(spec.generation), conditions).await?;
    let metadata = Some(convert::object(&open.object, &bucket));
    send(sender, &BidiReadObjectResponse { metadata, ..BidiReadObjectResponse::default() }).await?;
    send_ranges(&mut open, first.read_ranges, sender).await?;
    while let Some(message) = reader.next(body).await? {
        let more: BidiReadObjectRequest = decoded(&message)?;
        send_ranges(&mut open, more.read_ranges, sender).await?;
    }
    Ok(())
}

async fn send_ranges(open: &mut Open, ranges: Vec<ReadRange>, sender: &Sender) -> Result<(), Ended> {
    if ranges.len() > RANGES_MAX {
        return Err(ApiError::invalid(format!("At most {RANGES_MAX} ranges can be asked for at once.")).into());
    }
    for range in ranges {
        let (mut at, end) = resolve(&range, open.object.size)?;
        loop {
            let count = end.saturating_sub(at).min(PIECE_BYTES);
            let data = open.piece(at, count).await?;
            let piece = ObjectRangeData {
                checksummed_data: data,
                read_range: Some(ReadRange {
                    read_offset: i64::try_from(at).unwrap_or(i64::MAX),
                    read_length: i64::try_from(count).unwrap_or(i64::MAX),
                    read_id: range.read_id,
                }),
                range_end: at.saturating_add(count) >= end,
            };
            at = at.saturating_add(count);
            let is_last = piece.range_end;
            let object_data_ranges = vec![piece];
            send(sender, &BidiReadObjectResponse { object_data_ranges, ..BidiReadObjectResponse::default() }).await?;
            if is_last {
                break;
            }
        }
    }
    Ok(())
}

async fn single(gcs: &Arc<Gcs>, body: &mut RequestBody, sender: &Sender) -> Result<(), Ended> {
    let message = frame::Reader::default().next(body).await?;
    let message = message.ok_or_else(|| ApiError::invalid("The call has no message."))?;
    let request: ReadObjectRequest = decoded(&message)?;
    refuse_keys(request.common_object_request_params.as_ref())?;
    let conditions = conditions(
        request.if_generation_match,
        request.if_generation_not_match,
        request.if_metageneration_match,
        request.if_metageneration_not_match,
    );
    let bucket = bucket_id(&request.bucket)?;
    let mut open = Open::new(gcs, &bucket, request.object, generation(request.generation), conditions).await?;
    let range = ReadRange { read_offset: request.read_offset, read_length: request.read_limit, read_id: 0 };
    let (mut at, end) = resolve(&range, open.object.size)?;
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut head = ReadObjectResponse {
        object_checksums: Some(convert::sums(&open.object)),
        content_range: Some(ContentRange {
            start: signed(at),
            end: signed(end),
            complete_length: signed(open.object.size),
        }),
        metadata: Some(convert::object(&open.object, &bucket)),
        ..ReadObjectResponse::default()
    };
    loop {
        let count = end.saturating_sub(at).min(PIECE_BYTES);
        head.checksummed_data = open.piece(at, count).await?;
        send(sender, &head).await?;
        head = ReadObjectResponse::default();
        at = at.saturating_add(count);
        if at >= end {
            return Ok(());
        }
    }
}

/// First byte and end. A negative offset counts from the end, a length of 0 goes to it.
fn resolve(range: &ReadRange, size: u64) -> Result<(u64, u64), ApiError> {
    let out_of_range = || {
        let message =
            format!("The requested range ({}, {}) cannot be satisfied.", range.read_offset, range.read_length);
        ApiError::new(416, "requestedRangeNotSatisfiable", message)
    };
    let length = u64::try_from(range.read_length).map_err(|_| out_of_range())?;
    let first = match u64::try_from(range.read_offset) {
        Ok(first) if first <= size => first,
        Ok(_) => return Err(out_of_range()),
        Err(_) => size.saturating_sub(range.read_offset.unsigned_abs()),
    };
    let end = if length == 0 { size } else { first.saturating_add(length).min(size) };
    Ok((first, end))
}

/// An object that is being read.
struct Open {
    object: Arc<store::Object>,
    file: Option<File>,
}

impl Open {
    async fn new(
        gcs: &Arc<Gcs>,
        bucket: &str,
        name: String,
        generation: Option<i64>,
        conditions: store::Conditions,
    ) -> Result<Self, ApiError> {
        let bucket = bucket.to_owned();
        let opened = gcs.blocking(move |store| Ok(store.read(&bucket, &name, generation, &conditions)?)).await?;
        Ok(Self { object: opened.0, file: Some(opened.1) })
    }

    /// `None` for no bytes.
    async fn piece(&mut self, at: u64, count: u64) -> Result<Option<ChecksummedData>, ApiError> {
        if count == 0 {
            return Ok(None);
        }
        let mut file = self.file.take().ok_or_else(ApiError::internal)?;
        let read = tokio::task::spawn_blocking(move || {
            let mut content = vec![0; usize::try_from(count).map_err(io::Error::other)?];
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut content)?;
            Ok::<_, io::Error>((content, file))
        });
        let (content, file) = read.await.map_err(|_| ApiError::internal())?.map_err(StoreError::from)?;
        self.file = Some(file);
        let crc32c = Some(crc32c::crc32c(&content));
        Ok(Some(ChecksummedData { content: content.into(), crc32c }))
    }
}

async fn send(sender: &Sender, message: &impl Message) -> Result<(), Ended> {
    let frame = Frame::data(frame::encode(&message.encode_to_vec()));
    sender.send(Ok(frame)).await.map_err(|_| Ended::Unheard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_from_either_end() {
        let cases = [
            ((0, 0), Some((0, 10))),
            ((3, 4), Some((3, 7))),
            ((3, 400), Some((3, 10))),
            ((-4, 0), Some((6, 10))),
            ((-400, 2), Some((0, 2))),
            ((10, 0), Some((10, 10))),
            ((11, 0), None),
            ((0, -1), None),
            ((i64::MIN, 0), Some((0, 10))),
            ((9, i64::MAX), Some((9, 10))),
        ];
        for ((read_offset, read_length), expected) in cases {
            let range = ReadRange { read_offset, read_length, read_id: 1 };
            assert_eq!(resolve(&range, 10).ok(), expected, "{range:?}");
        }
    }
}
