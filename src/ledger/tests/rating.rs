//! Whose answer a person rates.

use super::*;
use crate::RatingRequest;

fn asked(request: &str, version_: Option<&str>, good: bool) -> RatingRequest {
    RatingRequest { request: request.into(), version: version_.map(version), good, reason: None, actor: None }
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
