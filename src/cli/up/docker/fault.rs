//! `STOCKDEV_FAULT=SERVICE:CODE`: that service ends at once with that code. For trying what a failure looks like.

use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;

/// The service and the exit code, if the variable is set.
pub(in crate::cli) fn fault() -> Result<Option<(String, u8)>, Failure> {
    let Ok(text) = std::env::var("STOCKDEV_FAULT") else { return Ok(None) };
    parse(&text).map_err(|()| {
        Failure::new(ErrorId::Usage, format!("`STOCKDEV_FAULT={text}` is not SERVICE:CODE, such as elasticsearch:137"))
            .next("unset STOCKDEV_FAULT", "run without it")
    })
}

fn parse(text: &str) -> Result<Option<(String, u8)>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let (service, code) = text.split_once(':').ok_or(())?;
    if !["kafka", "elasticsearch", "kibana"].contains(&service) {
        return Err(());
    }
    Ok(Some((service.to_owned(), code.parse().map_err(|_| ())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_and_a_code() {
        assert_eq!(parse("elasticsearch:137"), Ok(Some(("elasticsearch".to_owned(), 137))));
        assert_eq!(parse(""), Ok(None));
        for bad in ["kafka", "kafka:", "kafka:300", "redis:1", ":1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
