//! How long the whole dashboard takes to be drawn anew over many ticks, as the page asks for it.
//!
//! ```text
//! cargo bench --bench dashboard
//! STOCKDEV_BENCH_ELASTICSEARCH=http://HOST:PORT cargo bench --bench dashboard
//! ```
//!
//! `STOCKDEV_BENCH_TICKS` ticks (1,000,000), all of them in the range. With the variable the same ticks also go into that
//! Elasticsearch, and each search behind a panel is timed there and here, without the request cache; the index goes at the end.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stockdev::client::{ElasticsearchAddress, KafkaAddress};
use stockdev::pipeline::{IndexOptions, Progress, Until, index, refresh_index};
use stockdev::setup::apply_template;
use tokio_util::sync::CancellationToken;

mod support;

use support::{Failure, Stack};

const DASHBOARD: &str = "stock-stream-dashboard";
const TURNS: usize = 15;

struct Bench {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    stack: Stack,
    /// `from` and `to` of all ticks.
    range: (String, String),
}

fn main() -> Result<(), Failure> {
    let ticks = std::env::var("STOCKDEV_BENCH_TICKS").unwrap_or_else(|_| "1000000".to_owned());
    let stack = Stack::up(&["--ticks", &ticks])?;
    let runtime = tokio::runtime::Runtime::new()?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut bench = Bench { runtime, http, stack, range: Default::default() };
    bench.range = bench.range_of_all()?;
    println!("{ticks} ticks from {} to {}", bench.range.0, bench.range.1);
    bench.refreshes()?;
    println!("background process   {}", bench.stack.used());
    if let Ok(elasticsearch) = std::env::var("STOCKDEV_BENCH_ELASTICSEARCH") {
        bench.beside(&elasticsearch)?;
    }
    Ok(())
}

impl Bench {
    fn ask(&self, url: &str, body: &Value) -> Result<String, Failure> {
        self.runtime.block_on(async {
            let answer = self.http.post(url).header("kbn-xsrf", "true").json(body).send().await?;
            let status = answer.status();
            let text = answer.text().await?;
            if status.is_success() { Ok(text) } else { Err(format!("{url}: {status}: {text}").into()) }
        })
    }

    fn range_of_all(&self) -> Result<(String, String), Failure> {
        let ends = json!({"size": 0, "aggs": {"from": {"min": {"field": "timestamp"}}, "to": {"max": {"field": "timestamp"}}}});
        let url = format!("{}/stock-stream/_search", self.stack.elasticsearch);
        let answer: Value = serde_json::from_str(&self.ask(&url, &ends)?)?;
        let end = |name: &str| {
            let text = answer["aggregations"][name]["value_as_string"].as_str();
            text.map(str::to_owned).ok_or_else(|| Failure::from(format!("no `{name}` in {answer}")))
        };
        Ok((end("from")?, end("to")?))
    }

    /// All panels, again and again, each time with another end of the range, so that nothing is answered from a cache.
    fn refreshes(&self) -> Result<(), Failure> {
        let url = format!("{}/api/stockdev/dashboards/{DASHBOARD}/figures", self.stack.kibana);
        let end: jiff::Timestamp = self.range.1.parse()?;
        let mut whole = Vec::new();
        let mut panels: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for turn in 0..=TURNS {
            let to = end + jiff::SignedDuration::from_millis(i64::try_from(turn)?);
            let started = Instant::now();
            let text = self.ask(&url, &json!({"from": self.range.0, "to": to.to_string()}))?;
            let took = started.elapsed();
            if turn == 0 {
                println!("first                {:>7.0} ms", took.as_secs_f64() * 1e3);
                continue;
            }
            whole.push(took);
            for line in text.lines() {
                let line: Value = serde_json::from_str(line)?;
                let Some(panel) = line["panel"].as_str() else { continue };
                if line["figure"]["kind"] == "error" {
                    return Err(format!("panel {panel}: {}", line["figure"]).into());
                }
                panels.entry(panel.to_owned()).or_default().push(line["took_ms"].as_u64().unwrap_or_default());
            }
        }
        whole.sort();
        println!(
            "whole dashboard      {:>7.0} ms, the median of {TURNS} ({:.0} to {:.0}; wanted: under 500)",
            middle(&whole).as_secs_f64() * 1e3,
            whole.first().copied().unwrap_or_default().as_secs_f64() * 1e3,
            whole.last().copied().unwrap_or_default().as_secs_f64() * 1e3,
        );
        for (panel, mut took) in panels {
            took.sort_unstable();
            println!("  {panel:<24} {:>5} ms", middle(&took));
        }
        Ok(())
    }

    /// The same searches here and there, in turns.
    fn beside(&self, elasticsearch: &str) -> Result<(), Failure> {
        let name = format!("stock-stream-bench-{}", jiff::Timestamp::now().as_millisecond());
        let there = ElasticsearchAddress::new(elasticsearch);
        let options = IndexOptions {
            index: name.clone(),
            group: name.clone(),
            until: Until::CaughtUp,
            ..IndexOptions::default()
        };
        let kafka = KafkaAddress::new(&self.stack.kafka);
        self.runtime.block_on(async {
            apply_template(&there).await?;
            index(&kafka, &there, &options, &Progress::new(), &CancellationToken::new()).await?;
            refresh_index(&there, &name).await?;
            Ok::<_, Failure>(())
        })?;
        let (from, to) = (self.range.0.as_str(), self.range.1.as_str());
        let explained = self.stack.run(&["dashboard", "explain", DASHBOARD, "--from", from, "--to", to])?;
        let urls = [
            format!("{}/stock-stream/_search?request_cache=false", self.stack.elasticsearch),
            format!("{elasticsearch}/{name}/_search?request_cache=false"),
        ];
        let mut sums = [Duration::ZERO; 2];
        for panel in explained["panels"].as_array().into_iter().flatten() {
            for layer in panel["layers"].as_array().into_iter().flatten() {
                let title = panel["title"].as_str().unwrap_or_default();
                let mut took = [Vec::new(), Vec::new()];
                let mut refused = None;
                for _ in 0..TURNS {
                    for (url, took) in urls.iter().zip(&mut took) {
                        let started = Instant::now();
                        match self.ask(url, &layer["search"]) {
                            Ok(_) => took.push(started.elapsed()),
                            Err(error) => refused = Some(error.to_string()),
                        }
                    }
                }
                if let Some(refused) = refused {
                    println!("  {title}: left out: {}", refused.chars().take(160).collect::<String>());
                    continue;
                }
                let medians = took.map(|mut took| {
                    took.sort();
                    middle(&took)
                });
                println!("  {title:<32} {:>6.0} ms here, {:>6.0} ms there", ms(medians[0]), ms(medians[1]));
                sums[0] += medians[0];
                sums[1] += medians[1];
            }
        }
        println!(
            "searches, summed     {:.0} ms here, {:.0} ms there: {:.2} times as fast",
            ms(sums[0]),
            ms(sums[1]),
            ms(sums[1]) / ms(sums[0])
        );
        self.runtime.block_on(self.http.delete(format!("{elasticsearch}/{name}")).send())?;
        Ok(())
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn middle<T: Copy + Default>(sorted: &[T]) -> T {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
