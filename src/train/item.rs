//! What a run learns from, one item at a time: the sequences whose losses depend on each other.

use std::collections::BTreeMap;

use gemma::TokenisedExample;

use crate::objective::Scored;
use crate::soft::Soft;

/// One prompt with one completion.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sequence {
    pub(crate) tokens: TokenisedExample,
    /// Whether the completion is one to prefer; every one that is only to be imitated is.
    pub(crate) desirable: bool,
    /// Log-probability of the completion under the reference, nats; 0 where there is none.
    pub(crate) reference: f64,
    /// What the teacher thought of some of the completion's tokens, by their places; none is of weight 0.
    pub(crate) soft: BTreeMap<usize, Soft>,
    /// Its number among the sequences of which is kept what the lower layers make of them.
    pub(crate) kept: Option<usize>,
}

/// One example: a single sequence, or a chosen one and a rejected one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) sequences: Vec<Sequence>,
    /// KTO's: the prompt with the completion of another example of the same batch.
    pub(crate) mismatched: Option<Sequence>,
}

impl Sequence {
    pub(crate) fn new(tokens: TokenisedExample, desirable: bool) -> Self {
        Self { tokens, desirable, reference: 0.0, soft: BTreeMap::new(), kept: None }
    }

    /// The sequence with what the model said about it.
    pub(crate) fn scored<'a>(&self, log_probabilities: &'a [f64]) -> Scored<'a> {
        Scored { log_probabilities, reference: self.reference, desirable: self.desirable }
    }

    /// Completion tokens that have a token before them: what the sequence teaches.
    pub(crate) fn targets(&self) -> usize {
        self.tokens.completion.clone().filter(|at| *at > 0).count()
    }

    /// For every token that it teaches, what the teacher thought of it.
    pub(crate) fn soft_targets(&self) -> impl Iterator<Item = Option<Soft>> {
        self.tokens.completion.clone().filter(|at| *at > 0).map(|at| self.soft.get(&at).cloned())
    }

    /// This prompt with the completion of `other`, of at most `max_tokens` tokens. Nothing is learnt from it, so it
    /// may be cut.
    fn with_completion_of(&self, other: &Self, max_tokens: usize) -> Self {
        let prompt = self.tokens.ids.get(..self.tokens.completion.start).unwrap_or_default();
        let completion = other.tokens.ids.get(other.tokens.completion.clone()).unwrap_or_default();
        let ids: Vec<u32> = prompt.iter().chain(completion).take(max_tokens).copied().collect();
        let completion = prompt.len()..ids.len();
        Self::new(TokenisedExample { ids, completion }, other.desirable)
    }
}

impl Item {
    pub(crate) fn single(tokens: TokenisedExample, desirable: bool) -> Self {
        Self { sequences: vec![Sequence::new(tokens, desirable)], mismatched: None }
    }

    pub(crate) fn pair(chosen: TokenisedExample, rejected: TokenisedExample) -> Self {
        Self { sequences: vec![Sequence::new(chosen, true), Sequence::new(rejected, false)], mismatched: None }
    }

    /// Tokens of the longest sequence that is learnt from.
    pub(crate) fn longest_learnt(&self) -> usize {
        self.sequences.iter().map(|s| s.tokens.ids.len()).max().unwrap_or(0)
    }

    /// Tokens of the longest sequence, the mismatched one included.
    pub(crate) fn longest(&self) -> usize {
        self.sequences.iter().chain(&self.mismatched).map(|s| s.tokens.ids.len()).max().unwrap_or(0)
    }
}

/// The tokens of each.
pub(crate) fn tokens(sequences: &[Sequence]) -> Vec<&[u32]> {
    sequences.iter().map(|sequence| sequence.tokens.ids.as_slice()).collect()
}

/// Gives every item of a batch the completion of the one before it, the first the last one's: TRL's rotation.
pub(crate) fn pair_mismatched(items: &mut [Item], batches: &[Vec<usize>], max_tokens: usize) {
    for batch in batches {
        let before = batch.iter().skip(batch.len().saturating_sub(1)).chain(batch);
        let mismatched: Vec<_> = batch
            .iter()
            .zip(before)
            .map(|(at, before)| {
                let first = |at: &usize| items.get(*at).and_then(|item| item.sequences.first());
                Some(first(at)?.with_completion_of(first(before)?, max_tokens))
            })
            .collect();
        for (at, mismatched) in batch.iter().zip(mismatched) {
            if let Some(item) = items.get_mut(*at) {
                item.mismatched = mismatched;
            }
        }
    }
}

#[cfg(test)]
mod tests;
