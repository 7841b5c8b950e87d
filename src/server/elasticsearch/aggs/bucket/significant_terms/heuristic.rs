//! How far a term stands out, from four numbers: the usual measures of information retrieval (Manning, Raghavan, Schütze,
//! "Introduction to Information Retrieval", 13.5; Cilibrasi and Vitányi, "The Google Similarity Distance").

use super::super::super::options::Opt;
use crate::server::elasticsearch::search::fault::Fault;

/// How terms are scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Heuristic {
    /// The change of the share, absolute times relative.
    Jlh,
    Percentage,
    Distance {
        superset: bool,
    },
    ChiSquare(Table),
    MutualInformation(Table),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Table {
    /// Terms that are rarer than in the background score too.
    negatives: bool,
    /// The background has the documents of the bucket as well.
    superset: bool,
}

/// (documents with the term, documents) of a bucket and of the background.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frequencies {
    pub(super) subset: (u64, u64),
    pub(super) superset: (u64, u64),
}

/// Elasticsearch's words where a background that should hold the bucket does not.
pub(super) const NOT_SUPERSET: &str = "subsetFreq > supersetFreq, does your background filter not include all documents in the bucket? If so and it is intentional, set \"background_is_superset\": false\n";

impl Heuristic {
    /// The heuristic that an option names, if it does.
    pub(super) fn parse(option: &Opt<'_>) -> Result<Option<Self>, Fault> {
        let known: &[&str] = match option.name() {
            "jlh" | "percentage" => &[],
            "gnd" => &["background_is_superset"],
            "chi_square" | "mutual_information" => &["include_negatives", "background_is_superset"],
            _ => return Ok(None),
        };
        let (name, src) = (option.name(), option.place.src);
        let Some(members) = option.value().as_object() else {
            let token = option.value().token_name();
            return Err(Fault::content(src, option.at(), &format!("[{name}] Expected START_OBJECT but was: {token}")));
        };
        let mut table = Table { negatives: false, superset: true };
        for member in members {
            let inner = Opt { place: option.place, parser: name, member };
            match member.key.as_str() {
                key if !known.contains(&key) => return Err(inner.unknown(known)),
                "include_negatives" => table.negatives = inner.boolean()?,
                _ => table.superset = inner.boolean()?,
            }
        }
        Ok(Some(match name {
            "jlh" => Self::Jlh,
            "percentage" => Self::Percentage,
            "gnd" => Self::Distance { superset: table.superset },
            "chi_square" => Self::ChiSquare(table),
            _ => Self::MutualInformation(table),
        }))
    }

    /// Above zero where a term stands out; none where the background should hold the bucket and does not.
    pub(super) fn score(self, frequencies: Frequencies) -> Option<f64> {
        let (subset, superset) = (frequencies.subset.0, frequencies.superset.0);
        let whole = match self {
            Self::Jlh => return Some(jlh(frequencies)),
            Self::Percentage => return Some(if superset == 0 { 0.0 } else { subset as f64 / superset as f64 }),
            Self::Distance { superset } => superset,
            Self::ChiSquare(table) | Self::MutualInformation(table) => table.superset,
        };
        if whole && subset > superset {
            return None;
        }
        let cells = Cells::new(frequencies, whole);
        Some(match self {
            Self::ChiSquare(table) if table.negatives || cells.is_more_frequent() => cells.chi_square(),
            Self::MutualInformation(table) if table.negatives || cells.is_more_frequent() => cells.mutual_information(),
            Self::Distance { .. } => cells.closeness(),
            _ => 0.0,
        })
    }
}

fn jlh(Frequencies { subset, superset }: Frequencies) -> f64 {
    if subset.1 == 0 || superset.1 == 0 {
        return 0.0;
    }
    let here = subset.0 as f64 / subset.1 as f64;
    // A term that the background does not have counts once there, or it would score without bound.
    let there = superset.0.max(1) as f64 / superset.1 as f64;
    let change = here - there;
    if change <= 0.0 { 0.0 } else { change * (here / there) }
}

/// The four cells of a contingency table: a term is there or not, in the bucket or outside.
struct Cells {
    with_in: f64,
    with_out: f64,
    without_in: f64,
    without_out: f64,
}

impl Cells {
    fn new(frequencies: Frequencies, whole: bool) -> Self {
        let ((with_in, inside), (with, all)) = (frequencies.subset, frequencies.superset);
        let (with_in, inside, with, all) = (with_in as f64, inside as f64, with as f64, all as f64);
        let (with_out, outside) = if whole { (with - with_in, all - inside) } else { (with, all) };
        Self { with_in, with_out, without_in: inside - with_in, without_out: outside - with_out }
    }

    fn with(&self) -> f64 {
        self.with_in + self.with_out
    }

    fn without(&self) -> f64 {
        self.without_in + self.without_out
    }

    fn inside(&self) -> f64 {
        self.with_in + self.without_in
    }

    fn outside(&self) -> f64 {
        self.with_out + self.without_out
    }

    fn all(&self) -> f64 {
        self.with() + self.without()
    }

    /// In the bucket more than outside; where nothing is outside there is nothing to be rarer than.
    fn is_more_frequent(&self) -> bool {
        let (inside, outside) = (self.with_in / self.inside(), self.with_out / self.outside());
        inside >= outside || outside.is_nan()
    }

    fn chi_square(&self) -> f64 {
        let determinant = self.with_in * self.without_out - self.with_out * self.without_in;
        let product = self.with() * self.without() * self.inside() * self.outside();
        finite(self.all() * determinant * determinant / product)
    }

    fn mutual_information(&self) -> f64 {
        let all = self.all();
        let term = |cell: f64, row: f64, column: f64| {
            if cell <= 0.0 { 0.0 } else { cell / all * (all * cell / (row * column)).log2() }
        };
        finite(
            term(self.with_in, self.with(), self.inside())
                + term(self.with_out, self.with(), self.outside())
                + term(self.without_in, self.without(), self.inside())
                + term(self.without_out, self.without(), self.outside()),
        )
    }

    /// The normalised distance between the term and the bucket, turned so that near is one and far is zero.
    fn closeness(&self) -> f64 {
        let (with, inside) = (self.with().ln(), self.inside().ln());
        let distance = (with.max(inside) - self.with_in.ln()) / (self.all().ln() - with.min(inside));
        finite((-distance).exp())
    }
}

/// What cannot be computed does not stand out.
fn finite(score: f64) -> f64 {
    if score.is_finite() { score } else { 0.0 }
}
