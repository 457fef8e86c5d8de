//! Names that somebody else chooses, as values of labels: the first ones are kept apart, the rest is [`OTHER`].

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// The value of a label whose own would be one too many.
pub const OTHER: &str = "_other";
/// Names that are kept apart.
const NAMES_MAX: usize = 64;
/// Longest name that is.
const BYTES_MAX: usize = 96;

/// Those that came so far.
#[derive(Debug, Default)]
pub(crate) struct Names(RwLock<BTreeSet<String>>);

impl Names {
    /// What stands for `name`; nothing for none.
    pub(crate) fn label<'a>(&self, name: &'a str) -> &'a str {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if name.is_empty() || known.contains(name) {
            return name;
        }
        // Looked at before anybody waits for the lock: whoever sends ever new names holds nobody up.
        if name.len() > BYTES_MAX || known.len() >= NAMES_MAX {
            return OTHER;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Several threads may have seen the last place.
        if known.len() >= NAMES_MAX && !known.contains(name) {
            return OTHER;
        }
        known.insert(name.to_owned());
        name
    }
}
