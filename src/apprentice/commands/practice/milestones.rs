//! When what happened at one practice site, and its figures at the end.

use std::collections::BTreeSet;

use callsite::{SiteId, VersionId};
use handover::State;
use ledger::SiteView;
use practice::report::{SiteReport, share};
use practice::scene::Scene;
use practice::traffic::Tally;

/// Requests of a site after its hand-over before the figures are drawn.
const CLOSING_REQUESTS: u64 = 300;

/// One site's course so far.
#[derive(Clone, Debug)]
pub(crate) struct Milestones {
    pub(crate) scene: Scene,
    /// What the proxy calls it; `None` until it has found it.
    pub(crate) site: Option<SiteId>,
    found: bool,
    /// How it stood at the last look, and every state that a look has seen.
    view: Option<SiteView>,
    states: BTreeSet<State>,
    audits: Audits,
    handed_over: Option<f64>,
    /// Requests and seconds at the teacher's change.
    drift_began: Option<(u64, f64)>,
    requests_to_rollback: Option<u64>,
    returned: Option<f64>,
}

impl Milestones {
    pub(crate) fn new(scene: Scene, site: Option<SiteId>) -> Self {
        Self {
            scene,
            site,
            found: false,
            view: None,
            states: BTreeSet::new(),
            audits: Audits::default(),
            handed_over: None,
            drift_began: None,
            requests_to_rollback: None,
            returned: None,
        }
    }

    /// Where the players name no site: what the proxy takes it for, if that is news.
    pub(crate) fn find(&mut self, tally: &Tally) -> Option<SiteId> {
        if self.site.is_some() && !self.found {
            return None;
        }
        let site = SiteId::new(tally.site()?).ok()?;
        if self.site.as_ref() == Some(&site) {
            return None;
        }
        self.found = true;
        self.site = Some(site.clone());
        Some(site)
    }

    /// Takes how the site stands; says whether it has just been handed over, for the first time or again.
    pub(crate) fn note(&mut self, now_s: f64, view: &SiteView, tally: &Tally) -> bool {
        self.states.insert(view.state);
        self.audits.note(view.version.as_ref(), view.audits);
        self.view = Some(view.clone());
        let mut handed_over = false;
        if view.state == State::Student && self.handed_over.is_none() {
            self.handed_over = Some(now_s);
            handed_over = true;
        }
        if let Some((requests, began)) = self.drift_began {
            if self.requests_to_rollback.is_none() && view.state == State::Teacher {
                self.requests_to_rollback = Some(tally.requests - requests);
            }
            if self.requests_to_rollback.is_some() && self.returned.is_none() && view.state == State::Student {
                self.returned = Some(now_s - began);
                handed_over = true;
            }
        }
        handed_over
    }

    /// The teacher has changed.
    pub(crate) fn drift_begins(&mut self, now_s: f64, tally: &Tally) {
        self.drift_began = Some((tally.requests, now_s));
    }

    /// Audits of all its versions.
    pub(crate) fn audits(&self) -> u64 {
        self.audits.before + self.audits.now
    }

    /// The student serves, has done so for enough requests, and no drift is still being worked through.
    pub(crate) fn is_settled(&self, tally: &Tally) -> bool {
        let serves = self.view.as_ref().is_some_and(|view| view.state == State::Student);
        let requests = tally.marked.map_or(0, |marked| marked.requests);
        serves && requests >= CLOSING_REQUESTS && (self.drift_began.is_none() || self.returned.is_some())
    }

    /// Whether no student has ever answered here.
    pub(crate) fn stayed(&self, tally: &Tally) -> bool {
        tally.local == 0 && !self.states.iter().any(|state| state.is_serving())
    }

    pub(crate) fn report(&self, tally: &Tally, teacher_calls: u64) -> SiteReport {
        let view = self.view.as_ref();
        let marked = tally.marked.unwrap_or_default();
        SiteReport {
            site: self.scene.name().into(),
            found_as: self.site.as_ref().filter(|_| self.found).map(ToString::to_string),
            state: view.map_or("teacher", |view| view.state.label()).into(),
            states: self.states.iter().map(|state| state.label().to_owned()).collect(),
            measure: view.and_then(|view| Some(view.measure.as_ref()?.measure.label().to_owned())),
            requests: tally.requests,
            failed: tally.failed,
            local: tally.local,
            audits: view.map_or(0, |view| view.audits),
            audits_all: self.audits(),
            lower_bound: view.and_then(|view| view.lower_bound).unwrap_or(0.0),
            threshold: view.map_or(0.0, |view| view.quality_min),
            local_share: share(marked.local, marked.requests),
            local_accuracy: share(marked.local_unseen_right, marked.local_unseen),
            seconds_to_handover: self.handed_over,
            teacher_calls_saved: tally.requests.saturating_sub(teacher_calls),
            requests_to_rollback: self.requests_to_rollback,
            seconds_to_return: self.returned,
        }
    }
}

/// Audits over a site's versions, of which a site shows only the present one's.
#[derive(Clone, Debug, Default)]
struct Audits {
    version: Option<VersionId>,
    now: u64,
    before: u64,
}

impl Audits {
    fn note(&mut self, version: Option<&VersionId>, audits: u64) {
        if self.version.as_ref() != version {
            self.before += self.now;
            self.version = version.cloned();
        }
        self.now = audits;
    }
}

#[cfg(test)]
mod tests {
    use callsite::VersionId;

    use super::Audits;

    #[test]
    fn audits_add_up_over_versions() {
        let mut audits = Audits::default();
        let version = |name| VersionId::new(name).unwrap();
        let (one, two) = (version("1-a"), version("2-b"));
        let seen = [(None, 0), (Some(&one), 0), (Some(&one), 7), (None, 0), (Some(&two), 2), (Some(&two), 5)];
        let sums = seen.map(|(version, count)| {
            audits.note(version, count);
            audits.before + audits.now
        });
        assert_eq!(sums, [0, 0, 7, 7, 9, 12]);
    }
}
