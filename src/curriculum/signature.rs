//! MinHash (Broder, "On the resemblance and containment of documents", 1997): a short signature by which the likeness of two texts'
//! sets of three words in a row is estimated. Pure.

/// Numbers of a signature: the standard error of a likeness is at most 1/16.
pub(crate) const SIZE: usize = 64;
/// Words in a row.
const SHINGLE: usize = 3;

/// The smallest hash of a text's shingles under each of [`SIZE`] permutations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub(crate) [u32; SIZE]);

impl Signature {
    /// Of `text`; texts without a word have the signature of no shingle, which is like itself alone.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let words: Vec<u64> = verify::similarity::words(text).iter().map(|word| hash(word.as_bytes())).collect();
        let mut smallest = [u32::MAX; SIZE];
        let mut take = |shingle: &[u64]| {
            let one = shingle.iter().fold(0, |all, word| mixed(all ^ *word));
            // The upper half: both halves of a mixed number are as good.
            let folded = (one >> 32) as u32;
            for (least, (factor, offset)) in smallest.iter_mut().zip(PERMUTATIONS) {
                *least = (*least)
                    .min(folded.wrapping_mul(factor).wrapping_add(offset).rotate_left(15).wrapping_mul(0x9e37_79b1));
            }
        };
        if words.len() < SHINGLE {
            if !words.is_empty() {
                take(&words);
            }
        } else {
            words.windows(SHINGLE).for_each(take);
        }
        Self(smallest)
    }

    /// The estimated Jaccard likeness of two texts' shingles.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> f64 {
        let equal = self.0.iter().zip(&other.0).filter(|(left, right)| left == right).count();
        #[expect(clippy::cast_precision_loss, reason = "at most SIZE")]
        let share = equal as f64 / SIZE as f64;
        share
    }
}

/// Odd factors and offsets, one pair for every number of a signature.
const PERMUTATIONS: [(u32, u32); SIZE] = {
    let mut all = [(0, 0); SIZE];
    let mut at = 0;
    while at < SIZE {
        let one = mixed(at as u64 + 1);
        all[at] = ((one as u32) | 1, (one >> 32) as u32);
        at += 1;
    }
    all
};

/// SplitMix64's step (Steele et al. 2014).
const fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
