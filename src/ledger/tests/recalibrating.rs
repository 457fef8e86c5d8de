//! A version in Shadow whose confidence says nothing learns another one from its audits.

use verify::Features;
use wire::Signals;

use super::*;

/// Of ten answers six are sure and good; only the entropy says which. By the version's own confidence they are all alike.
fn audited(ledger: &Ledger, at: u32) {
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
    let audit = Audit { prompt, near: prompt, features: Some(features), outcome, ..compared("1", 1.0) };
    ledger.record_audit(&shop(), 5, audit).unwrap();
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
    assert_eq!(ledger.labelled(&shop(), &version("1")).len(), 7, "the same prompts, compared with another teacher");
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
