//! Beginnings of prompts that have been read: a prompt that begins the same goes on from there.
//!
//! What two prompts of an adapter had in common is worth keeping, what only one had is not: a call site's system prompt is
//! found by seeing it twice. Keys and values depend on the adapter, so nothing is shared between two of them.

use crate::cache::{Cache, Snapshot};

/// Tokens in common that are worth copying.
const LEAST: usize = 32;

/// Snapshots within a budget of bytes; the one that was used least lately goes first.
#[derive(Debug)]
pub(crate) struct Prefixes {
    kept: Vec<Prefix>,
    budget_bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Prefix {
    /// BLAKE3 of the adapter's files.
    adapter: Option<blake3::Hash>,
    ids: Vec<u32>,
    snapshot: Snapshot,
    /// Whether two prompts began with it; else it is a whole prompt.
    common: bool,
    used: u64,
}

impl Prefixes {
    pub(crate) fn new(budget_bytes: usize) -> Self {
        Self { kept: Vec::new(), budget_bytes, uses: 0 }
    }

    /// The longest beginning of `ids` that is kept, and how many tokens of it count: never all of `ids`, since the logits
    /// after the last one are wanted.
    pub(crate) fn find(&mut self, adapter: Option<blake3::Hash>, ids: &[u32]) -> Option<(&Snapshot, usize)> {
        let ids = ids.get(..ids.len().saturating_sub(1))?;
        self.learn(adapter, ids);
        self.uses += 1;
        let uses = self.uses;
        let own = self.kept.iter_mut().filter(|prefix| prefix.adapter == adapter);
        let best = own.max_by_key(|prefix| in_common(&prefix.ids, ids))?;
        let tokens = in_common(&best.ids, ids);
        if tokens < LEAST {
            return None;
        }
        best.used = uses;
        Some((&best.snapshot, tokens))
    }

    /// Keeps a prompt that was read into `slot`, of which `found` tokens were kept already.
    pub(crate) fn keep(
        &mut self,
        adapter: Option<blake3::Hash>,
        ids: &[u32],
        found: usize,
        cache: &Cache,
        slot: usize,
    ) {
        let bytes = cache.token_bytes() * ids.len();
        if ids.len() < found + LEAST || bytes > self.budget_bytes {
            return;
        }
        self.kept.retain(|prefix| prefix.adapter != adapter || prefix.common);
        while self.bytes() + bytes > self.budget_bytes {
            let Some(oldest) = (0..self.kept.len()).min_by_key(|at| self.kept.get(*at).map(|prefix| prefix.used))
            else {
                break;
            };
            self.kept.swap_remove(oldest);
        }
        let snapshot = cache.save(slot, ids.len());
        self.kept.push(Prefix { adapter, ids: ids.to_vec(), snapshot, common: false, used: self.uses });
    }

    /// Memory of the snapshots.
    pub(crate) fn bytes(&self) -> usize {
        self.kept.iter().map(|prefix| prefix.snapshot.bytes()).sum()
    }

    /// Shortens the adapter's whole prompt to what `ids` begins with too.
    fn learn(&mut self, adapter: Option<blake3::Hash>, ids: &[u32]) {
        let Some(at) = self.kept.iter().position(|prefix| prefix.adapter == adapter && !prefix.common) else {
            return;
        };
        let Some(prefix) = self.kept.get_mut(at) else { return };
        let tokens = in_common(&prefix.ids, ids);
        if tokens < LEAST {
            return;
        }
        prefix.snapshot.shorten(prefix.ids.len(), tokens);
        prefix.ids.truncate(tokens);
        prefix.common = true;
        let known = prefix.ids.clone();
        let known_already = |other: &Prefix| other.adapter == adapter && other.ids.starts_with(&known);
        if self.kept.iter().enumerate().any(|(other, prefix)| other != at && known_already(prefix)) {
            self.kept.swap_remove(at);
        }
    }
}

/// Tokens that both begin with.
fn in_common(left: &[u32], right: &[u32]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests;
