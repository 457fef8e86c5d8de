//! Sets of prompts, by their place in the group that is mined.

/// A set of small numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set(Vec<u64>);

impl Set {
    pub(crate) fn new(size: usize, members: impl Iterator<Item = u32>) -> Self {
        let mut words = vec![0; size.div_ceil(64)];
        for member in members {
            if let Some(word) = usize::try_from(member / 64).ok().and_then(|at| words.get_mut(at)) {
                *word |= 1_u64 << (member % 64);
            }
        }
        Self(words)
    }

    pub(crate) fn contains(&self, member: u32) -> bool {
        let word = usize::try_from(member / 64).ok().and_then(|at| self.0.get(at));
        word.is_some_and(|word| word >> (member % 64) & 1 == 1)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn shared(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).map(|(one, other)| (one & other).count_ones() as usize).sum()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(one, other)| *one |= other);
    }
}
