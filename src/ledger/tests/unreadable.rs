//! Records that the log could not be read back from: a number that JSON cannot say ends no history.

use super::*;

#[test]
fn a_record_that_would_not_read_back_is_refused_and_harms_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    to_student(&ledger);
    let before = ledger.view(&shop()).unwrap();
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = [
            ledger.record_audit(&shop(), 5, compared("1", odd)),
            ledger.record_audit(&shop(), 5, Audit { outcome: answered(1.0, odd, true), ..compared("1", 1.0) }),
            ledger.record_failed_exam(&shop(), 5, version("2"), odd),
            ledger.add_candidate(&shop(), 5, Candidate { exam: odd, ..candidate(&ledger, "2") }),
            ledger.add_candidate(&shop(), 5, Candidate { grid: vec![0.5, odd], ..candidate(&ledger, "2") }),
        ];
        assert!(refused.iter().all(|done| matches!(done, Err(LedgerError::Unreadable))), "{refused:?}");
    }
    assert_eq!(ledger.view(&shop()).unwrap(), before, "it goes on as if nothing had been said");
    audit(&ledger, "1", 1.0);
    let before = ledger.view(&shop()).unwrap();
    drop(ledger);
    let ledger = open(dir.path());
    assert_eq!((ledger.view(&shop()).unwrap(), ledger.metrics.handover_log_damaged_total().get()), (before, 0));
}
