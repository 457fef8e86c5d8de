use std::sync::Arc;

use callsite::SiteId;
use capture::{CaptureStore, Distillable, Exchange, Segments, Source};
use capture::{Redactor, SegmentLimits};
use fingerprint::Shape;
use handover::OperatorAction;
use ledger::Ledger;
use rules::LiveRules;
use telemetry::Metrics;
use uuid::Uuid;
use wire::Api;

use super::{Around, Found};
use crate::settings::Settings;

fn site(name: &str) -> SiteId {
    SiteId::new(name).unwrap()
}

fn exchange(of: &SiteId, at_ms: u64) -> Exchange {
    Exchange {
        id: Uuid::from_u128(u128::from(at_ms) << 80),
        site: of.clone(),
        at_ms,
        api: Api::Chat,
        source: Source::Teacher,
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable: Distillable::Yes,
        user: None,
        redacted: false,
        request: "{}".into(),
        response: "{}".into(),
    }
}

struct World {
    dir: tempfile::TempDir,
    settings: Settings,
    rules: LiveRules,
    ledger: Ledger,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::parse("").unwrap();
        let rules = LiveRules::new(settings.rules(&[("teacher".to_owned(), "t".to_owned())].into()).unwrap());
        let metrics = Arc::new(Metrics::new().unwrap());
        let ledger = Ledger::open_dir(&dir.path().join("ledger"), rules.clone(), metrics, 1).unwrap();
        Self { dir, settings, rules, ledger }
    }

    fn open(&self) -> Found {
        Found::open(&self.settings, self.dir.path(), self.rules.clone()).unwrap()
    }

    /// Has found one site.
    fn found(&self) -> (Found, SiteId) {
        let found = self.open();
        for number in 0..100 {
            let system = format!("You are Nr. {number}, smith of glass swords. Name a price and praise the blade.");
            found.finder.look_up(Shape::new("chat", "m", None, None), &system, &format!("Hi {number}"), true, 1);
        }
        let name = found.finder.mine(1, &Around { rules: &self.rules, ledger: &self.ledger }).found.pop().unwrap();
        (found, name)
    }
}

#[test]
fn a_named_site_keeps_its_exchanges_under_its_new_name() {
    let world = World::new();
    let (found, first) = world.found();
    let (dir, redactor) = (world.dir.path().join("capture"), Redactor::new(&[]).unwrap());
    let kept = Arc::new(Segments::open(&dir, SegmentLimits::NONE, redactor).unwrap());
    kept.append(vec![exchange(&first, 1), exchange(&first, 2), exchange(&site("other"), 3)]).unwrap();
    let captures = found.captures(kept);
    found.finder.rename(&first, &site("shop")).unwrap();
    captures.append(vec![exchange(&site("shop"), 4)]).unwrap();
    let scanned = |of: &str, after: Option<Uuid>| {
        let mut seen = Vec::new();
        captures.scan(&site(of), after, &mut |exchange| seen.push((exchange.site, exchange.at_ms))).unwrap();
        seen
    };
    let shop = |at_ms| (site("shop"), at_ms);
    assert_eq!(scanned("shop", None), [shop(1), shop(2), shop(4)]);
    assert_eq!(scanned("shop", Some(exchange(&first, 2).id)), [shop(4)]);
    assert_eq!(scanned("other", None).len(), 1);
    assert_eq!(captures.sites().unwrap(), [site("other"), site("shop")].into());
}

#[test]
fn what_a_person_changes_voids_evidence_is_on_disk_and_frees_the_former_name() {
    let world = World::new();
    let (found, first) = world.found();
    assert!(world.ledger.register(&first));
    let before = world.rules.of(&site("shop")).basis.clone();
    found.finder.rename(&first, &site("shop")).unwrap();
    found.changed(&world.ledger).unwrap();
    assert_eq!(world.rules.of(&site("shop")).basis.changed(&before), ["callsite"]);
    assert_eq!(world.rules.of(&site("other")).basis, before);
    assert!(!world.ledger.is_known(&first), "nothing was recorded of it");
    // Another process finds it as it is, the rules included.
    let again = World {
        ledger: world.ledger,
        rules: LiveRules::new(world.settings.rules(&Default::default()).unwrap()),
        ..world
    };
    assert_eq!(again.open().finder.sites(), found.finder.sites());
    assert_eq!(again.rules.of(&site("shop")).basis.0.get("callsite").map(String::as_str), Some("1"));
}

#[test]
fn a_name_with_a_record_stays_in_the_log() {
    let world = World::new();
    let (found, first) = world.found();
    assert!(world.ledger.register(&first));
    world.ledger.operate(&first, 1, OperatorAction::Hold, None, None).unwrap();
    found.finder.rename(&first, &site("shop")).unwrap();
    found.changed(&world.ledger).unwrap();
    assert!(world.ledger.is_known(&first));
}

#[test]
fn a_file_of_another_form_or_that_says_nothing_sensible_is_set_aside() {
    for text in ["{\"version\":99,\"sites\":[]}", "[]", "{\"version\":1,\"sites\":[{\"name\":\"a b\"}]}", "\u{0}"] {
        let world = World::new();
        std::fs::write(world.dir.path().join("found-sites.json"), text).unwrap();
        assert_eq!(world.open().finder.sites(), []);
        let names = std::fs::read_dir(world.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().any(|name| name.to_string_lossy().starts_with("found-sites.damaged-")), "{text}");
    }
}
