use std::collections::BTreeMap;
use std::sync::Arc;

use callsite::SiteId;
use handover::{Basis, Policy};
use verify::{Comparison, VerifierSettings, Verifiers};
use wire::Sampling;

use crate::{LiveRules, Rules, SiteRules};

fn rules(max_tokens: u32) -> SiteRules {
    let verifier_settings = VerifierSettings::default();
    SiteRules {
        policy: Policy::default(),
        basis: Basis::default(),
        measure_on: Basis::default(),
        judge: false,
        learns: true,
        verifiers: Arc::new(Verifiers::new(&verifier_settings).unwrap()),
        verifier_settings,
        comparison: Comparison::Exact,
        sampling: Sampling::Greedy,
        max_tokens,
        capture: true,
    }
}

#[test]
fn a_site_without_rules_of_its_own_has_the_defaults_and_a_replacement_holds_at_once() {
    let (shop, inn) = (SiteId::new("shop").unwrap(), SiteId::new("inn").unwrap());
    let live = LiveRules::new(Rules::new(rules(1), BTreeMap::from([(shop.clone(), rules(2))])));
    let other = live.clone();
    let before = live.of(&shop);
    assert_eq!((before.max_tokens, live.of(&inn).max_tokens), (2, 1));
    assert_eq!(live.snapshot().configured().collect::<Vec<_>>(), [&shop]);
    other.replace(Rules::new(rules(3), BTreeMap::new()));
    assert_eq!((before.max_tokens, live.of(&shop).max_tokens), (2, 3));
}
