//! Verdicts by the hash of what was asked: a question is paid once. Bounded; the oldest goes first.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

/// Verdicts kept at most, of each kind; about a kilobyte each.
pub(crate) const VERDICTS_MAX: usize = 4096;

/// BLAKE3 of everything that a verdict depends on.
pub(crate) type Key = [u8; 32];

/// Hashes `parts`, each with its length, so that no two lists of parts run into the same text.
pub(crate) fn key<'a>(parts: impl IntoIterator<Item = &'a str>) -> Key {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// The verdicts of one kind.
#[derive(Debug)]
pub(crate) struct Cache<V>(Mutex<Kept<V>>);

#[derive(Debug)]
struct Kept<V> {
    verdicts: HashMap<Key, V>,
    /// The keys in the order in which they came.
    order: VecDeque<Key>,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Kept { verdicts: HashMap::new(), order: VecDeque::new() }))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<V> {
        self.0.lock().verdicts.get(key).cloned()
    }

    /// Keeps `verdict`; one that was asked for twice at once keeps its place and takes the newer value.
    pub(crate) fn put(&self, key: Key, verdict: V) {
        let mut kept = self.0.lock();
        if kept.verdicts.insert(key, verdict).is_some() {
            return;
        }
        kept.order.push_back(key);
        if kept.order.len() > VERDICTS_MAX
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.verdicts.remove(&oldest);
        }
    }
}
