//! How the page looks: nothing overlaps or is cut, words can be read, at three widths in both themes. The screenshots stay.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::objects;
use crate::page::Page;
use crate::stage::{DASHBOARD, Stage};

pub(crate) const WIDTHS: [u32; 3] = [1440, 1024, 400];
pub(crate) const THEMES: [&str; 2] = ["light", "dark"];

pub(crate) fn folder() -> PathBuf {
    std::env::var_os("STOCKDEV_TEST_SCREENSHOTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots"), PathBuf::from)
}

#[tokio::test]
async fn nothing_overlaps_nothing_is_cut_and_words_can_be_read_at_every_width_in_both_themes() {
    let Some(stage) = Stage::shared() else { return };
    // What moves is no fault of the layout.
    let page = Page::open(&stage, &format!("#/view/{DASHBOARD}?paused=1")).await;
    page.settled().await;
    let mut faults = Vec::new();
    for width in WIDTHS {
        for theme in THEMES {
            draw_all(&page, width, theme).await;
            shot(&page, &format!("dashboard-{width}-{theme}")).await;
            faults.extend(found(&page, FAULTS, &format!("{width} {theme}")).await);
            faults.extend(found(&page, CUT, &format!("{width} {theme}")).await);
        }
    }
    assert!(faults.is_empty(), "{} (screenshots in {}):\n{}", faults.len(), folder().display(), faults.join("\n"));
    page.close().await;
}

#[tokio::test]
async fn long_cells_of_a_table_can_be_read_to_their_end() {
    let Some(stage) = Stage::shared() else { return };
    let words = [
        "a sentence of many words, as somebody might write into a field of notes about an order that was placed late",
        "onewordthatneverendsonewordthatneverendsonewordthatneverendsonewordthatneverendsonewordthatneverends",
        "short",
    ];
    stage.elasticsearch("PUT", "/long", &json!({"mappings": {"properties": {"word": {"type": "keyword"}}}}));
    for word in words {
        stage.elasticsearch("POST", "/long/_doc?refresh=true", &json!({"word": word}));
    }
    let title = "The title of a column that says at length what it shows";
    let panels = [(title, "lens", objects::counts(title, "long", "word", "lnsDatatable", objects::table()))];
    stage.import(&[objects::data_view("long"), objects::dashboard("long", "Long", "long", &panels)]);
    let page = Page::open(&stage, "#/view/long").await;
    page.settled().await;
    for width in WIDTHS {
        size(&page, width, 700).await;
        page.settled().await;
        shot(&page, &format!("table-{width}")).await;
        let faults = page.run(CUT, json!([])).await;
        assert_eq!(faults, json!([]), "{width}");
    }
    page.close().await;
}

#[tokio::test]
async fn the_filter_dialog_and_the_suggestions_fit_at_every_width_in_both_themes() {
    let Some(stage) = Stage::shared() else { return };
    let page = Page::open(&stage, &format!("#/view/{DASHBOARD}?paused=1")).await;
    page.settled().await;
    let mut faults = Vec::new();
    for width in WIDTHS {
        for theme in THEMES {
            draw_all(&page, width, theme).await;
            size(&page, width, 900).await;
            page.click(".add-filter").await;
            page.until("the fields are listed", "document.querySelector('.filter-form [role=option]')").await;
            shot(&page, &format!("filter-fields-{width}-{theme}")).await;
            let script = "const input = document.querySelector('.filter-form input');
                input.value = 'instrument_token';
                input.dispatchEvent(new Event('input'));
                const operator = document.querySelector('.filter-form select');
                operator.value = 'one_of';
                operator.dispatchEvent(new Event('change'));
                document.querySelector('.filter-values input').focus()";
            page.run(script, json!([])).await;
            page.until("the values are listed", "document.querySelector('.filter-values [role=option]')").await;
            page.click(".filter-values [role=option]").await;
            page.until("a value is chosen", "document.querySelector('.filter-chosen .pill')").await;
            page.click(".filter-values input").await;
            page.until("the values are listed again", "document.querySelector('.filter-values [role=option]')").await;
            shot(&page, &format!("filter-values-{width}-{theme}")).await;
            faults.extend(found(&page, FAULTS, &format!("dialog {width} {theme}")).await);
            let outside = "const box = document.querySelector('.filter-box').getBoundingClientRect();
                return box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight";
            assert_eq!(page.run(outside, json!([])).await, json!(false), "{width} {theme}");
            page.run("document.querySelector('.filter-box').hidePopover()", json!([])).await;

            let script = "const input = document.querySelector('.query-input');
                input.focus();
                input.value = 'instrument_token : ';
                input.setSelectionRange(input.value.length, input.value.length);
                input.dispatchEvent(new Event('input'))";
            page.run(script, json!([])).await;
            page.until("the values are listed", "document.querySelector('.query-bar .suggestion-value')").await;
            shot(&page, &format!("query-values-{width}-{theme}")).await;
            faults.extend(found(&page, FAULTS, &format!("query {width} {theme}")).await);
            page.run("document.querySelector('.query-input').blur()", json!([])).await;
        }
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "{} (screenshots in {}):\n{}", faults.len(), folder().display(), faults.join("\n"));
    page.close().await;
}

/// What a script finds wrong, and where.
pub(crate) async fn found(page: &Page, script: &str, place: &str) -> Vec<String> {
    let found: Vec<Value> = serde_json::from_value(page.run(script, json!([])).await).unwrap();
    found.into_iter().map(|fault| format!("{place}: {fault}")).collect()
}

pub(crate) async fn shot(page: &Page, name: &str) {
    fs::create_dir_all(folder()).unwrap();
    let shot = page.chrome("Page.captureScreenshot", &json!({"format": "png"})).await;
    let image = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
    fs::write(folder().join(format!("{name}.png")), image).unwrap();
}

/// All of the page in view, so that every chart is drawn at this width and in this theme.
pub(crate) async fn draw_all(page: &Page, width: u32, theme: &str) {
    let feature = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
    page.chrome("Emulation.setEmulatedMedia", &feature).await;
    size(page, width, 1000).await;
    let height = page.run("return document.documentElement.scrollHeight", json!([])).await;
    size(page, width, u32::try_from(height.as_u64().unwrap()).unwrap()).await;
    page.until("the theme", &format!("document.documentElement.dataset.theme === '{theme}'")).await;
    page.settled().await;
}

async fn size(page: &Page, width: u32, height: u32) {
    let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
    page.chrome("Emulation.setDeviceMetricsOverride", &metrics).await;
    page.until("the size", &format!("innerWidth === {width} && innerHeight === {height}")).await;
    // A frame for the observers of sizes, and one for what they set off.
    let frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))";
    page.client.execute_async(frames, vec![]).await.unwrap();
}

/// Cells of tables that show less than their text, and tables whose end can't be scrolled to.
const CUT: &str = "
    const cut = [...document.querySelectorAll('.table-figure :is(th, td, button, span)')].filter((node) => {
        const hides = getComputedStyle(node).overflowX !== 'visible';
        return hides && node.scrollWidth > node.clientWidth + 1;
    }).map(({ textContent }) => `${textContent.slice(0, 40)} is cut`);
    for (const scroll of document.querySelectorAll('.table-scroll')) {
        scroll.scrollLeft = 100_000;
        const end = [...scroll.querySelectorAll('th, td')].reduce((end, node) => Math.max(end, node.getBoundingClientRect().right), 0);
        if (end > scroll.getBoundingClientRect().right + 1) cut.push('the end of a table is out of reach');
        for (const node of scroll.querySelectorAll('td')) {
            const text = node.firstElementChild?.getBoundingClientRect();
            if (text && text.right > node.getBoundingClientRect().right + 1) cut.push(`${node.textContent.slice(0, 40)} sticks out of its cell`);
        }
        scroll.scrollLeft = 0;
    }
    return cut;
";

/// Panels over one another, a page that scrolls sideways, words with too little contrast.
pub(crate) const FAULTS: &str = r#"
    const faults = [];
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) faults.push(`the page is ${root.scrollWidth} wide`);
    const panels = [...document.querySelectorAll('[data-panel]')].map((panel) => [panel.dataset.panel, panel.getBoundingClientRect()]);
    panels.forEach(([one, a], at) => panels.slice(at + 1).forEach(([other, b]) => {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 1) faults.push(`panel ${one} lies over ${other}`);
    }));
    for (const [panel, box] of panels) {
        if (box.left < 0 || box.right > innerWidth + 1) faults.push(`panel ${panel} sticks out`);
    }
    // The bar's parts, one beside another.
    const parts = [...document.querySelectorAll('#top > *, #bar > *, #controls > *')].filter((node) => node.checkVisibility()).map((node) => [node.id || node.className, node.getBoundingClientRect()]);
    parts.forEach(([one, a], at) => parts.slice(at + 1).forEach(([other, b]) => {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 1) faults.push(`${one} lies over ${other}`);
    }));

    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const colour = (text) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], under) => [r, g, b].map((value, at) => value * a + under[at] * (1 - a));
    const ground = (node) => {
        const layers = [];
        for (let at = node; at; at = at.parentElement) {
            const layer = colour(getComputedStyle(at).backgroundColor);
            if (layer[3] > 0) layers.push(layer);
            if (layer[3] === 1) break;
        }
        return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
    };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const seen = new Set();
    for (const node of document.querySelectorAll('body *')) {
        const isWords = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        if (!isWords || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
        if (node.closest('.visually-hidden, .skip-link, option, script, style, noscript, [disabled], [aria-hidden=true]')) continue;
        const style = getComputedStyle(node);
        // Words on a bar stand before the bar.
        const bar = node.closest('.bartext-inside') ? node.closest('.point')?.querySelector('path') : null;
        const under = bar ? over(colour(getComputedStyle(bar).fill), ground(node)) : ground(node);
        const ink = over(colour(node instanceof SVGElement ? style.fill : style.color), under);
        const [one, other] = [light(ink), light(under)].sort((a, b) => b - a);
        const ratio = (one + 0.05) / (other + 0.05);
        const isLarge = parseFloat(style.fontSize) >= 24;
        const key = `${node.className.baseVal ?? node.className} ${ratio.toFixed(2)}`;
        if (ratio < (isLarge ? 3 : 4.5) && !seen.has(key)) {
            seen.add(key);
            faults.push(`contrast ${ratio.toFixed(2)} of "${node.textContent.trim().slice(0, 30)}" (${node.tagName} ${key})`);
        }
    }
    return faults;
"#;
