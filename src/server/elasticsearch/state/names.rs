//! Which names an index or alias may have, and the refusals.

use crate::server::elasticsearch::error::{ApiError, Exception};

const FORBIDDEN: &[char] = &[' ', '"', '*', ',', '/', '<', '>', '?', '\\', '|'];
const FORBIDDEN_LISTED: &str = r#"must not contain the following characters [' ','"','*',',','/','<','>','?','\','|']"#;
const NAME_BYTES_MAX: usize = 255;

/// Checks the name of an index that is to be made.
pub(crate) fn validate_index_name(name: &str) -> Result<(), ApiError> {
    let broken = broken_rule(name).or_else(|| (name.to_lowercase() != name).then(|| "must be lowercase".to_owned()));
    match broken {
        None => Ok(()),
        Some(rule) => Err(invalid_index_name(name, &rule)),
    }
}

/// 400 `invalid_index_name_exception`.
pub(crate) fn invalid_index_name(name: &str, rule: &str) -> ApiError {
    let exception = Exception::new("invalid_index_name_exception", format!("Invalid index name [{name}], {rule}"))
        .with("index_uuid", "_na_")
        .with("index", name);
    ApiError::from_exception(400, exception)
}

/// Checks the name of an alias: an index name's rules, but capitals are fine.
pub(crate) fn validate_alias_name(name: &str) -> Result<(), ApiError> {
    match broken_rule(name) {
        None => Ok(()),
        Some(rule) => {
            Err(ApiError::new(400, "invalid_alias_name_exception", format!("Invalid alias name [{name}]: {rule}")))
        }
    }
}

fn broken_rule(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must not be empty".into());
    }
    if name.contains(FORBIDDEN) {
        return Some(FORBIDDEN_LISTED.into());
    }
    if name.contains('#') {
        return Some("must not contain '#'".into());
    }
    if name.contains(':') {
        return Some("must not contain ':'".into());
    }
    if name.starts_with(['_', '-', '+']) {
        return Some("must not start with '_', '-', or '+'".into());
    }
    if name.len() > NAME_BYTES_MAX {
        return Some(format!("index name is too long, ({} > {NAME_BYTES_MAX})", name.len()));
    }
    matches!(name, "." | "..").then(|| "must not be '.' or '..'".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_rule_is_named() {
        let long = "x".repeat(256);
        for (name, rule) in [
            ("Upper", "must be lowercase"),
            ("_x", "must not start with '_', '-', or '+'"),
            ("a b", FORBIDDEN_LISTED),
            ("a#b", "must not contain '#'"),
            ("a:b", "must not contain ':'"),
            ("..", "must not be '.' or '..'"),
            (long.as_str(), "index name is too long, (256 > 255)"),
        ] {
            let error = validate_index_name(name).unwrap_err();
            assert_eq!(error.exception().unwrap().reason, format!("Invalid index name [{name}], {rule}"));
        }
        for name in ["stock-stream", ".hidden", "a.b", "é"] {
            validate_index_name(name).unwrap();
        }
        validate_alias_name("Upper").unwrap();
    }

    proptest! {
        #[test]
        fn any_name_is_taken_or_refused(name in ".{0,40}") {
            if validate_index_name(&name).is_ok() {
                prop_assert!(validate_alias_name(&name).is_ok());
                prop_assert!(!name.contains('/'));
            }
        }
    }
}
