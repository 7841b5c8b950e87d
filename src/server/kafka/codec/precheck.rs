//! Walks a request body along its schema before it is decoded: every announced length and count must be there in bytes,
//! the number of elements is capped, and nothing may be left over.
//!
//! Without it six bytes can make the codec crate's decoder ask the allocator for 155 GB, which aborts the process.

use thiserror::Error;

use super::schema::{Fields, Kind};

/// Array elements and tagged fields one request may hold. The largest decoded element is a few hundred bytes, so a
/// request never takes more than some tens of MB besides its own frame.
pub(crate) const ELEMENTS_MAX: u32 = 100_000;

/// Why a body was refused. The connection is closed, as a real broker does.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum MalformedRequest {
    #[error("`{field}` ends after the request")]
    Truncated { field: &'static str },
    #[error("`{field}` announces a negative length")]
    NegativeLength { field: &'static str },
    #[error("more than {ELEMENTS_MAX} elements")]
    TooManyElements,
    #[error("`{field}` has a malformed variable-length integer")]
    Varint { field: &'static str },
    #[error("a tagged field is not as long as it says")]
    TagLength,
}

/// Checks that `body` begins with one request of this shape and version. What follows it is ignored, as a real broker
/// does: librdkafka 2.16 sends three bytes too many with Metadata 13.
pub(crate) fn check(fields: Fields, version: i16, flexible: bool, body: &[u8]) -> Result<(), MalformedRequest> {
    let mut walker = Walker { rest: body, version, flexible, elements_left: ELEMENTS_MAX };
    walker.fields(fields)
}

struct Walker<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements_left: u32,
}

impl<'a> Walker<'a> {
    fn fields(&mut self, fields: Fields) -> Result<(), MalformedRequest> {
        let version = self.version;
        for field in fields.iter().filter(|field| field.tag.is_none() && field.is_in(version)) {
            self.value(field.name, &field.kind)?;
        }
        if self.flexible { self.tagged_fields(fields) } else { Ok(()) }
    }

    fn value(&mut self, name: &'static str, kind: &Kind) -> Result<(), MalformedRequest> {
        match kind {
            Kind::I8 => self.skip(name, 1),
            Kind::I16 => self.skip(name, 2),
            Kind::I32 => self.skip(name, 4),
            Kind::I64 => self.skip(name, 8),
            Kind::Uuid => self.skip(name, 16),
            Kind::String => {
                let length = if self.flexible { self.compact_length(name)? } else { self.classic_i16(name)? };
                self.skip(name, length)
            }
            Kind::Bytes => {
                let length = if self.flexible { self.compact_length(name)? } else { self.classic_i32(name)? };
                self.skip(name, length)
            }
            Kind::Array(element) => self.array(name, element),
            Kind::Struct(fields) => self.fields(fields),
            Kind::NullableStruct(fields) => match self.take(name, 1)?.first() {
                Some(0..=127) => self.fields(fields),
                _ => Ok(()),
            },
        }
    }

    fn array(&mut self, name: &'static str, element: &Kind) -> Result<(), MalformedRequest> {
        let count = if self.flexible { self.compact_length(name)? } else { self.classic_i32(name)? };
        for _ in 0..count {
            self.count_element()?;
            self.value(name, element)?;
        }
        Ok(())
    }

    fn tagged_fields(&mut self, fields: Fields) -> Result<(), MalformedRequest> {
        for _ in 0..self.varint("tagged fields")? {
            self.count_element()?;
            let tag = self.varint("tag")?;
            let size = as_length(self.varint("tag size")?);
            let known = fields.iter().find(|field| field.tag == Some(tag) && field.is_in(self.version));
            let value = self.take("tagged field", size)?;
            if let Some(field) = known {
                // The decoder reads a known tag by its type and ignores the size, so the two must agree.
                let mut inner = Walker { rest: value, ..*self };
                inner.value(field.name, &field.kind)?;
                self.elements_left = inner.elements_left;
                if !inner.rest.is_empty() {
                    return Err(MalformedRequest::TagLength);
                }
            }
        }
        Ok(())
    }

    fn count_element(&mut self) -> Result<(), MalformedRequest> {
        self.elements_left = self.elements_left.checked_sub(1).ok_or(MalformedRequest::TooManyElements)?;
        Ok(())
    }

    fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], MalformedRequest> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(MalformedRequest::Truncated { field })?;
        self.rest = rest;
        Ok(head)
    }

    fn skip(&mut self, field: &'static str, count: usize) -> Result<(), MalformedRequest> {
        self.take(field, count).map(|_| ())
    }

    /// Length of a classic string; -1 is null.
    fn classic_i16(&mut self, field: &'static str) -> Result<usize, MalformedRequest> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(MalformedRequest::Truncated { field })?;
        self.rest = rest;
        nullable_length(field, i32::from(i16::from_be_bytes(*head)))
    }

    /// Length of classic bytes, or count of a classic array; -1 is null.
    fn classic_i32(&mut self, field: &'static str) -> Result<usize, MalformedRequest> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(MalformedRequest::Truncated { field })?;
        self.rest = rest;
        nullable_length(field, i32::from_be_bytes(*head))
    }

    /// Length of the compact forms: one more than the length, 0 for null.
    fn compact_length(&mut self, field: &'static str) -> Result<usize, MalformedRequest> {
        Ok(as_length(self.varint(field)?.saturating_sub(1)))
    }

    fn varint(&mut self, field: &'static str) -> Result<u32, MalformedRequest> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(field, 1)?.first().copied().ok_or(MalformedRequest::Truncated { field })?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0x0f {
                return Err(MalformedRequest::Varint { field });
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(MalformedRequest::Varint { field })
    }
}

fn nullable_length(field: &'static str, length: i32) -> Result<usize, MalformedRequest> {
    match length {
        -1 => Ok(0),
        _ => usize::try_from(length).map_err(|_| MalformedRequest::NegativeLength { field }),
    }
}

/// A length that cannot be addressed cannot be in the frame either: the largest value makes the next take fail.
fn as_length(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
