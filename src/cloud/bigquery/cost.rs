//! What a script would process and cost, from a dry run.

use std::sync::LazyLock;

use regex::Regex;

use super::api::JobView;

/// On-demand list prices in dollars a TiB, as published for the US and EU multi-regions. Every region and contract has its own.
const QUERY_USD: f64 = 6.25;
/// Training reads the data many times, which is in the price.
const MODEL_USD: f64 = 312.5;
const TIB: f64 = 1_099_511_627_776.0;

static MAKES_MODEL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\bCREATE\s+(OR\s+REPLACE\s+)?MODEL\b").ok());

/// What a dry run says.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// `SELECT`, `CREATE_MODEL`, `SCRIPT`...
    pub statement: String,
    pub bytes: u64,
    /// In dollars, at list prices.
    pub usd: f64,
    /// It will be that or more: BigQuery can't know beforehand what external tables hold, or what a script's later
    /// statements read.
    pub at_least: bool,
}

pub(super) fn estimate(view: &JobView, text: &str) -> Estimate {
    let trains = MAKES_MODEL.as_ref().is_some_and(|pattern| pattern.is_match(text));
    #[expect(clippy::cast_precision_loss, reason = "an estimate in dollars")]
    let tib = view.bytes_processed as f64 / TIB;
    Estimate {
        statement: view.statement.clone(),
        bytes: view.bytes_processed,
        usd: tib * if trains { MODEL_USD } else { QUERY_USD },
        at_least: view.statement == "SCRIPT" || !matches!(view.accuracy.as_str(), "" | "PRECISE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_has_its_own_price_and_a_script_is_a_lower_bound() {
        let view = |statement: &str, accuracy: &str| JobView {
            statement: statement.into(),
            bytes_processed: 1 << 40,
            accuracy: accuracy.into(),
            ..JobView::default()
        };
        let check = |view: JobView, text: &str, usd: f64, at_least: bool| {
            let estimate = estimate(&view, text);
            assert!((estimate.usd - usd).abs() < 1e-9 && estimate.at_least == at_least, "{text}: {estimate:?}");
        };
        check(view("SELECT", "PRECISE"), "SELECT 1", 6.25, false);
        check(view("SELECT", "LOWER_BOUND"), "SELECT 1", 6.25, true);
        check(view("SCRIPT", ""), "create  or replace\nMODEL `m` AS SELECT 1; SELECT 2", 312.5, true);
    }
}
