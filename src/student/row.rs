//! An answer among those that are being written, and what all of them learn from each other's texts.

use std::collections::VecDeque;
use std::sync::Arc;

use blake3::Hash;

use crate::adapter::Bound;
use crate::answer::Writing;
use crate::draft::Drafts;
use crate::lane::Logits;
use crate::load::Round;
use crate::shortlist::Shortlists;
use crate::tiles::Tiles;
use crate::work::Asker;

/// An answer in the batch.
pub(crate) struct Row {
    pub(crate) asker: Asker,
    pub(crate) adapter: Option<Arc<Bound>>,
    pub(crate) writing: Writing,
    /// Tokens of the prompt, and those that have been chosen since.
    pub(crate) text: Vec<u32>,
    pub(crate) prompt: usize,
    /// Tokens read.
    pub(crate) length: usize,
    /// The next ones to read; never none.
    pub(crate) unread: VecDeque<u32>,
    /// Its place in the cache.
    pub(crate) slot: usize,
    /// What of the vocabulary its next token may be chosen from; nothing where that is all of it.
    pub(crate) list: Option<Tiles>,
}

impl Row {
    /// Of the adapter's files.
    pub(crate) fn adapter_hash(&self) -> Option<Hash> {
        self.adapter.as_ref().map(|adapter| adapter.hash)
    }

    /// Takes tokens that were chosen.
    pub(crate) fn push(&mut self, tokens: Vec<u32>) {
        self.text.extend_from_slice(&tokens);
        self.unread.extend(tokens);
    }

    /// Reads its last token once more, with the whole vocabulary before it.
    pub(crate) fn read_again(&mut self) {
        self.list = None;
        self.length = self.length.saturating_sub(1);
        self.unread.extend(self.text.last());
    }
}

/// What rows learn from each other's texts.
pub(crate) struct Learnt {
    pub(crate) drafts: Drafts,
    pub(crate) shortlists: Shortlists,
}

impl Learnt {
    /// Learns whether a row's list would have had the token that was chosen of all.
    pub(crate) fn check(&mut self, row: &mut Row, logits: Logits<'_>, tokens: &[u32], done: &mut Round) {
        let adapter = row.adapter_hash();
        if let (true, Some(list), Some(token)) = (logits.whole, &mut row.list, tokens.first()) {
            let outside = self.shortlists.check(adapter, list, *token);
            done.listed_tokens += usize::from(!outside);
            done.unlisted_tokens += usize::from(outside);
        }
    }
}
