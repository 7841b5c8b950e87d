//! The named arguments of a call (`kql='...'`, `shift='1d'`, `window=10`), read and checked.

use super::{
    FormulaError,
    tree::{Call, Named, NamedValue},
};
use crate::lens::{
    scope::{Language, Query},
    time::{TimeError, check_shift, duration_ms},
};

/// What narrows the documents of a metric.
pub(super) const QUERIES: &[&str] = &["kql", "lucene"];
pub(super) const SHIFT: &str = "shift";
pub(super) const REDUCED_TIME_RANGE: &str = "reducedTimeRange";

/// The named arguments of one call; all of them are known to its function.
pub(super) struct Arguments<'a> {
    function: &'a str,
    /// Where the call stands.
    at: usize,
    named: &'a [Named],
}

impl<'a> Arguments<'a> {
    /// Refuses a name that the function does not know, and one that is given twice.
    pub(super) fn read(call: &'a Call, at: usize, is_known: &dyn Fn(&str) -> bool) -> Result<Self, FormulaError> {
        for (index, argument) in call.named.iter().enumerate() {
            let (at, function, name) = (argument.at, call.name.clone(), argument.name.clone());
            if !is_known(&name) {
                return Err(FormulaError::UnknownArgument { at, function, name });
            }
            if call.named.iter().take(index).any(|earlier| earlier.name == name) {
                return Err(FormulaError::DuplicateArgument { at, function, name });
            }
        }
        Ok(Self { function: &call.name, at, named: &call.named })
    }

    fn get(&self, name: &str) -> Option<&'a Named> {
        self.named.iter().find(|argument| argument.name == name)
    }

    /// `default` when it is not given; `accepts` says which numbers will do, `expected` says it to people.
    pub(super) fn number(
        &self,
        name: &str,
        default: f64,
        accepts: fn(f64) -> bool,
        expected: &'static str,
    ) -> Result<f64, FormulaError> {
        let Some(argument) = self.get(name) else { return Ok(default) };
        match argument.value {
            NamedValue::Number(number) if accepts(number) => Ok(number),
            _ => Err(self.wrong(argument, expected)),
        }
    }

    pub(super) fn text(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<Option<(&'a Named, &'a str)>, FormulaError> {
        let Some(argument) = self.get(name) else { return Ok(None) };
        match &argument.value {
            NamedValue::Text(text) => Ok(Some((argument, text))),
            NamedValue::Number(_) => Err(self.wrong(argument, expected)),
        }
    }

    /// Of `kql` or `lucene`, of which there may be one.
    pub(super) fn query(&self) -> Result<Option<Query>, FormulaError> {
        let expected = "a query in single quotes";
        let query = |name, language| {
            let text = self.text(name, expected)?;
            Ok(text.map(|(_, text)| Query { language, text: text.to_owned() }))
        };
        match (query("kql", Language::Kuery)?, query("lucene", Language::Lucene)?) {
            (Some(_), Some(_)) => Err(FormulaError::TwoQueries { at: self.at, function: self.function.to_owned() }),
            (kql, lucene) => Ok(kql.or(lucene)),
        }
    }

    pub(super) fn shift(&self) -> Result<Option<String>, FormulaError> {
        self.time(SHIFT, check_shift)
    }

    pub(super) fn reduced_time_range(&self) -> Result<Option<String>, FormulaError> {
        self.time(REDUCED_TIME_RANGE, |text| duration_ms(text).map(drop))
    }

    /// As written, once `check` found no fault.
    fn time(&self, name: &str, check: fn(&str) -> Result<(), TimeError>) -> Result<Option<String>, FormulaError> {
        let Some((argument, text)) = self.text(name, "a text such as '1d'")? else { return Ok(None) };
        check(text).map_err(|reason| FormulaError::Time { at: argument.at, name: name.to_owned(), reason })?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn wrong(&self, argument: &Named, expected: &'static str) -> FormulaError {
        let (at, function, name) = (argument.at, self.function.to_owned(), argument.name.clone());
        FormulaError::WrongArgument { at, function, name, expected }
    }
}
