//! Names that nobody meant as call sites must not push out those that are.

use super::*;

fn site(name: &str) -> SiteId {
    SiteId::new(name).unwrap()
}

/// A ledger whose every place is taken by names that were asked for once; `shop` has a record.
fn full(dir: &Path) -> Ledger {
    let configured = BTreeMap::from([(site("configured"), site_rules(Policy::default(), "a"))]);
    let rules = LiveRules::new(Rules::new(site_rules(Policy::default(), "a"), configured));
    let ledger = Ledger::open_dir(dir, rules, metrics(), 1).unwrap();
    assert!(ledger.register(&shop()));
    operate(&ledger, OperatorAction::Hold).unwrap();
    let junk = (1..).map(|n| site(&format!("zunk-{n}"))).take_while(|name| ledger.register(name)).count();
    assert_eq!(junk, SITES_MAX - 1);
    ledger
}

#[test]
fn a_configured_site_always_gets_a_place() {
    let dir = tempfile::tempdir().unwrap();
    assert!(full(dir.path()).register(&site("configured")));
}

#[test]
fn a_name_that_is_asked_for_more_takes_the_place_of_an_idle_one() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = full(dir.path());
    let refused = ledger.metrics.sites_not_admitted_total().get();
    assert!(!ledger.register(&site("tavern")), "once is what the others were asked for too");
    assert_eq!(ledger.metrics.sites_not_admitted_total().get(), refused + 1);
    assert!(ledger.register(&site("tavern")));
    assert!(ledger.is_known(&site("tavern")) && ledger.is_known(&shop()), "what is recorded stays");
    // Names that come once each push nobody out.
    let before: Vec<_> = ledger.views().into_iter().map(|view| view.site).collect();
    (0..5_000).for_each(|n| assert!(!ledger.register(&site(&format!("zzz-{n}")))));
    assert_eq!(ledger.views().into_iter().map(|view| view.site).collect::<Vec<_>>(), before);
}

#[test]
fn a_busy_name_is_pushed_out_only_when_its_requests_are_long_past() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = full(dir.path());
    for view in ledger.views() {
        (0..9).for_each(|_| assert!(ledger.register(&view.site)));
    }
    (0..8).for_each(|_| assert!(!ledger.register(&site("tavern"))));
    // Half an hour later nobody has asked for any of them.
    for minute in (10..=40).step_by(10) {
        ledger.flush(minute * 60_000);
    }
    let admitted = (0..2).filter(|_| ledger.register(&site("tavern"))).count();
    assert_eq!(admitted, 1);
}

#[test]
fn a_site_without_a_record_can_be_forgotten_and_another_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = full(dir.path());
    assert!(ledger.is_bare(&site("zunk-1")) && !ledger.is_bare(&shop()));
    ledger.forget(&site("zunk-1"));
    ledger.forget(&shop());
    assert!(!ledger.is_known(&site("zunk-1")) && ledger.is_known(&shop()));
}
