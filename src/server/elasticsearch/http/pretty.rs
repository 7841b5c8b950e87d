//! `?pretty`: valid JSON text, indented by two with ` : `, as Jackson's printer does. Numbers and strings stay as they were written.

/// Indents valid JSON text and ends it with a newline.
pub(crate) fn pretty(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth: usize = 0;
    let mut bytes = json.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'"' => {
                out.push(byte);
                copy_string(&mut bytes, &mut out);
            }
            b'{' | b'[' => {
                out.push(byte);
                while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
                let close = if byte == b'{' { b'}' } else { b']' };
                if bytes.next_if_eq(&close).is_some() {
                    out.extend_from_slice(&[b' ', close]);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                new_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b" : "),
            other => out.push(other),
        }
    }
    out.push(b'\n');
    out
}

fn copy_string(bytes: &mut impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    while let Some(byte) = bytes.next() {
        out.push(byte);
        match byte {
            b'\\' => out.extend(bytes.next()),
            b'"' => return,
            _ => {}
        }
    }
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth * 2));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pretty;

    #[test]
    fn text_is_indented_as_elasticsearch_does() {
        let text = pretty(br#"{"a":{ },"b":[1,{"c":1.0}],"d":[],"e":"x: \"{y}\""}"#);
        let expected = "{\n  \"a\" : { },\n  \"b\" : [\n    1,\n    {\n      \"c\" : 1.0\n    }\n  ],\n  \"d\" : [ ],\n  \"e\" : \"x: \\\"{y}\\\"\"\n}\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _text = pretty(&bytes);
        }

        #[test]
        fn the_value_stays_the_same(keys in proptest::collection::vec(".{0,6}", 0..5), number in any::<i64>()) {
            let value = serde_json::json!({"keys": keys, "nested": {"n": number, "e": {}}});
            let text = pretty(&serde_json::to_vec(&value).unwrap());
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).unwrap(), value);
        }
    }
}
