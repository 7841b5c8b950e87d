//! The tick as a value: what CSV rows and the simulator are made into, and how it is written as JSON.
//!
//! JSON that comes in is not read into this: it is validated ([`super::validate`]) and passes through as bytes.

use serde::Serialize;

/// Levels of market depth on each side, in the `log_inf.csv` layout.
pub(crate) const DEPTH_LEVELS: usize = 5;

/// What an exchange says about one instrument at one moment. Prices in rupees, quantities in shares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tick {
    /// As the source writes it, usually `YYYY-MM-DD HH:MM:SS.ffffff` in exchange-local time.
    pub timestamp: String,
    pub instrument_token: u64,
    pub last_price: f64,
    /// Shares traded since the session opened.
    pub volume: u64,
    /// Shares on offer, beyond the levels shown too.
    pub sell_quantity: u64,
    pub last_quantity: u64,
    /// Percent against the previous session's close.
    pub change: f64,
    /// Of the session, weighted by volume.
    pub average_price: f64,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    /// Of the previous session.
    pub close: f64,
    /// Absent for instruments that are not traded themselves (indices).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
}

/// Resting orders on both sides, best level first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Depth {
    pub buy: [Level; DEPTH_LEVELS],
    pub sell: [Level; DEPTH_LEVELS],
}

/// Orders at one price.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Level {
    pub price: f64,
    pub orders: u64,
    pub quantity: u64,
}

impl Tick {
    /// Appends the tick as one line of compact JSON, without the line's end.
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(out, self)
    }

    /// The tick's cells in the order of [`column_names`]; depth cells are empty when there is no depth.
    pub fn csv_cells(&self) -> Vec<String> {
        let mut cells = vec![
            self.timestamp.clone(),
            self.instrument_token.to_string(),
            price_text(self.last_price),
            self.volume.to_string(),
            self.sell_quantity.to_string(),
            self.last_quantity.to_string(),
            price_text(self.change),
            price_text(self.average_price),
            price_text(self.open),
            price_text(self.high),
            price_text(self.low),
            price_text(self.close),
        ];
        match &self.depth {
            Some(depth) => {
                for (buy, sell) in depth.buy.iter().zip(&depth.sell) {
                    for level in [buy, sell] {
                        cells.extend([price_text(level.price), level.orders.to_string(), level.quantity.to_string()]);
                    }
                }
            }
            None => cells.resize(COLUMNS, String::new()),
        }
        cells
    }
}

/// Always with a point, as the public export writes it.
fn price_text(value: f64) -> String {
    format!("{value:?}")
}

/// Columns of the `log_inf.csv` layout.
pub(crate) const COLUMNS: usize = 12 + DEPTH_LEVELS * 6;

/// The names of the `log_inf.csv` columns, in its order.
pub fn column_names() -> Vec<String> {
    let mut names: Vec<String> = SCALAR_COLUMNS.iter().map(ToString::to_string).collect();
    for level in 0..DEPTH_LEVELS {
        for side in ["buy", "sell"] {
            for part in ["price", "orders", "quantity"] {
                names.push(format!("depth_{side}_{part}_{level}"));
            }
        }
    }
    names
}

/// The columns before the depth, named as the JSON fields are.
pub(crate) const SCALAR_COLUMNS: [&str; 12] = [
    "timestamp",
    "instrument_token",
    "last_price",
    "volume",
    "sell_quantity",
    "last_quantity",
    "change",
    "average_price",
    "open",
    "high",
    "low",
    "close",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_has_42_columns_with_each_level_buy_before_sell() {
        let names = column_names();
        assert_eq!(names.len(), 42);
        assert_eq!(names.len(), COLUMNS);
        assert_eq!(&names[12..15], ["depth_buy_price_0", "depth_buy_orders_0", "depth_buy_quantity_0"]);
        assert_eq!(names[41], "depth_sell_quantity_4");
    }
}
