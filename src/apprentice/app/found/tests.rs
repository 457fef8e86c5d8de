use std::sync::Arc;

use callsite::SiteId;
use capture::{CaptureStore, Distillable, Erase, Exchange, Redactor, SegmentLimits, Segments, Source, Subject};
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
        Self::with("")
    }

    fn with(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::parse(settings).unwrap();
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
            let user = format!("Hi {number}, from nr{number}@mill.example with sk-{number:020}");
            found.finder.look_up(Shape::new("chat", "m", None, None), &system, &user, true, 1);
        }
        let around = Around { rules: &self.rules, ledger: &self.ledger, redactor: &found.redactor };
        let name = found.finder.mine(1, &around).found.pop().unwrap();
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

#[test]
fn what_must_not_be_stored_is_in_no_sample() {
    let shown = |world: &World| {
        let text = std::fs::read_to_string(world.dir.path().join("found-sites.json")).unwrap();
        let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        (kept["sites"][0]["samples"].to_string(), text)
    };
    let world = World::new();
    let (found, _) = world.found();
    found.keep().unwrap();
    let (samples, text) = shown(&world);
    assert!(samples.contains("@mill.example with [key]") && !text.contains("sk-0"), "{text}");
    // Other rules hold for what was kept before, too.
    let rule = "[capture]\nredact = [{ regex = '[a-z0-9]+@mill.example', replace = '[mail]' }]";
    let world = World { settings: Settings::parse(rule).unwrap(), ..world };
    let found = world.open();
    assert!(format!("{:?}", found.finder.views()[0].samples).contains("from [mail] with [key]"));
    let (samples, _) = shown(&world);
    assert!(samples.contains("from [mail] with [key]") && !samples.contains("@mill.example"), "{samples}");
    // A path leads into requests, and nobody can say where in one a text has stood.
    let world = World::with("[capture]\nredact = [{ path = '$.messages[1]' }]");
    let (found, _) = world.found();
    assert_eq!(found.finder.sites()[0].samples, []);
}

#[test]
fn a_named_site_is_erased_with_what_lies_under_its_former_name() {
    let world = World::new();
    let (found, first) = world.found();
    let (dir, redactor) = (world.dir.path().join("capture"), Redactor::new(&[]).unwrap());
    let kept = Segments::open(&dir, SegmentLimits::NONE, redactor).unwrap();
    let asked = |of: &SiteId, at_ms: u64| {
        let request = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{at_ms}"}}]}}"#);
        let message = r#"{"index":0,"message":{"content":"ok"},"finish_reason":"stop"}"#;
        let response = format!(r#"{{"model":"t","choices":[{message}]}}"#);
        Exchange { request, response, ..exchange(of, at_ms) }
    };
    kept.append(vec![asked(&first, 1), asked(&site("shop"), 2), asked(&site("other"), 3)]).unwrap();
    found.finder.rename(&first, &site("shop")).unwrap();
    found.changed(&world.ledger).unwrap();
    // A lesson before the naming and one after it; the second has read both names.
    let lessons = world.dir.path().join("lessons");
    let data = |of: &SiteId| lessons.join(of.as_str()).join("1/curriculum");
    for of in [&first, &site("shop")] {
        std::fs::create_dir_all(data(of)).unwrap();
        let line = |n| {
            format!(
                r#"{{"messages":[{{"role":"user","content":"{n}"}},{{"role":"assistant","content":"ok"}}]}}{}"#,
                '\n'
            )
        };
        std::fs::write(data(of).join("train.jsonl"), [1, 9].map(line).concat()).unwrap();
        std::fs::write(data(of).join("held_out.jsonl"), "").unwrap();
    }
    let finder = super::known_sites(&world.settings, world.dir.path()).unwrap();
    let erase = Erase { subject: Subject::Site(site("shop")), before_ms: None, set_aside: false };
    let erased = crate::app::erase(&kept, world.dir.path(), &finder, &erase).unwrap();
    assert_eq!((erased.log.exchanges, erased.lessons.examples), (2, 2));
    assert_eq!(kept.sites().unwrap(), [site("other")].into());
    for of in [&first, &site("shop")] {
        assert_eq!(std::fs::read_to_string(data(of).join("train.jsonl")).unwrap().lines().count(), 1, "{of}");
    }
    // Where nobody can say what sites were called, nothing is erased by half.
    std::fs::write(world.dir.path().join("found-sites.json"), "[]").unwrap();
    assert!(super::known_sites(&world.settings, world.dir.path()).is_err());
}

#[test]
fn what_is_erased_leaves_no_prompt_among_the_samples() {
    let world = World::new();
    let (found, name) = world.found();
    let kept =
        Segments::open(&world.dir.path().join("capture"), SegmentLimits::NONE, Redactor::new(&[]).unwrap()).unwrap();
    let samples = || {
        let text = std::fs::read_to_string(world.dir.path().join("found-sites.json")).unwrap();
        let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        kept["sites"][0]["samples"].as_array().unwrap().len()
    };
    let user = || Subject::User("nobody".into());
    for (subject, left) in [
        (Subject::Site(site("other")), 3),
        (Subject::Site(name.clone()), 0),
        (Subject::Site(SiteId::default_site()), 0),
        (user(), 0),
        (Subject::Exchange(Uuid::nil()), 0),
    ] {
        let (found, name) = if left == 3 { (found.clone(), name.clone()) } else { world.found() };
        found.keep().unwrap();
        assert_eq!((samples(), found.finder.sites()[0].name.clone()), (3, name.clone()));
        // Somebody who serves nothing erases.
        let finder = super::known_sites(&world.settings, world.dir.path()).unwrap();
        let erase = Erase { subject, before_ms: None, set_aside: false };
        crate::app::erase(&kept, world.dir.path(), &finder, &erase).unwrap();
        assert_eq!((samples(), finder.sites()[0].templates.len()), (left, 1), "{erase:?}");
        std::fs::remove_file(world.dir.path().join("found-sites.json")).unwrap();
    }
    // What could not be read may hold some: it is named, and goes when it is said.
    let aside = world.dir.path().join("found-sites.damaged-1");
    std::fs::write(&aside, "secret").unwrap();
    for set_aside in [false, true] {
        let erase = Erase { subject: user(), before_ms: None, set_aside };
        let erased = crate::app::erase(&kept, world.dir.path(), &found.finder, &erase).unwrap();
        assert_eq!(erased.log.set_aside.len(), usize::from(!set_aside), "{:?}", erased.log);
        assert_eq!(aside.try_exists().unwrap(), !set_aside);
    }
}
