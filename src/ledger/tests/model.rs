//! Random histories with rule changes, crashes and write errors against the reference, and each killed at any record of
//! its log. `PROPTEST_CASES` sets how many.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::memory::{MemoryLog, Mode};
use super::reference::Allowed;
use super::*;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// Of the incumbent (0), the challenger (1) or a version named by the rest; how it went; how often.
    Audits(u8, u8, u8),
    Candidate(u8),
    FailedExam,
    /// The teacher is asked twice, so often.
    Repeats(u8),
    Failures(u8, u8),
    Answer(u8),
    /// Of the incumbent (0) or the challenger (1).
    Rate(u8, bool),
    Hold,
    Promote,
    Pause,
    Resume,
    Cap(u8),
    Shadow,
    Rollback,
    RollbackTo(u8),
    Discard(u8),
    Rules(u8, u8),
    Crash,
    Disk(u8),
    Flush,
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..4u8, 0..10u8, 1..30u8).prop_map(|(who, how, times)| Step::Audits(who, how, times)),
        8 => (1..6u8).prop_map(Step::Candidate),
        1 => Just(Step::FailedExam),
        3 => (1..4u8).prop_map(Step::Repeats),
        3 => (0..2u8, 1..5u8).prop_map(|(who, times)| Step::Failures(who, times)),
        2 => (0..2u8).prop_map(Step::Answer),
        1 => (0..2u8, proptest::bool::ANY).prop_map(|(who, good)| Step::Rate(who, good)),
        3 => Just(Step::Hold),
        5 => Just(Step::Promote),
        2 => Just(Step::Pause),
        3 => Just(Step::Resume),
        2 => (1..6u8).prop_map(Step::Cap),
        1 => Just(Step::Shadow),
        1 => Just(Step::Rollback),
        3 => (1..6u8).prop_map(Step::RollbackTo),
        1 => (1..6u8).prop_map(Step::Discard),
        3 => (0..3u8, 0..8u8).prop_map(|(policy, basis)| Step::Rules(policy, basis / 6)),
        5 => Just(Step::Crash),
        5 => (0..7u8).prop_map(Step::Disk),
        6 => Just(Step::Flush),
        2 => Just(Step::Compact),
    ]
}

/// What a person may rely on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hold {
    Free,
    /// In force and on disk.
    Written,
    /// In force; a crash may lose it.
    InMemory,
    /// A write whose fate nobody was told of.
    Unknown,
}

struct Run {
    log: MemoryLog,
    /// What was in force when the log had so many records.
    in_force: Vec<(usize, Site)>,
    rules: LiveRules,
    metrics: Arc<Metrics>,
    ledger: Option<Ledger>,
    now_ms: u64,
    hold: Hold,
}

impl Run {
    fn new() -> Self {
        let mut run = Self {
            log: MemoryLog::default(),
            in_force: Vec::new(),
            rules: LiveRules::new(rules(quick(0), "0")),
            metrics: metrics(),
            ledger: None,
            now_ms: 1,
            hold: Hold::Free,
        };
        run.open();
        run
    }

    fn open(&mut self) {
        self.ledger = None;
        self.ledger = Some(self.opened(&self.log));
    }

    fn opened(&self, log: &MemoryLog) -> Ledger {
        let store = Box::new(log.clone());
        let ledger = Ledger::open(store, self.rules.clone(), self.metrics.clone(), self.now_ms).unwrap();
        assert!(ledger.register(&shop()));
        ledger
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    fn version_of(&self, who: u8) -> VersionId {
        let view = self.ledger().view(&shop()).unwrap();
        let named = || version(&who.to_string());
        match who {
            0 => view.version.unwrap_or_else(named),
            1 => view.challenger.map_or_else(named, |next| next.version),
            _ => named(),
        }
    }

    fn audits(&self, who: u8, how: u8, times: u8) {
        let outcome = match how {
            0 => AuditOutcome::NoAnswer,
            1 => answered(1.0, 0.9, false),
            2 => answered(0.1, 0.9, true),
            3 => answered(0.1, 0.2, true),
            _ => answered(1.0, 0.95, true),
        };
        let version = self.version_of(who);
        for _ in 0..if how < 4 { times / 4 + 1 } else { times } {
            let audit = Audit { outcome, ..compared(version.as_str(), 0.0) };
            drop(self.ledger().record_audit(&shop(), self.now_ms, audit));
        }
    }

    fn repeats(&self, times: u8) {
        for _ in 0..times {
            let prompt = compared("1", 1.0).prompt;
            let repeat = Repeat::of(prompt, "Which?", ["a rope", "a rope"], 1e-6, &verify::rouge_l, None);
            drop(self.ledger().record_repeat(&shop(), self.now_ms, repeat));
        }
    }

    /// What moves no hold.
    fn steer(&self, action: OperatorAction) {
        drop(self.ledger().operate(&shop(), self.now_ms, action, None, None));
    }

    fn operate(&mut self, action: OperatorAction) {
        let outcome = self.ledger().operate(&shop(), self.now_ms, action.clone(), None, None);
        let stops = matches!(action, OperatorAction::Hold | OperatorAction::Rollback { to: None });
        self.hold = match (outcome, self.hold) {
            (Ok(outcome), _) if stops => {
                if outcome.written {
                    Hold::Written
                } else {
                    Hold::InMemory
                }
            }
            (Err(error), _) if stops => panic!("a hold or a rollback was refused: {error}"),
            (Ok(_), hold) if matches!(action, OperatorAction::Discard { .. }) => hold,
            (Ok(outcome), _) => {
                if outcome.written {
                    Hold::Free
                } else {
                    Hold::Unknown
                }
            }
            // Refused: as it was.
            (Err(_), hold) => hold,
        };
    }

    fn take(&mut self, step: &Step) {
        self.now_ms += 1;
        match *step {
            Step::Audits(who, how, times) => self.audits(who, how, times),
            Step::Candidate(name) => {
                let candidate = candidate(self.ledger(), &name.to_string());
                drop(self.ledger().add_candidate(&shop(), self.now_ms, candidate));
            }
            Step::FailedExam => drop(self.ledger().record_failed_exam(&shop(), self.now_ms, version("9"), 0.1)),
            Step::Repeats(times) => self.repeats(times),
            Step::Failures(who, times) => {
                let version = self.version_of(who);
                (0..times).for_each(|_| self.ledger().student_failed(&shop(), &version, self.now_ms));
            }
            Step::Answer(who) => self.ledger().student_answered(&shop(), &self.version_of(who), 5, self.now_ms),
            Step::Rate(who, good) => {
                let (request, version) = (self.now_ms.to_string(), Some(self.version_of(who)));
                let asked = RatingRequest { request, version, good, reason: None, actor: None, compared: None };
                drop(self.ledger().rate(&shop(), self.now_ms, asked));
            }
            Step::Hold => self.operate(OperatorAction::Hold),
            Step::Promote => self.operate(OperatorAction::Promote),
            Step::Pause => self.steer(OperatorAction::Pause),
            Step::Resume => self.steer(OperatorAction::Resume),
            Step::Cap(fifths) => self.steer(OperatorAction::Cap { share: f64::from(fifths) / 5.0 }),
            Step::Shadow => self.operate(OperatorAction::Shadow),
            Step::Rollback => self.operate(OperatorAction::Rollback { to: None }),
            Step::RollbackTo(name) => self.operate(OperatorAction::Rollback { to: Some(version(&name.to_string())) }),
            Step::Discard(name) => self.operate(OperatorAction::Discard { version: version(&name.to_string()) }),
            Step::Rules(policy, basis) => {
                self.rules.replace(rules(quick(policy), &basis.to_string()));
                drop(self.ledger().rules_changed(self.now_ms));
            }
            Step::Crash => {
                if self.hold == Hold::InMemory {
                    self.hold = Hold::Unknown;
                }
                self.open();
            }
            Step::Disk(mode) => self.log.set(match mode {
                0 => Mode::Broken,
                1 => Mode::WrittenYetBroken,
                2 => Mode::MarksBroken,
                _ => Mode::Well,
            }),
            Step::Flush => {
                self.now_ms += 40_000;
                self.ledger().flush(self.now_ms);
            }
            Step::Compact => {
                let mut writer = self.ledger().writer.lock();
                if writer.usable {
                    writer.uncompacted = 9_999;
                }
            }
        }
        let available = self.ledger().is_available();
        if self.hold == Hold::InMemory && available {
            self.hold = Hold::Written;
        }
        if self.hold == Hold::Unknown && available {
            let held = self.ledger().view(&shop()).unwrap().state == State::Held;
            self.hold = if held { Hold::Written } else { Hold::Free };
        }
    }

    /// What must be true after every step.
    fn check(&mut self) {
        let ledger = self.ledger.as_ref().unwrap();
        let view = ledger.view(&shop()).unwrap();
        let available = ledger.is_available();
        if matches!(self.hold, Hold::Written | Hold::InMemory) && (available || self.hold == Hold::InMemory) {
            assert_eq!(view.state, State::Held, "a hold was lost: {:?}", self.hold);
        }
        let disk = self.log.0.lock();
        let allowed = Allowed::of(&disk.all);
        if available {
            let replayed = replayed(&disk.all);
            let slot = ledger.known(&shop()).unwrap();
            let live = slot.lock();
            assert_eq!(*live.site, replayed, "what is in force is not what the log says");
            assert_eq!(view.state, allowed.state);
            self.in_force.push((disk.all.len(), replayed));
        }
        for route in [0.0, 0.1, 0.3, 0.6, 0.99] {
            let plan = ledger.plan(&shop(), Dice { route, audit: 0.999 });
            if let Route::Student { candidate, .. } = &plan.route {
                let version = &candidate.version;
                assert!(available && view.state.is_serving(), "{view:?}");
                let by = [&allowed.incumbent, &allowed.challenger];
                assert!(by.contains(&&Some(version.clone())), "{version} serves: {allowed:?}");
                assert!(!allowed.discarded.contains(version));
            }
            let expected = match (available, view.state) {
                (true, State::Student | State::Canary) => route < view.student_share,
                _ => false,
            };
            let failing = plan.because == Because::StudentFailing;
            assert_eq!(plan.route != Route::Teacher, expected && !failing, "{plan:?} {:?}", view.state);
        }
    }
}

fn replayed(entries: &[Entry]) -> Site {
    let mut site = Site::default();
    entries.iter().for_each(|entry| site.apply(entry.at_ms, &entry.record));
    site
}

impl Run {
    /// Killed after a part of its records, with no snapshot and no marks: the log says what was in force then, and what
    /// the next start adds has its ground.
    fn killed(&self, part: f64) {
        let all = self.log.0.lock().all.clone();
        let kept = all[..(all.len() as f64 * part) as usize].to_vec();
        let then = replayed(&kept);
        for (_, in_force) in self.in_force.iter().filter(|(records, _)| *records == kept.len()) {
            assert_eq!(then, *in_force, "killed after {} records", kept.len());
        }
        let log = MemoryLog::default();
        log.0.lock().entries.clone_from(&kept);
        log.0.lock().all = kept;
        let ledger = self.opened(&log);
        assert!(ledger.is_available());
        let disk = log.0.lock();
        let live = ledger.known(&shop()).unwrap();
        assert_eq!(*live.lock().site, replayed(&disk.all));
        assert_eq!(Allowed::of(&disk.all).state, ledger.view(&shop()).unwrap().state);
        if then.state == State::Held {
            assert_eq!(live.lock().site.state, State::Held);
        }
    }

    /// The kinds of record in its log.
    fn kinds(&self) -> BTreeSet<&'static str> {
        let kind = |entry: &Entry| match &entry.record {
            Record::Audit(_) => "audit",
            Record::Candidate(_) => "candidate",
            Record::FailedExam { .. } => "failed exam",
            Record::Rating(_) => "rating",
            Record::Repeat { .. } => "repeat",
            Record::Measure { .. } => "measure",
            Record::Switch(switch) if switch.basis.is_some() => "basis",
            Record::Switch(switch) if !switch.discarded.is_empty() => "discard",
            Record::Switch(switch) if switch.share_max.is_some() => "cap",
            Record::Switch(switch) if switch.paused.is_some() && switch.moves_nobody() => "pause",
            Record::Switch(switch) if switch.paused.is_some() => "shadow",
            Record::Switch(switch) => switch.cause.label(),
        };
        self.log.0.lock().all.iter().map(kind).collect()
    }
}

/// Five hundred by default, the same ones every time; ten thousand new ones take minutes.
fn runner() -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = |cases| ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    match asked {
        Some(cases) => TestRunner::new(config(cases)),
        None => TestRunner::new_with_rng(config(500), TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    }
}

#[test]
fn in_any_history_who_serves_has_evidence_holds_hold_and_the_log_says_what_is_in_force() {
    let mut runner = runner();
    let cases = runner.config().cases;
    let mut served = 0u32;
    let mut replaced = 0u32;
    let mut kinds = BTreeSet::new();
    let counted = std::cell::RefCell::new((&mut served, &mut replaced, &mut kinds));
    let kills = proptest::array::uniform3(0.0..1.0f64);
    runner
        .run(&(proptest::collection::vec(step(), 1..80), kills), |(steps, kills)| {
            let mut run = Run::new();
            for step in &steps {
                run.take(step);
                run.check();
            }
            kills.into_iter().for_each(|part| run.killed(part));
            let mut counted = counted.borrow_mut();
            counted.2.extend(run.kinds());
            let disk = run.log.0.lock();
            let switched = |role, to| {
                let is = |entry: &Entry| matches!(&entry.record, Record::Switch(s) if s.role == role && s.to == to);
                u32::from(disk.all.iter().any(is))
            };
            *counted.0 += switched(Role::Incumbent, State::Student);
            *counted.1 += switched(Role::Challenger, State::Student);
            Ok(())
        })
        .unwrap();
    // The histories go where it matters.
    assert!(served > cases / 6 && replaced > cases / 100, "{served} served, {replaced} replaced");
    // The budgets' causes are there as well where there are many histories.
    let always =
        "audit basis candidate cap discard drift evidence failures measure operator pause rating repeat shadow";
    let missing: Vec<&str> = always.split(' ').filter(|kind| !kinds.contains(kind)).collect();
    assert!(missing.is_empty() && kinds.contains("failed exam"), "no history has {missing:?}");
}
