//! Parts of the vocabulary: sets of tiles, sixteen neighbouring tokens each, as the head computes them.

use packed::LANES;

/// A set of tiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tiles {
    words: Vec<u64>,
}

impl Tiles {
    /// Those of the tokens below `end`.
    pub(crate) fn below(end: u32) -> Self {
        let mut tiles = Self::default();
        tiles.insert_all(&(0..end).step_by(LANES).collect::<Vec<_>>());
        tiles
    }

    pub(crate) fn insert_all(&mut self, tokens: &[u32]) {
        for token in tokens {
            self.insert(*token);
        }
    }

    /// Whether the token's tile is new to the set.
    pub(crate) fn insert(&mut self, token: u32) -> bool {
        let (word, bit) = place(token);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let Some(found) = self.words.get_mut(word) else { return false };
        let new = *found & bit == 0;
        *found |= bit;
        new
    }

    pub(crate) fn contains(&self, token: u32) -> bool {
        let (word, bit) = place(token);
        self.words.get(word).is_some_and(|found| found & bit != 0)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.words.resize(self.words.len().max(other.words.len()), 0);
        self.words.iter_mut().zip(&other.words).for_each(|(own, other)| *own |= other);
    }

    /// Their numbers, ascending.
    pub(crate) fn numbers(&self) -> Vec<i64> {
        let bits = |(word, bits): (usize, &u64)| {
            let bits = *bits;
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| (word * 64 + bit) as i64)
        };
        self.words.iter().enumerate().flat_map(bits).collect()
    }
}

fn place(token: u32) -> (usize, u64) {
    let tile = token as usize / LANES;
    (tile / 64, 1 << (tile % 64))
}
