//! What is kept within a budget of bytes: what was wanted least lately goes first.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

/// Values by key. Who reads needs no lock of their own.
pub(crate) struct Recent<K, V> {
    kept: HashMap<K, Kept<V>>,
    budget_bytes: u64,
    uses: AtomicU64,
}

struct Kept<V> {
    value: V,
    bytes: u64,
    used: AtomicU64,
}

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    pub(crate) fn new(budget_bytes: u64) -> Self {
        Self { kept: HashMap::new(), budget_bytes, uses: AtomicU64::new(0) }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let kept = self.kept.get(key)?;
        kept.used.store(self.next(), Ordering::Relaxed);
        Some(kept.value.clone())
    }

    /// Keeps `value`, however large it is, and lets go of others until all fit.
    pub(crate) fn insert(&mut self, key: K, value: V, bytes: u64) {
        let used = AtomicU64::new(self.next());
        self.kept.insert(key.clone(), Kept { value, bytes, used });
        while self.kept.values().map(|kept| kept.bytes).sum::<u64>() > self.budget_bytes {
            let others = self.kept.iter().filter(|(other, _)| **other != key);
            let oldest =
                others.min_by_key(|(_, kept)| kept.used.load(Ordering::Relaxed)).map(|(other, _)| other.clone());
            let Some(oldest) = oldest else { break };
            self.kept.remove(&oldest);
        }
    }

    fn next(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wanted_least_lately_goes_first() {
        let mut recent = Recent::new(100);
        for (key, bytes) in [("a", 40), ("b", 40), ("c", 20)] {
            recent.insert(key, key, bytes);
        }
        assert_eq!(recent.get(&"a"), Some("a"));
        recent.insert("d", "d", 30);
        assert_eq!(
            [recent.get(&"a"), recent.get(&"b"), recent.get(&"c"), recent.get(&"d")],
            [Some("a"), None, Some("c"), Some("d")]
        );
        recent.insert("e", "e", 500);
        assert_eq!(
            [recent.get(&"a"), recent.get(&"c"), recent.get(&"e")],
            [None, None, Some("e")],
            "one that is too large is kept alone"
        );
        recent.insert("e", "f", 10);
        recent.insert("g", "g", 90);
        assert_eq!([recent.get(&"e"), recent.get(&"g")], [Some("f"), Some("g")], "what is replaced counts once");
    }
}
