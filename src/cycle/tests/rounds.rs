//! The loop itself, with real folders, a real ledger and no child processes.

use super::*;
use crate::run::Memory;
use capture::{Appended, CaptureError, CaptureStore, Exchange};
use handover::{Audit, AuditOutcome, Basis, Candidate, Numbers, Policy};
use ledger::Ledger;
use parking_lot::Mutex;
use registry::Registry;
use rules::{LiveRules, Rules, SiteRules};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use verify::{Comparison, VerifierSettings, Verifiers};
use wire::Sampling;

/// An exchange log that fails for one site.
struct Broken(SiteId);

impl CaptureStore for Broken {
    fn append(&self, _: Vec<Exchange>) -> Result<Appended, CaptureError> {
        Ok(Appended::default())
    }
    fn scan(&self, site: &SiteId, _: Option<Uuid>, _: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        if *site == self.0 { Err(CaptureError::Damaged("a bad sector".into())) } else { Ok(()) }
    }
    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError> {
        Ok(BTreeSet::new())
    }
}

fn live_rules() -> LiveRules {
    let verifier_settings = VerifierSettings::default();
    let rules = SiteRules {
        policy: Policy::default(),
        basis: Basis::default(),
        measure_on: Basis::default(),
        judge: false,
        learns: true,
        verifiers: Arc::new(Verifiers::new(&verifier_settings).unwrap()),
        verifier_settings,
        comparison: Comparison::Exact,
        sampling: Sampling::Greedy,
        max_tokens: 9,
        capture: true,
    };
    LiveRules::new(Rules::new(rules, BTreeMap::new()))
}

fn cycle(root: &Path, ledger: &Arc<Ledger>, metrics: &Arc<Metrics>) -> Cycle {
    let student = StudentPaths {
        base: root.into(),
        graph: root.into(),
        format: "f32".into(),
        onnxruntime: None,
        encoder: None,
        context: 64,
        threads: 1,
        served: None,
    };
    let runner = LessonRunner {
        settings: LessonSettings { versions_kept: 1, ..LessonSettings::default() },
        program: "/bin/false".into(),
        student,
        captures: Arc::new(Broken(site("a-broken"))),
        drawing: Drawing::default(),
        ledger: ledger.clone(),
        registry: Registry::new(&root.join("registry")),
        rules: live_rules(),
        status: LessonStatus::new(root.join("lessons"), metrics.clone()),
        surroundings: Surroundings { requests_per_s: Box::new(|| 0.0), stop: tokio::sync::watch::channel(false).1 },
        clock: || 1_000_000,
    };
    Cycle {
        runner,
        retention: capture::Retention { default_ms: 1_000, sites: BTreeMap::new() },
        today: Box::new(SiteId::clone),
        requests: LessonRequests::default(),
        metrics: metrics.clone(),
        requests_per_s: Box::new(|_| 0.0),
    }
}

fn ledger(root: &Path, metrics: &Arc<Metrics>) -> Arc<Ledger> {
    Arc::new(Ledger::open_dir(&root.join("ledger"), live_rules(), metrics.clone(), 1).unwrap())
}

/// An exchange log that somebody wants to erase from while it is read.
struct Read {
    drawing: Drawing,
    may_erase: Mutex<Vec<bool>>,
}

impl CaptureStore for Read {
    fn append(&self, _: Vec<Exchange>) -> Result<Appended, CaptureError> {
        Ok(Appended::default())
    }
    fn scan(&self, _: &SiteId, _: Option<Uuid>, _: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        self.may_erase.lock().push(self.drawing.is_free());
        Ok(())
    }
    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError> {
        Ok(BTreeSet::new())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_erased_between_the_reading_of_examples_and_their_writing() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let ledger = ledger(dir.path(), &metrics);
    let mut cycle = cycle(dir.path(), &ledger, &metrics);
    let drawing = cycle.runner.drawing.clone();
    let read = Arc::new(Read { drawing: drawing.clone(), may_erase: Mutex::default() });
    cycle.runner.captures = read.clone();
    let folder = begun(cycle.runner.status.root(), "shop");
    assert!(matches!(cycle.runner.walk(&folder).await, Err(CycleError::TooFew { .. })));
    let may_erase = read.may_erase.lock().clone();
    assert!(!may_erase.is_empty() && may_erase.iter().all(|free| !free), "{may_erase:?}");
    assert!(drawing.is_free(), "it is held no longer than that");
}

#[test]
fn a_fault_of_one_site_does_not_cost_another_its_lesson() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let ledger = ledger(dir.path(), &metrics);
    for name in ["a-broken", "b-empty-file", "shop"] {
        assert!(ledger.register(&site(name)));
    }
    let cycle = cycle(dir.path(), &ledger, &metrics);
    let broken = begun(cycle.runner.status.root(), "b-empty-file");
    std::fs::write(broken.dir.join("outcome.json"), "").unwrap();
    cycle.requests.request(&site("shop"));
    let folder = cycle.next(&mut Memory::default()).unwrap().unwrap();
    assert_eq!((folder.site, folder.number), (site("shop"), 1));
    let blocked = cycle.runner.status.blocked_by(&site("a-broken")).unwrap();
    assert!(blocked.contains("a bad sector"), "{blocked}");
    assert_eq!(metrics.lesson_folders_damaged_total("b-empty-file").get(), 1);
    assert!(cycle.runner.status.blocked_by(&site("b-empty-file")).unwrap().contains("0 of 200"));
    // What was asked for is asked for once.
    assert!(cycle.next(&mut Memory::default()).unwrap().is_none());
}

#[test]
fn old_training_data_and_versions_that_nobody_uses_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let (ledger, shop) = (ledger(dir.path(), &metrics), site("shop"));
    assert!(ledger.register(&shop));
    let cycle = cycle(dir.path(), &ledger, &metrics);
    let from = dir.path().join("adapter");
    std::fs::create_dir_all(&from).unwrap();
    let publish = |content: &str| {
        std::fs::write(from.join("adapter_model.safetensors"), content).unwrap();
        cycle.runner.registry.publish(&shop, &from, serde_json::Value::Null).unwrap()
    };
    let (unused, tried, newest) = (publish("one"), publish("two"), publish("three"));
    let (policy, basis) = (Policy::default(), Basis::default());
    let candidate = Candidate {
        version: tried.clone(),
        grid: vec![0.0],
        likely: None,
        exam: 1.0,
        measure: None,
        calibration: None,
        policy,
        basis,
    };
    ledger.add_candidate(&shop, 1, candidate).unwrap();
    let lesson = begun(cycle.runner.status.root(), "shop");
    std::fs::create_dir_all(lesson.curriculum()).unwrap();
    for name in ["train.jsonl", "held_out.jsonl", "worst.json"] {
        std::fs::write(lesson.curriculum().join(name), "secret").unwrap();
    }
    // Drawn from an exchange of 500 seconds ago; the log keeps one second.
    let first = Some(Uuid::from_u128(500_000 << 80));
    let lineage = curriculum::Lineage { first, last: first, ..curriculum::Lineage::default() };
    files::replace_json(&lesson.curriculum().join("lineage.json"), &lineage).unwrap();
    lesson.end(&outcome(None)).unwrap();
    assert!(cycle.next(&mut Memory::default()).unwrap().is_none());
    let left: Vec<_> =
        std::fs::read_dir(lesson.curriculum()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lineage.json"]);
    assert_eq!(cycle.runner.registry.versions(&shop).unwrap(), [tried, newest]);
    assert!(cycle.runner.registry.open(&shop, &unused).is_err());
}

#[test]
fn a_lesson_that_waits_goes_on_when_one_is_due_and_is_given_up_with_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let (ledger, shop) = (ledger(dir.path(), &metrics), site("shop"));
    assert!(ledger.register(&shop));
    let mut cycle = cycle(dir.path(), &ledger, &metrics);
    cycle.retention = capture::Retention { default_ms: 600_000, sites: BTreeMap::new() };
    begun(cycle.runner.status.root(), "shop").end(&outcome(None)).unwrap();
    let lesson = begun(cycle.runner.status.root(), "shop");
    let data = lesson.curriculum().join("train.jsonl");
    std::fs::create_dir_all(lesson.curriculum()).unwrap();
    std::fs::write(&data, "secret").unwrap();
    // Drawn from an exchange of 500 seconds ago.
    let first = Some(Uuid::from_u128(500_000 << 80));
    let lineage = curriculum::Lineage { first, last: first, ..curriculum::Lineage::default() };
    files::replace_json(&lesson.curriculum().join("lineage.json"), &lineage).unwrap();
    assert!(cycle.next(&mut Memory::default()).unwrap().is_none());
    cycle.requests.request(&shop);
    assert_eq!(cycle.next(&mut Memory::default()).unwrap(), Some(lesson.clone()));
    assert!(data.is_file(), "a lesson that goes on needs its data");
    cycle.retention.default_ms = 1_000;
    cycle.requests.request(&shop);
    let next = cycle.next(&mut Memory::default()).unwrap().unwrap();
    assert_eq!((next.number, data.try_exists().unwrap()), (3, false));
    let ended: Outcome = lesson.read("outcome.json").unwrap().unwrap();
    assert!(ended.version.is_none() && ended.problem.unwrap().contains("waited"));
}

#[test]
fn the_data_of_lessons_under_a_former_name_is_kept_as_long_as_its_site_says() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let ledger = ledger(dir.path(), &metrics);
    // `found` had a record when it got its name, `bare` had none; `inn` is another site.
    for name in ["found", "shop"] {
        assert!(ledger.register(&site(name)));
    }
    let mut cycle = cycle(dir.path(), &ledger, &metrics);
    cycle.retention = capture::Retention { default_ms: 600_000, sites: [(site("shop"), 1_000)].into() };
    cycle.today = Box::new(|name| if ["found", "bare"].contains(&name.as_str()) { site("shop") } else { name.clone() });
    let drawn = ["found", "bare", "shop", "inn"].map(|name| {
        let lesson = begun(cycle.runner.status.root(), name);
        std::fs::create_dir_all(lesson.curriculum()).unwrap();
        std::fs::write(lesson.curriculum().join("train.jsonl"), "secret").unwrap();
        let first = Some(Uuid::from_u128(500_000 << 80));
        let lineage = curriculum::Lineage { first, last: first, ..curriculum::Lineage::default() };
        files::replace_json(&lesson.curriculum().join("lineage.json"), &lineage).unwrap();
        lesson.end(&outcome(None)).unwrap();
        lesson.curriculum().join("train.jsonl")
    });
    assert!(cycle.next(&mut Memory::default()).unwrap().is_none());
    assert_eq!(drawn.map(|data| data.is_file()), [false, false, false, true]);
}

#[test]
fn lessons_whose_versions_were_never_handed_over_are_fruitless() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let (ledger, shop) = (ledger(dir.path(), &metrics), site("shop"));
    assert!(ledger.register(&shop));
    let cycle = cycle(dir.path(), &ledger, &metrics);
    for version in [Some("1-a"), None, Some("2-b")] {
        begun(cycle.runner.status.root(), "shop").end(&outcome(version)).unwrap();
    }
    assert!(cycle.next(&mut Memory::default()).unwrap().is_none());
    let blocked = cycle.runner.status.blocked_by(&shop).unwrap();
    assert!(blocked.contains("of 1600 trainable"), "{blocked}");
}

#[test]
fn lessons_before_a_drift_were_not_fruitless() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let (ledger, shop) = (ledger(dir.path(), &metrics), site("shop"));
    assert!(ledger.register(&shop));
    let cycle = cycle(dir.path(), &ledger, &metrics);
    for version in ["1-a", "2-b"] {
        begun(cycle.runner.status.root(), "shop").end(&outcome(Some(version))).unwrap();
    }
    let candidate = Candidate {
        version: VersionId::new("2-b").unwrap(),
        grid: vec![0.0],
        likely: Some(0.0),
        exam: 1.0,
        measure: None,
        calibration: None,
        policy: Policy::default(),
        basis: Basis::default(),
    };
    ledger.add_candidate(&shop, 1, candidate).unwrap();
    let good_until = 300;
    for number in 2.. {
        let right = number < good_until;
        let numbers = Numbers::default();
        let quality = f64::from(u8::from(right));
        let outcome = AuditOutcome::Compared { quality, bad: !right, confidence: 1.0, verified: true, numbers };
        let (request, version) = (number.to_string(), VersionId::new("2-b").unwrap());
        let audit =
            Audit { request, version, served: true, prompt: number, near: number, user: None, features: None, outcome };
        ledger.record_audit(&shop, number, audit).unwrap();
        let stands = ledger.view(&shop).unwrap();
        if stands.stale_before_ms.is_some() {
            break;
        }
        assert!(number < good_until || stands.state == State::Student, "{stands:?}");
        assert!(number < 2 * good_until, "no drift: {stands:?}");
    }
    let waits = || {
        assert!(cycle.next(&mut Memory::default()).unwrap().is_none());
        cycle.runner.status.blocked_by(&shop).unwrap()
    };
    assert!(waits().contains("of 200 trainable"), "{}", waits());
    let after_ms = ledger.view(&shop).unwrap().stale_before_ms;
    Folder::begin(cycle.runner.status.root(), &shop, &Begun { after_ms }).unwrap().end(&outcome(Some("3-c"))).unwrap();
    assert!(waits().contains("of 400 trainable"), "a lesson after the drift counts: {}", waits());
}
