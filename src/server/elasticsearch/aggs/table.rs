//! Buckets by (parent bucket, key): numbered in the order they appear, counted, and found again quickly.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::collector::{NO_BUCKET, slot_or};
use crate::server::elasticsearch::error::Exception;

/// Buckets one aggregation may hold while it collects; the answer is limited far below this.
const BUCKETS_MAX: usize = 4_000_000;
/// Keys below this are found through a plain array...
const DENSE_KEYS: u64 = 8192;
/// ...as long as all arrays together stay below this many cells (16 MB).
const DENSE_CELLS: usize = 4_000_000;

#[derive(Debug, Default)]
pub(super) struct BucketTable {
    ids: HashMap<(u32, u64), u32, KeyHashBuilder>,
    /// By parent and hint: a cache in front of `ids`, so a cell may be empty though the bucket exists.
    dense: Vec<Vec<u32>>,
    dense_cells: usize,
    /// By parent: the last key asked of [`Self::near`], and its bucket.
    last: Vec<(u64, u32)>,
    parents: Vec<u32>,
    keys: Vec<u64>,
    counts: Vec<u64>,
    /// Bucket ids by parent, made by [`Self::seal`].
    by_parent: HashMap<u32, Vec<u32>>,
}

impl BucketTable {
    /// The bucket of a key under a parent, made if new. `hint` is a small number that is the same for equal keys, if there is one.
    pub(super) fn bucket(&mut self, parent: u32, key: u64, hint: u64) -> Result<u32, Exception> {
        if hint < DENSE_KEYS {
            let cell =
                self.dense.get(parent as usize).and_then(|row| row.get(usize::try_from(hint).unwrap_or(usize::MAX)));
            if let Some(bucket) = cell
                && self.keys.get(*bucket as usize) == Some(&key)
            {
                return Ok(*bucket);
            }
        }
        self.find(parent, key, hint)
    }

    /// As [`Self::bucket`], where the next key under a parent is most often the one before: a time, in the order of time.
    #[inline]
    pub(super) fn near(&mut self, parent: u32, key: u64, hint: u64) -> Result<u32, Exception> {
        if let Some((last, bucket)) = self.last.get(parent as usize)
            && *last == key
            && *bucket != NO_BUCKET
        {
            return Ok(*bucket);
        }
        let bucket = self.bucket(parent, key, hint)?;
        if let Some(last) = slot_or(&mut self.last, parent, || (0, NO_BUCKET)) {
            *last = (key, bucket);
        }
        Ok(bucket)
    }

    fn find(&mut self, parent: u32, key: u64, hint: u64) -> Result<u32, Exception> {
        let bucket = match self.ids.get(&(parent, key)) {
            Some(bucket) => *bucket,
            None => self.add(parent, key)?,
        };
        self.remember(parent, hint, bucket);
        Ok(bucket)
    }

    fn add(&mut self, parent: u32, key: u64) -> Result<u32, Exception> {
        let bucket = match u32::try_from(self.keys.len()) {
            Ok(bucket) if self.keys.len() < BUCKETS_MAX => bucket,
            _ => return Err(too_large()),
        };
        self.parents.push(parent);
        self.keys.push(key);
        self.counts.push(0);
        self.ids.insert((parent, key), bucket);
        Ok(bucket)
    }

    fn remember(&mut self, parent: u32, hint: u64, bucket: u32) {
        let (row, column) = (parent as usize, usize::try_from(hint).unwrap_or(usize::MAX));
        if hint >= DENSE_KEYS || self.dense_cells >= DENSE_CELLS || row >= DENSE_CELLS {
            return;
        }
        if self.dense.len() <= row {
            self.dense_cells += row + 1 - self.dense.len();
            self.dense.resize_with(row + 1, Vec::new);
        }
        let Some(cells) = self.dense.get_mut(row) else { return };
        if cells.len() <= column {
            let width = (column + 1).next_power_of_two();
            self.dense_cells += width - cells.len();
            cells.resize(width, NO_BUCKET);
        }
        if let Some(cell) = cells.get_mut(column) {
            *cell = bucket;
        }
    }

    /// A copy without what only makes it quicker.
    pub(super) fn copy(&self) -> Self {
        let (ids, keys) = (self.ids.clone(), self.keys.clone());
        Self { ids, keys, parents: self.parents.clone(), counts: self.counts.clone(), ..Self::default() }
    }

    /// About what a copy takes.
    pub(super) fn bytes(&self) -> usize {
        self.keys.len() * 48
    }

    #[inline]
    pub(super) fn count(&mut self, bucket: u32) {
        if let Some(count) = self.counts.get_mut(bucket as usize) {
            *count += 1;
        }
    }

    /// Groups the buckets by parent. To be called once nothing more is collected.
    pub(super) fn seal(&mut self) {
        self.by_parent.clear();
        for (bucket, parent) in (0u32..).zip(&self.parents) {
            self.by_parent.entry(*parent).or_default().push(bucket);
        }
    }

    pub(super) fn under(&self, parent: u32) -> &[u32] {
        self.by_parent.get(&parent).map_or(&[], Vec::as_slice)
    }

    pub(super) fn key(&self, bucket: u32) -> u64 {
        self.keys.get(bucket as usize).copied().unwrap_or_default()
    }

    pub(super) fn doc_count(&self, bucket: u32) -> u64 {
        self.counts.get(bucket as usize).copied().unwrap_or_default()
    }
}

fn too_large() -> Exception {
    Exception::new(
        "circuit_breaking_exception",
        format!("[request] Data too large, an aggregation would hold more than [{BUCKETS_MAX}] buckets at once"),
    )
}

/// Hashes bucket keys: far cheaper than the standard hasher, with a seed of its own for each table.
#[derive(Debug, Clone)]
struct KeyHashBuilder(u64);

impl Default for KeyHashBuilder {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0u8))
    }
}

impl BuildHasher for KeyHashBuilder {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher(self.0)
    }
}

struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = mix(self.0 ^ value);
    }
}

/// The finaliser of MurmurHash3: every bit of the input moves every bit of the output.
pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}
