//! Who is asking and who answers: the names of call sites and of their students' versions.
//!
//! The order is fixed and the first match wins: path prefix `/s/{site}/...`, header `x-apprentice-site`,
//! body `metadata.apprentice_site`, then `metadata.prompt_id`, the key's site, else `default`. The answer says which rule
//! fired. The `default` site is forwarded and counted, never learnt and never switched.
//!
//! No I/O, no clock, no chance.

use std::collections::BTreeMap;
use std::fmt;

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

/// Which rule recognised the call site; the text of `x-apprentice-site-by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Default,
    Header,
    /// The site that a key of the proxy's own stands for.
    Key,
    Metadata,
    Path,
}

impl By {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Header => "header",
            Self::Key => "key",
            Self::Metadata => "metadata",
            Self::Path => "path",
        }
    }
}

/// Splits `/s/{site}/v1/...` into the site's name and the teacher's path `/v1/...`.
#[must_use]
pub fn split_path(path: &str) -> (Option<&str>, &str) {
    let prefixed = path.strip_prefix("/s/").and_then(|rest| rest.find('/').map(|at| rest.split_at(at)));
    match prefixed {
        Some((site, rest)) => (Some(site), rest),
        None => (None, path),
    }
}

/// Names the call site of a request.
///
/// # Errors
/// [`BadSite`] when a path, header or `apprentice_site` names one badly: guessing would teach the wrong site.
pub fn identify(
    path_site: Option<&str>,
    header: Option<&str>,
    metadata: &BTreeMap<String, String>,
    key: Option<&SiteId>,
) -> Result<(SiteId, By), BadSite> {
    if let Some(name) = path_site {
        return Ok((SiteId::new(name)?, By::Path));
    }
    if let Some(name) = header {
        return Ok((SiteId::new(name)?, By::Header));
    }
    if let Some(name) = metadata.get("apprentice_site") {
        return Ok((SiteId::new(name)?, By::Metadata));
    }
    // `prompt_id` is other tools' field: one that cannot name a site is not an error.
    if let Some(site) = metadata.get("prompt_id").and_then(|name| SiteId::new(name).ok()) {
        return Ok((site, By::Metadata));
    }
    Ok(key.map_or_else(|| (SiteId::default_site(), By::Default), |site| (site.clone(), By::Key)))
}

#[cfg(test)]
mod tests;
