//! Ticks a second, and processor time per million of them, for each half of the pipeline.
//!
//! ```text
//! cargo bench --bench pipeline                # simulator, readers, then the embedded stack
//! cargo bench --bench pipeline -- servers     # the servers only, so that peak memory is theirs
//! STOCKDEV_BENCH_KAFKA=HOST:PORT STOCKDEV_BENCH_ELASTICSEARCH=http://HOST:PORT cargo bench --bench pipeline
//! ```
//!
//! With the two variables the same ticks also go through those servers, and the ratio is printed. `STOCKDEV_BENCH_TICKS`
//! sets how many ticks that is (200,000). The embedded stack is a project of its own, in a temporary folder, and goes at
//! the end; the topics and the index made on other servers are left for a look, under the name that is printed.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks")]

use std::{
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

mod support;

use support::{Failure, Stack, memory, processor_time};

const READ_TICKS: u64 = 200_000;

type Outcome = Result<(), Failure>;

/// How long one half took.
struct Measured {
    wall: Duration,
}

fn main() -> Outcome {
    // `cargo bench --bench pipeline -- servers` leaves out what runs without them, so that peak memory is theirs.
    if !std::env::args().any(|argument| argument == "servers") {
        without_servers()?;
    }
    let embedded = Stack::up(&["--no-stream"])?;
    println!("the embedded stack");
    let ours = through_servers(&embedded.kafka, &embedded.elasticsearch)?;
    println!("{:<20} {}", "background process", embedded.used());
    let other = (std::env::var("STOCKDEV_BENCH_KAFKA"), std::env::var("STOCKDEV_BENCH_ELASTICSEARCH"));
    if let (Ok(kafka), Ok(elasticsearch)) = other {
        println!("{kafka} and {elasticsearch}");
        let theirs = through_servers(&kafka, &elasticsearch)?;
        for (what, ours, theirs) in [("produce", &ours[0], &theirs[0]), ("index", &ours[1], &theirs[1])] {
            let ratio = theirs.wall.as_secs_f64() / ours.wall.as_secs_f64();
            println!("{what:<20} the embedded stack is {ratio:.2} times as fast");
        }
    }
    Ok(())
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

fn read(text: Arc<[u8]>) -> Result<u64, Failure> {
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

fn csv(options: &SimulatorOptions) -> Result<Vec<u8>, Failure> {
    let mut text = stockdev::tick::column_names().join(",") + "\n";
    for tick in stockdev::tick::Simulator::new(options.clone())? {
        text += &(tick.tick.csv_cells().join(",") + "\n");
    }
    Ok(text.into_bytes())
}

fn through_servers(kafka: &str, elasticsearch: &str) -> Result<[Measured; 2], Failure> {
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
    let produced = measure("produce", || send(ticks))?;
    let options = IndexOptions {
        topic: name.clone(),
        index: name.clone(),
        group: name.clone(),
        until: Until::CaughtUp,
        ..IndexOptions::default()
    };
    let indexed = measure("index", || {
        let report = runtime.block_on(index(&kafka, &elasticsearch, &options, &Progress::new(), &cancel))?;
        Ok(report.indexed)
    })?;
    Ok([produced, indexed])
}

fn measure(what: &str, mut run: impl FnMut() -> Result<u64, Failure>) -> Result<Measured, Failure> {
    let (started, used) = (Instant::now(), processor_time("self"));
    let ticks = run()?;
    let (wall, used) = (started.elapsed(), processor_time("self").saturating_sub(used));
    let count = f64::from(u32::try_from(ticks)?);
    println!(
        "{what:<20} {:>9.0} ticks/s {:>7.2} CPU s/million  ({ticks} ticks in {:.2} s, peak memory {})",
        count / wall.as_secs_f64(),
        used.as_secs_f64() / count * 1e6,
        wall.as_secs_f64(),
        memory("self", "VmHWM:"),
    );
    Ok(Measured { wall })
}
