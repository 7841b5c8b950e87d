//! Preconditions on generations: a request says of what it was written for, and is refused when that is gone.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::object::Object;

/// Conditions of one request; 0 as a generation stands for "no such object".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Conditions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generation_match: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generation_not_match: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metageneration_match: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metageneration_not_match: Option<i64>,
}

impl Conditions {
    pub(crate) const NONE: Self = Self {
        generation_match: None,
        generation_not_match: None,
        metageneration_match: None,
        metageneration_not_match: None,
    };

    /// # Errors
    /// [`StoreError::ConditionNotMet`]; [`StoreError::NotModified`] when it is a `NotMatch` that fails.
    pub(crate) fn check(&self, live: Option<&Object>) -> Result<(), StoreError> {
        self.check_numbers(live.map_or(0, |object| object.generation), live.map(|object| object.metageneration))
    }

    /// For a bucket, which has no generation, or an object. `metageneration`: `None` if there is none.
    pub(crate) fn check_numbers(&self, generation: i64, metageneration: Option<i64>) -> Result<(), StoreError> {
        let holds = |wanted: Option<i64>, is: Option<i64>| wanted.is_none() || wanted == is;
        if !holds(self.generation_match, Some(generation)) || !holds(self.metageneration_match, metageneration) {
            return Err(StoreError::ConditionNotMet);
        }
        let clashes = |unwanted: Option<i64>, is: Option<i64>| unwanted.is_some() && unwanted == is;
        if clashes(self.generation_not_match, Some(generation))
            || clashes(self.metageneration_not_match, metageneration)
        {
            return Err(StoreError::NotModified);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_is_held_against_its_own_number() {
        let all = |gm, gn, mm, mn| Conditions {
            generation_match: gm,
            generation_not_match: gn,
            metageneration_match: mm,
            metageneration_not_match: mn,
        };
        let cases = [
            (Conditions::NONE, 5, Some(2), "ok"),
            (all(Some(5), None, Some(2), None), 5, Some(2), "ok"),
            (all(Some(0), None, None, None), 0, None, "ok"),
            (all(Some(0), None, None, None), 5, Some(2), "not met"),
            (all(None, None, Some(2), None), 0, None, "not met"),
            (all(None, Some(5), None, None), 5, Some(2), "not modified"),
            (all(None, Some(0), None, None), 0, None, "not modified"),
            (all(None, None, None, Some(2)), 5, Some(2), "not modified"),
            (all(None, Some(4), None, Some(1)), 5, Some(2), "ok"),
            (all(Some(4), Some(5), None, None), 5, Some(2), "not met"),
        ];
        for (conditions, generation, metageneration, expected) in cases {
            let found = match conditions.check_numbers(generation, metageneration) {
                Ok(()) => "ok",
                Err(StoreError::ConditionNotMet) => "not met",
                Err(StoreError::NotModified) => "not modified",
                Err(error) => panic!("{error}"),
            };
            assert_eq!(found, expected, "{conditions:?}");
        }
    }
}
