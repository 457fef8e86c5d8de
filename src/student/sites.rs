//! What is remembered of call sites, by their adapters.

use std::collections::HashMap;

use blake3::Hash;

/// Call sites that are remembered; past that all are forgotten.
const SITES_MAX: usize = 256;

/// Something about each call site; the base alone is one, too.
pub(crate) struct Sites<T>(HashMap<Option<Hash>, T>);

impl<T> Default for Sites<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Default> Sites<T> {
    pub(crate) fn get(&self, adapter: Option<Hash>) -> Option<&T> {
        self.0.get(&adapter)
    }

    pub(crate) fn get_mut(&mut self, adapter: Option<Hash>) -> Option<&mut T> {
        self.0.get_mut(&adapter)
    }

    /// What is remembered of a site, which from then on is something.
    pub(crate) fn entry(&mut self, adapter: Option<Hash>) -> &mut T {
        if self.0.len() >= SITES_MAX && !self.0.contains_key(&adapter) {
            self.0.clear();
        }
        self.0.entry(adapter).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_are_forgotten_all_at_once() {
        let mut sites = Sites::<u32>::default();
        for site in 0..SITES_MAX {
            *sites.entry(Some(blake3::hash(&site.to_le_bytes()))) += 1;
        }
        let first = Some(blake3::hash(&0_usize.to_le_bytes()));
        *sites.entry(first) += 1;
        assert_eq!(sites.get(first), Some(&2), "a known one needs no room");
        *sites.entry(None) += 5;
        assert_eq!((sites.get(first), sites.get(None)), (None, Some(&5)));
    }
}
