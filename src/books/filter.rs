//! Which keys a run of rows may have: a split block Bloom filter, as Parquet files have them
//! (Putze, Sanders and Singler, 2007). It takes a byte and a half for each key, says "not there"
//! wrongly never, and "perhaps" wrongly for some one in two hundred keys, each with one look at
//! memory.

/// Bits for each key.
const KEY_BITS: u64 = 12;

/// Bits of a block, which lies in one line of the processor's cache.
const BLOCK_BITS: u64 = 256;

/// Odd numbers that spread the bits of one key over the words of its block; those of the Parquet
/// format.
const SALT: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// Blocks that are kept in one row of the books, 64 KiB.
const PIECE_BLOCKS: usize = 2048;

/// What keys may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    blocks: Vec<[u32; 8]>,
}

/// A key's hash. The seed is the coffer's own, so that nobody who chooses keys can choose those
/// that are wrongly taken for others. (The steps of MurmurHash3's end.)
pub(super) fn hash(seed: u64, key: &[u8]) -> u64 {
    key.chunks(8).fold(seed, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let mut bits = hash ^ u64::from_le_bytes(word);
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
            bits = (bits ^ (bits >> 33)).wrapping_mul(factor);
        }
        bits ^ (bits >> 33)
    })
}

fn mask(hash: u64) -> [u32; 8] {
    let low = (hash & u64::from(u32::MAX)) as u32;
    SALT.map(|salt| 1 << (low.wrapping_mul(salt) >> 27))
}

impl Filter {
    /// An empty one with room for so many keys.
    pub(super) fn with_room_for(keys: u64) -> Filter {
        let blocks = (keys * KEY_BITS).div_ceil(BLOCK_BITS).max(1);
        let blocks = usize::try_from(blocks).expect("a filter fits into memory");
        Filter {
            blocks: vec![[0; 8]; blocks],
        }
    }

    fn block(&self, hash: u64) -> usize {
        let high = u128::from(hash >> 32);
        let block = (high * self.blocks.len() as u128) >> 32;
        usize::try_from(block).expect("it is below their number")
    }

    /// Puts a key in.
    pub(super) fn insert(&mut self, hash: u64) {
        let block = self.block(hash);
        for (word, bit) in self.blocks[block].iter_mut().zip(mask(hash)) {
            *word |= bit;
        }
    }

    /// Whether the key may have been put in.
    pub(super) fn may_have(&self, hash: u64) -> bool {
        let block = &self.blocks[self.block(hash)];
        let missing = block.iter().zip(mask(hash));
        missing.fold(0, |missing, (word, bit)| missing | (bit & !word)) == 0
    }

    /// It in parts, as bytes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Vec<u8>> {
        self.blocks.chunks(PIECE_BLOCKS).map(|blocks| {
            let words = blocks.iter().flatten();
            words.flat_map(|word| word.to_le_bytes()).collect()
        })
    }

    /// It again, from its parts; `None` where they are no filter's.
    pub(super) fn from_pieces(pieces: impl Iterator<Item = Vec<u8>>) -> Option<Filter> {
        let mut blocks = Vec::new();
        for piece in pieces {
            let (words, rest) = piece.as_chunks::<4>();
            let (words, odd) = words.as_chunks::<8>();
            if !rest.is_empty() || !odd.is_empty() {
                return None;
            }
            let words = words.iter().map(|words| words.map(u32::from_le_bytes));
            blocks.extend(words);
        }
        (!blocks.is_empty()).then_some(Filter { blocks })
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> u64 {
        self.blocks.len() as u64 * (BLOCK_BITS / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> u64 {
        hash(7, &number.to_be_bytes())
    }

    #[test]
    fn what_was_put_in_may_be_there_and_of_the_rest_little() {
        let mut filter = Filter::with_room_for(20_000);
        for number in 0..20_000 {
            filter.insert(key(number));
        }
        assert!((0..20_000).all(|number| filter.may_have(key(number))));
        let wrong = (20_000..220_000).filter(|number| filter.may_have(key(*number)));
        let wrong = wrong.count();
        assert!(wrong < 200_000 / 150, "{wrong} of 200000");
        assert!(filter.bytes() <= 20_000 * KEY_BITS / 8 + 32);
    }

    #[test]
    fn a_filter_is_put_together_from_its_pieces() {
        let mut filter = Filter::with_room_for(100_000);
        for number in 0..1000 {
            filter.insert(key(number));
        }
        let pieces: Vec<_> = filter.pieces().collect();
        assert!(pieces.len() > 1);
        assert_eq!(
            Filter::from_pieces(pieces.clone().into_iter()),
            Some(filter)
        );
        let shortened = pieces.iter().map(|piece| piece[..piece.len() - 4].to_vec());
        assert_eq!(Filter::from_pieces(shortened), None);
        assert_eq!(Filter::from_pieces(std::iter::empty()), None);
    }

    #[test]
    fn keys_that_differ_in_one_byte_or_in_length_have_other_hashes() {
        let keys: [&[u8]; 4] = [b"", b"aaaaaaaaaaaa", b"aaaaaaaaaaab", b"baaaaaaaaaaa"];
        let hashes: std::collections::BTreeSet<_> = keys.map(|key| hash(1, key)).into();
        assert_eq!(hashes.len(), keys.len());
        assert_ne!(hash(1, b"key"), hash(2, b"key"));
    }
}
