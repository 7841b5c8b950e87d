//! A reader of XML that takes no byte that XML 1.0 does not: enough of it for reports, and no more.

/// An element, with what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    /// All text directly in it.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// The root element of a document.
pub(crate) fn parse(document: &str) -> Result<Element, String> {
    if let Some(bad) = document.chars().find(|letter| !is_allowed(*letter)) {
        return Err(format!("{bad:?} is no character of XML"));
    }
    let rest = document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").ok_or("no declaration")?;
    let (root, rest) = element(rest.trim_start())?;
    if rest.trim().is_empty() { Ok(root) } else { Err(format!("after the root: {rest:?}")) }
}

fn is_allowed(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The element that `rest` begins with, and what follows it.
fn element(rest: &str) -> Result<(Element, &str), String> {
    let rest = rest.strip_prefix('<').ok_or_else(|| format!("no element at {rest:?}"))?;
    let (name, mut rest) = split_name(rest)?;
    let mut found = Element { name: name.to_owned(), ..Element::default() };
    loop {
        let trimmed = rest.trim_start();
        if let Some(after) = trimmed.strip_prefix("/>") {
            return Ok((found, after));
        }
        if let Some(after) = trimmed.strip_prefix('>') {
            rest = after;
            break;
        }
        if trimmed.len() == rest.len() {
            return Err(format!("no blank before an attribute of {name}"));
        }
        let (key, after) = split_name(trimmed)?;
        let after = after.strip_prefix("=\"").ok_or_else(|| format!("no value of {key}"))?;
        let (value, after) = after.split_once('"').ok_or_else(|| format!("no end of {key}"))?;
        if found.attribute(key).is_some() {
            return Err(format!("{key} is there twice"));
        }
        found.attributes.push((key.to_owned(), unescape(value)?));
        rest = after;
    }
    loop {
        let at = rest.find('<').ok_or_else(|| format!("no end of {name}"))?;
        let (text, after) = rest.split_at(at);
        found.text.push_str(&unescape(text)?);
        if let Some(end) = after.strip_prefix("</") {
            let end = end.strip_prefix(name).and_then(|end| end.strip_prefix('>'));
            return end.map(|after| (found, after)).ok_or_else(|| format!("another end than that of {name}"));
        }
        let (child, after) = element(after)?;
        found.children.push(child);
        rest = after;
    }
}

fn split_name(text: &str) -> Result<(&str, &str), String> {
    let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-')).unwrap_or(text.len());
    if end == 0 { Err(format!("no name at {text:?}")) } else { Ok(text.split_at(end)) }
}

fn unescape(text: &str) -> Result<String, String> {
    if text.contains('<') || text.contains("]]>") {
        return Err(format!("not escaped: {text:?}"));
    }
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, after) = part.split_once(';').ok_or_else(|| format!("a bare & before {part:?}"))?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return Err(format!("unknown entity {entity:?}")),
        });
        out.push_str(after);
    }
    Ok(out)
}

#[test]
fn what_is_no_xml_is_refused() {
    let check = |body: &str| parse(&format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"));
    let good = check("<a b=\"1 &lt; 2\"><c/>text &amp; more<c d=\"\">x</c></a>\n").unwrap();
    assert_eq!((good.attribute("b"), good.text.as_str(), good.children.len()), (Some("1 < 2"), "text & more", 2));
    for bad in [
        "",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a b=1/>",
        "<a b=\"1\" b=\"2\"/>",
        "<a b=\"<\"/>",
        "<a>&</a>",
        "<a>&no;</a>",
        "<a>\u{1b}</a>",
        "<a>\u{0}</a>",
        "<a>]]></a>",
        "<a b=\"\"c=\"\"/>",
        "text",
    ] {
        assert!(check(bad).is_err(), "{bad:?}");
    }
}
