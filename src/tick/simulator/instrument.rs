//! One instrument's day: its price, volume and order book. Prices are whole paise (hundredths of a rupee) inside.

use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

use crate::tick::model::{DEPTH_LEVELS, Depth, Level, Tick};

/// The smallest step of a price: 0.05 rupees.
const STEP_PAISE: i64 = 5;
/// No price falls below one rupee, so that five levels fit below it.
const PRICE_PAISE_MIN: i64 = 100;
/// An exchange halts an instrument that moved this far from the previous close.
const CIRCUIT_PERCENT: i64 = 20;
/// Of a session's price change: its standard deviation.
const SESSION_VOLATILITY: f64 = 0.015;
const SESSION_SECONDS: f64 = 22_500.0;
/// The square root of 3, written out: a mathematics library is not asked.
const SQRT_3: f64 = 1.732_050_807_568_877_2;

/// Tokens and typical prices (in paise) of instruments of the National Stock Exchange of India.
const LISTED: [(u64, i64); 10] = [
    (408_065, 154_000),
    (738_561, 259_000),
    (341_249, 169_000),
    (2_953_217, 379_000),
    (779_521, 64_000),
    (1_270_529, 99_500),
    (884_737, 79_000),
    (492_033, 190_000),
    (356_865, 266_000),
    (2_714_625, 103_000),
];
/// Tokens of the instruments after those: the exchange's segment is the last byte.
const NEXT_TOKEN: u64 = 3_000_321;

#[derive(Debug)]
pub(super) struct Instrument {
    token: u64,
    /// Not yet rounded to a step: small moves add up.
    exact: f64,
    last: i64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    /// Price times shares of the session, for the average.
    turnover: u128,
    last_quantity: u64,
    /// Sell orders beyond the levels shown.
    resting: u64,
}

impl Instrument {
    /// The `index`-th instrument, at its first session's opening.
    pub(super) fn list(index: u32, random: &mut ChaCha8Rng) -> Self {
        let known = usize::try_from(index).ok().and_then(|index| LISTED.get(index).copied());
        let (token, price) = known.unwrap_or_else(|| {
            let rupees = 50 + i64::try_from(random.next_u64() % 4_950).unwrap_or_default();
            (NEXT_TOKEN + 256 * u64::from(index), rupees * 100)
        });
        let mut instrument = Self {
            token,
            exact: 0.0,
            last: price,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            turnover: 0,
            last_quantity: 0,
            resting: 0,
        };
        instrument.open_session(random);
        instrument
    }

    /// Overnight: the last price becomes the close, and the opening auction finds a price near it.
    pub(super) fn open_session(&mut self, random: &mut ChaCha8Rng) {
        self.close = self.last;
        self.exact = paise(self.close) * (1.0 + 0.004 * normal(random));
        self.last = self.rounded();
        (self.exact, self.open, self.high, self.low) = (paise(self.last), self.last, self.last, self.last);
        (self.volume, self.turnover) = (0, 0);
        self.trade(1_000 + random.next_u64() % 50_000);
        self.resting = 50_000 + random.next_u64() % 400_000;
    }

    /// Lets `seconds` of market time pass; `progress` of the session (0 to 1) is over.
    pub(super) fn step(&mut self, seconds: f64, progress: f64, random: &mut ChaCha8Rng) {
        let from_noon = 2.0 * progress - 1.0;
        let activity = 0.6 + 1.8 * from_noon * from_noon;
        let deviation = SESSION_VOLATILITY * activity * (seconds.min(SESSION_SECONDS) / SESSION_SECONDS).sqrt();
        self.exact *= 1.0 + deviation * normal(random);
        self.last = self.rounded();
        if self.at_limit() {
            self.exact = paise(self.last);
        }
        (self.high, self.low) = (self.high.max(self.last), self.low.min(self.last));
        let roll = random.next_u64();
        self.last_quantity = 1 + (roll % 8) * (roll >> 8) % 60;
        let others = (roll >> 32) % 400;
        self.trade(self.last_quantity + others);
        self.resting = (self.resting + random.next_u64() % 2_001).saturating_sub(1_000).max(10_000);
    }

    pub(super) fn tick(&self, timestamp: String, random: &mut ChaCha8Rng) -> Tick {
        let depth = self.depth(random);
        let shown: u64 = depth.sell.iter().map(|level| level.quantity).sum();
        Tick {
            timestamp,
            instrument_token: self.token,
            last_price: rupees(self.last),
            volume: self.volume,
            sell_quantity: shown + self.resting,
            last_quantity: self.last_quantity,
            change: self.change(),
            average_price: rupees(self.average()),
            open: rupees(self.open),
            high: rupees(self.high),
            low: rupees(self.low),
            close: rupees(self.close),
            depth: Some(depth),
        }
    }

    fn trade(&mut self, shares: u64) {
        self.volume += shares;
        self.turnover += u128::from(shares) * u128::from(self.last.unsigned_abs());
    }

    /// To the nearest step, within the circuit limits and above the smallest price.
    fn rounded(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates and the value is clamped after it")]
        let steps = (self.exact / paise(STEP_PAISE)).round() as i64;
        let (low, high) = self.limits();
        steps.saturating_mul(STEP_PAISE).clamp(low, high)
    }

    fn at_limit(&self) -> bool {
        let (low, high) = self.limits();
        self.last == low || self.last == high
    }

    fn limits(&self) -> (i64, i64) {
        let width = self.close * CIRCUIT_PERCENT / 100 / STEP_PAISE * STEP_PAISE;
        ((self.close - width).max(PRICE_PAISE_MIN), self.close + width)
    }

    /// By volume, in paise; between low and high, as all trades were.
    fn average(&self) -> i64 {
        let average = self.turnover / u128::from(self.volume.max(1));
        i64::try_from(average).unwrap_or(self.last).clamp(self.low, self.high)
    }

    /// Percent against the close, to two digits.
    fn change(&self) -> f64 {
        let basis_points = (self.last - self.close) * 100_000 / self.close.max(1);
        // One digit more was computed: round half away from zero.
        let rounded = (basis_points + 5 * basis_points.signum()) / 10;
        rupees(rounded)
    }

    /// The last trade was at the bid, at the ask, or between them.
    fn depth(&self, random: &mut ChaCha8Rng) -> Depth {
        const AROUND: [(i64, i64); 5] = [(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)];
        let roll = random.next_u64();
        let (below, above) = usize::try_from(roll % 5).ok().and_then(|i| AROUND.get(i).copied()).unwrap_or((1, 1));
        Depth {
            buy: side(self.last - below * STEP_PAISE, -STEP_PAISE, random),
            sell: side(self.last + above * STEP_PAISE, STEP_PAISE, random),
        }
    }
}

/// Five levels from the best on, each one to three steps behind the one before.
fn side(best: i64, step: i64, random: &mut ChaCha8Rng) -> [Level; DEPTH_LEVELS] {
    let mut price = best;
    std::array::from_fn(|index| {
        let roll = random.next_u64();
        // At the smallest price there is room for single steps only.
        let steps = if price > 2 * PRICE_PAISE_MIN { 1 + (roll % 4) / 3 + (roll >> 8) % 16 / 15 } else { 1 };
        if index > 0 {
            price += step * i64::try_from(steps).unwrap_or(1);
        }
        let orders = 1 + (roll >> 16) % 24;
        Level { price: rupees(price), orders, quantity: orders * (1 + (roll >> 32) % 150) }
    })
}

/// Nearly normal, mean 0, deviation 1: four uniform numbers of one draw (Irwin-Hall).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let roll = random.next_u64();
    let sum: u64 = (0..4).map(|part| (roll >> (16 * part)) & 0xffff).sum();
    #[expect(clippy::cast_precision_loss, reason = "the sum has 18 bits")]
    let uniform = sum as f64 / 65_535.0;
    (uniform - 2.0) * SQRT_3
}

#[expect(clippy::cast_precision_loss, reason = "prices in paise are far below 2^53")]
fn paise(value: i64) -> f64 {
    value as f64
}

fn rupees(hundredths: i64) -> f64 {
    paise(hundredths) / 100.0
}
