//! Versions of objects, held against those that are understood.

use super::error::ApiError;
use super::kind::Kind;

/// Three numbers; `10.N.0` is how model version N is written.
pub(crate) fn parse(text: &str) -> Option<[u64; 3]> {
    let mut parts = text.split('.').map(|part| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    });
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

/// Refuses an object of a newer version, in Kibana's words. `running` is this server's version.
pub(crate) fn check(
    kind: &Kind,
    id: &str,
    type_version: Option<&str>,
    core_version: Option<&str>,
    running: &str,
) -> Result<(), ApiError> {
    let newer = |version: &str, known: &str| match (parse(version), parse(known)) {
        (Some(version), Some(known)) => Ok(version > known),
        (None, _) => Err(ApiError::new(422, format!("Document \"{id}\" has an invalid version [{version}]."))),
        (_, None) => Ok(false),
    };
    if let (Some(version), Some(known)) = (type_version, kind.known)
        && newer(version, known)?
    {
        return Err(ApiError::new(
            422,
            format!(
                "Document \"{id}\" belongs to a more recent version of Kibana [{version}] when the last known version is [{known}]."
            ),
        ));
    }
    if let Some(version) = core_version
        && newer(version, running)?
    {
        return Err(ApiError::new(
            422,
            format!(
                "Document \"{id}\" has a \"coreMigrationVersion\" which belongs to a more recent version of Kibana [{version}]. The current version is [{running}]."
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(type_version: Option<&str>, core_version: Option<&str>) -> Option<String> {
        let kind = Kind::find("dashboard").unwrap();
        check(kind, "d3", type_version, core_version, "8.12.2").err().map(|error| error.message)
    }

    #[test]
    fn newer_versions_are_refused_in_kibanas_words() {
        for accepted in [None, Some("7.0.0"), Some("8.9.0"), Some("10.2.0"), Some("10.4.0")] {
            assert_eq!(message(accepted, Some("8.8.0")), None);
        }
        assert_eq!(
            message(Some("10.5.0"), None).unwrap(),
            "Document \"d3\" belongs to a more recent version of Kibana [10.5.0] when the last known version is [10.4.0]."
        );
        assert_eq!(
            message(None, Some("9.9.9")).unwrap(),
            "Document \"d3\" has a \"coreMigrationVersion\" which belongs to a more recent version of Kibana [9.9.9]. The current version is [8.12.2]."
        );
        for odd in ["", "8", "8.9", "8.9.0.1", "a.b.c", "8.9.-1", "99999999999999999999.0.0", "+8.9.0"] {
            assert_eq!(message(Some(odd), None).unwrap(), format!("Document \"d3\" has an invalid version [{odd}]."));
        }
    }
}
