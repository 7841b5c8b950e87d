//! Ticks a second, and processor time per million of them, for each half of the pipeline.
//!
//! ```text
//! cargo bench --bench pipeline                     # simulator and readers
//! STOCKDEV_TEST_KAFKA=127.0.0.1:9092 STOCKDEV_TEST_ELASTICSEARCH=http://127.0.0.1:9200 cargo bench --bench pipeline
//! ```
//!
//! `STOCKDEV_BENCH_TICKS` sets how many ticks go through the servers (200,000). Processor time is this process's: what
//! the servers use is not in it. The topic and index made are left for a look, under the name that is printed.

#![allow(clippy::print_stdout, clippy::let_underscore_must_use, reason = "a benchmark talks")]

use std::{
    fs,
    io::{self, Cursor},
    sync::Arc,
    time::{Duration, Instant},
};

use stockdev::{
    client::{ElasticsearchAddress, KafkaAddress},
    pipeline::{IndexOptions, ProduceOptions, Progress, Until, index, produce},
    setup::{TopicSpec, apply_template, ensure_topic},
    tick::{ReadOptions, SimulatorOptions, TickReader, TickSource, generate},
};
use tokio_util::sync::CancellationToken;

const READ_TICKS: u64 = 200_000;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    // `cargo bench --bench pipeline -- servers` leaves out what runs without them, so that peak memory is theirs.
    if !std::env::args().any(|argument| argument == "servers") {
        without_servers()?;
    }
    match (std::env::var("STOCKDEV_TEST_KAFKA"), std::env::var("STOCKDEV_TEST_ELASTICSEARCH")) {
        (Ok(kafka), Ok(elasticsearch)) => through_servers(&kafka, &elasticsearch),
        _ => Ok(()),
    }
}

fn without_servers() -> Outcome {
    let options = simulation(READ_TICKS);
    measure("simulate", || Ok(generate(&options, &mut io::sink(), None, &|| false)?))?;
    let mut text = Vec::new();
    generate(&options, &mut text, None, &|| false)?;
    let bytes = text.len();
    let ndjson: Arc<[u8]> = text.into();
    measure("read NDJSON", || read(ndjson.clone()))?;
    let array: Arc<[u8]> = as_array(&ndjson).into();
    measure("read JSON array", || read(array.clone()))?;
    let csv: Arc<[u8]> = csv(&options)?.into();
    measure("read CSV", || read(csv.clone()))?;
    println!("                     {} bytes a tick", bytes / usize::try_from(READ_TICKS)?);
    Ok(())
}

fn simulation(ticks: u64) -> SimulatorOptions {
    SimulatorOptions { ticks: Some(ticks), instruments: 50, rate: 50.0, ..SimulatorOptions::default() }
}

fn read(text: Arc<[u8]>) -> Result<u64, Box<dyn std::error::Error>> {
    let mut count = 0;
    for record in TickReader::from_reader("bench", Cursor::new(text), &ReadOptions::default())? {
        record?;
        count += 1;
    }
    Ok(count)
}

fn as_array(ndjson: &[u8]) -> Vec<u8> {
    let mut array = vec![b'['];
    array.extend(ndjson.trim_ascii_end().iter().flat_map(|byte| match byte {
        b'\n' => &b",\n"[..],
        other => std::slice::from_ref(other),
    }));
    array.push(b']');
    array
}

fn csv(options: &SimulatorOptions) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut text = stockdev::tick::column_names().join(",") + "\n";
    for tick in stockdev::tick::Simulator::new(options.clone())? {
        text += &(tick.tick.csv_cells().join(",") + "\n");
    }
    Ok(text.into_bytes())
}

fn through_servers(kafka: &str, elasticsearch: &str) -> Outcome {
    let runtime = tokio::runtime::Runtime::new()?;
    let ticks = std::env::var("STOCKDEV_BENCH_TICKS").ok().map_or(Ok(200_000), |text| text.parse())?;
    let name = format!("stock-stream-bench-{}", jiff::Timestamp::now().as_millisecond());
    println!("topic and index {name}");
    let (kafka, elasticsearch) = (KafkaAddress::new(kafka), ElasticsearchAddress::new(elasticsearch));
    let cancel = CancellationToken::new();
    runtime.block_on(async {
        apply_template(&elasticsearch).await?;
        ensure_topic(&kafka, &TopicSpec::new(&name, 4)).await
    })?;
    let first = ProduceOptions { topic: name.clone(), ..ProduceOptions::default() };
    let send = |ticks: u64| {
        let sources = [TickSource::Simulated(simulation(ticks))];
        let sent =
            runtime.block_on(produce(&kafka, &sources, &ReadOptions::default(), &first, &Progress::new(), &cancel))?;
        Ok(sent.sent)
    };
    measure("produce one", || send(1))?;
    measure("produce", || send(ticks))?;
    let options = IndexOptions {
        topic: name.clone(),
        index: name.clone(),
        group: name.clone(),
        until: Until::CaughtUp,
        ..IndexOptions::default()
    };
    measure("index", || {
        let report = runtime.block_on(index(&kafka, &elasticsearch, &options, &Progress::new(), &cancel))?;
        Ok(report.indexed)
    })
}

fn measure(what: &str, mut run: impl FnMut() -> Result<u64, Box<dyn std::error::Error>>) -> Outcome {
    let (started, used) = (Instant::now(), processor_time());
    let ticks = run()?;
    let (wall, used) = (started.elapsed(), processor_time().saturating_sub(used));
    let count = f64::from(u32::try_from(ticks)?);
    println!(
        "{what:<20} {:>9.0} ticks/s {:>7.2} CPU s/million  ({ticks} ticks in {:.2} s, peak memory {})",
        count / wall.as_secs_f64(),
        used.as_secs_f64() / count * 1e6,
        wall.as_secs_f64(),
        peak_memory(),
    );
    Ok(())
}

/// User and system time of this process; zero where there is no `/proc`.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    // The kernel counts in hundredths of a second, whatever its own clock.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".into(), |size| size.trim().to_owned())
}
