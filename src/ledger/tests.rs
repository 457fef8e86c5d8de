//! The ledger over a log on disk and over one that fails on demand.

mod damage;
mod disk;
mod failing;
mod memory;
mod model;
mod places;
mod rating;
mod recalibrating;
mod reference;
mod unreadable;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use callsite::{SiteId, VersionId};
use handover::policy::step;
use handover::*;
use rules::{LiveRules, Rules, SiteRules};
use telemetry::Metrics;
use verify::{Comparison, Measure, Repeat, VerifierSettings, Verifiers};
use wire::Sampling;

use crate::*;

/// On the basis "1" the site's own answers choose the measure, on any other it is given.
fn site_rules(policy: Policy, basis: &str) -> SiteRules {
    let comparison = if basis == "1" { Comparison::Auto } else { Comparison::Exact };
    let verifier_settings = VerifierSettings::default();
    SiteRules {
        policy,
        basis: Basis([("teacher".to_owned(), basis.to_owned())].into()),
        measure_on: Basis([("teacher".to_owned(), basis.to_owned())].into()),
        judge: false,
        learns: true,
        verifiers: Arc::new(Verifiers::new(&verifier_settings).unwrap()),
        verifier_settings,
        comparison,
        sampling: Sampling::Greedy,
        max_tokens: 1,
        capture: true,
    }
}

fn rules(policy: Policy, basis: &str) -> Rules {
    Rules::new(site_rules(policy, basis), BTreeMap::new())
}

fn live_rules() -> LiveRules {
    LiveRules::new(rules(Policy::default(), "a"))
}

/// Proves within a few audits.
fn quick(variant: u8) -> Policy {
    Policy {
        quality_min: 0.6 - 0.02 * f64::from(variant),
        quality_floor: 0.5,
        promote_alpha: 0.3,
        risk_alpha: 0.3,
        risk_delta: 0.4,
        drift_audits: 60.0,
        canary: vec![step(0.2, 2), step(0.5, 3)],
        failures_max: 4,
        repeats: 2,
        ..Policy::default()
    }
}

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new().unwrap())
}

fn open(dir: &Path) -> Ledger {
    Ledger::open_dir(dir, live_rules(), metrics(), 1).unwrap()
}

fn shop() -> SiteId {
    SiteId::new("shop").unwrap()
}

fn version(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

const DICE: Dice = Dice { route: 0.0, audit: 0.9 };

fn held() -> Plan {
    Plan::teacher(Because::State(State::Held))
}

fn candidate(ledger: &Ledger, name: &str) -> Candidate {
    let rules = ledger.rules.of(&shop());
    let (policy, basis) = (rules.policy.clone(), rules.basis.clone());
    Candidate {
        version: version(name),
        grid: vec![0.5, 0.0],
        likely: Some(0.0),
        exam: 1.0,
        measure: Some(Measure::Exact),
        calibration: None,
        policy,
        basis,
    }
}

/// An audit of a prompt that nobody asked before.
fn compared(name: &str, quality: f64) -> Audit {
    static ASKED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let prompt = ASKED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let outcome = answered(quality, 1.0, true);
    Audit {
        request: "r".into(),
        version: version(name),
        served: false,
        prompt,
        near: prompt,
        user: None,
        features: None,
        outcome,
    }
}

fn answered(quality: f64, confidence: f64, verified: bool) -> AuditOutcome {
    AuditOutcome::Compared { quality, bad: quality < 0.5, confidence, verified, numbers: Numbers::default() }
}

fn audit(ledger: &Ledger, name: &str, quality: f64) {
    ledger.record_audit(&shop(), 1, compared(name, quality)).unwrap();
}

fn state(ledger: &Ledger) -> State {
    ledger.view(&shop()).unwrap().state
}

/// Puts version `1` on trial and proves it.
fn to_student(ledger: &Ledger) {
    assert!(ledger.register(&shop()));
    ledger.add_candidate(&shop(), 1, candidate(ledger, "1")).unwrap();
    (0..120).for_each(|_| audit(ledger, "1", 1.0));
    assert_eq!(state(ledger), State::Student);
}

fn operate(ledger: &Ledger, action: OperatorAction) -> Result<Outcome, LedgerError> {
    ledger.operate(&shop(), 2, action, Some("players complained".into()), Some("tester".into()))
}
