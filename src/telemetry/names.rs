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
        if name.is_empty() || self.0.read().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return name;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if name.len() > BYTES_MAX || known.len() >= NAMES_MAX {
            return OTHER;
        }
        known.insert(name.to_owned());
        name
    }
}
