//! Requests made along the schemas, so that schema and codec crate check each other; and bytes that are no requests.

use bytes::BytesMut;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::server::kafka::codec::apis::APIS;
use crate::server::kafka::codec::schema::{Fields, Kind};

/// A valid request frame, made along the schema: strings come from `words`.
pub(crate) fn generate(api: &Api, version: i16, words: &[&str], seed: u64) -> Bytes {
    let mut generator = Generator {
        out: BytesMut::new(),
        version,
        flexible: api.is_flexible(version),
        words,
        random: StdRng::seed_from_u64(seed),
    };
    generator.out.put_i16(api.served.key);
    generator.out.put_i16(version);
    generator.out.put_i32(77);
    generator.out.put_i16(2);
    generator.out.put_slice(b"me");
    if generator.flexible {
        generator.out.put_u8(0);
    }
    generator.fields(api.request);
    generator.out.freeze()
}

struct Generator<'a> {
    out: BytesMut,
    version: i16,
    flexible: bool,
    words: &'a [&'a str],
    random: StdRng,
}

impl Generator<'_> {
    fn fields(&mut self, fields: Fields) {
        let version = self.version;
        for field in fields.iter().filter(|field| field.tag.is_none() && field.is_in(version)) {
            self.value(&field.kind);
        }
        if self.flexible {
            let tagged: Vec<_> = fields.iter().filter(|field| field.tag.is_some() && field.is_in(version)).collect();
            self.out.put_u8(u8::try_from(tagged.len() + 1).expect("few"));
            for field in tagged {
                let outer = std::mem::take(&mut self.out);
                self.value(&field.kind);
                let value = std::mem::replace(&mut self.out, outer);
                self.out.put_u8(u8::try_from(field.tag.expect("filtered")).expect("small"));
                self.out.put_u8(u8::try_from(value.len()).expect("short"));
                self.out.put_slice(&value);
            }
            self.out.put_slice(&[99, 2, 1, 2]); // a tag nobody knows
        }
    }

    fn value(&mut self, kind: &Kind) {
        match kind {
            Kind::I8 => self.out.put_i8(self.random.random_range(-1..6)),
            Kind::I16 => self.out.put_i16(self.random.random_range(-2..4)),
            Kind::I32 => self.out.put_i32(self.random.random_range(-2..6)),
            Kind::I64 => self.out.put_i64(self.random.random_range(-6..10)),
            Kind::Uuid => self.out.put_u128(self.random.random_range(0..2)),
            Kind::String => {
                let word = self.words[self.random.random_range(0..self.words.len())];
                self.length(word.len(), false);
                self.out.put_slice(word.as_bytes());
            }
            Kind::Bytes => {
                self.length(3, true);
                self.out.put_slice(&[1, 2, 3]);
            }
            Kind::Array(element) => {
                let count = self.random.random_range(0..4);
                self.length(count, true);
                for _ in 0..count {
                    self.value(element);
                }
            }
            Kind::Struct(fields) => self.fields(fields),
            Kind::NullableStruct(fields) => {
                let present = self.random.random_bool(0.5);
                self.out.put_i8(if present { 1 } else { -1 });
                if present {
                    self.fields(fields);
                }
            }
        }
    }

    fn length(&mut self, length: usize, wide: bool) {
        match (self.flexible, wide) {
            (true, _) => self.out.put_u8(u8::try_from(length + 1).expect("short")),
            (false, true) => self.out.put_i32(i32::try_from(length).expect("short")),
            (false, false) => self.out.put_i16(i16::try_from(length).expect("short")),
        }
    }
}

fn every_version() -> impl Iterator<Item = (&'static Api, i16)> {
    APIS.iter().flat_map(|api| (api.accepted_min..=api.served.max).map(move |version| (api, version)))
}

#[test]
fn schemas_and_codec_crate_agree_on_every_served_version() {
    for (api, version) in every_version() {
        for seed in 0..20 {
            let frame = generate(api, version, &["a", "topic"], seed);
            let (_, start) = read_header_rest(&frame, api.is_flexible(version)).expect("a whole header");
            let mut body = frame.slice(start..);
            let decoded = RequestKind::decode(api.key, &mut body, version);
            assert!(decoded.is_ok(), "{} v{version} seed {seed}: {decoded:?}", api.served.name);
            assert!(body.is_empty(), "{} v{version} seed {seed}: {} bytes left", api.served.name, body.len());
            decode_request(frame).expect("what the codec crate decodes passes the check");
        }
    }
}

#[test]
fn a_cut_request_is_refused_and_bytes_behind_one_are_ignored() {
    for (api, version) in every_version() {
        let frame = generate(api, version, &["a", "topic"], 3);
        let (_, start) = read_header_rest(&frame, api.is_flexible(version)).expect("a whole header");
        for cut in start..frame.len() {
            assert!(decode_request(frame.slice(..cut)).is_err(), "{} v{version} cut at {cut}", api.served.name);
        }
        let longer = [frame.as_ref(), &[0]].concat();
        assert!(decode_request(Bytes::from(longer)).is_ok(), "{} v{version}", api.served.name);
    }
}

#[test]
fn six_bytes_that_ask_for_155_gigabytes_are_refused() {
    // Metadata v0 with 2^31-1 topics announced.
    let frame = [&[0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff][..], &[0x7f, 0xff, 0xff, 0xff]].concat();
    assert!(matches!(decode_request(Bytes::from(frame)), Err(FrameError::Malformed { .. })));
}

#[test]
fn many_tiny_elements_are_refused_before_they_are_decoded() {
    // Metadata v0 with two bytes a topic: memory would be some fifty times the frame.
    let count = 200_000_i32;
    let mut frame = vec![0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    frame.extend_from_slice(&count.to_be_bytes());
    frame.resize(frame.len() + 400_000, 0);
    let refused = decode_request(Bytes::from(frame));
    assert!(matches!(refused, Err(FrameError::Malformed { source: MalformedRequest::TooManyElements, .. })));
}

#[test]
fn unserved_apis_and_versions_are_told_apart() {
    let head = |key: i16, version: i16| {
        let mut frame = BytesMut::new();
        frame.put_i16(key);
        frame.put_i16(version);
        frame.put_i32(5);
        frame.put_i16(-1);
        decode_request(frame.freeze())
    };
    assert!(matches!(head(18, 5), Err(FrameError::ApiVersionsVersion(head)) if head.correlation_id == 5));
    assert!(matches!(head(18, 99), Err(FrameError::ApiVersionsVersion(_))));
    assert!(matches!(head(0, 2), Err(FrameError::Unserved(_))), "Produce 0 to 2 are advertised, not served");
    assert!(matches!(head(17, 0), Err(FrameError::Unserved(_))));
    assert!(matches!(head(9999, 0), Err(FrameError::Unserved(_))));
    assert!(matches!(decode_request(Bytes::from_static(b"1234567")), Err(FrameError::TooShort(7))));
}

#[test]
fn the_answer_to_an_unknown_api_versions_version_is_the_real_brokers_bytes() {
    let frame = encode_api_versions_fallback(7);
    assert_eq!(frame.as_ref(), [0, 0, 0, 16, 0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
}

proptest! {
    #[test]
    fn any_frame_is_a_request_or_an_error(frame in prop::collection::vec(any::<u8>(), 0..120)) {
        std::hint::black_box(decode_request(Bytes::from(frame)).is_ok());
    }

    #[test]
    fn any_body_of_a_served_api_is_a_request_or_an_error(
        api in any::<prop::sample::Index>(),
        version in any::<prop::sample::Index>(),
        body in prop::collection::vec(prop_oneof![Just(0_u8), Just(0xff), any::<u8>()], 0..80),
    ) {
        let api = api.get(APIS);
        let versions: Vec<i16> = (api.accepted_min..=api.served.max).collect();
        let version = *version.get(&versions);
        let header = generate(api, version, &["a"], 0).slice(..if api.is_flexible(version) { 13 } else { 12 });
        std::hint::black_box(decode_request(Bytes::from([header.as_ref(), &body].concat())).is_ok());
    }

    #[test]
    fn a_damaged_request_is_a_request_or_an_error(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in any::<u8>(), seed in 0_u64..50,
    ) {
        let all: Vec<_> = every_version().collect();
        let (api, version) = *which.get(&all);
        let mut frame = generate(api, version, &["a", "topic"], seed).to_vec();
        let position = at.index(frame.len());
        frame[position] = with;
        std::hint::black_box(decode_request(Bytes::from(frame)).is_ok());
    }
}
