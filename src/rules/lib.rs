//! The rules that hold for a call site: one validated snapshot that everyone asks, replaced whole.
//!
//! The program builds [`Rules`] from the configuration; the gateway, the ledger, the cycle and the admin API
//! hold the same [`LiveRules`] and read the site's [`SiteRules`] at the moment they need them.
//! No I/O, no clock, no chance; knows nothing of files.

use std::collections::BTreeMap;
use std::sync::Arc;

use callsite::SiteId;
use handover::plan::Choosing;
use handover::{Basis, Policy};
use parking_lot::RwLock;
use verify::{Choice, Comparison, Measure, Repeat, VerifierSettings, Verifiers};
use wire::Sampling;

/// One call site's rules.
#[derive(Clone, Debug)]
pub struct SiteRules {
    /// What moves its traffic.
    pub policy: Policy,
    /// What its evidence depends on besides the policy; a change asks for new evidence.
    pub basis: Basis,
    /// The part of the basis that the choice of the measure depends on.
    pub measure_on: Basis,
    pub verifier_settings: VerifierSettings,
    /// The same, compiled.
    pub verifiers: Arc<Verifiers>,
    pub comparison: Comparison,
    /// Whether a judge can be asked.
    pub judge: bool,
    /// Whether lessons may be held at all: only then, or for a version that waits for a measure, is the teacher asked a second time.
    pub learns: bool,
    /// The student's own, as far as the client says nothing else.
    pub sampling: Sampling,
    /// Tokens of a student's answer when the client names no limit.
    pub max_tokens: u32,
    /// Whether its exchanges are kept.
    pub capture: bool,
}

impl SiteRules {
    /// What a measure that is to be chosen from the traffic depends on; `None` where it is given.
    #[must_use]
    pub fn measure_to_choose(&self) -> Option<Choosing<'_>> {
        let Self { measure_on: on, learns, .. } = self;
        self.given_measure().is_none().then_some(Choosing { on, learns: *learns })
    }

    /// The measure: the operator's own, or what enough `repeats` of the teacher suggest. `None` while there are too few.
    #[must_use]
    pub fn choose(&self, repeats: &[Repeat]) -> Option<Choice> {
        if let Some(measure) = self.given_measure() {
            return Some(Choice::given(measure));
        }
        let Policy { margin, tolerance, repeats: enough, .. } = self.policy;
        let asked = u32::try_from(repeats.len()).is_ok_and(|asked| asked >= enough);
        asked.then(|| self.comparison.choose(repeats, margin, tolerance, self.judge))
    }

    fn given_measure(&self) -> Option<Measure> {
        self.comparison.given(self.policy.tolerance)
    }
}

/// The rules of every call site.
#[derive(Clone, Debug)]
pub struct Rules {
    default: Arc<SiteRules>,
    sites: BTreeMap<SiteId, Arc<SiteRules>>,
}

impl Rules {
    /// `sites` have rules of their own, every other site has `default`.
    #[must_use]
    pub fn new(default: SiteRules, sites: BTreeMap<SiteId, SiteRules>) -> Self {
        let sites = sites.into_iter().map(|(site, rules)| (site, Arc::new(rules))).collect();
        Self { default: Arc::new(default), sites }
    }

    #[must_use]
    pub fn of(&self, site: &SiteId) -> Arc<SiteRules> {
        self.sites.get(site).unwrap_or(&self.default).clone()
    }

    /// Whether `site` has rules of its own.
    #[must_use]
    pub fn is_configured(&self, site: &SiteId) -> bool {
        self.sites.contains_key(site)
    }

    /// `site` with another part of its basis: what evidence of it depends on has changed.
    #[must_use]
    pub fn with_basis_part(mut self, site: &SiteId, name: &str, value: String) -> Self {
        let mut rules = SiteRules::clone(self.sites.get(site).unwrap_or(&self.default));
        rules.basis.0.insert(name.to_owned(), value);
        self.sites.insert(site.clone(), Arc::new(rules));
        self
    }

    /// The sites that have rules of their own.
    pub fn configured(&self) -> impl Iterator<Item = &SiteId> {
        self.sites.keys()
    }
}

/// The rules in force. Clones share them.
#[derive(Clone, Debug)]
pub struct LiveRules(Arc<RwLock<Arc<Rules>>>);

impl LiveRules {
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(rules))))
    }

    /// What holds for `site` now.
    #[must_use]
    pub fn of(&self, site: &SiteId) -> Arc<SiteRules> {
        self.0.read().of(site)
    }

    /// The whole snapshot in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Rules> {
        self.0.read().clone()
    }

    /// Puts other rules in force; who has asked before keeps what it got.
    pub fn replace(&self, rules: Rules) {
        *self.0.write() = Arc::new(rules);
    }
}

#[cfg(test)]
mod tests;
