//! Safe html from a markdown text: raw html of the author becomes text, links lead only where a browser opens a page or a
//! mail, images become their alternative text, and nothing needs an inline style or script.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

/// No markdown panel is longer by far.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Why a text is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkdownError {
    #[error("the text has {bytes} bytes, and at most {TEXT_BYTES_MAX} are shown")]
    TooLong { bytes: usize },
}

/// The html of a markdown text, to be put into a page as it is.
pub fn html(text: &str) -> Result<String, MarkdownError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(MarkdownError::TooLong { bytes: text.len() });
    }
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut filter = Filter::default();
    let events = Parser::new_ext(text, options).filter_map(|event| filter.safe(event));
    let mut html = String::new();
    push_html(&mut html, events);
    Ok(html)
}

#[derive(Default)]
struct Filter {
    /// For each link that is open: whether it was kept.
    links: Vec<bool>,
}

impl Filter {
    /// The event as it may be written; `None` for one that leaves nothing.
    fn safe<'e>(&mut self, event: Event<'e>) -> Option<Event<'e>> {
        Some(match event {
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
            Event::Start(Tag::Link { dest_url, title, .. }) => return self.open(&dest_url, &title),
            Event::End(TagEnd::Link) => {
                return self.links.pop().unwrap_or(false).then_some(Event::InlineHtml(CowStr::Borrowed("</a>")));
            }
            // Alignment would be written as inline styles, which the page's policy forbids.
            Event::Start(Tag::Table(columns)) => {
                Event::Start(Tag::Table(vec![pulldown_cmark::Alignment::None; columns.len()]))
            }
            other => other,
        })
    }

    fn open<'e>(&mut self, address: &str, title: &str) -> Option<Event<'e>> {
        let kept = link(address);
        self.links.push(kept.is_some());
        let (address, is_outside) = kept?;
        let mut tag = format!("<a href=\"{}\"", escaped(&address));
        if !title.is_empty() {
            tag.push_str(&format!(" title=\"{}\"", escaped(title)));
        }
        if is_outside {
            tag.push_str(" target=\"_blank\" rel=\"noopener noreferrer\"");
        }
        tag.push('>');
        Some(Event::InlineHtml(tag.into()))
    }
}

/// The address as browsers read it, and whether it leads off the page's server. `None` when it must not be followed.
fn link(address: &str) -> Option<(String, bool)> {
    // Browsers skip control characters within an address, so they could hide a scheme.
    let address: String = address.chars().filter(|character| !character.is_control()).collect();
    let address = address.trim();
    let before_path = address.split(['/', '\\', '?', '#']).next().unwrap_or("");
    if let Some((scheme, _)) = before_path.split_once(':') {
        let is_known = ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        return is_known.then(|| (address.to_owned(), true));
    }
    // `//host` and its spellings with backslashes keep the page's scheme and change the host.
    let is_outside = address.chars().take(2).filter(|character| matches!(character, '/' | '\\')).count() == 2;
    Some((address.to_owned(), is_outside))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markdown_becomes_html_that_runs_nothing() {
        const OUT: &str = "target=\"_blank\" rel=\"noopener noreferrer\"";
        let cases = [
            ("# A *b*", "<h1>A <em>b</em></h1>".to_owned()),
            ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>".to_owned()),
            ("a <b onclick=x>c</b>", "<p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>".to_owned()),
            ("[a](https://b.c/?d=1&e=2)", format!("<p><a href=\"https://b.c/?d=1&amp;e=2\" {OUT}>a</a></p>")),
            ("[a](mailto:b@c.d)", format!("<p><a href=\"mailto:b@c.d\" {OUT}>a</a></p>")),
            (
                "[a](/app/dashboards \"t\\\"t\")",
                "<p><a href=\"/app/dashboards\" title=\"t&quot;t\">a</a></p>".to_owned(),
            ),
            ("[a](#b)", "<p><a href=\"#b\">a</a></p>".to_owned()),
            ("[a](//b.c)", format!("<p><a href=\"//b.c\" {OUT}>a</a></p>")),
            ("[a](/\\b.c)", format!("<p><a href=\"/\\b.c\" {OUT}>a</a></p>")),
            ("[a](javascript:alert(1))", "<p>a</p>".to_owned()),
            ("[a](JaVaScRiPt&colon;alert(1))", "<p>a</p>".to_owned()),
            ("[a](java&#9;script:alert(1))", "<p>a</p>".to_owned()),
            ("[a](<&#1;javascript:alert(1)>)", "<p>a</p>".to_owned()),
            ("[a](data:text/html,x)", "<p>a</p>".to_owned()),
            ("<javascript:alert(1)>", "<p>javascript:alert(1)</p>".to_owned()),
            ("![an *x* \"y\"](http://b.c/p.png)", "<p>an <em>x</em> \"y\"</p>".to_owned()),
            ("[![i](p.png)](http://b.c)", format!("<p><a href=\"http://b.c\" {OUT}>i</a></p>")),
        ];
        for (text, expected) in cases {
            let html = html(text).unwrap();
            assert_eq!(html.trim_end(), expected, "{text}");
        }
    }

    #[test]
    fn tables_have_no_inline_style() {
        let html = html("|a|b|\n|:-:|--:|\n|1|2|\n").unwrap();
        assert!(html.contains("<td>1</td>") && !html.contains("style"), "{html}");
    }

    #[test]
    fn a_text_beyond_the_bound_is_refused() {
        let text = "a".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(html(&text), Err(MarkdownError::TooLong { bytes: TEXT_BYTES_MAX + 1 }));
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        for text in ["> ".repeat(50_000), "[".repeat(50_000), "*a ".repeat(50_000), "- ".repeat(20_000)] {
            html(&text).unwrap();
        }
    }

    proptest! {
        #[test]
        fn any_text_becomes_html_without_foreign_tags(text in "[ -~\n\u{1}\té]{0,200}", tail in any::<String>()) {
            let html = html(&(text + &tail)).unwrap();
            for forbidden in ["<script", "<img", "<iframe", "<style", "href=\"javascript", "href=\"data"] {
                prop_assert!(!html.to_lowercase().contains(forbidden), "{html}");
            }
        }
    }
}
