//! A real gateway on a real socket between a scripted client, teacher and students, with a real ledger whose
//! site `shop` was brought to a state by evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use callsite::{MatchRules, SiteId, VersionId};
use capture::{Appended, CaptureError, CaptureStore, Distillable, Exchange, Writer, WriterSettings};
use fingerprint::{Discover, Finder, FinderSettings, Split};
use handover::policy::step;
use handover::{Audit, AuditOutcome, Basis, Candidate, Dice, Numbers, OperatorAction, Policy, Record, State};
use ledger::Ledger;
use net::Listener;
use parking_lot::Mutex;
use rules::{LiveRules, Rules, SiteRules};
use teacher::{Price, Prices};
use telemetry::Metrics;
use tokio::sync::watch;
use uuid::Uuid;
use verify::{Comparison, Measure, VerifierSettings, Verifiers};
use wire::Sampling;

use super::client::{self, Reply};
use super::students::ScriptedStudents;
use super::teacher::ScriptedTeacher;
use super::{DEADLINE, until};
use crate::{
    Activity, Auditor, Audits, Callsites, Continued, Early, Gateway, Judging, Repeats, Sentinels, Spans, serve,
};

/// Audits that would bring any version anywhere.
const EVIDENCE_MAX: u64 = 100;

/// The world's clock.
pub(super) const NOW_MS: u64 = 1_700_000_000_000;

pub(super) fn site(name: &str) -> SiteId {
    SiteId::new(name).unwrap()
}

pub(super) fn version(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

/// What a test chooses of its world.
pub(super) struct Setup {
    /// Where `shop` stands, with version `1-a`.
    pub(super) state: State,
    pub(super) policy: Policy,
    pub(super) verifiers: VerifierSettings,
    pub(super) comparison: Comparison,
    pub(super) capture: bool,
    pub(super) student_time: Duration,
    pub(super) dice: Dice,
    pub(super) judge: Option<Arc<dyn Judging>>,
    /// What `1-a` is measured by, where it is not what the rules name.
    pub(super) measure: Option<Measure>,
    /// Whether audits are worked on from the start.
    pub(super) auditing: bool,
    pub(super) matching: MatchRules,
    pub(super) alias_model: Option<String>,
    /// The clock stands still: with a window every repeated body is one.
    pub(super) repeat_window_ms: u64,
    pub(super) offline_fallback: bool,
    pub(super) parameters: wire::ParameterRules,
    pub(super) spans: Option<Arc<dyn Spans>>,
    pub(super) resilience: teacher::Resilience,
    /// A teacher of the test's own.
    pub(super) teacher_at: Option<SocketAddr>,
}

impl Setup {
    /// `shop` stands in `state` and nothing is audited.
    pub(super) fn new(state: State) -> Self {
        let canary = if state == State::Canary { vec![step(0.5, 1_000_000)] } else { vec![] };
        let policy = Policy {
            quality_min: 0.3,
            quality_floor: 0.2,
            promote_alpha: 0.5,
            risk_alpha: 0.5,
            risk_delta: 0.5,
            drift_audits: 1e12,
            coverage_min: 0.0,
            audit_share_shadow: 1e-9,
            audit_share_serving: 1e-9,
            canary,
            ..Policy::default()
        };
        Self {
            state,
            policy,
            verifiers: VerifierSettings::default(),
            comparison: Comparison::Exact,
            capture: true,
            student_time: DEADLINE,
            dice: Dice { route: 0.0, audit: 0.5 },
            judge: None,
            measure: None,
            auditing: true,
            matching: MatchRules::default(),
            alias_model: None,
            repeat_window_ms: 0,
            offline_fallback: false,
            parameters: wire::ParameterRules::default(),
            spans: None,
            resilience: teacher::Resilience::default(),
            teacher_at: None,
        }
    }

    /// `shop` stands in `state` and every request is audited.
    pub(super) fn audited(state: State) -> Self {
        let mut setup = Self::new(state);
        (setup.policy.audit_share_shadow, setup.policy.audit_share_serving) = (1.0, 1.0);
        setup
    }

    fn callsites(&self, finder: &Arc<Finder>) -> Callsites {
        let (rules, alias_model) = (self.matching.clone(), self.alias_model.clone());
        Callsites { rules, alias_model, finder: finder.clone() }
    }

    /// Of the scripted teacher at `address`, or the test's own.
    fn endpoint(&self, address: SocketAddr) -> teacher::Endpoint {
        let url = format!("http://{}/v1", self.teacher_at.unwrap_or(address));
        teacher::Endpoint::new(&url, None, None).unwrap().with_resilience(self.resilience)
    }

    fn rules(&self) -> SiteRules {
        SiteRules {
            policy: self.policy.clone(),
            basis: Basis::default(),
            measure_on: Basis::default(),
            judge: self.judge.is_some(),
            learns: true,
            verifiers: Arc::new(Verifiers::new(&self.verifiers).unwrap()),
            verifier_settings: self.verifiers.clone(),
            comparison: self.comparison,
            sampling: Sampling::Greedy,
            max_tokens: 9,
            capture: self.capture,
        }
    }
}

/// Exchanges in memory.
#[derive(Default)]
struct Kept(Mutex<Vec<Exchange>>);

impl CaptureStore for Kept {
    fn append(&self, exchanges: Vec<Exchange>) -> Result<Appended, CaptureError> {
        let kept = exchanges.len() as u64;
        self.0.lock().extend(exchanges);
        Ok(Appended { kept, ..Appended::default() })
    }
    fn scan(&self, _: &SiteId, _: Option<Uuid>, _: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        Ok(())
    }
    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError> {
        Ok(BTreeSet::new())
    }
}

/// Everything that runs.
pub(super) struct World {
    pub(super) teacher: ScriptedTeacher,
    pub(super) students: ScriptedStudents,
    pub(super) ledger: Arc<Ledger>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) rules: LiveRules,
    pub(super) address: SocketAddr,
    pub(super) finder: Arc<Finder>,
    pub(super) gateway: Arc<Gateway>,
    /// Until somebody works on them.
    audits: Option<Audits>,
    kept: Arc<Kept>,
    measure: Option<Measure>,
    /// Audits of `shop` that brought it to its state.
    evidence: usize,
    stop: watch::Sender<bool>,
    writer: Option<Writer>,
    dir: tempfile::TempDir,
}

const CONNECTIONS: net::Limits =
    net::Limits { connections_max: 64, header_time: Duration::from_secs(60), drain_time: Duration::from_secs(10) };

impl World {
    pub(super) fn start(setup: Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let rules = LiveRules::new(Rules::new(setup.rules(), BTreeMap::new()));
        let ledger = Ledger::open_dir(&dir.path().join("ledger"), rules.clone(), metrics.clone(), 1).unwrap();
        let (ledger, kept, students) = (Arc::new(ledger), Arc::new(Kept::default()), ScriptedStudents::new());
        let settings = FinderSettings { discover: Discover::Learn, split: Split::Templates, sites_max: 9 };
        let finder = Arc::new(Finder::new(settings, Vec::new()));
        let teacher = ScriptedTeacher::start();
        let settings = WriterSettings { queue_bytes_max: 64 << 20, retry_pause: DEADLINE };
        let (capture, writer) = Writer::start(kept.clone(), metrics.clone(), settings).unwrap();
        let (auditor, audits) = Auditor::channel();
        let gateway = Arc::new(Gateway {
            guard: crate::Guard::default(),
            keys: crate::Keys::default(),
            body_bytes_max: 8 << 20,
            connections: CONNECTIONS,
            endpoint: setup.endpoint(teacher.address),
            parameters: setup.parameters.clone(),
            distillable: Distillable::Yes,
            rules: rules.clone(),
            callsites: setup.callsites(&finder),
            repeats: Repeats::new(setup.repeat_window_ms),
            early: Early::default(),
            continued: Continued::default(),
            ledger: ledger.clone(),
            students: Arc::new(students.clone()),
            student_time: setup.student_time,
            capture: Some(capture),
            auditor,
            similarity: Arc::new(verify::rouge_l),
            judge: setup.judge.clone(),
            sentinels: Sentinels::default(),
            outages: crate::Outages::default(),
            spans: setup.spans.clone(),
            upgrades: crate::Upgrades::default(),
            offline_fallback: setup.offline_fallback,
            activity: Arc::new(Activity::default()),
            prices: Prices::of_everything(Price { input: 1e6, output: 2e6, since: None }),
            metrics: metrics.clone(),
            dice: Box::new(move || setup.dice),
            clock: || NOW_MS,
        });
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let (address, (stop, stopped)) = (listener.address(), watch::channel(false));
        serve(&gateway, listener, &stopped).unwrap();
        let (audits, writer) = (Some(audits), Some(writer));
        let mut world = Self {
            teacher,
            students,
            ledger,
            metrics,
            rules,
            address,
            finder,
            gateway,
            audits,
            kept,
            measure: setup.measure.clone(),
            evidence: 0,
            stop,
            writer,
            dir,
        };
        world.bring_to(setup.state, &setup.policy);
        world.evidence = world.audits().len();
        if setup.auditing {
            world.work_on_audits();
        }
        world
    }

    /// Begins to work on the audits that wait and on those to come.
    pub(super) fn work_on_audits(&mut self) {
        let (audits, gateway, mut stop) = (self.audits.take().unwrap(), self.gateway.clone(), self.stop.subscribe());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    ended = audits.work(gateway) => ended.unwrap(),
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            });
        });
    }

    fn bring_to(&self, state: State, policy: &Policy) {
        let shop = site("shop");
        assert!(self.ledger.register(&shop));
        match state {
            State::Teacher => return,
            State::Held => drop(self.ledger.operate(&shop, 1, OperatorAction::Hold, None, None).unwrap()),
            State::Shadow | State::Canary | State::Student => {
                self.try_version("1-a", policy, |world| world.state() == state)
            }
        }
        assert_eq!(self.state(), state);
    }

    /// Puts a version on trial and compares it, always well, until it is where it should be.
    pub(super) fn try_version(&self, name: &str, policy: &Policy, done: impl Fn(&Self) -> bool) {
        let (policy, basis) = (policy.clone(), Basis::default());
        // The confidence of an answer whose least sure token has the log-probability -0.69: just enough serves.
        let grid = vec![f64::from(-0.69_f32).exp()];
        let candidate = Candidate {
            version: version(name),
            likely: grid.first().copied(),
            grid,
            exam: 1.0,
            measure: self.measure.clone(),
            calibration: None,
            policy,
            basis,
        };
        self.ledger.add_candidate(&site("shop"), 1, candidate).unwrap();
        let numbers = Numbers::default();
        let outcome = AuditOutcome::Compared { quality: 1.0, bad: false, confidence: 1.0, verified: true, numbers };
        for prompt in 0..EVIDENCE_MAX {
            if done(self) {
                return;
            }
            let (request, version, served, user) = ("evidence".into(), version(name), false, None);
            let audit = Audit { request, version, served, prompt, near: prompt, user, features: None, outcome };
            self.ledger.record_audit(&site("shop"), 1, audit).unwrap();
        }
        panic!("{name} has not got there");
    }

    pub(super) fn state(&self) -> State {
        self.ledger.view(&site("shop")).unwrap().state
    }

    /// The audits of `shop` since the world began, oldest first.
    pub(super) fn audits(&self) -> Vec<Audit> {
        let entries = self.ledger.entries(Some(&site("shop")), None, usize::MAX);
        let audits = entries.into_iter().rev().filter_map(|entry| match entry.record {
            Record::Audit(audit) => Some(audit),
            _ => None,
        });
        audits.skip(self.evidence).collect()
    }

    /// The audits, once there are `count`.
    pub(super) fn audits_once(&self, count: usize) -> Vec<Audit> {
        until("the audits", || self.audits().len() >= count);
        self.audits()
    }

    /// The exchanges, once there are `count`.
    pub(super) fn kept_once(&self, count: usize) -> Vec<Exchange> {
        until("the exchanges", || self.kept.0.lock().len() >= count);
        self.kept.0.lock().clone()
    }

    /// Audits of all sites that were lost: cause and number.
    pub(super) fn losses(&self) -> Vec<String> {
        let text = self.metrics.render().unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("apprentice_audits_lost_total{"));
        lines.filter_map(|line| line.split_once("cause=")).map(|(_, rest)| rest.replace(['"', '}'], "")).collect()
    }

    /// Waits until something was lost; it must be one audit, by `cause`, and without evidence.
    pub(super) fn assert_lost(&self, cause: &str) {
        until(cause, || !self.losses().is_empty());
        assert_eq!((self.losses(), self.audits()), (vec![format!("{cause} 1")], vec![]));
    }

    /// Asks `shop`.
    pub(super) fn ask(&self, body: &str) -> Reply {
        self.ask_with(&[], body)
    }

    pub(super) fn ask_with(&self, headers: &[(&str, &str)], body: &str) -> Reply {
        client::end(self.begin(headers, body))
    }

    /// Asks `shop` and does not wait for the answer.
    pub(super) fn begin(&self, headers: &[(&str, &str)], body: &str) -> TcpStream {
        client::begin(self.address, "POST", "/s/shop/v1/chat/completions", headers, body)
    }

    /// Any request at all.
    pub(super) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        client::end(client::begin(self.address, method, path, headers, body))
    }

    /// Puts other rules in force for requests; the ledger's trials stay as they are.
    pub(super) fn change_rules(&self, setup: &Setup) {
        self.rules.replace(Rules::new(setup.rules(), BTreeMap::new()));
    }

    /// Takes the ledger's directory away and lets it find out.
    pub(super) fn break_log(&self) {
        std::fs::remove_dir_all(self.dir.path().join("ledger")).unwrap();
        std::fs::write(self.dir.path().join("ledger"), "no directory").unwrap();
        assert!(self.ledger.register(&site("inn")));
        let outcome = self.ledger.operate(&site("inn"), 1, OperatorAction::Hold, None, None).unwrap();
        assert!(!outcome.written);
    }

    /// Waits until nobody is being answered.
    pub(super) fn until_idle(&self) {
        until("the last request", || self.metrics.requests_in_flight().get() == 0.0);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(writer) = self.writer.take() {
            writer.finish();
        }
    }
}
