//! Which partition a key belongs to: Java's default partitioner, so that other clients agree with us.
//!
//! We compute it ourselves, and do not leave it to librdkafka, because an interrupted stream goes on from what each
//! partition already holds ([`super::resume`]).

const SEED: u32 = 0x9747_b28c;
const MIX: u32 = 0x5bd1_e995;
const SHIFT: u32 = 24;

/// The partition of a key among `partitions` (from 1; with none, 0).
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    let Some(count) = u32::try_from(partitions).ok().filter(|count| *count > 0) else { return 0 };
    let positive = murmur2(key) & 0x7fff_ffff;
    i32::try_from(positive % count).unwrap_or_default()
}

/// Murmur2 as `org.apache.kafka.common.utils.Utils.murmur2` computes it.
fn murmur2(key: &[u8]) -> u32 {
    // Kafka mixes the length in as a 32-bit number; keys are far shorter than that.
    let mut hash = SEED ^ u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MIX);
        word ^= word >> SHIFT;
        hash = hash.wrapping_mul(MIX) ^ word.wrapping_mul(MIX);
    }
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_kafkas() {
        // From Kafka's own UtilsTest.
        let check = |key: &str, expected: i32| assert_eq!(murmur2(key.as_bytes()).cast_signed(), expected, "{key}");
        check("21", -973_932_308);
        check("foobar", -790_332_482);
        check("a-little-bit-long-string", -985_981_536);
        check("a-little-bit-longer-string", -1_486_304_829);
        check("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971);
        check("abc", 479_470_107);
    }

    #[test]
    fn a_partition_is_always_one_of_them() {
        for count in [1, 2, 3, 7, i32::MAX] {
            assert!((0..count).contains(&partition_of(b"408065", count)));
        }
        assert_eq!(partition_of(b"408065", 0), 0);
        assert_eq!(partition_of(b"", 5), partition_of(b"", 5));
    }
}
