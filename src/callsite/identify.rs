//! Which call site a request is of. The order is fixed and the first match wins:
//!
//! 1. path prefix `/s/{site}/...`; 2. header `x-apprentice-site`; 3. body `metadata.apprentice_site`, then
//!    `metadata.prompt_id`, then the `prompt.id` of a prompt that the teacher keeps; 4. the site of the client's key; 5. a model alias: `apprentice::{site}`,
//!    `tensorzero::function_name::{site}`, `openpipe:{site}` ([`Claims`] says these five);
//! 6. the configured rules ([`crate::MatchRules`]); 7. what the prompts of a site have in common (the member `fingerprint`);
//! 8. `default`: forwarded and counted, never learnt and never switched.
//!
//! The answer says which rule fired ([`By`]).

use std::collections::BTreeMap;

use crate::{BadSite, SiteId};

/// Model aliases: what begins them, and whether they are ours, so that a bad name is an error.
const ALIASES: [(&str, bool); 3] =
    [("apprentice::", true), ("tensorzero::function_name::", false), ("openpipe:", false)];

/// Which rule recognised the call site; the text of `x-apprentice-site-by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Alias,
    Default,
    Fingerprint,
    Header,
    Key,
    Metadata,
    Path,
    Prompt,
    Rule,
}

impl By {
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Alias => "alias",
            Self::Default => "default",
            Self::Fingerprint => "fingerprint",
            Self::Header => "header",
            Self::Key => "key",
            Self::Metadata => "metadata",
            Self::Path => "path",
            Self::Prompt => "prompt",
            Self::Rule => "rule",
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

/// What a request says about its call site outright.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// Of the path, as [`split_path`] gives it.
    pub path: Option<&'a str>,
    /// `x-apprentice-site`
    pub header: Option<&'a str>,
    pub metadata: &'a BTreeMap<String, String>,
    /// The name of a prompt that the teacher keeps.
    pub stored_prompt: Option<&'a str>,
    /// The site that the client's key stands for.
    pub key: Option<&'a SiteId>,
    pub model: &'a str,
}

impl Claims<'_> {
    /// The call site that is named, and how; `None` when none is.
    ///
    /// # Errors
    /// [`BadSite`] when something of ours names one badly: guessing would teach the wrong site.
    pub fn site(&self) -> Result<Option<(SiteId, By)>, BadSite> {
        if let Some(name) = self.path {
            return Ok(Some((SiteId::new(name)?, By::Path)));
        }
        if let Some(name) = self.header {
            return Ok(Some((SiteId::new(name)?, By::Header)));
        }
        if let Some(name) = self.metadata.get("apprentice_site") {
            return Ok(Some((SiteId::new(name)?, By::Metadata)));
        }
        // `prompt_id` is other tools' field: one that cannot name a site is not an error.
        if let Some(site) = self.metadata.get("prompt_id").and_then(|name| SiteId::new(name).ok()) {
            return Ok(Some((site, By::Metadata)));
        }
        if let Some(site) = self.stored_prompt.and_then(|name| SiteId::new(name).ok()) {
            return Ok(Some((site, By::Prompt)));
        }
        if let Some(site) = self.key {
            return Ok(Some((site.clone(), By::Key)));
        }
        match alias(self.model) {
            Some((name, true)) => Ok(Some((SiteId::new(name)?, By::Alias))),
            Some((name, false)) => Ok(SiteId::new(name).ok().map(|site| (site, By::Alias))),
            None => Ok(None),
        }
    }
}

/// Whether `model` is no model but the alias of a call site.
#[must_use]
pub fn is_alias(model: &str) -> bool {
    alias(model).is_some()
}

fn alias(model: &str) -> Option<(&str, bool)> {
    ALIASES.iter().find_map(|(begin, ours)| model.strip_prefix(begin).map(|name| (name, *ours)))
}
