//! The scripts of `sql/`, inside the program.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShippedScript {
    /// Its file's name without `.sql`.
    pub name: &'static str,
    /// What it does, in a line.
    pub purpose: &'static str,
    pub text: &'static str,
}

/// In the order in which they run: each may need what the ones before it made.
pub const SHIPPED_SCRIPTS: [ShippedScript; 5] = [
    ShippedScript {
        name: "create_external_table",
        purpose: "the ticks in the bucket as a table",
        text: include_str!("../../../sql/create_external_table.sql"),
    },
    ShippedScript {
        name: "train_price_regression_model",
        purpose: "a linear regression of the last price, and how good it is",
        text: include_str!("../../../sql/train_price_regression_model.sql"),
    },
    ShippedScript {
        name: "predict_price",
        purpose: "the latest ticks with the price that the regression gives",
        text: include_str!("../../../sql/predict_price.sql"),
    },
    ShippedScript {
        name: "train_and_predict_timeseries",
        purpose: "ARIMA_PLUS on the most traded instrument: ten minutes ahead",
        text: include_str!("../../../sql/train_and_predict_timeseries.sql"),
    },
    ShippedScript {
        name: "train_and_predict_timeseries_multiseries",
        purpose: "ARIMA_PLUS on every instrument at once: ten minutes ahead",
        text: include_str!("../../../sql/train_and_predict_timeseries_multiseries.sql"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Script, ScriptNames};

    #[test]
    fn every_shipped_script_says_what_goes_in_and_comes_out_and_its_placeholders_are_known() {
        let names = ScriptNames {
            project: "my-project".parse().unwrap(),
            dataset: "stock_data".parse().unwrap(),
            bucket: Some("my-bucket".parse().unwrap()),
        };
        for script in SHIPPED_SCRIPTS {
            let filled = Script::fill(script.name, script.text, &names).unwrap();
            assert!(!filled.text().contains("${"), "{}", script.name);
            let head: String = script.text.lines().take_while(|line| line.starts_with("--")).collect();
            assert!(head.contains("In:") && head.contains("Out:"), "{}: {head}", script.name);
        }
    }
}
