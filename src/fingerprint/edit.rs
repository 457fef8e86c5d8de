//! What a person changes of the found sites.

use callsite::SiteId;

use crate::finder::Finder;
use crate::name;
use crate::site::{FoundSite, Standing};

/// Why the found sites stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("no call site `{0}` was found; `apprentice sites found` lists those that were")]
    NotFound(SiteId),
    #[error("`default` is the site of what belongs to no other: choose another name")]
    Default,
    #[error("`{0}` cannot be merged with itself")]
    Same(SiteId),
    #[error("`{0}` was a name of `{1}`, under which its exchanges lie: choose another name")]
    Former(SiteId, SiteId),
    #[error("`{0}` is told apart as finely as it can be already")]
    Fine(SiteId),
}

impl Finder {
    /// Gives a found site a name, or a found site's requests to the call site of that name. Its exchanges stay, its
    /// evidence begins anew.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn rename(&self, site: &SiteId, name: &SiteId) -> Result<(), EditError> {
        self.change(|sites| {
            if sites.iter().any(|other| other.name == *name && name != site) {
                return merge(sites, site, name);
            }
            free(sites, site, name)?;
            let found = named(sites, site)?;
            if found.name != *name {
                found.former.push(found.name.clone());
            }
            found.former.retain(|former| former != name);
            (found.name, found.standing, found.revision) = (name.clone(), Standing::Named, found.revision + 1);
            Ok(())
        })
    }

    /// Puts the requests of one found site to another.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn merge(&self, site: &SiteId, into: &SiteId) -> Result<(), EditError> {
        self.change(|sites| merge(sites, site, into))
    }

    /// Takes a merge back, or has the texts of one site told apart as soon as each has prompts enough.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn split(&self, site: &SiteId) -> Result<(), EditError> {
        self.change(|sites| {
            let found = named(sites, site)?;
            if found.fine && found.templates.len() < 2 {
                return Err(EditError::Fine(site.clone()));
            }
            found.revision += 1;
            if found.templates.len() < 2 {
                found.fine = true;
                return Ok(());
            }
            let (rest, first_ms, last_ms) = (found.templates.split_off(1), found.first_ms, found.last_ms);
            for template in rest {
                let is_taken =
                    |name: &SiteId| sites.iter().any(|site| site.name == *name || site.former.contains(name));
                let words = name::words(&template);
                let Some(name) = name::name(&words, template.shape, is_taken) else { continue };
                sites.push(FoundSite {
                    name,
                    former: Vec::new(),
                    standing: Standing::Found,
                    templates: vec![template],
                    fine: false,
                    revision: 0,
                    requests: 0,
                    first_ms,
                    last_ms,
                    samples: Vec::new(),
                    wants_samples: false,
                });
            }
            Ok(())
        })
    }

    /// Makes a found site's requests those of `default`; giving it a name takes that back.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn ignore(&self, site: &SiteId) -> Result<(), EditError> {
        self.change(|sites| named(sites, site).map(|found| found.standing = Standing::Ignored))
    }
}

fn named<'a>(sites: &'a mut [FoundSite], site: &SiteId) -> Result<&'a mut FoundSite, EditError> {
    sites.iter_mut().find(|found| found.name == *site).ok_or_else(|| EditError::NotFound(site.clone()))
}

/// Whether `site` may have `name`.
fn free(sites: &[FoundSite], site: &SiteId, name: &SiteId) -> Result<(), EditError> {
    if name.is_default() {
        return Err(EditError::Default);
    }
    let other = sites.iter().find(|other| other.name != *site && other.former.contains(name));
    other.map_or(Ok(()), |other| Err(EditError::Former(name.clone(), other.name.clone())))
}

fn merge(sites: &mut Vec<FoundSite>, site: &SiteId, into: &SiteId) -> Result<(), EditError> {
    if site == into {
        return Err(EditError::Same(site.clone()));
    }
    named(sites, into)?;
    let at = sites.iter().position(|found| found.name == *site).ok_or_else(|| EditError::NotFound(site.clone()))?;
    let from = sites.swap_remove(at);
    let found = named(sites, into)?;
    found.templates.extend(from.templates);
    found.former.extend(from.former.into_iter().chain([from.name]));
    found.requests += from.requests;
    (found.first_ms, found.last_ms) = (found.first_ms.min(from.first_ms), found.last_ms.max(from.last_ms));
    (found.standing, found.revision) = (Standing::Named, found.revision + 1);
    Ok(())
}
