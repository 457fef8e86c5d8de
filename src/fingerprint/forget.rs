//! Forgetting prompts, as somebody has them erased. Templates stay: their words are those that dozens of prompts share.

use std::convert::Infallible;

use callsite::SiteId;

use crate::finder::Finder;
use crate::pool::Pool;

impl Finder {
    /// Forgets every prompt that is remembered for finding call sites, and the samples of the sites that `goes` names. These take new
    /// ones of what is asked from now on.
    pub fn forget(&self, goes: impl Fn(&SiteId) -> bool) {
        // Mining holds copies of prompts and is waited for.
        let forgotten = self.change(|sites| {
            for site in sites.iter_mut().filter(|site| goes(&site.name) && !site.samples.is_empty()) {
                site.samples.clear();
                site.wants_samples = true;
            }
            *self.pool.lock() = Pool::default();
            Ok::<(), Infallible>(())
        });
        match forgotten {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
}
