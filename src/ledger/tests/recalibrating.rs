//! A version in Shadow whose confidence says nothing learns another one from its audits.

use verify::Features;
use wire::Signals;

use super::*;
use crate::recalibrate::is_turn;

/// Of ten answers six are sure and good; only the entropy says which. By the version's own confidence they are all alike.
fn audited(ledger: &Ledger, at: u32) {
    ledger.record_audit(&shop(), 5, audit_of(ledger, at)).unwrap();
}

fn audit_of(ledger: &Ledger, at: u32) -> Audit {
    let standing = ledger.known(&shop()).unwrap().lock().site.clone();
    let sure = at % 10 < 6;
    let good = sure != (at.is_multiple_of(97));
    let spread = f32::from(u16::try_from(at * 5 % 11).unwrap()) / 40.0;
    let mean_entropy = if sure { spread } else { 1.0 + spread };
    let signals = Signals { tokens: 9, min_logprob: -0.1, mean_entropy, ..Signals::default() };
    let features = Features::of(&signals);
    let calibration = standing.incumbent.as_ref().unwrap().candidate.calibration.clone();
    let confidence = verify::thresholds::confidence(&features, calibration.as_ref());
    let quality = f64::from(u8::from(good));
    let numbers = Numbers::default();
    let outcome = AuditOutcome::Compared { quality, bad: !good, confidence, verified: true, numbers };
    let prompt = u64::from(at);
    Audit { prompt, near: prompt, features: Some(features), outcome, ..compared("1", 1.0) }
}

#[test]
fn a_site_that_could_never_be_proven_is_served_by_a_confidence_learnt_from_audits() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    assert!(ledger.register(&shop()));
    let started = candidate(&ledger, "1");
    ledger.add_candidate(&shop(), 1, started).unwrap();
    (1..=199).for_each(|at| audited(&ledger, at));
    let trial = |ledger: &Ledger| ledger.known(&shop()).unwrap().lock().site.incumbent.clone().unwrap();
    assert_eq!((trial(&ledger).number, trial(&ledger).audits(), trial(&ledger).proven), (1, 199, None));
    audited(&ledger, 200);
    assert_eq!((trial(&ledger).number, trial(&ledger).audits()), (2, 0), "new evidence, a smaller share of the budget");
    assert!(trial(&ledger).candidate.calibration.is_some());
    let audits = (201..1_200).take_while(|at| {
        audited(&ledger, *at);
        state(&ledger) == State::Shadow
    });
    let audits = audits.count();
    assert!((20..600).contains(&audits), "{audits}");
    let view = ledger.view(&shop()).unwrap();
    assert!(view.coverage > 0.5 && view.coverage < 0.7, "{}", view.coverage);
    drop(ledger);
    assert_eq!(open(dir.path()).view(&shop()).unwrap().version, view.version, "a replay says the same");
}

#[test]
fn what_is_proven_or_learns_nothing_keeps_its_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    for at in 0..500_u64 {
        let features = Some(Features::of(&Signals { tokens: 9, ..Signals::default() }));
        ledger
            .record_audit(&shop(), 5, Audit { prompt: 1_000 + at, near: at, features, ..compared("1", 1.0) })
            .unwrap();
    }
    assert_eq!(ledger.view(&shop()).unwrap().candidates, 1);
    let (dir, without) = (tempfile::tempdir().unwrap(), 500_u64);
    let ledger = open(dir.path());
    assert!(ledger.register(&shop()));
    let started = candidate(&ledger, "1");
    ledger.add_candidate(&shop(), 1, started).unwrap();
    for at in 0..without {
        let quality = f64::from(u8::from(at.is_multiple_of(3)));
        ledger.record_audit(&shop(), 5, Audit { prompt: at, near: at, ..compared("1", quality) }).unwrap();
    }
    assert_eq!((ledger.view(&shop()).unwrap().candidates, state(&ledger)), (1, State::Shadow), "no features, no fit");
}

#[test]
fn what_was_compared_on_another_basis_or_before_drift_teaches_no_confidence() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    assert!(ledger.register(&shop()));
    let started = candidate(&ledger, "1");
    ledger.add_candidate(&shop(), 1, started).unwrap();
    (1..=30).for_each(|at| audited(&ledger, at));
    assert_eq!(ledger.labelled(&shop(), &version("1")).len(), 30);
    ledger.rules.replace(rules(Policy::default(), "b"));
    ledger.rules_changed(6).unwrap();
    (1..=7).for_each(|at| audited(&ledger, at));
    let labelled = || ledger.labelled(&shop(), &version("1")).len();
    assert_eq!(labelled(), 7, "the same prompts, compared with another teacher");
    // Known prompts, other versions and what the verifiers refuse teach nothing.
    audited(&ledger, 7);
    let write = |audit| ledger.record_audit(&shop(), 5, audit).unwrap();
    write(Audit { version: version("2"), ..audit_of(&ledger, 8) });
    write(Audit { outcome: answered(1.0, 0.9, false), ..audit_of(&ledger, 9) });
    assert_eq!(labelled(), 7);
    let standing = ledger.known(&shop()).unwrap().lock().site.clone();
    let drift = Switch {
        cause: Cause::Drift,
        ..standing.operate(5, &Policy::default(), &OperatorAction::Hold, None, None).unwrap()
    };
    ledger.commit(&mut ledger.writer.lock(), &shop(), 5, Record::Switch(drift)).unwrap();
    assert_eq!(labelled(), 0);
}

/// What is decided from the newest entries is the same whether they were read from a snapshot, a log or were there.
#[test]
fn a_confidence_is_learnt_the_same_over_restarts_and_a_snapshot() {
    let learnt = |snapshot_at: u32, restart_at: u32| {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(dir.path());
        assert!(ledger.register(&shop()));
        let started = candidate(&ledger, "1");
        ledger.add_candidate(&shop(), 1, started).unwrap();
        for at in 1..=200 {
            if at == snapshot_at {
                ledger.writer.lock().uncompacted = 9_999;
            }
            if at == restart_at {
                let before = (ledger.views(), ledger.entries(None, None, usize::MAX));
                drop(ledger);
                ledger = open(dir.path());
                assert_eq!((ledger.views(), ledger.entries(None, None, usize::MAX)), before);
            }
            audited(&ledger, at);
        }
        let standing = ledger.known(&shop()).unwrap().lock().site.clone();
        drop(ledger);
        let again = open(dir.path()).known(&shop()).unwrap().lock().site.clone();
        assert_eq!(*again, *standing, "a replay says the same");
        standing.incumbent.as_ref().unwrap().candidate.calibration.clone()
    };
    let undisturbed = learnt(0, 0);
    assert!(undisturbed.is_some());
    for (snapshot_at, restart_at) in [(0, 150), (100, 150), (150, 100), (199, 200), (200, 0)] {
        assert_eq!(learnt(snapshot_at, restart_at), undisturbed, "{snapshot_at} {restart_at}");
    }
}

#[test]
fn a_version_that_serves_is_proven_or_is_challenged_keeps_its_confidence() {
    assert_eq!([199, 200, 399, 400, 600, 800, 1_000].map(is_turn), [false, true, false, true, false, true, false]);
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    assert!(ledger.register(&shop()));
    let started = candidate(&ledger, "1");
    ledger.add_candidate(&shop(), 1, started).unwrap();
    (1..200).for_each(|at| audited(&ledger, at));
    // The audit of its turn, not yet followed by anything.
    let mut writer = ledger.writer.lock();
    let last = audit_of(&ledger, 200);
    ledger.commit(&mut writer, &shop(), 5, Record::Audit(last)).unwrap();
    let slot = ledger.known(&shop()).unwrap();
    let stood = slot.lock().site.clone();
    let mut trials_if = |before: u64, change: &dyn Fn(&mut Site)| {
        change(Arc::make_mut(&mut slot.lock().site));
        ledger.recalibrate(&mut writer, &shop(), 6, before).unwrap();
        std::mem::replace(&mut slot.lock().site, stood.clone()).trials
    };
    let trial = stood.incumbent.as_ref().unwrap();
    let proven = gate::Proven { level: 0, tau: 0.5, coverage: 0.1 };
    assert_eq!(trials_if(200, &|_| {}), 1, "the audit was no evidence");
    assert_eq!(trials_if(199, &|site| site.challenger = Some(trial.clone())), 1);
    assert_eq!(trials_if(199, &|site| site.state = State::Held), 1);
    assert_eq!(trials_if(199, &|site| site.incumbent.as_mut().unwrap().proven = Some(proven)), 1, "covers too little");
    assert_eq!(trials_if(199, &|_| {}), 2);
}
