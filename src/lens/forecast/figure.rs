//! From the answers to small charts, with all their words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{self, Forecast};
use super::{
    ForecastChart, ForecastFigure, ForecastLine, ForecastPoint, INSTRUMENT, Known, Last, Latest, PRICE, Places,
    PriceLine, Window,
};
use crate::lens::{
    figure::Figure,
    filter,
    format::Formatter,
    scope::{Scope, TimeRange},
    table::{Cell, CellKind},
    time::auto_interval,
};

/// The charts of the answers to [`super::search::prices`] and [`super::search::forecasts`].
pub fn draw(
    places: &Places,
    scope: &Scope,
    window: TimeRange,
    latest: &Latest,
    prices: &Value,
    forecasts: &Value,
) -> Result<Figure, String> {
    let mut lines = answer::prices(prices)?;
    let mut predicted = answer::forecasts(forecasts)?;
    let confidence = common(&predicted);
    let interval_name =
        confidence.map_or_else(|| "Interval".to_owned(), |level| format!("{} interval", percent(level)));
    let words = Words { formatter: formatter(places, scope), scope, interval_name: &interval_name };
    let charts: Vec<ForecastChart> = latest
        .instruments
        .iter()
        .filter_map(|last| {
            let predicted = predicted.remove(&last.name)?;
            let line = lines.remove(&last.name).unwrap_or_default();
            let filter = filter::phrase(INSTRUMENT, json!(last.name), &places.view.id);
            Some(words.chart(last, &line, &predicted, filter))
        })
        .collect();
    if charts.is_empty() {
        return Ok(Figure::Empty { reason: "no forecast of these instruments lies near the time range".to_owned() });
    }
    let notes = left_out(charts.len(), latest.total).into_iter().collect();
    Ok(Figure::Forecast(Box::new(ForecastFigure {
        from: window.from_ms,
        to: window.to_ms,
        interval_ms: auto_interval(window).ms,
        interval_name,
        charts,
        notes,
    })))
}

/// Why there is nothing to draw, though there are forecasts; `None` for a window that can be drawn.
pub fn missed(known: &Known, latest: &Latest, scope: &Scope) -> Option<Figure> {
    let (first, last) = (moment(scope, known.first_ms), moment(scope, known.last_ms));
    let reason = match latest.window(known, scope) {
        _ if latest.instruments.is_empty() => {
            "no ticks of an instrument that has a forecast match time range, query and filters".to_owned()
        }
        Window::Past => format!("the forecasts ended before the time range: they are for {first} to {last}"),
        Window::Ahead => {
            format!("the forecasts are for {first} to {last}, too long after the last tick in the time range")
        }
        Window::Of(_) => return None,
    };
    Some(Figure::Empty { reason })
}

/// How what is shown is written.
struct Words<'a> {
    formatter: Formatter,
    scope: &'a Scope,
    interval_name: &'a str,
}

impl Words<'_> {
    fn chart(&self, last: &Last, prices: &[(i64, f64)], predicted: &[Forecast], filter: Value) -> ForecastChart {
        let last_text = self.price(last.price);
        let (caption, description) = self.captions(last, &last_text, predicted);
        ForecastChart {
            name: last.name.clone(),
            filter,
            caption,
            description,
            prices: PriceLine {
                x: prices.iter().map(|(at, _)| *at).collect(),
                y: prices.iter().map(|(_, price)| *price).collect(),
                text: prices.iter().map(|(_, price)| self.price(*price)).collect(),
            },
            forecast: self.line(predicted),
            is_joined: predicted.first().is_some_and(|first| last.at_ms <= first.at_ms),
            last: ForecastPoint { x: last.at_ms, y: last.price, text: last_text },
        }
    }

    fn line(&self, predicted: &[Forecast]) -> ForecastLine {
        let mut line = ForecastLine::default();
        for forecast in predicted {
            let (low, high) = forecast.interval.unwrap_or((forecast.value, forecast.value));
            line.x.push(forecast.at_ms);
            line.y.push(forecast.value);
            line.text.push(self.price(forecast.value));
            line.low.push(low);
            line.high.push(high);
            line.interval_text.push(self.interval(forecast).unwrap_or_default());
        }
        line
    }

    /// `1,540.85 → 1,541.20 at 15:39 (1,530.10 to 1,552.30)`, and as a sentence.
    fn captions(&self, last: &Last, last_text: &str, predicted: &[Forecast]) -> (String, String) {
        let name = &last.name;
        let Some(end) = predicted.last() else {
            return (last_text.to_owned(), format!("{name}: last price {last_text}."));
        };
        let (value, at) = (self.price(end.value), self.clock(last.at_ms, end.at_ms));
        let interval = self.interval(end);
        let within = interval.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
        let spoken = interval.map(|text| format!(", {} {text}", self.interval_name)).unwrap_or_default();
        (
            format!("{last_text} → {value} at {at}{within}"),
            format!("{name}: last price {last_text}, forecast {value} at {at}{spoken}."),
        )
    }

    fn interval(&self, forecast: &Forecast) -> Option<String> {
        forecast.interval.map(|(low, high)| format!("{} to {}", self.price(low), self.price(high)))
    }

    fn price(&self, price: f64) -> String {
        self.formatter.text(&Cell::Number(price))
    }

    /// The time of day, with the date where it is not that of the last tick.
    fn clock(&self, last_ms: i64, ms: i64) -> String {
        let day = |ms| written(self.scope, ms, "%Y-%m-%d");
        written(self.scope, ms, if day(last_ms) == day(ms) { "%H:%M" } else { "%b %-d %H:%M" })
    }
}

/// As the data view writes prices; what a model computes has more digits than a price, so two without any word of it.
fn formatter(places: &Places, scope: &Scope) -> Formatter {
    let two = json!({"id": "number", "params": {"pattern": "0,0.00"}});
    let format = places.view.formats.get(PRICE).unwrap_or(&two);
    Formatter::new(Some(format), CellKind::Number, &scope.time_zone)
}

/// The confidence level that all forecasts have.
fn common(predicted: &BTreeMap<String, Vec<Forecast>>) -> Option<f64> {
    let mut levels = predicted.values().flatten().map(|forecast| forecast.confidence);
    let first = levels.next().flatten()?;
    levels.all(|level| level == Some(first)).then_some(first)
}

fn percent(level: f64) -> String {
    let text = format!("{:.2}", level * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

fn left_out(shown: usize, total: usize) -> Option<String> {
    let hidden = total.checked_sub(shown).filter(|hidden| *hidden > 0)?;
    let verb = if hidden == 1 { "is" } else { "are" };
    Some(format!("{shown} of {total} instruments, those with the most ticks; {hidden} {verb} left out"))
}

fn moment(scope: &Scope, ms: i64) -> String {
    written(scope, ms, "%Y-%m-%d %H:%M:%S")
}

fn written(scope: &Scope, ms: i64, pattern: &str) -> String {
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |at| at.to_zoned(scope.time_zone.clone()).strftime(pattern).to_string())
}
