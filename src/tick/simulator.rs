//! A simulated exchange: the same seed gives the same ticks for ever.
//!
//! Each instrument's price walks at random in steps of 0.05 rupees, more at the session's ends than at noon (the U shape
//! of intraday volatility). Volume only grows within a session, OHLC and average bound the price, and the depth brackets
//! it. Only whole numbers and the IEEE 754 basic operations are used, so no platform's mathematics library shows.

mod instrument;
mod sessions;

use jiff::{
    Timestamp,
    civil::{DateTime, date},
    tz::TimeZone,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use self::{instrument::Instrument, sessions::Sessions};
use super::{
    model::Tick,
    time::{default_zone, format_local},
};

/// Instruments there may be.
const INSTRUMENTS_MAX: u32 = 10_000;
/// Ticks a second of market time there may be: the timestamps have microseconds.
const RATE_MAX: f64 = 1_000_000.0;

/// When the simulated exchange trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hours {
    /// Monday to Friday, 09:15 to 15:30; the next session follows the end of one.
    #[default]
    Market,
    /// Always, a session a day: for a stream that shows the present.
    AroundTheClock,
}

/// What to simulate.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// From 1; they take turns.
    pub instruments: u32,
    /// How many ticks; endless when `None`.
    pub ticks: Option<u64>,
    /// Ticks a second of market time, of all instruments together.
    pub rate: f64,
    pub seed: u64,
    /// The first session starts here, or at the next opening.
    pub start: DateTime,
    pub zone: TimeZone,
    pub hours: Hours,
}

impl Default for SimulatorOptions {
    /// Five instruments, each ticking once a second, as the exchange's feed does.
    fn default() -> Self {
        Self {
            instruments: 5,
            ticks: None,
            rate: 5.0,
            seed: 1,
            start: date(2024, 1, 2).at(9, 15, 0, 0),
            zone: default_zone(),
            hours: Hours::Market,
        }
    }
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SimulatorError {
    #[error("{0} instruments asked for, 1 to {INSTRUMENTS_MAX} can be simulated")]
    Instruments(u32),
    #[error("a rate of {0} ticks a second asked for, more than 0 and at most {RATE_MAX} can be simulated")]
    Rate(f64),
    #[error("`{0}` is not a start time as `2024-01-02`, `2024-01-02 09:15:00` or `2024-01-02T09:15:00+05:30`")]
    Start(String),
}

impl SimulatorOptions {
    /// Ticks from now on, without an end, `rate` a second: what a live stream shows.
    pub fn live(rate: f64) -> Self {
        let zone = default_zone();
        let start = zone.to_datetime(Timestamp::now());
        let seed = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default();
        Self { ticks: None, rate, seed, start, hours: Hours::AroundTheClock, zone, ..Self::default() }
    }

    /// Reads a start time: a date, a local time, or a time with an offset (then moved to `zone`).
    pub fn parse_start(text: &str, zone: &TimeZone) -> Result<DateTime, SimulatorError> {
        if let Some(instant) = super::time::parse_timestamp(text, zone) {
            return Ok(zone.to_datetime(instant));
        }
        match text.parse::<jiff::civil::Date>() {
            Ok(date) if text.len() == "2024-01-02".len() => Ok(date.at(0, 0, 0, 0)),
            _ => Err(SimulatorError::Start(text.to_owned())),
        }
    }

    fn check(&self) -> Result<(), SimulatorError> {
        if !(1..=INSTRUMENTS_MAX).contains(&self.instruments) {
            return Err(SimulatorError::Instruments(self.instruments));
        }
        if !(self.rate > 0.0 && self.rate <= RATE_MAX) {
            return Err(SimulatorError::Rate(self.rate));
        }
        Ok(())
    }
}

/// A tick of the simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedTick {
    pub tick: Tick,
    pub instant: Timestamp,
    /// From 1.
    pub number: u64,
}

/// The exchange: an iterator of ticks in the order of time.
#[derive(Debug)]
pub struct Simulator {
    options: SimulatorOptions,
    sessions: Sessions,
    instruments: Vec<Instrument>,
    random: ChaCha8Rng,
    session: u64,
    made: u64,
    turn: usize,
}

impl Simulator {
    pub fn new(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        options.check()?;
        let mut random = generator(options.seed, PRICES);
        let instruments = (0..options.instruments).map(|index| Instrument::list(index, &mut random)).collect();
        let sessions = Sessions::new(&options, generator(options.seed, TIMES));
        Ok(Self { options, sessions, instruments, random, session: 0, made: 0, turn: 0 })
    }

    pub fn options(&self) -> &SimulatorOptions {
        &self.options
    }

    /// The first and last instants of the simulation, without making its ticks; `None` when it has no end or no tick.
    pub fn span(options: &SimulatorOptions) -> Result<Option<(Timestamp, Timestamp)>, SimulatorError> {
        options.check()?;
        let Some(ticks @ 1..) = options.ticks else { return Ok(None) };
        let mut sessions = Sessions::new(options, generator(options.seed, TIMES));
        let Some(first) = sessions.next() else { return Ok(None) };
        let mut last = first;
        for _ in 1..ticks {
            match sessions.next() {
                Some(moment) => last = moment,
                None => break,
            }
        }
        Ok(instant(first.local, &options.zone).zip(instant(last.local, &options.zone)))
    }
}

/// Streams of the generator: moments come from their own, so that they can be known without the prices.
const PRICES: u64 = 0;
const TIMES: u64 = 1;

fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    if let Some(head) = key.first_chunk_mut() {
        *head = seed.to_le_bytes();
    }
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(stream);
    random
}

fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

impl Iterator for Simulator {
    type Item = SimulatedTick;

    fn next(&mut self) -> Option<SimulatedTick> {
        if self.options.ticks.is_some_and(|ticks| self.made >= ticks) {
            return None;
        }
        // `None` at the end of the calendar, in the year 9999.
        let moment = self.sessions.next()?;
        if moment.session != self.session {
            self.session = moment.session;
            for instrument in &mut self.instruments {
                instrument.open_session(&mut self.random);
            }
        }
        // What a step may move the price by grows with the time since the instrument's last tick.
        let gap = f64::from(self.options.instruments) / self.options.rate;
        let instrument = self.instruments.get_mut(self.turn)?;
        instrument.step(gap, moment.progress, &mut self.random);
        let tick = instrument.tick(format_local(moment.local), &mut self.random);
        self.turn = (self.turn + 1) % self.instruments.len();
        self.made += 1;
        Some(SimulatedTick { tick, instant: instant(moment.local, &self.options.zone)?, number: self.made })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::{Weekday, time};
    use proptest::prelude::*;

    use super::*;

    fn ticks(options: SimulatorOptions) -> Vec<SimulatedTick> {
        Simulator::new(options).unwrap().collect()
    }

    fn options() -> impl Strategy<Value = SimulatorOptions> {
        (1u32..12, 1u64..400, 0.001f64..50.0, any::<u64>(), 0i8..28, 0i8..24).prop_map(
            |(instruments, ticks, rate, seed, day, hour)| SimulatorOptions {
                instruments,
                ticks: Some(ticks),
                rate,
                seed,
                start: date(2024, 2, day + 1).at(hour, 17, 3, 0),
                ..SimulatorOptions::default()
            },
        )
    }

    fn assert_bounded(tick: &Tick) {
        assert!(tick.low <= tick.last_price && tick.last_price <= tick.high, "{tick:?}");
        assert!(tick.low <= tick.open && tick.open <= tick.high, "{tick:?}");
        assert!(tick.low <= tick.average_price && tick.average_price <= tick.high, "{tick:?}");
        assert!(tick.low > 0.0, "{tick:?}");
        let percent = (tick.last_price - tick.close) / tick.close * 100.0;
        assert!((tick.change - percent).abs() <= 0.005_001, "{tick:?}");
        for price in [tick.last_price, tick.open, tick.high, tick.low, tick.close] {
            let steps = price * 20.0;
            assert!((steps - steps.round()).abs() < 1e-6, "{price} is a multiple of 0.05");
        }
    }

    fn assert_bracketed(tick: &Tick) {
        let depth = tick.depth.as_ref().expect("a traded instrument has depth");
        assert!(depth.buy[0].price <= tick.last_price && tick.last_price <= depth.sell[0].price, "{tick:?}");
        assert!(depth.buy[0].price < depth.sell[0].price, "{tick:?}");
        assert!(depth.buy.windows(2).all(|pair| pair[0].price > pair[1].price), "best bid first: {tick:?}");
        assert!(depth.sell.windows(2).all(|pair| pair[0].price < pair[1].price), "best ask first: {tick:?}");
        for level in depth.buy.iter().chain(&depth.sell) {
            assert!(level.price > 0.0 && level.orders >= 1 && level.quantity >= level.orders, "{tick:?}");
        }
        assert!(tick.sell_quantity >= depth.sell.iter().map(|level| level.quantity).sum(), "{tick:?}");
    }

    fn assert_session_only_grows(before: &Tick, after: &Tick) {
        assert_eq!((before.open, before.close), (after.open, after.close), "open and close stay for the session");
        assert!(after.volume > before.volume && after.volume - before.volume >= after.last_quantity);
        assert!(after.high >= before.high && after.low <= before.low);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_tick_is_bounded_bracketed_and_in_market_hours(options in options()) {
            for tick in ticks(options) {
                assert_bounded(&tick.tick);
                assert_bracketed(&tick.tick);
                let local: DateTime = tick.tick.timestamp.parse().unwrap();
                prop_assert!(local.time() >= time(9, 15, 0, 0) && local.time() <= time(15, 30, 0, 0));
                prop_assert!(!matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday));
            }
        }

        #[test]
        fn within_a_session_volume_and_range_only_grow_and_the_next_one_starts_from_its_close(options in options()) {
            let mut before: BTreeMap<u64, Tick> = BTreeMap::new();
            for SimulatedTick { tick, .. } in ticks(options) {
                if let Some(previous) = before.get(&tick.instrument_token)
                    && previous.timestamp[..10] == tick.timestamp[..10]
                {
                    assert_session_only_grows(previous, &tick);
                }
                before.insert(tick.instrument_token, tick);
            }
        }

        #[test]
        fn time_never_goes_back_and_the_span_is_known_before(options in options()) {
            let span = Simulator::span(&options).unwrap().unwrap();
            let ticks = ticks(options);
            prop_assert!(ticks.windows(2).all(|pair| pair[0].instant <= pair[1].instant));
            prop_assert_eq!(Some(span.0), ticks.first().map(|tick| tick.instant));
            prop_assert_eq!(Some(span.1), ticks.last().map(|tick| tick.instant));
        }

        #[test]
        fn the_same_seed_gives_the_same_ticks_and_another_seed_others(options in options()) {
            let again = ticks(options.clone());
            prop_assert_eq!(&ticks(options.clone()), &again);
            let other = ticks(SimulatorOptions { seed: options.seed ^ 1, ..options });
            prop_assert!(other != again);
        }
    }

    #[test]
    fn sessions_roll_over_the_weekend_and_keep_the_close() {
        // 2024-01-05 is a Friday.
        let start = date(2024, 1, 5).at(15, 29, 0, 0);
        let options = SimulatorOptions { instruments: 1, rate: 1.0, ticks: Some(100), start, ..Default::default() };
        let ticks = ticks(options);
        let days: Vec<&str> = ticks.iter().map(|tick| &tick.tick.timestamp[..10]).collect();
        assert_eq!(days.iter().filter(|day| **day == "2024-01-05").count(), 61);
        assert!(days[61..].iter().all(|day| *day == "2024-01-08"));
        assert_eq!(ticks[61].tick.close, ticks[60].tick.last_price);
    }

    #[test]
    fn around_the_clock_it_ticks_at_night_and_on_sundays() {
        let start = date(2024, 1, 7).at(23, 59, 50, 0);
        let options = SimulatorOptions {
            instruments: 2,
            rate: 1.0,
            ticks: Some(20),
            start,
            hours: Hours::AroundTheClock,
            ..Default::default()
        };
        let ticks = ticks(options);
        assert!(ticks[0].tick.timestamp.starts_with("2024-01-07 23:59:50"));
        assert!(ticks[19].tick.timestamp.starts_with("2024-01-08 00:00:0"));
    }

    #[test]
    fn the_ends_of_a_session_move_prices_more_than_its_middle() {
        let options = SimulatorOptions { instruments: 1, rate: 1.0, ticks: Some(22_500), ..Default::default() };
        let prices: Vec<f64> = ticks(options).iter().map(|tick| tick.tick.last_price).collect();
        let moved = |range: std::ops::Range<usize>| -> f64 {
            prices[range].windows(2).map(|pair| (pair[1] / pair[0] - 1.0).abs()).sum()
        };
        assert!(moved(0..2000) > 1.5 * moved(10_250..12_250));
    }

    #[test]
    fn what_cannot_be_simulated_is_refused() {
        let with = |options| Simulator::new(options).err();
        assert_eq!(
            with(SimulatorOptions { instruments: 0, ..Default::default() }),
            Some(SimulatorError::Instruments(0))
        );
        assert_eq!(with(SimulatorOptions { rate: 0.0, ..Default::default() }), Some(SimulatorError::Rate(0.0)));
        assert!(with(SimulatorOptions { rate: f64::NAN, ..Default::default() }).is_some());
        assert!(SimulatorOptions::parse_start("yesterday", &default_zone()).is_err());
        let start = SimulatorOptions::parse_start("2024-03-04T03:45:00Z", &default_zone());
        assert_eq!(start, Ok(date(2024, 3, 4).at(9, 15, 0, 0)));
        assert_eq!(SimulatorOptions::parse_start("2024-03-04", &default_zone()), Ok(date(2024, 3, 4).at(0, 0, 0, 0)));
    }
}
