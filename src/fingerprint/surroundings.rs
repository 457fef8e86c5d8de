//! What finding call sites must be told by the parts around it.

use callsite::SiteId;

/// What others know of a site.
pub trait Surroundings {
    /// Whether prompts of `site` may be kept for showing.
    fn keeps(&self, site: &SiteId) -> bool;
    /// A prompt's text as it may be kept for showing; none where it may not. Nothing is taken out where nobody says what.
    fn redacted(&self, text: &str) -> Option<String> {
        Some(text.to_owned())
    }
    /// Whether nothing would be lost with `site`: it has no evidence and no version.
    fn is_bare(&self, site: &SiteId) -> bool;
    /// Whether somebody else uses this name.
    fn is_used(&self, site: &SiteId) -> bool;
}
