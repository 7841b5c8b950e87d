//! Kibana's palettes by name. Categorical ones are lists of colours, the others gradients.

use super::super::colour;

/// EUI's ten, in Kibana's order.
pub(crate) const CATEGORICAL: [&str; 10] =
    ["#54b399", "#6092c0", "#d36086", "#9170b8", "#ca8eae", "#d6bf57", "#b9a888", "#da8b45", "#aa6556", "#e7664c"];
/// The ten that 9.x takes for `default` in a colour mapping.
const BOREALIS: [&str; 10] =
    ["#16c5c0", "#a6edea", "#61a2ff", "#bfdbff", "#ee72a6", "#ffc7db", "#f6726a", "#ffc9c2", "#eaae01", "#fcd883"];
const BEHIND_TEXT: [&str; 10] =
    ["#6dccb1", "#79aad9", "#ee789d", "#a987d1", "#e4a6c7", "#f1d86f", "#d2c0a0", "#f5a35c", "#c47c6c", "#ff7e62"];
const LEGACY: [&str; 7] = ["#00a69b", "#57c17b", "#6f87d8", "#663db8", "#bc52bc", "#9e3533", "#daa05d"];
const BRAND: [&str; 6] = ["#20377d", "#7de2d1", "#ff957d", "#f04e98", "#0077cc", "#fec514"];
const NEUTRAL: [&str; 5] = ["#f2f4fb", "#d4d9e5", "#98a2b3", "#696f7d", "#353642"];

/// The colours of a categorical palette, by the names of series palettes and of colour mappings.
pub(crate) fn categorical(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "eui_amsterdam_color_blind" | "eui_amsterdam" => &CATEGORICAL,
        "default" | "eui_borealis" | "elastic_borealis" => &BOREALIS,
        "behind_text" | "eui_amsterdam_behind_text" => &BEHIND_TEXT,
        "kibana_palette" | "kibana_legacy" | "kibana_v7_legacy" => &LEGACY,
        "elastic_brand_2023" | "elastic_brand" => &BRAND,
        "neutral" => &NEUTRAL,
        _ => return None,
    })
}

/// The colours that a gradient goes through.
pub(crate) fn gradient(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "status" => &["#209280", "#54b399", "#d6bf57", "#e7664c", "#cc5642"],
        "temperature" => &["#6092c0", "#a8bfda", "#ebeff5", "#ecb385", "#e7664c"],
        "complimentary" | "complementary" => &["#6092c0", "#a8bfda", "#ebeff5", "#e3bd9a", "#da8b45"],
        "negative" => &["#fbddd6", "#f3bbaf", "#e99a89", "#db7965", "#cc5642"],
        "positive" => &["#d6e9e4", "#aed3ca", "#85bdb1", "#5aa898", "#209280"],
        "cool" => &["#dfe8f2", "#bfd2e5", "#9fbdd8", "#80a7cc", "#6092c0"],
        "warm" => &["#fbfada", "#f7d9b3", "#f1b48c", "#ea8d6b", "#e7664c"],
        "gray" => &["#d3dae6", "#b4bccb", "#98a2b3", "#69707d", "#343741"],
        _ => return None,
    })
}

/// The colour at a place of a list. Each further round through it is another shade, so that many series differ.
pub(crate) fn rotated(colours: &[&str], place: usize) -> String {
    let Some(index) = place.checked_rem(colours.len()) else { return colour::GRAY.to_owned() };
    let colour = colours.get(index).copied().unwrap_or(colour::GRAY);
    match (place / colours.len()) % 3 {
        0 => colour.to_owned(),
        1 => colour::mixed(colour, "#ffffff", 0.35),
        _ => colour::mixed(colour, "#000000", 0.3),
    }
}
