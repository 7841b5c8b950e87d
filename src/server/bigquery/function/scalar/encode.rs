//! Base64, hexadecimal, hashes, and UTF-8.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use unicode_normalization::UnicodeNormalization as _;

use super::Row;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::Value;

const HASHED: &[&str] = &["STRING -> BYTES", "BYTES -> BYTES"];
const NORMALIZED: &[&str] = &["STRING, [STRING] -> STRING"];

pub(super) const ROWS: &[Row] = &[
    ("TO_BASE64", &["BYTES -> STRING"], Strict, |a| Ok(Value::String(STANDARD.encode(a.bytes(0)?)))),
    ("FROM_BASE64", &["STRING -> BYTES"], Strict, from_base64),
    ("TO_HEX", &["BYTES -> STRING"], Strict, |a| Ok(Value::String(to_hex(a.bytes(0)?)))),
    ("FROM_HEX", &["STRING -> BYTES"], Strict, from_hex),
    ("SAFE_CONVERT_BYTES_TO_STRING", &["BYTES -> STRING"], Strict, |a| {
        Ok(Value::String(String::from_utf8_lossy(a.bytes(0)?).into_owned()))
    }),
    ("MD5", HASHED, Strict, |a| Ok(Value::Bytes(Md5::digest(a.bytes(0)?).to_vec()))),
    ("SHA1", HASHED, Strict, |a| Ok(Value::Bytes(Sha1::digest(a.bytes(0)?).to_vec()))),
    ("SHA256", HASHED, Strict, |a| Ok(Value::Bytes(Sha256::digest(a.bytes(0)?).to_vec()))),
    ("SHA512", HASHED, Strict, |a| Ok(Value::Bytes(Sha512::digest(a.bytes(0)?).to_vec()))),
    ("FARM_FINGERPRINT", &["STRING -> INT64", "BYTES -> INT64"], Strict, |a| {
        Ok(Value::Int64(farmhash::fingerprint64(a.bytes(0)?).cast_signed()))
    }),
    ("NORMALIZE", NORMALIZED, Strict, |a| normalize(a.text(0)?, a.text_or(1, "NFC")?)),
    ("NORMALIZE_AND_CASEFOLD", NORMALIZED, Strict, |a| normalize(&a.text(0)?.to_lowercase(), a.text_or(1, "NFC")?)),
];

fn from_base64(arguments: &Arguments<'_>) -> Outcome<Value> {
    let text: String = arguments.text(0)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(&text);
    bytes.map(Value::Bytes).map_err(|_| FunctionError::new(format!("Failed to decode invalid base64 string: {text}")))
}

/// Lower case.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An odd number of digits has a zero before it.
fn from_hex(arguments: &Arguments<'_>) -> Outcome<Value> {
    let text = arguments.text(0)?;
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let Some(digits) = digits else { return fail(format!("Failed to decode invalid hexadecimal string: {text}")) };
    let odd = digits.len() % 2;
    let padded: Vec<u8> = std::iter::repeat_n(0, odd).chain(digits).collect();
    Ok(Value::Bytes(padded.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit)).collect()))
}

fn normalize(text: &str, mode: &str) -> Outcome<Value> {
    Ok(Value::String(match mode.to_ascii_uppercase().as_str() {
        "NFC" => text.nfc().collect(),
        "NFD" => text.nfd().collect(),
        "NFKC" => text.nfkc().collect(),
        "NFKD" => text.nfkd().collect(),
        _ => return fail(format!("Invalid normalization mode: {mode}")),
    }))
}
