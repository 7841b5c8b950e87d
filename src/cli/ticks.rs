//! Flags about ticks that several commands share, and how they are read.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use crate::tick::{ColumnMap, ReadOptions, TickSource, TimePolicy};

/// `--time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TimeChoice {
    /// Shift the timestamps so that the last one is now.
    Now,
    /// Keep them.
    Original,
}

impl TimeChoice {
    pub(super) fn policy(self) -> TimePolicy {
        match self {
            TimeChoice::Now => TimePolicy::Now,
            TimeChoice::Original => TimePolicy::Original,
        }
    }
}

#[derive(Args, Debug, Clone)]
pub(super) struct ReadArgs {
    /// Zone of timestamps that name none, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "Asia/Kolkata")]
    pub(super) time_zone: String,
}

impl ReadArgs {
    pub(super) fn zone(&self) -> Result<jiff::tz::TimeZone, Failure> {
        jiff::tz::TimeZone::get(&self.time_zone).map_err(|error| {
            Failure::new(ErrorId::Usage, format!("`{}` is no time zone", self.time_zone))
                .got(error.to_string())
                .next("stockdev up --time-zone Asia/Kolkata", "the default")
        })
    }

    pub(super) fn options(&self, map: &[String]) -> Result<ReadOptions, Failure> {
        let columns = ColumnMap::parse(map).map_err(|error| {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev convert --help", "how columns are mapped")
        })?;
        Ok(ReadOptions { zone: self.zone()?, columns, ..ReadOptions::default() })
    }
}

/// A rate: more than zero a second.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("expected a number above 0".to_owned()),
    }
}

/// `10x` or `10`: how many times faster than the timestamps say.
pub(super) fn parse_speed(text: &str) -> Result<f64, String> {
    parse_rate(text.strip_suffix('x').unwrap_or(text)).map_err(|_| "expected a factor such as 10x".to_owned())
}

/// `180s`, `5m`, `1h`, `250ms`, or plain seconds.
pub(super) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "expected a duration such as 180s, 5m or 1h".to_owned())?;
    let millis = match unit {
        "ms" => Some(1),
        "s" | "" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    millis
        .and_then(|millis| number.checked_mul(millis))
        .map(std::time::Duration::from_millis)
        .ok_or_else(|| "expected a duration such as 180s, 5m or 1h".to_owned())
}

/// Looks at a file before anything is started; `-` is standard input.
pub(super) fn check_source(name: &str) -> Result<TickSource, Failure> {
    if name != "-" {
        let path = Path::new(name);
        let readable = std::fs::File::open(path)
            .and_then(|file| file.metadata())
            .and_then(|metadata| if metadata.is_dir() { Err(std::io::Error::other("it is a folder")) } else { Ok(()) });
        readable.map_err(|error| failures::data_file(path, &error))?;
    }
    Ok(TickSource::from_arg(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn durations_have_units() {
        for (text, millis) in
            [("180s", 180_000), ("5m", 300_000), ("1h", 3_600_000), ("250ms", 250), ("7", 7_000), ("2d", 172_800_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
        }
        for bad in ["", "s", "5 m", "-1s", "1y", "99999999999999999999s", "99999999999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_and_speeds_are_above_zero() {
        assert_eq!(parse_speed("10x"), Ok(10.0));
        assert_eq!(parse_rate("0.5"), Ok(0.5));
        for bad in ["0", "-1", "x", "NaN", "inf", ""] {
            assert!(parse_rate(bad).is_err() && parse_speed(bad).is_err(), "{bad}");
        }
    }
}
