//! Restarts, actions and figures over a log on disk.

use handover::Health;

use super::*;

#[test]
fn a_restart_stands_where_it_stood() {
    let dir = tempfile::tempdir().unwrap();
    let before = {
        let ledger = open(dir.path());
        to_student(&ledger);
        ledger.view(&shop()).unwrap()
    };
    let ledger = open(dir.path());
    assert_eq!(ledger.view(&shop()).unwrap(), before);
    assert!(matches!(ledger.plan(&shop(), DICE).route, Route::Student { .. }));
}

#[test]
fn a_rollback_holds_from_the_next_request_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let ledger = open(dir.path());
        to_student(&ledger);
        let outcome = operate(&ledger, OperatorAction::Rollback { to: None }).unwrap();
        assert!(outcome.written && outcome.switch.to == State::Held);
        assert_eq!(ledger.plan(&shop(), DICE), held());
    }
    let ledger = open(dir.path());
    assert_eq!(ledger.plan(&shop(), DICE), held());
    let last = ledger.entries(Some(&shop()), None, 1);
    assert!(
        matches!(&last[0].record, Record::Switch(switch) if switch.reason.as_deref() == Some("players complained"))
    );
    assert_eq!(ledger.view(&shop()).unwrap().discarded_versions, [version("1")]);
}

#[test]
fn every_switch_is_in_the_log_and_in_the_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = metrics();
    let ledger = Ledger::open_dir(dir.path(), live_rules(), metrics.clone(), 1).unwrap();
    to_student(&ledger);
    assert_eq!(metrics.site_state("shop", "student").get(), 1.0);
    ledger.flush(2);
    assert_eq!(metrics.evidence_audits("shop").get(), 120.0);
    assert!(metrics.quality_lower_bound("shop").get() > 0.9);
    assert_eq!((metrics.raw_quality("shop").get(), metrics.coverage("shop").get()), (1.0, 1.0));
    assert!(metrics.log_e_value("shop").get() >= metrics.log_e_threshold("shop").get());
    assert!(metrics.drift_log_statistic("shop").get() < metrics.drift_log_threshold("shop").get());
    assert_eq!((metrics.coverage_lost("shop").get(), metrics.site_paused("shop").get()), (0.0, 0.0));
    assert!(metrics.calibration_error("shop").get() < 0.01, "always sure and always right");
    assert_eq!(metrics.measure_info("shop", "exact").get(), 1.0);
    let again = Audit { prompt: u64::MAX, near: u64::MAX, ..compared("1", 1.0) };
    (0..3).for_each(|_| ledger.record_audit(&shop(), 3, again.clone()).unwrap());
    ledger.flush(3);
    assert_eq!(metrics.evidence_repeats("shop", "repeat").get(), 2.0);
    assert_eq!(metrics.student_share("shop").get(), 1.0);
    assert_eq!(metrics.confidence_threshold("shop").get(), 0.0);
    assert_eq!(metrics.quality_threshold("shop").get(), 0.9);
    (0..20).for_each(|_| audit(&ledger, "1", 0.0));
    let switches: Vec<(State, State)> = ledger
        .entries(None, None, 10_000)
        .iter()
        .rev()
        .filter_map(|entry| match &entry.record {
            Record::Switch(switch) => Some((switch.from, switch.to)),
            _ => None,
        })
        .collect();
    use State::{Canary, Shadow, Student, Teacher};
    assert_eq!(
        switches,
        [(Teacher, Shadow), (Shadow, Canary), (Canary, Canary), (Canary, Student), (Student, Teacher)]
    );
    assert_eq!(metrics.rollbacks_total("shop", "drift").get(), 1);
    let on = |cause| metrics.rollbacks_total("shop", cause).get();
    assert_eq!((on("candidate"), on("evidence")), (0, 0), "only a switch away from a serving version is one");
    assert_eq!(metrics.handover_transitions_total("shop", "canary", "canary", "evidence").get(), 1);
    assert_eq!(metrics.site_state("shop", "student").get(), 0.0);
}

#[test]
fn a_student_that_keeps_failing_is_sent_away_at_once_and_in_the_log_with_the_next_flush() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    let before = ledger.entries(None, None, 1)[0].seq;
    (0..20).for_each(|_| ledger.student_failed(&shop(), &version("1"), 3));
    assert_eq!(ledger.plan(&shop(), DICE), Plan::teacher(Because::StudentFailing));
    assert_eq!(ledger.entries(None, None, 1)[0].seq, before, "no disk was touched");
    ledger.flush(9);
    assert_eq!(state(&ledger), State::Teacher);
    let last = &ledger.entries(None, None, 1)[0];
    assert!(matches!(&last.record, Record::Switch(switch) if switch.cause == Cause::Failures), "{last:?}");
    assert_eq!((last.seq, last.at_ms), (before + 1, 3));
}

#[test]
fn answers_between_failures_keep_a_student_within_its_error_budget() {
    let failing_one_of = |every: u32| {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path());
        to_student(&ledger);
        (0..19).for_each(|_| ledger.student_failed(&shop(), &version("1"), 3));
        for at in 1..1_000 {
            ledger.student_answered(&shop(), &version("1"), 5, 3);
            if at % every == 0 {
                ledger.student_failed(&shop(), &version("1"), 3);
            }
        }
        ledger.flush(9);
        let view = ledger.view(&shop()).unwrap();
        let told = ledger.metrics.budget_log_statistic("shop", "errors").get();
        assert!((view.state == State::Teacher) || (told > -1.0 && told < view.drift_alarm), "{told}");
        (view.state, view.last_switch.unwrap().cause)
    };
    assert_eq!(failing_one_of(50), (State::Student, Cause::Evidence), "2 %");
    assert_eq!(failing_one_of(3), (State::Teacher, Cause::ErrorBudget), "25 %");
}

#[test]
fn attempts_of_versions_that_are_not_here_are_not_counted() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    (0..30).for_each(|_| ledger.student_failed(&shop(), &version("2"), 3));
    ledger.flush(9);
    let slot = ledger.known(&shop()).unwrap();
    assert_eq!(slot.lock().health, Health::default());
}

#[test]
fn audits_without_an_answer_send_a_student_away_for_failures_and_not_for_drift() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    let none = Audit { outcome: AuditOutcome::NoAnswer, ..compared("1", 0.0) };
    (0..20).for_each(|_| ledger.record_audit(&shop(), 3, none.clone()).unwrap());
    let view = ledger.view(&shop()).unwrap();
    assert_eq!((view.state, view.stale_before_ms), (State::Teacher, None));
    assert_eq!(view.last_switch.unwrap().cause, Cause::Failures);
}

#[test]
fn a_release_over_a_restart_stays_released() {
    let dir = tempfile::tempdir().unwrap();
    {
        let ledger = open(dir.path());
        to_student(&ledger);
        operate(&ledger, OperatorAction::Hold).unwrap();
        operate(&ledger, OperatorAction::Promote).unwrap();
        assert_eq!(state(&ledger), State::Canary);
    }
    assert_eq!(state(&open(dir.path())), State::Canary);
}

#[test]
fn sites_past_the_cap_go_to_the_teacher() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let site = |n: usize| SiteId::new(&format!("s{n}")).unwrap();
    (0..SITES_MAX).for_each(|n| assert!(ledger.register(&site(n))));
    assert!(!ledger.register(&site(SITES_MAX)));
    assert_eq!(ledger.plan(&site(SITES_MAX), DICE), Plan::teacher(Because::TooManySites));
    assert!(ledger.register(&site(0)));
    assert_eq!(ledger.plan(&site(0), DICE), Plan::teacher(Because::State(State::Teacher)));
}

#[test]
fn an_action_at_an_unknown_site_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = operate(&open(dir.path()), OperatorAction::Hold).unwrap_err();
    assert!(error.to_string().contains("no call site `shop`"));
}

#[test]
fn a_second_process_is_told_that_the_log_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path());
    let second = Ledger::open_dir(dir.path(), live_rules(), metrics(), 1);
    assert!(matches!(second.err(), Some(LedgerError::InUse(path)) if path == dir.path()));
}

#[test]
fn a_discarded_version_is_not_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    operate(&ledger, OperatorAction::Discard { version: version("1") }).unwrap();
    assert_eq!(state(&ledger), State::Teacher);
    let error = ledger.add_candidate(&shop(), 3, candidate(&ledger, "1")).unwrap_err();
    assert!(error.to_string().contains("version `1` was discarded"), "{error}");
    assert_eq!(state(&ledger), State::Teacher);
}

#[test]
fn a_version_that_is_on_trial_already_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    ledger.add_candidate(&shop(), 3, candidate(&ledger, "1")).unwrap();
    let view = ledger.view(&shop()).unwrap();
    assert_eq!((view.candidates, view.challenger.is_none()), (1, true));
    assert!(ledger.record_failed_exam(&shop(), 3, version("2"), 0.1).is_ok());
    assert!(matches!(&ledger.entries(None, None, 1)[0].record, Record::FailedExam { exam, .. } if *exam == 0.1));
}

#[test]
fn entries_are_paged_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    let inn = SiteId::new("inn").unwrap();
    assert!(ledger.register(&inn));
    ledger.record_failed_exam(&inn, 5, version("1"), 0.0).unwrap();
    let seqs = |before, limit| ledger.entries(None, before, limit).iter().map(|entry| entry.seq).collect::<Vec<_>>();
    let last = seqs(None, 1)[0];
    assert_eq!(seqs(None, 3), [last, last - 1, last - 2]);
    assert_eq!(seqs(Some(last - 2), 2), [last - 3, last - 4]);
    assert_eq!(seqs(Some(0), 2), Vec::<u64>::new());
    assert_eq!(ledger.entries(Some(&inn), None, 9).len(), 1);
    assert_eq!(ledger.entries(Some(&shop()), Some(last), 1)[0].seq, last - 1);
}

#[test]
fn changed_rules_hold_at_once_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let ledger = open(dir.path());
        to_student(&ledger);
        ledger.rules.replace(rules(Policy { quality_min: 0.92, ..Policy::default() }, "a"));
        ledger.rules_changed(4).unwrap();
        let view = ledger.view(&shop()).unwrap();
        assert_eq!((view.state, view.quality_min), (State::Student, 0.90));
        let challenger = view.challenger.unwrap();
        assert_eq!((challenger.version, challenger.policy.quality_min), (version("1"), 0.92));
    }
    // The rules of the restart are those of the first start again, on another basis.
    let other = LiveRules::new(rules(Policy::default(), "b"));
    let ledger = Ledger::open_dir(dir.path(), other, metrics(), 5).unwrap();
    let view = ledger.view(&shop()).unwrap();
    assert_eq!((view.state, view.audits), (State::Shadow, 0));
    let entries = ledger.entries(None, None, 5);
    let reasons: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Switch(switch) if switch.cause == Cause::BasisChanged => switch.reason.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, ["teacher"]);
}

#[test]
fn a_candidate_examined_under_old_rules_is_tried_under_todays() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    assert!(ledger.register(&shop()));
    let old = candidate(&ledger, "1");
    ledger.rules.replace(rules(Policy { quality_min: 0.92, ..Policy::default() }, "b"));
    ledger.add_candidate(&shop(), 1, old).unwrap();
    let view = ledger.view(&shop()).unwrap();
    assert_eq!((view.state, view.policy.quality_min, view.audits), (State::Shadow, 0.92, 0));
}

#[test]
fn a_clock_that_was_ahead_when_drift_was_found_makes_no_later_exchange_stale() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    (0..20).for_each(|_| ledger.record_audit(&shop(), 9_000, compared("1", 0.0)).unwrap());
    let stale = |ledger: &Ledger| ledger.view(&shop()).unwrap().stale_before_ms;
    assert_eq!((state(&ledger), stale(&ledger)), (State::Teacher, Some(9_000)));
    ledger.flush(500);
    assert_eq!(stale(&ledger), Some(500));
    ledger.flush(700);
    assert_eq!(stale(&ledger), Some(500), "what came since is fresh");
    // A later drift is another moment.
    ledger.add_candidate(&shop(), 800, candidate(&ledger, "2")).unwrap();
    (0..200).for_each(|_| ledger.record_audit(&shop(), 900, compared("2", 1.0)).unwrap());
    (0..20).for_each(|_| ledger.record_audit(&shop(), 1_000, compared("2", 0.0)).unwrap());
    ledger.flush(1_100);
    assert_eq!(stale(&ledger), Some(1_000));
}

#[test]
fn a_view_shows_the_step_the_challenger_and_the_policy() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    assert!(ledger.register(&shop()));
    ledger.add_candidate(&shop(), 1, candidate(&ledger, "1")).unwrap();
    (0..200).find(|_| {
        audit(&ledger, "1", 1.0);
        state(&ledger) == State::Canary
    });
    audit(&ledger, "1", 1.0);
    let view = ledger.view(&shop()).unwrap();
    let step = view.canary_step.unwrap();
    assert_eq!((step.step, step.steps, step.share, step.audits_left, view.student_share), (1, 2, 0.1, 9, 0.1));
    assert!(view.log_available && view.drift.is_some() && (view.drift_alarm - 10_000f64.ln()).abs() < 1e-12);
    (0..40).for_each(|_| audit(&ledger, "1", 1.0));
    ledger.add_candidate(&shop(), 1, candidate(&ledger, "2")).unwrap();
    audit(&ledger, "2", 0.5);
    let challenger = ledger.view(&shop()).unwrap().challenger.unwrap();
    assert_eq!((challenger.state, challenger.audits, challenger.quality), (State::Shadow, 1, Some(0.5)));
    assert_eq!((challenger.share, challenger.canary_step, challenger.confidence_threshold), (0.0, None, None));
    (0..120).for_each(|_| audit(&ledger, "2", 1.0));
    let challenger = ledger.view(&shop()).unwrap().challenger;
    let (state, share) = challenger.map_or((State::Student, 1.0), |next| (next.state, next.share));
    assert!(state == State::Canary && share == 0.1 || ledger.view(&shop()).unwrap().version == Some(version("2")));
    assert_eq!(ledger.views().len(), 1);
}

#[test]
fn a_view_names_what_is_on_trial_or_proven_and_says_what_was_handed_over() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    assert!(ledger.register(&shop()));
    ledger.add_candidate(&shop(), 1, candidate(&ledger, "1")).unwrap();
    let says = |name: &str| {
        let view = ledger.view(&shop()).unwrap();
        (view.names(&version(name)), view.handed_over(&version(name)))
    };
    assert_eq!((says("1"), says("2")), ((true, false), (false, false)));
    (0..200).find(|_| {
        audit(&ledger, "1", 1.0);
        state(&ledger) == State::Canary
    });
    assert_eq!((says("1"), says("2")), ((true, true), (false, false)));
    (0..40).for_each(|_| audit(&ledger, "1", 1.0));
    ledger.add_candidate(&shop(), 1, candidate(&ledger, "2")).unwrap();
    assert_eq!((says("1"), says("2"), says("3")), ((true, true), (true, false), (false, false)));
    let view = ledger.view(&shop()).unwrap();
    assert_eq!(view.active().map(VersionId::as_str).collect::<Vec<_>>(), ["1", "2"]);
    operate(&ledger, OperatorAction::Hold).unwrap();
    assert_eq!((says("1"), says("2")), ((true, true), (true, false)), "proven, whoever serves");
}

#[test]
fn the_newest_ten_thousand_entries_can_be_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    for seq in 0..10_001 {
        let record = Record::FailedExam { version: version("1"), exam: 0.0 };
        ledger.remember(Entry { seq, at_ms: 1, site: shop(), record });
    }
    let entries = ledger.entries(None, None, usize::MAX);
    assert_eq!((entries.len(), entries[9_999].seq), (10_000, 1));
}

#[test]
fn ten_thousand_entries_become_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    assert!(ledger.register(&shop()));
    ledger.writer.lock().uncompacted = 9_998;
    let after = || {
        ledger.record_failed_exam(&shop(), 1, version("1"), 0.0).unwrap();
        (ledger.writer.lock().uncompacted, dir.path().join("snapshot.json").try_exists().unwrap())
    };
    assert_eq!((after(), after(), after()), ((9_999, false), (0, true), (1, true)));
}
