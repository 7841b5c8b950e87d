//! "did you mean": which known names are close to the one that was sent, as Elasticsearch measures it.

/// ` did you mean [size]?` or ` did you mean any of [match, match_all]?`; empty where nothing is close.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    did_you_mean_above(0.5, name, candidates)
}

/// The same with another measure of "close": names more similar than `threshold`.
pub(crate) fn did_you_mean_above<'a>(
    threshold: f64,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    let mut close: Vec<(f64, &str)> = Vec::new();
    for candidate in candidates {
        let score = similarity(name, candidate);
        if score > threshold && close.iter().all(|(_, known)| *known != candidate) {
            close.push((score, candidate));
        }
    }
    close.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.cmp(right.1)));
    let names: Vec<&str> = close.into_iter().map(|(_, candidate)| candidate).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(" did you mean [{one}]?"),
        several => format!(" did you mean any of [{}]?", several.join(", ")),
    }
}

/// Lucene's `LevenshteinDistance`: 1 minus the edit distance over the longer length.
#[expect(clippy::cast_precision_loss, reason = "lengths of names, far below 2^52")]
fn similarity(left: &str, right: &str) -> f64 {
    const CHARS_MAX: usize = 128;
    let left: Vec<char> = left.chars().take(CHARS_MAX).collect();
    let right: Vec<char> = right.chars().take(CHARS_MAX).collect();
    let longer = left.len().max(right.len());
    if longer == 0 {
        return 1.0;
    }
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut before = i + 1;
        let mut row = vec![before];
        for (b, pair) in right.iter().zip(above.windows(2)) {
            let &[diagonal, up] = pair else { continue };
            before = (up + 1).min(before + 1).min(diagonal + usize::from(a != b));
            row.push(before);
        }
        above = row;
    }
    1.0 - above.last().copied().unwrap_or_default() as f64 / longer as f64
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn close_names_are_offered_best_first() {
        assert_eq!(did_you_mean("prety", ["pretty", "human"]), " did you mean [pretty]?");
        assert_eq!(did_you_mean("helth", ["help", "health", "v"]), " did you mean any of [health, help]?");
        assert_eq!(did_you_mean("bogus", ["pretty", "format"]), "");
    }
}
