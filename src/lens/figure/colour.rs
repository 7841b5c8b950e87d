//! Colours as `#rrggbb`: reading those of others, mixing, and giving one to each series.

use std::collections::BTreeMap;

/// Which place in a palette a name has. One book for each panel gives colours in the panel's order; one shared by all
/// panels of a dashboard gives a name the same colour everywhere.
#[derive(Debug, Clone, Default)]
pub struct ColourBook {
    is_shared: bool,
    places: BTreeMap<String, usize>,
}

impl ColourBook {
    /// For one panel: its series take colours in their order.
    pub fn per_panel() -> Self {
        Self::default()
    }

    /// For a whole dashboard (`optionsJSON.syncColors`): a name keeps the colour that it had first.
    pub fn shared() -> Self {
        Self { is_shared: true, places: BTreeMap::new() }
    }

    pub(super) fn place(&mut self, rank: usize, name: &str) -> usize {
        if !self.is_shared {
            return rank;
        }
        let next = self.places.len();
        *self.places.entry(name.to_owned()).or_insert(next)
    }
}

type Rgb = [u8; 3];

/// `#rgb`, `#rrggbb`, `#rrggbbaa` and `rgb(...)` as `#rrggbb`; transparency is dropped. `None` for anything else: it goes
/// into the page's styles.
pub(super) fn normal(text: &str) -> Option<String> {
    parse(text).map(hex)
}

fn parse(text: &str) -> Option<Rgb> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix('#') {
        let nibbles: Vec<u8> = digits
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|nibble| u8::try_from(nibble).ok()))
            .collect::<Option<_>>()?;
        return match *nibbles.as_slice() {
            [r, g, b] | [r, g, b, _] => Some([r * 17, g * 17, b * 17]),
            [r1, r2, g1, g2, b1, b2] | [r1, r2, g1, g2, b1, b2, _, _] => {
                Some([r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2])
            }
            _ => None,
        };
    }
    let inner = text.strip_prefix("rgba(").or_else(|| text.strip_prefix("rgb("))?.strip_suffix(')')?;
    let mut parts = inner.split([',', ' ', '/']).filter(|part| !part.is_empty()).map(str::parse::<u8>);
    Some([parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?])
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// `share` of the way from one colour to another; what is no colour stays.
pub(super) fn mixed(from: &str, to: &str, share: f64) -> String {
    let (Some(low), Some(high)) = (parse(from), parse(to)) else { return from.to_owned() };
    let [r, g, b] = low;
    let [to_r, to_g, to_b] = high;
    hex([between(r, to_r, share), between(g, to_g, share), between(b, to_b, share)])
}

fn between(low: u8, high: u8, share: f64) -> u8 {
    let (low, high) = (f64::from(low), f64::from(high));
    let value = (low + (high - low) * share.clamp(0.0, 1.0)).round().clamp(0.0, 255.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
    {
        value as u8
    }
}

/// The colour at `share` (0 to 1) of a gradient through the given colours.
pub(super) fn along(colours: &[&str], share: f64) -> String {
    let Some(last) = colours.len().checked_sub(1) else { return GRAY.to_owned() };
    #[allow(clippy::cast_precision_loss, reason = "a few colours")]
    let position = share.clamp(0.0, 1.0) * last as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of colours")]
    let index = (position.floor() as usize).min(last);
    let from = colours.get(index).copied().unwrap_or(GRAY);
    let to = colours.get(index + 1).copied().unwrap_or(from);
    mixed(from, to, position - position.floor())
}

/// What has no colour of its own.
pub(super) const GRAY: &str = "#98a2b3";

/// Black or white, whichever reads better upon the colour.
pub(super) fn text_upon(background: &str) -> &'static str {
    let luminance = luminance(background);
    if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) { "#000000" } else { "#ffffff" }
}

/// Relative luminance, 0 to 1, as web accessibility defines it.
fn luminance(colour: &str) -> f64 {
    let channel = |byte: u8| {
        let part = f64::from(byte) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    parse(colour).map_or(0.0, |[r, g, b]| 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_others_become_six_digits_or_nothing() {
        let cases = [
            ("#ABC", Some("#aabbcc")),
            ("#54B399", Some("#54b399")),
            ("#F04E981A", Some("#f04e98")),
            ("rgb(1, 2, 3)", Some("#010203")),
            ("rgba(1,2,3,0.5)", Some("#010203")),
            ("red;background:url(x)", None),
            ("#12", None),
            ("#ééé", None),
            ("rgb(1,2)", None),
            ("rgb(300,2,1)", None),
        ];
        for (text, expected) in cases {
            assert_eq!(normal(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_gradient_goes_through_its_colours() {
        assert_eq!(along(&["#000000", "#808080", "#ffffff"], 0.5), "#808080");
        assert_eq!(along(&["#000000", "#ffffff"], 2.0), "#ffffff");
        assert_eq!(along(&[], 0.5), GRAY);
    }

    #[test]
    fn text_reads_upon_light_and_dark() {
        assert_eq!((text_upon("#ffffff"), text_upon("#001133")), ("#000000", "#ffffff"));
    }

    #[test]
    fn a_shared_book_keeps_a_names_place() {
        let mut book = ColourBook::shared();
        assert_eq!([book.place(0, "A"), book.place(1, "B"), book.place(0, "B"), book.place(5, "C")], [0, 1, 1, 2]);
        assert_eq!(ColourBook::per_panel().place(5, "C"), 5);
    }
}
