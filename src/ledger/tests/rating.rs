//! Whose answer a person rates.

use super::memory::{MemoryLog, Mode};
use super::*;
use crate::RatingRequest;

fn asked(request: &str, version_: Option<&str>, good: bool) -> RatingRequest {
    RatingRequest {
        request: request.into(),
        version: version_.map(version),
        good,
        reason: None,
        actor: None,
        compared: None,
    }
}

fn audited(ledger: &Ledger, request: &str, served: bool) {
    let audit = Audit { request: request.into(), served, ..compared("1", 1.0) };
    ledger.record_audit(&shop(), 5, audit).unwrap();
}

#[test]
fn a_served_answer_is_rated_once_and_it_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    audited(&ledger, "r1", true);
    let rating = ledger.rate(&shop(), 6, asked("r1", None, false)).unwrap();
    assert_eq!((rating.version.as_str(), rating.confidence.is_some(), rating.good), ("1", true, false));
    let again = ledger.rate(&shop(), 7, asked("r1", None, true)).unwrap_err();
    assert_eq!(again.to_string(), "request `r1` is rated already, and a rating stands");
    let before = ledger.view(&shop()).unwrap();
    assert_eq!((before.rated_good, before.rated_bad), (0, 1));
    assert_eq!(ledger.metrics.ratings_total("shop", "bad").get(), 1);
    drop(ledger);
    assert_eq!(open(dir.path()).view(&shop()).unwrap(), before);
}

#[test]
fn only_what_the_student_said_to_a_client_can_be_rated() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let problem = |asked| ledger.rate(&shop(), 6, asked).unwrap_err();
    assert!(matches!(problem(asked("r1", None, true)), LedgerError::UnknownSite(_)));
    to_student(&ledger);
    audited(&ledger, "r1", false);
    assert!(matches!(problem(asked("r1", None, true)), LedgerError::NotTheStudents(_)), "the client saw the teacher's");
    assert!(matches!(problem(asked("r2", None, true)), LedgerError::UnknownRequest(_)));
    assert!(matches!(problem(asked("r2", Some("2"), true)), LedgerError::NotServing { .. }));
    assert_eq!(ledger.rate(&shop(), 6, asked("r2", Some("1"), true)).unwrap().confidence, None);
    ledger.operate(&shop(), 7, OperatorAction::Hold, None, None).unwrap();
    assert!(matches!(problem(asked("r3", Some("1"), true)), LedgerError::NotServing { .. }), "nobody is served");
}

#[test]
fn complaints_send_the_site_back_to_the_teacher() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    let rated = (0..50).take_while(|at| ledger.rate(&shop(), 6, asked(&at.to_string(), Some("1"), false)).is_ok());
    assert!((2..20).contains(&rated.count()));
    let view = ledger.view(&shop()).unwrap();
    assert_eq!((view.state, view.last_switch.unwrap().cause), (State::Teacher, Cause::Drift));
}

#[test]
fn an_answer_of_the_teachers_is_no_versions_whoever_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    audited(&ledger, "r1", false);
    let problem = ledger.rate(&shop(), 6, asked("r1", Some("1"), false)).unwrap_err();
    assert!(matches!(problem, LedgerError::NotTheStudents(_)), "{problem}");
    audited(&ledger, "r2", true);
    let problem = ledger.rate(&shop(), 6, asked("r2", Some("2"), false)).unwrap_err();
    assert_eq!(problem.to_string(), "request `r2` was answered by version `1`, not by `2`");
    assert_eq!(ledger.view(&shop()).unwrap().rated_bad, 0);
    // Another site's request of that name is another request.
    let inn = SiteId::new("inn").unwrap();
    assert!(ledger.register(&inn));
    let audit = Audit { request: "r3".into(), served: true, ..compared("1", 1.0) };
    ledger.record_audit(&inn, 5, audit).unwrap();
    let problem = ledger.rate(&shop(), 6, asked("r3", None, false)).unwrap_err();
    assert!(matches!(problem, LedgerError::UnknownRequest(_)), "{problem}");
}

#[test]
fn beside_a_challengers_canary_the_version_that_answered_is_rated() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    ledger.add_candidate(&shop(), 2, candidate(&ledger, "2")).unwrap();
    let standing = || ledger.known(&shop()).unwrap().lock().site.clone();
    let problem = ledger.rate(&shop(), 3, asked("r0", Some("2"), false)).unwrap_err();
    assert!(matches!(problem, LedgerError::NotServing { .. }), "nobody has seen it");
    while standing().challenger.as_ref().unwrap().step.is_none() {
        audit(&ledger, "2", 1.0);
    }
    // Its own answer, and one of the incumbent's or the teacher's that the challenger was compared on.
    for (request, served) in [("r1", true), ("r2", false)] {
        let audit = Audit { request: request.into(), served, ..compared("2", 1.0) };
        ledger.record_audit(&shop(), 5, audit).unwrap();
    }
    assert_eq!(ledger.rate(&shop(), 6, asked("r1", None, false)).unwrap().version, version("2"));
    assert!(matches!(ledger.rate(&shop(), 6, asked("r2", None, false)), Err(LedgerError::NotTheStudents(_))));
    assert_eq!(ledger.rate(&shop(), 6, asked("r2", Some("1"), true)).unwrap().version, version("1"));
    let rated: Vec<_> = standing().live().map(|trial| (trial.rated_good, trial.rated_bad)).collect();
    assert_eq!(rated, [(1, 0), (0, 1)]);
}

#[test]
fn ids_and_reasons_have_a_size() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    for request in ["", &"x".repeat(100_000)] {
        let problem = ledger.rate(&shop(), 6, asked(request, Some("1"), true)).unwrap_err();
        assert!(matches!(problem, LedgerError::Text { what: "request", .. }), "{problem}");
    }
    let long = || Some("\u{e9}".repeat(5_000));
    let wordy = RatingRequest { reason: long(), ..asked("r1", Some("1"), true) };
    let problem = ledger.rate(&shop(), 6, wordy).unwrap_err();
    assert_eq!(problem.to_string(), "the reason has 10000 bytes; 0 to 4096 are allowed");
    let nameless = RatingRequest { actor: long(), ..asked("r1", Some("1"), true) };
    assert!(matches!(ledger.rate(&shop(), 6, nameless), Err(LedgerError::Text { what: "actor", .. })));
    for request in ["../../etc/passwd", "r\u{e9}ponse \u{1F409}", "{\"a\":\n null}"] {
        let said = RatingRequest { reason: Some("\u{202e}two\nlines".into()), ..asked(request, Some("1"), true) };
        assert_eq!(ledger.rate(&shop(), 6, said).unwrap().request, request);
    }
    let before = ledger.view(&shop()).unwrap();
    drop(ledger);
    assert_eq!(open(dir.path()).view(&shop()).unwrap(), before);
}

#[test]
fn of_many_who_rate_one_answer_at_once_one_is_heard() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    audited(&ledger, "r1", true);
    let heard = std::thread::scope(|scope| {
        let raters: Vec<_> =
            (0..8).map(|_| scope.spawn(|| ledger.rate(&shop(), 6, asked("r1", None, false)))).collect();
        raters.into_iter().map(|rater| rater.join().unwrap()).filter(Result::is_ok).count()
    });
    assert_eq!((heard, ledger.view(&shop()).unwrap().rated_bad), (1, 1));
}

#[test]
fn a_log_that_cannot_be_used_is_what_the_answer_says() {
    let (log, metrics) = (MemoryLog::default(), metrics());
    let open_on = || Ledger::open(Box::new(log.clone()), live_rules(), metrics.clone(), 1).unwrap();
    let ledger = open_on();
    to_student(&ledger);
    audited(&ledger, "r1", true);
    drop(ledger);
    // Never read: nobody knows what is served, or was audited.
    log.set(Mode::Broken);
    let ledger = open_on();
    assert!(matches!(ledger.rate(&shop(), 6, asked("r1", None, false)), Err(LedgerError::LogUnavailable)));
    assert!(ledger.register(&shop()));
    assert!(matches!(ledger.rate(&shop(), 6, asked("r1", None, false)), Err(LedgerError::LogUnavailable)));
    log.set(Mode::Well);
    ledger.flush(100_000);
    // The disk fills up under a rating.
    log.set(Mode::Broken);
    assert!(matches!(ledger.rate(&shop(), 6, asked("r1", None, false)), Err(LedgerError::Io { .. })));
    assert_eq!((ledger.view(&shop()).unwrap().rated_bad, metrics.ratings_total("shop", "bad").get()), (0, 0));
    log.set(Mode::Well);
    ledger.flush(200_000);
    ledger.rate(&shop(), 6, asked("r1", None, false)).unwrap();
    assert_eq!((ledger.view(&shop()).unwrap().rated_bad, metrics.ratings_total("shop", "bad").get()), (1, 1));
}

#[test]
fn a_rating_that_is_written_is_heard_though_what_it_calls_for_cannot_be() {
    let (log, metrics) = (MemoryLog::default(), metrics());
    let ledger = Ledger::open(Box::new(log.clone()), live_rules(), metrics, 1).unwrap();
    to_student(&ledger);
    // The switch that complaints call for needs the marks.
    log.set(Mode::MarksBroken);
    let mut heard = 0;
    while ledger.is_available() && heard < 50 {
        ledger.rate(&shop(), 6, asked(&heard.to_string(), Some("1"), false)).unwrap();
        heard += 1;
    }
    assert!((2..20).contains(&heard), "{heard}");
    log.set(Mode::Well);
    ledger.flush(100_000);
    let view = ledger.view(&shop()).unwrap();
    assert_eq!((view.state, view.last_switch.unwrap().cause), (State::Teacher, Cause::Drift));
}
