//! gRPC's framing: each message behind a flag and four bytes of length; error texts percent-encoded.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::super::error::ApiError;
use super::super::http::RequestBody;

/// Bytes of one message that is read.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
const HEAD_BYTES: usize = 5;

/// Cuts a body into messages.
#[derive(Debug, Default)]
pub(super) struct Reader {
    buffer: BytesMut,
    /// A message has come: the next one may take its time.
    has_begun: bool,
}

impl Reader {
    /// The next message; `None` when the client has said all.
    pub(super) async fn next(&mut self, body: &mut RequestBody) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(message) = take(&mut self.buffer)? {
                self.has_begun = true;
                return Ok(Some(message));
            }
            let waits = self.has_begun && self.buffer.is_empty();
            match if waits { body.next_of_stream().await? } else { body.next().await? } {
                Some(piece) => {
                    body.hold(self.buffer.len().saturating_add(piece.len()))?;
                    self.buffer.extend_from_slice(&piece);
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(ApiError::invalid("The message broke off.")),
            }
        }
    }
}

/// A whole message from the front; `None`: not all of it is there.
fn take(buffer: &mut BytesMut) -> Result<Option<Bytes>, ApiError> {
    let Some(mut head) = buffer.get(..HEAD_BYTES) else { return Ok(None) };
    let (flag, length) = (head.get_u8(), head.get_u32());
    if flag != 0 {
        return Err(ApiError::not_implemented("Compression of gRPC messages"));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MESSAGE_BYTES_MAX {
        return Err(ApiError::too_large(MESSAGE_BYTES_MAX));
    }
    if buffer.len() < HEAD_BYTES + length {
        return Ok(None);
    }
    buffer.advance(HEAD_BYTES);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// A message as it is sent.
pub(super) fn encode(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEAD_BYTES + message.len());
    frame.put_u8(0);
    // No answer comes near 4 GB: pages have at most 1000 objects.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// `grpc-message`: printable ASCII, the rest percent-encoded.
pub(super) fn encode_message(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_taken_when_all_of_it_is_there() {
        let bytes = [encode(b"abc"), encode(b"")].concat();
        for length in 0..bytes.len() {
            let mut buffer = BytesMut::from(&bytes[..length]);
            let expected = (length >= 8).then(|| Bytes::from("abc"));
            assert_eq!(take(&mut buffer).unwrap(), expected, "{length}");
        }
        assert!(take(&mut BytesMut::from(&b"\x01\0\0\0\0"[..])).is_err(), "compressed");
        assert!(take(&mut BytesMut::from(&b"\0\xff\xff\xff\xff"[..])).is_err(), "too long");
        assert_eq!(encode_message("é: 50%\n"), "%C3%A9: 50%25%0A");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_message)) = take(&mut buffer) {}
        }
    }
}
