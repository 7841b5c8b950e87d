//! Parameters of a query string, and how they become numbers and flags.

use super::error::ApiError;

/// Parameters of the query, decoded, in order; a name may stand several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    pub(crate) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn get<'p>(&'p self, name: &'p str) -> Option<&'p str> {
        self.all(name).next()
    }

    /// A text; empty ones, and Python's word for none, are left out.
    pub(crate) fn text<'p>(&'p self, name: &'p str) -> Option<&'p str> {
        self.get(name).filter(|text| !text.is_empty() && *text != "None")
    }

    /// # Errors
    /// 400 when it is neither `true` nor `false`, in any case, nor 1 or 0.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("") => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(self.wrong(name, "TYPE_BOOL")),
        }
    }

    /// # Errors
    /// 400 when it is no whole number of at least zero that fits.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.wrong(name, "TYPE_UINT64")),
        }
    }

    fn wrong(&self, name: &str, kind: &str) -> ApiError {
        let found = self.get(name).unwrap_or_default();
        ApiError::invalid(format!("Invalid value at '{name}' ({kind}), {found:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giant_and_negative_numbers_are_refused_by_name() {
        let params = |value: &str| Params(vec![("n".into(), value.into()), ("f".into(), value.into())]);
        assert_eq!(params("10").number("n").unwrap(), Some(10));
        assert_eq!(params("").number("n").unwrap(), None);
        assert_eq!(params("True").flag("f").unwrap(), Some(true));
        for value in ["-1", "99999999999999999999999", "1e3", "x"] {
            let error = params(value).number("n").unwrap_err();
            assert_eq!(error.status, 400);
            assert!(error.message.starts_with("Invalid value at 'n' (TYPE_UINT64)"), "{}", error.message);
            assert!(params(value).flag("f").is_err());
        }
    }
}
