//! How the page looks: nothing overlaps or is cut, words can be read, at three widths in both themes. The screenshots stay.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::page::Page;
use crate::stage::{DASHBOARD, Stage};

const WIDTHS: [u32; 3] = [1440, 1024, 400];
const THEMES: [&str; 2] = ["light", "dark"];

fn folder() -> PathBuf {
    std::env::var_os("STOCKDEV_TEST_SCREENSHOTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots"), PathBuf::from)
}

#[tokio::test]
async fn nothing_overlaps_nothing_is_cut_and_words_can_be_read_at_every_width_in_both_themes() {
    let Some(stage) = Stage::shared() else { return };
    fs::create_dir_all(folder()).unwrap();
    // What moves is no fault of the layout.
    let page = Page::open(&stage, &format!("#/view/{DASHBOARD}?paused=1")).await;
    page.settled().await;
    let mut faults = Vec::new();
    for width in WIDTHS {
        for theme in THEMES {
            let feature = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
            page.chrome("Emulation.setEmulatedMedia", &feature).await;
            size(&page, width, 1000).await;
            let height = page.run("return document.documentElement.scrollHeight", json!([])).await;
            // All of it in view, so that every chart is drawn at this size.
            size(&page, width, u32::try_from(height.as_u64().unwrap()).unwrap()).await;
            page.until("the theme", &format!("document.documentElement.dataset.theme === '{theme}'")).await;
            page.settled().await;
            let shot = page.chrome("Page.captureScreenshot", &json!({"format": "png"})).await;
            let image = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
            fs::write(folder().join(format!("dashboard-{width}-{theme}.png")), image).unwrap();
            let found: Vec<Value> = serde_json::from_value(page.run(FAULTS, json!([])).await).unwrap();
            faults.extend(found.into_iter().map(|fault| format!("{width} {theme}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{} (screenshots in {}):\n{}", faults.len(), folder().display(), faults.join("\n"));
    page.close().await;
}

async fn size(page: &Page, width: u32, height: u32) {
    let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
    page.chrome("Emulation.setDeviceMetricsOverride", &metrics).await;
    page.until("the size", &format!("innerWidth === {width} && innerHeight === {height}")).await;
    // A frame for the observers of sizes, and one for what they set off.
    let frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))";
    page.client.execute_async(frames, vec![]).await.unwrap();
}

/// Panels over one another, a page that scrolls sideways, words with too little contrast.
const FAULTS: &str = r#"
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
