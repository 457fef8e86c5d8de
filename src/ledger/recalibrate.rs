//! Another meaning of a version's confidence, learnt from its audits: for a version that stands in Shadow because its
//! confidence does not tell its good answers from its bad ones. The evidence so far is given up: the version's trial
//! begins anew, under the next share of the error budget. Decides when, and nothing about what is fitted.

use std::collections::BTreeSet;

use callsite::{SiteId, VersionId};
use handover::{AuditOutcome, Candidate, Cause, Record, State};
use verify::thresholds::{self, Labelled, Wanted};

use crate::LedgerError;
use crate::ledger::{Ledger, Writer};

/// It is tried at so many audits of a trial, and at twice, four times, ... as many.
const AUDITS: u64 = 200;

impl Ledger {
    /// Begins the trial of `site`'s version anew where its audits, of which there were `before`, have taught a clearly
    /// better confidence. Blocks on the disk.
    pub(crate) fn recalibrate(
        &self,
        writer: &mut Writer,
        site: &SiteId,
        at_ms: u64,
        before: u64,
    ) -> Result<(), LedgerError> {
        let standing = self.known(site)?.lock().site.clone();
        let Some(trial) = &standing.incumbent else { return Ok(()) };
        let stands = standing.state == State::Shadow && standing.challenger.is_none() && trial.proven.is_none();
        let turn = trial.audits() > before && is_turn(trial.audits());
        if !stands || !turn {
            return Ok(());
        }
        let (claims, candidate) = (trial.claims(), &trial.candidate);
        let labelled = self.labelled(site, trial.version());
        let wanted = Wanted { quality: claims.quality, risk: claims.risk };
        let Some(calibration) = thresholds::recalibrated(&labelled, candidate.calibration.as_ref(), wanted) else {
            return Ok(());
        };
        let score = |answer: &Labelled| (calibration.confidence_of(&answer.features), answer.quality);
        let scores: Vec<(f64, f64)> = labelled.iter().map(score).collect();
        let grid = thresholds::grid(scores.iter().map(|(confidence, _)| *confidence).collect());
        let likely = thresholds::likely(&grid, &scores, claims.quality);
        tracing::info!(%site, version = %trial.version(), audits = labelled.len(), "confidence learnt anew from audits");
        let candidate = Candidate { calibration: Some(calibration), grid, likely, ..Candidate::clone(candidate) };
        self.commit(writer, site, at_ms, Record::Candidate(candidate))
    }

    /// The newest answers of `version` that passed its verifiers, each prompt once; none that were compared before drift or
    /// another basis made what the teacher said then stale.
    pub(crate) fn labelled(&self, site: &SiteId, version: &VersionId) -> Vec<Labelled> {
        let (recent, mut prompts) = (self.recent.lock(), BTreeSet::new());
        let mut labelled = Vec::new();
        for entry in recent.iter().filter(|entry| entry.site == *site) {
            let audit = match &entry.record {
                Record::Audit(audit) => audit,
                Record::Switch(switch) if switch.basis.is_some() || switch.cause == Cause::Drift => {
                    labelled.clear();
                    prompts.clear();
                    continue;
                }
                _ => continue,
            };
            let AuditOutcome::Compared { quality, bad, verified: true, .. } = audit.outcome else { continue };
            if let Some(features) = audit.features.filter(|_| audit.version == *version && prompts.insert(audit.prompt))
            {
                labelled.push(Labelled { features, quality, bad });
            }
        }
        labelled
    }
}

pub(crate) fn is_turn(audits: u64) -> bool {
    audits.is_multiple_of(AUDITS) && (audits / AUDITS).is_power_of_two()
}
