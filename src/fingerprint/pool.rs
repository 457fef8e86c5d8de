//! The prompts that belong to no known call site: a bounded sample, which does not depend on the order in which they came.
//!
//! Of a generation the prompts with the smallest hashes are kept. A generation that has seen enough gives way to the next and
//! stays beside it until that one has: what was long ago weighs nothing.

use std::collections::BTreeMap;

use crate::shape::{Shape, mix, text};
use crate::text::excerpt;

/// Prompts of a generation that are kept, and bytes of them.
pub(crate) const KEPT_MAX: usize = 2_048;
const KEPT_BYTES_MAX: usize = 12 << 20;
/// Prompts that a generation sees.
const SEEN_MAX: usize = 16_384;

/// One prompt, shortened.
#[derive(Clone, Debug)]
pub(crate) struct Doc {
    pub(crate) id: u64,
    pub(crate) shape: Shape,
    pub(crate) system: Box<str>,
    pub(crate) user: Box<str>,
}

impl Doc {
    pub(crate) fn new(shape: Shape, system: &str, user: &str) -> Self {
        let (system, user): (Box<str>, Box<str>) = (excerpt(system).into(), excerpt(user).into());
        let id = mix(mix(shape.0, text(&system)), text(&user));
        Self { id, shape, system, user }
    }

    fn bytes(&self) -> usize {
        self.system.len() + self.user.len()
    }
}

#[derive(Debug, Default)]
struct Generation {
    docs: BTreeMap<u64, Doc>,
    bytes: usize,
    seen: usize,
}

impl Generation {
    /// Says whether it was kept.
    fn offer(&mut self, doc: Doc) -> bool {
        self.seen += 1;
        self.bytes += doc.bytes();
        let id = doc.id;
        self.docs.insert(id, doc);
        while self.docs.len() > KEPT_MAX || self.bytes > KEPT_BYTES_MAX {
            let Some((_, left_out)) = self.docs.pop_last() else { break };
            self.bytes -= left_out.bytes();
        }
        self.docs.contains_key(&id)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    now: Generation,
    before: Generation,
    /// Prompts that were kept since somebody set it to 0.
    pub(crate) new: usize,
}

impl Pool {
    pub(crate) fn offer(&mut self, doc: Doc) {
        if self.now.docs.contains_key(&doc.id) || self.before.docs.contains_key(&doc.id) {
            return;
        }
        self.new += usize::from(self.now.offer(doc));
        if self.now.seen >= SEEN_MAX {
            self.before = std::mem::take(&mut self.now);
        }
    }

    pub(crate) fn docs(&self) -> Vec<Doc> {
        self.now.docs.values().chain(self.before.docs.values()).cloned().collect()
    }

    /// Keeps only what is to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Doc) -> bool) {
        for generation in [&mut self.now, &mut self.before] {
            generation.docs.retain(|_, doc| keep(doc));
            generation.bytes = generation.docs.values().map(Doc::bytes).sum();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.now.docs.len() + self.before.docs.len()
    }
}
