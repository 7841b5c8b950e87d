//! A set of documents as one bit each.

use tantivy::{DocId, DocSet, TERMINATED};

pub(crate) struct Bitmap {
    words: Vec<u64>,
    /// Bits of the current word that are still to come.
    rest: u64,
    word: usize,
    doc: DocId,
    count: u32,
}

impl Bitmap {
    pub(crate) fn builder(max_doc: DocId) -> BitmapBuilder {
        let words = usize::try_from(max_doc.div_ceil(64)).unwrap_or(0);
        BitmapBuilder { words: vec![0; words] }
    }

    fn next(&mut self) -> DocId {
        while self.rest == 0 {
            self.word += 1;
            let Some(word) = self.words.get(self.word) else {
                self.doc = TERMINATED;
                return TERMINATED;
            };
            self.rest = *word;
        }
        let bit = self.rest.trailing_zeros();
        self.rest &= self.rest - 1;
        self.doc = u32::try_from(self.word).map_or(TERMINATED, |word| word * 64 + bit);
        self.doc
    }
}

pub(crate) struct BitmapBuilder {
    words: Vec<u64>,
}

impl BitmapBuilder {
    pub(crate) fn insert(&mut self, doc: DocId) {
        if let Some(word) = usize::try_from(doc / 64).ok().and_then(|at| self.words.get_mut(at)) {
            *word |= 1 << (doc % 64);
        }
    }

    pub(crate) fn build(self) -> Bitmap {
        let count = self.words.iter().map(|word| word.count_ones()).sum();
        let rest = self.words.first().copied().unwrap_or(0);
        let mut bitmap = Bitmap { words: self.words, rest, word: 0, doc: 0, count };
        bitmap.next();
        bitmap
    }
}

impl DocSet for Bitmap {
    fn advance(&mut self) -> DocId {
        self.next()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.doc {
            return self.doc;
        }
        let word = usize::try_from(target / 64).unwrap_or(usize::MAX);
        if word > self.word {
            self.word = word.min(self.words.len());
            self.rest = self.words.get(self.word).copied().unwrap_or(0);
        }
        if word == self.word {
            self.rest &= u64::MAX << (target % 64);
        }
        self.next()
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.count
    }
}
