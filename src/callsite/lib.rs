//! Who is asking and who answers: the names of call sites and of their students' versions.
//!
//! - [`identify`]: the rules by which a request says whose it is, in their fixed order;
//! - [`matching`]: those of them that an operator configures.
//!
//! No I/O, no clock, no chance.

pub mod identify;
pub mod matching;

use std::fmt;

pub use identify::{By, Claims, split_path};
pub use matching::{Content, MatchRule, MatchRules};

/// Longest site name.
pub const SITE_BYTES_MAX: usize = 64;

/// The name of a call site: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteId(String);

/// A text that cannot name a call site.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name a call site: use 1 to 64 of letters, digits, `.`, `_` and `-`, beginning with a letter or digit"
)]
pub struct BadSite(String);

impl SiteId {
    /// # Errors
    /// [`BadSite`] when `name` breaks the rule above.
    pub fn new(name: &str) -> Result<Self, BadSite> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if starts_well && name.len() <= SITE_BYTES_MAX && name.bytes().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(BadSite(name.chars().take(SITE_BYTES_MAX).collect()))
        }
    }

    /// The site of requests that name none.
    #[must_use]
    pub fn default_site() -> Self {
        Self("default".to_owned())
    }

    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0 == "default"
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for SiteId {
    type Error = BadSite;
    fn try_from(name: String) -> Result<Self, BadSite> {
        Self::new(&name)
    }
}

impl From<SiteId> for String {
    fn from(site: SiteId) -> Self {
        site.0
    }
}

/// The name of one version of a site's student, as the registry gives it: the rule is that of [`SiteId`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionId(String);

/// A text that cannot name a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name a version: use 1 to 64 of letters, digits, `.`, `_` and `-`, beginning with a letter or digit"
)]
pub struct BadVersion(String);

impl VersionId {
    /// # Errors
    /// [`BadVersion`] when `name` breaks the rule above.
    pub fn new(name: &str) -> Result<Self, BadVersion> {
        SiteId::new(name).map(|SiteId(name)| Self(name)).map_err(|BadSite(name)| BadVersion(name))
    }

    /// The version that is called by its number.
    #[must_use]
    pub fn numbered(number: u32) -> Self {
        Self(number.to_string())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for VersionId {
    type Error = BadVersion;
    fn try_from(name: String) -> Result<Self, BadVersion> {
        Self::new(&name)
    }
}

impl From<VersionId> for String {
    fn from(version: VersionId) -> Self {
        version.0
    }
}

#[cfg(test)]
mod tests;
