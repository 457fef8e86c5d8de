//! What evidence depends on besides the policy: the teacher, the base, how answers are made and compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names and values, such as `comparison` = `exact`. Evidence gathered on one basis says nothing about another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis(pub BTreeMap<String, String>);

impl Basis {
    /// The names whose values differ, in order.
    #[must_use]
    pub fn changed(&self, other: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        names.into_iter().filter(|name| self.0.get(*name) != other.0.get(*name)).cloned().collect()
    }

    /// Whether everything in here stands in `whole` with the same value.
    #[must_use]
    pub fn is_part_of(&self, whole: &Self) -> bool {
        self.0.iter().all(|(name, value)| whole.0.get(name) == Some(value))
    }

    /// The part with these names.
    #[must_use]
    pub fn part(&self, names: &[&str]) -> Self {
        let named = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        Self(named.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}
