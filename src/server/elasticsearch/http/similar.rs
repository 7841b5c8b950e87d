//! "did you mean": which known names are close to the one that was sent, as Elasticsearch measures it.

/// ` did you mean [size]?` or ` did you mean any of [match, match_all]?`; empty where nothing is close.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let mut close: Vec<(f64, &str)> = Vec::new();
    for candidate in candidates {
        let score = similarity(name, candidate);
        if score > 0.5 && close.iter().all(|(_, known)| *known != candidate) {
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

/// Lucene's `LuceneLevenshteinDistance`: 1 minus the edit distance (a swap of neighbours is one edit) over the shorter length.
#[expect(clippy::cast_precision_loss, reason = "lengths of names, far below 2^52")]
fn similarity(left: &str, right: &str) -> f64 {
    let left: Vec<char> = left.chars().take(128).collect();
    let right: Vec<char> = right.chars().take(128).collect();
    if left.is_empty() || right.is_empty() {
        return if left.len() == right.len() { 1.0 } else { 0.0 };
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let above = rows.get(i).and_then(|row| row.get(j + 1)).copied().unwrap_or(usize::MAX / 2);
            let diagonal = rows.get(i).and_then(|row| row.get(j)).copied().unwrap_or(usize::MAX / 2);
            let before = row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut cost = (above + 1).min(before + 1).min(diagonal + usize::from(a != b));
            if i > 0 && j > 0 && left.get(i - 1) == Some(b) && right.get(j - 1) == Some(a) {
                let swapped = rows.get(i - 1).and_then(|row| row.get(j - 1)).copied().unwrap_or(usize::MAX / 2);
                cost = cost.min(swapped + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    let distance = rows.last().and_then(|row| row.last()).copied().unwrap_or_default();
    1.0 - distance as f64 / left.len().min(right.len()) as f64
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
