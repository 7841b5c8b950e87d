//! A document's version and place by its id, in what is committed.

use std::sync::{Arc, OnceLock};

use tantivy::columnar::Column;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, InvertedIndexReader, Searcher, SegmentReader, TERMINATED};

use super::super::schema::{Fields, SEQ_NO_COLUMN, VERSION_COLUMN};

/// The readers of one searcher, opened by the first lookup and kept.
pub(super) struct IdLookup {
    searcher: Searcher,
    fields: Fields,
    segments: OnceLock<Vec<Segment>>,
}

struct Segment {
    ord: u32,
    ids: Arc<InvertedIndexReader>,
    versions: Column<u64>,
    seq_nos: Column<u64>,
}

/// A live document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) address: DocAddress,
    pub(super) version: u64,
    pub(super) seq_no: u64,
}

impl IdLookup {
    pub(super) fn new(searcher: Searcher, fields: Fields) -> Self {
        Self { searcher, fields, segments: OnceLock::new() }
    }

    pub(super) fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    pub(super) fn find(&self, id: &str) -> tantivy::Result<Option<Found>> {
        let segments = match self.segments.get() {
            Some(segments) => segments,
            None => {
                let opened = self.open()?;
                self.segments.get_or_init(|| opened)
            }
        };
        let term = self.fields.id_term(id);
        for segment in segments {
            let Some(info) = segment.ids.get_term_info(&term)? else { continue };
            let mut postings = segment.ids.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
            let reader = self.searcher.segment_reader(segment.ord);
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                if !reader.is_deleted(doc) {
                    return Ok(Some(Found {
                        address: DocAddress::new(segment.ord, doc),
                        version: segment.versions.first(doc).unwrap_or(1),
                        seq_no: segment.seq_nos.first(doc).unwrap_or(0),
                    }));
                }
                postings.advance();
            }
        }
        Ok(None)
    }

    fn open(&self) -> tantivy::Result<Vec<Segment>> {
        let open = |(ord, reader): (usize, &SegmentReader)| {
            Ok(Segment {
                ord: u32::try_from(ord).unwrap_or(u32::MAX),
                ids: reader.inverted_index(self.fields.id)?,
                versions: reader.fast_fields().u64(VERSION_COLUMN)?,
                seq_nos: reader.fast_fields().u64(SEQ_NO_COLUMN)?,
            })
        };
        self.searcher.segment_readers().iter().enumerate().map(open).collect()
    }
}
